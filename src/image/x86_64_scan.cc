#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "src/image/machine_code.h"
#include "src/image/x86_64_instruction.h"
#include "src/image/x86_64_values.h"

namespace tlsmeter::agent {
namespace x86_64 {
namespace {

constexpr size_t kMaxInstruction = 15;  // Intel SDM, volume 2, section 2.3.11

// kMaxLeading is how many instructions a probe may be moved into its function.
constexpr int kMaxLeading = 8;

bool InStub(const ElfFile& file, uint64_t address) {
  const auto& stubs = file.LinkageStubs();
  return std::any_of(stubs.begin(), stubs.end(), [address](const CodeRange& stub) { return stub.Contains(address); });
}

// What the kernel's uprobes emulate rather than single-step (arch/x86/kernel/uprobes.c: branch_setup_xol_ops,
// push_setup_xol_ops).
bool IsEmulated(const cs_insn& instruction) {
  const cs_x86& x86 = instruction.detail->x86;
  const bool direct = x86.op_count == 1 && x86.operands[0].type == X86_OP_IMM && x86.prefix[2] != X86_PREFIX_OPSIZE;
  switch (instruction.id) {
    case X86_INS_PUSH:
      return x86.operands[0].type == X86_OP_REG;
    case X86_INS_NOP:
      return true;
    case X86_INS_JMP:
    case X86_INS_CALL:
      return direct;
    default:
      return direct && PredicateOf(instruction.id).condition != Condition::kNone;
  }
}

// Whether all that `instruction` changes is flags and registers not among `kept`, whose smaller parts are not to be named
// either, and what lies above the stack pointer if that is not among them. Reading memory is no change.
bool Keeps(const cs_insn& instruction, std::span<const int> kept) {
  const cs_x86& x86 = instruction.detail->x86;
  switch (instruction.id) {
    case X86_INS_ENDBR64:
    case X86_INS_CMP:
    case X86_INS_TEST:
      return true;
    case X86_INS_MOV:
    case X86_INS_MOVSXD:
    case X86_INS_XOR:
    case X86_INS_LEA:
    case X86_INS_SUB:
      break;
    default:
      return false;
  }
  if (x86.op_count != 2) return false;
  const cs_x86_op& to = x86.operands[0];
  const auto is_free = [&](unsigned reg) {
    const int number = PartOf(reg).number;
    return number >= 0 && std::find(kept.begin(), kept.end(), number) == kept.end();
  };
  if (to.type == X86_OP_MEM) return PartOf(to.mem.base).number == x86_64::kRsp && is_free(to.mem.base);
  return to.type == X86_OP_REG && is_free(to.reg);
}

// The first instruction from `start` on that the kernel can emulate, if all before it keep `kept`; else `start`.
uint64_t FirstEmulated(ElfFile* file, uint64_t start, std::span<const int> kept) {
  Disassembler disassembler;
  uint64_t at = start;
  for (int i = 0; i <= kMaxLeading; ++i) {
    const cs_insn* instruction = disassembler.Decode(file, at);
    if (instruction == nullptr) break;
    if (IsEmulated(*instruction)) return at;
    if (!Keeps(*instruction, kept)) break;
    at += instruction->size;
  }
  return start;
}

}  // namespace

Disassembler::Disassembler() {
  if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle_) != CS_ERR_OK) return;
  cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
  instruction_ = cs_malloc(handle_);
}

Disassembler::~Disassembler() {
  if (instruction_ != nullptr) cs_free(instruction_, 1);
  if (handle_ != 0) cs_close(&handle_);
}

const cs_insn* Disassembler::Decode(std::span<const uint8_t> code, uint64_t address) {
  const uint8_t* at = code.data();
  size_t size = code.size();
  if (instruction_ == nullptr || !cs_disasm_iter(handle_, &at, &size, &address, instruction_)) return nullptr;
  return instruction_;
}

const cs_insn* Disassembler::Decode(ElfFile* file, uint64_t address) {
  std::array<uint8_t, kMaxInstruction> code;
  size_t size = code.size();
  while (size > 0 && !file->Read(address, std::span(code).first(size))) --size;
  return Decode(std::span(code).first(size), address);
}

uint64_t BranchTarget(const cs_insn& instruction) {
  const cs_detail& detail = *instruction.detail;
  const auto groups = std::span(detail.groups).first(detail.groups_count);
  const bool branch =
      std::any_of(groups.begin(), groups.end(), [](uint8_t group) { return group == CS_GRP_JUMP || group == CS_GRP_CALL; });
  if (!branch || detail.x86.op_count != 1 || detail.x86.operands[0].type != X86_OP_IMM) return 0;
  return static_cast<uint64_t>(detail.x86.operands[0].imm);
}

