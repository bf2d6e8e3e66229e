// Direct calls in x86-64 code, and which registers hold the arguments of the function that makes them.
#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "src/image/machine_code.h"
#include "src/image/x86_64_instruction.h"
#include "src/image/x86_64_values.h"

namespace tlsmeter::agent {
namespace {

using x86_64::kArgumentRegisters;
using x86_64::PartOf;
using x86_64::RegisterPart;

// kMaxWalk bounds the instructions of one walk, each again where another way to it keeps less; state_machine has 1,000.
constexpr size_t kMaxWalk = 1 << 15;

// Which registers hold which argument: registers by their number, one bit each; the second argument's above the first's.
using Holders = uint32_t;
constexpr int kSecond = x86_64::kRegisters;

constexpr Holders Bit(int number) { return Holders{1} << number; }
constexpr Holders OfBoth(Holders registers) { return registers | registers << kSecond; }

constexpr Holders kAtEntry = Bit(kArgumentRegisters[0]) | Bit(kArgumentRegisters[1]) << kSecond;
constexpr Holders kPreservedByCalls = Bit(3) | Bit(5) | Bit(12) | Bit(13) | Bit(14) | Bit(15);  // rbx, rbp, r12 to r15

// The holders after `instruction`, of those before it.
Holders After(const cs_insn& instruction, Holders holders) {
  if (instruction.id == X86_INS_CALL) return holders & OfBoth(kPreservedByCalls);
  const cs_x86& x86 = instruction.detail->x86;
  const cs_x86_op* operands = x86.operands;
  if (instruction.id == X86_INS_MOV && operands[0].type == X86_OP_REG && operands[1].type == X86_OP_REG) {
    const RegisterPart to = PartOf(operands[0].reg), from = PartOf(operands[1].reg);
    if (to.number < 0) return holders;
    const bool whole = from.number >= 0 && to.size == 8 && from.size == 8;
    const Holders held = whole ? holders >> from.number & OfBoth(1) : 0;
    return (holders & ~OfBoth(Bit(to.number))) | held << to.number;
  }
  for (int i = 0; i < x86.op_count; ++i) {
    const RegisterPart part = operands[i].type == X86_OP_REG ? PartOf(operands[i].reg) : RegisterPart();
    if (part.number >= 0 && (operands[i].access & CS_AC_WRITE)) holders &= ~OfBoth(Bit(part.number));
  }
  for (int i = 0; i < instruction.detail->regs_write_count; ++i) {
    const RegisterPart part = PartOf(instruction.detail->regs_write[i]);
    if (part.number >= 0) holders &= ~OfBoth(Bit(part.number));
  }
  return holders;
}

// One of the registers that hold an argument at a call and keep it there.
uint8_t Holder(Holders holders) {
  holders &= kPreservedByCalls;
  return holders != 0 ? static_cast<uint8_t>(std::countr_zero(holders)) : kNoRegister;
}

// Walk goes every way through a function's code, but not through jump tables and into calls, and knows at each instruction
// that it comes by which registers hold the arguments of the function it is in, whichever the way.
class Walk {
 public:
  explicit Walk(ElfFile* file) : file_(file) {}

  // False when code cannot be decoded, or a ceiling is reached.
  bool Run(uint64_t function) {
    if (!Enter(function)) return false;
    pending_.emplace_back(function, kAtEntry);
    while (!pending_.empty()) {
      const auto [at, holders] = pending_.back();
      pending_.pop_back();
      if (!Follow(at, holders)) return false;
    }
    return true;
  }

  const std::vector<CodeRange>& functions() const { return functions_; }

  // HoldersAt returns nothing for code to which no way was found.
  std::optional<Holders> HoldersAt(uint64_t address) const {
    const auto found = holders_.find(address);
    return found != holders_.end() ? std::optional(found->second) : std::nullopt;
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

  // A jump to where another function begins, which has arguments of its own. The cold part of a function has an entry like
  // that too, but is jumped to while registers are in use.
  bool IsTailCall(const cs_insn& instruction, uint64_t target, Holders holders) const {
    const std::optional<CodeRange> function = file_->FunctionAt(target);
    return instruction.id == X86_INS_JMP && function && function->begin == target &&
           !function->Contains(instruction.address) && (holders & OfBoth(kPreservedByCalls)) == 0;
  }

  // One way, until it ends or meets one gone before that kept no more.
  bool Follow(uint64_t at, Holders holders) {
    for (;;) {
      const auto [known, is_new] = holders_.try_emplace(at, holders);
      if (!is_new) {
        holders &= known->second;
        if (holders == known->second) return true;
        known->second = holders;
      }
      if (++steps_ > kMaxWalk) return false;
      const cs_insn* instruction = disassembler_.Decode(file_, at);
      if (instruction == nullptr) return false;
      if (instruction->id == X86_INS_RET || instruction->id == X86_INS_UD2 || instruction->id == X86_INS_HLT) return true;
      const uint64_t target = instruction->id == X86_INS_CALL ? 0 : x86_64::BranchTarget(*instruction);
      // A stub leads out of the file and, at the end of a function, for good.
      if (target != 0 && x86_64::StubSlot(file_, target) == 0) {
        if (!Enter(target)) return false;
        pending_.emplace_back(target, IsTailCall(*instruction, target, holders) ? kAtEntry : holders);
      }
      if (instruction->id == X86_INS_JMP) return true;
      holders = After(*instruction, holders);
      at += instruction->size;
      // After a call that does not return there may be none of its own.
      const auto contains = [at](const CodeRange& range) { return range.Contains(at); };
      if (std::none_of(functions_.begin(), functions_.end(), contains)) return true;
    }
  }

  ElfFile* file_;
  x86_64::Disassembler disassembler_;
  size_t steps_ = 0;
  std::vector<CodeRange> functions_;
  std::map<uint64_t, Holders> holders_;
  std::vector<std::pair<uint64_t, Holders>> pending_;  // at most one for each step
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
      const Holders holders = walk.HoldersAt(site.call).value_or(0);
      if (Holder(holders) == kNoRegister) return {};
      calls.push_back({site.call, Holder(holders), Holder(holders >> kSecond)});
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
