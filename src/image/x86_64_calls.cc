// Direct calls in x86-64 code, and where the stack pointer is at them.
#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "src/image/machine_code.h"
#include "src/image/x86_64_instruction.h"
#include "src/image/x86_64_values.h"

namespace tlsmeter::agent {
namespace {

using x86_64::kRsp;
using x86_64::PartOf;

// kMaxWalk bounds the instructions of one walk; state_machine has 1,000.
constexpr size_t kMaxWalk = 1 << 14;

bool IsStackPointer(const cs_x86_op& operand) { return operand.type == X86_OP_REG && PartOf(operand.reg).number == kRsp; }

// By how much `instruction` lowers the stack pointer, as the next instruction finds it; nothing when that cannot be told.
std::optional<int64_t> Lowers(const cs_insn& instruction) {
  const cs_x86& x86 = instruction.detail->x86;
  const cs_x86_op* operands = x86.operands;
  switch (instruction.id) {
    case X86_INS_PUSH:
      return 8;
    case X86_INS_POP:
      return IsStackPointer(operands[0]) ? std::nullopt : std::optional(-8);
    case X86_INS_LEAVE:
    case X86_INS_ENTER:
    case X86_INS_PUSHF:
    case X86_INS_PUSHFQ:
    case X86_INS_POPF:
    case X86_INS_POPFQ:
      return std::nullopt;
    case X86_INS_CALL:  // leaves it as it was
      return 0;
    default:
      break;
  }
  if (x86.op_count == 0 || !IsStackPointer(operands[0]) || !(operands[0].access & CS_AC_WRITE)) return 0;
  if (x86.op_count != 2 || operands[1].type != X86_OP_IMM) return std::nullopt;
  if (instruction.id == X86_INS_SUB) return operands[1].imm;
  if (instruction.id == X86_INS_ADD) return -operands[1].imm;
  return std::nullopt;
}

// Walk goes every way through a function's code, but not through jump tables and into calls, and knows the depth of the
// stack at each instruction that it comes by.
class Walk {
 public:
  explicit Walk(ElfFile* file) : file_(file) {}

  // False when the depth of an instruction depends on the way to it, or a ceiling is reached.
  bool Run(uint64_t function) {
    if (!Enter(function)) return false;
    pending_.emplace_back(function, 0);
    while (!pending_.empty()) {
      const auto [at, depth] = pending_.back();
      pending_.pop_back();
      if (!Follow(at, depth)) return false;
    }
    return true;
  }

  const std::vector<CodeRange>& functions() const { return functions_; }

  std::optional<int64_t> DepthAt(uint64_t address) const {
    const auto found = depths_.find(address);
    return found != depths_.end() ? std::optional(found->second) : std::nullopt;
  }

 private:
  // The function that `address` lies in is among `functions_`.
  bool Enter(uint64_t address) {
    const auto contains = [address](const CodeRange& range) { return range.Contains(address); };
    if (std::any_of(functions_.begin(), functions_.end(), contains)) return true;
    const std::optional<CodeRange> function = file_->FunctionAt(address);
    if (!function || functions_.size() > kMaxTailFunctions) return false;
    functions_.push_back(*function);
    return true;
  }

  // One way, until it ends or meets one gone before.
  bool Follow(uint64_t at, int64_t depth) {
    for (;;) {
      const auto [known, is_new] = depths_.try_emplace(at, depth);
      if (!is_new) return known->second == depth;
      if (depths_.size() > kMaxWalk) return false;
      const cs_insn* instruction = disassembler_.Decode(file_, at);
      if (instruction == nullptr) return false;
      if (instruction->id == X86_INS_RET || instruction->id == X86_INS_UD2 || instruction->id == X86_INS_HLT) return true;
      const uint64_t target = instruction->id == X86_INS_CALL ? 0 : x86_64::BranchTarget(*instruction);
      // A stub leads out of the file and, at the end of a function, for good.
      if (target != 0 && x86_64::StubSlot(file_, target) == 0) {
        if (!Enter(target)) return false;
        pending_.emplace_back(target, depth);
      }
      if (instruction->id == X86_INS_JMP) return true;
      const std::optional<int64_t> lowers = Lowers(*instruction);
      if (!lowers) return true;
      at += instruction->size;
      depth += *lowers;
      // After a call that does not return there may be none of its own.
      const auto contains = [at](const CodeRange& range) { return range.Contains(at); };
      if (std::none_of(functions_.begin(), functions_.end(), contains)) return true;
    }
  }