uint64_t StubSlot(ElfFile* file, uint64_t address) {
  if (!InStub(*file, address)) return 0;
  static constexpr uint8_t kEndbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
  std::array<uint8_t, 4> start;
  if (!file->Read(address, start)) return 0;
  if (memcmp(start.data(), kEndbr64, sizeof(kEndbr64)) == 0) {
    address += sizeof(kEndbr64);
    if (!file->Read(address, start)) return 0;
  }
  if (start[0] == 0xf2) {  // bnd
    ++address;
    if (!file->Read(address, start)) return 0;
  }
  int32_t displacement;
  std::array<uint8_t, sizeof(displacement)> bytes;
  if (start[0] != 0xff || start[1] != 0x25 || !file->Read(address + 2, bytes)) return 0;  // jmp *displacement(%rip)
  memcpy(&displacement, bytes.data(), sizeof(displacement));
  return address + 6 + static_cast<int64_t>(displacement);
}

}  // namespace x86_64

bool HasDecoder(const ElfFile& file) { return file.machine() == EM_X86_64; }

bool IsReturn(ElfFile* file, uint64_t address) {
  std::array<uint8_t, 2> code = {};
  if (!file->IsExecutable(address) || !file->Read(address, std::span(code).first(1))) return false;
  if (code[0] == 0xc3) return true;
  return file->Read(address, code) && code[0] == 0xf3 && code[1] == 0xc3;  // repz ret
}

std::vector<uint64_t> ReturnSites(ElfFile* file, uint64_t address) {
  const std::optional<CodeRange> first = file->FunctionAt(address);
  if (!HasDecoder(*file) || !first || first->begin != address) return {};
  x86_64::Disassembler disassembler;
  std::vector<CodeRange> functions = {*first};
  std::set<uint64_t> sites;
  for (size_t i = 0; i < functions.size(); ++i) {
    const CodeRange function = functions[i];
    if (function.end - function.begin > x86_64::kMaxFunction || functions.size() > kMaxTailFunctions) return {};
    for (uint64_t at = function.begin; at < function.end;) {
      const cs_insn* instruction = disassembler.Decode(file, at);
      if (instruction == nullptr) return {};
      at += instruction->size;
      if (instruction->id == X86_INS_RET) {
        if (!IsReturn(file, instruction->address)) return {};  // one that pops arguments is not of this convention
        sites.insert(instruction->address);
      }
      // A jump out of the function leads to its cold part, or to a function that returns in its place.
      const uint64_t target = instruction->id == X86_INS_CALL ? 0 : x86_64::BranchTarget(*instruction);
      if (target == 0 || function.Contains(target) || x86_64::InStub(*file, target)) continue;
      const std::optional<CodeRange> next = file->FunctionAt(target);
      if (!next) return {};
      if (std::find(functions.begin(), functions.end(), *next) == functions.end()) functions.push_back(*next);
    }
  }
  if (sites.size() > kMaxReturnSites) return {};
  return {sites.begin(), sites.end()};
}

uint64_t ProbeAddress(ElfFile* file, uint64_t function, size_t arguments, bool stack) {
  // What the caller left in any other register may be read before it is written; only these the convention lets go.
  std::vector<int> kept;
  for (int number = 0; number < static_cast<int>(x86_64::kRegisters); ++number) {
    const auto argument = std::find(x86_64::kArgumentRegisters.begin(), x86_64::kArgumentRegisters.end(), number);
    const bool is_argument = argument != x86_64::kArgumentRegisters.end();
    const auto index = static_cast<size_t>(argument - x86_64::kArgumentRegisters.begin());
    const bool scratch = number == x86_64::kRax || number == 10 || number == 11 || (number == x86_64::kRsp && !stack);
    if (is_argument ? index < arguments : !scratch) kept.push_back(number);
  }
  return x86_64::FirstEmulated(file, function, kept);
}

uint64_t ResultAddress(ElfFile* file, uint64_t after_call) {
  static constexpr int kKept[] = {x86_64::kRax, x86_64::kRsp};
  return x86_64::FirstEmulated(file, after_call, kKept);
}

StubTable FindStubs(ElfFile* file, std::span<const std::string_view> names) {
  StubTable found;
  for (const CodeRange& section : file->LinkageStubs()) {
    for (uint64_t at = (section.begin + 7) & ~uint64_t{7}; at < section.end; at += 8) {  // every linker aligns stubs so
      const uint64_t slot = x86_64::StubSlot(file, at);
      if (slot == 0) continue;
      const std::string name = file->ImportAt(slot);
      if (std::find(names.begin(), names.end(), name) != names.end()) found.try_emplace(name, at);
    }
  }
  return found;
}

}  // namespace tlsmeter::agent