  ElfFile* file_;
  x86_64::Disassembler disassembler_;
  std::vector<CodeRange> functions_;
  std::map<uint64_t, int64_t> depths_;
  std::vector<std::pair<uint64_t, int64_t>> pending_;  // at most one for each instruction
};

}  // namespace

std::vector<CallSite> CallSites(ElfFile* file, CodeRange range, uint64_t target) {
  static constexpr uint8_t kCall = 0xe8;
  static constexpr size_t kCallSize = 5;
  std::vector<CallSite> sites;
  const std::vector<uint8_t> code = file->ReadRange(range);
  x86_64::Disassembler disassembler;
  for (size_t i = 0; i + kCallSize <= code.size(); ++i) {
    if (code[i] != kCall) continue;
    int32_t displacement;
    memcpy(&displacement, code.data() + i + 1, sizeof(displacement));
    const uint64_t call = range.begin + i;
    if (call + kCallSize + static_cast<int64_t>(displacement) != target) continue;
    // The byte may lie within another instruction: decode up to it.
    const std::optional<CodeRange> function = file->FunctionAt(call);
    if (!function || function->end - function->begin > x86_64::kMaxFunction) continue;
    uint64_t at = function->begin;
    while (at < call) {
      const cs_insn* instruction = disassembler.Decode(file, at);
      if (instruction == nullptr) break;
      at += instruction->size;
    }
    if (at != call) continue;
    if (sites.size() == kMaxCallSites) break;
    sites.push_back({call, call + kCallSize});
  }
  return sites;
}

std::vector<OwnCall> OwnCalls(ElfFile* file, uint64_t function, uint64_t target) {
  const std::optional<CodeRange> range = file->FunctionAt(function);
  Walk walk(file);
  if (!HasDecoder(*file) || !range || range->begin != function || !walk.Run(function)) return {};
  std::vector<OwnCall> calls;
  for (const CodeRange& code : walk.functions()) {
    for (const CallSite& site : CallSites(file, code, target)) {
      const std::optional<int64_t> depth = walk.DepthAt(site.call);
      if (!depth || *depth < 0 || *depth > UINT32_MAX) return {};
      calls.push_back({site.call, static_cast<uint32_t>(*depth)});
    }
  }
  std::sort(calls.begin(), calls.end(), [](const OwnCall& a, const OwnCall& b) { return a.call < b.call; });
  return calls;
}

std::vector<uint64_t> Callees(ElfFile* file, uint64_t address) {
  const std::optional<CodeRange> function = file->FunctionAt(address);
  if (!HasDecoder(*file) || !function || function->begin != address) return {};
  if (function->end - function->begin > x86_64::kMaxFunction) return {};
  x86_64::Disassembler disassembler;
  std::vector<uint64_t> callees;
  for (uint64_t at = function->begin; at < function->end && callees.size() < kMaxCallees;) {
    const cs_insn* instruction = disassembler.Decode(file, at);
    if (instruction == nullptr) break;
    at += instruction->size;
    const uint64_t target = instruction->id == X86_INS_CALL ? x86_64::BranchTarget(*instruction) : 0;
    if (target == 0 || x86_64::StubSlot(file, target) != 0) continue;
    if (std::find(callees.begin(), callees.end(), target) == callees.end()) callees.push_back(target);
  }
  return callees;
}

}  // namespace tlsmeter::agent
