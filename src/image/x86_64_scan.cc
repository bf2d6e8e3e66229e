#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "src/image/machine_code.h"
#include "src/image/x86_64_instruction.h"

namespace tlsmeter::agent {
namespace x86_64 {
namespace {

constexpr size_t kMaxInstruction = 15;  // Intel SDM, volume 2, section 2.3.11

// kMaxFunction bounds what is decoded of one function; the largest of interest, state_machine, has 4 KiB.
constexpr uint64_t kMaxFunction = 64 << 10;

// kMaxLeading is how many instructions a probe may be moved into its function.
constexpr int kMaxLeading = 4;

bool InStub(const ElfFile& file, uint64_t address) {
  const auto& stubs = file.LinkageStubs();
  return std::any_of(stubs.begin(), stubs.end(), [address](const CodeRange& stub) { return stub.Contains(address); });
}

// What the kernel's uprobes emulate rather than single-step (arch/x86/kernel/uprobes.c: branch_setup_xol_ops,
// push_setup_xol_ops).
bool IsEmulated(const cs_insn& instruction) {
  switch (instruction.id) {
    case X86_INS_PUSH:
      return instruction.detail->x86.operands[0].type == X86_OP_REG;
    case X86_INS_NOP:
      return true;
    case X86_INS_JMP:
    case X86_INS_CALL:
      return instruction.detail->x86.operands[0].type == X86_OP_IMM;
    default:
      return false;
  }
}

// The register of `instruction`'s destination, when that is all it changes beside the flags and it reads no memory.
x86_reg OnlyDestination(const cs_insn& instruction) {
  const cs_x86& x86 = instruction.detail->x86;
  if (instruction.id != X86_INS_MOV && instruction.id != X86_INS_XOR && instruction.id != X86_INS_LEA)
    return X86_REG_INVALID;
  if (x86.op_count != 2 || x86.operands[0].type != X86_OP_REG) return X86_REG_INVALID;
  if (instruction.id != X86_INS_LEA && x86.operands[1].type == X86_OP_MEM) return X86_REG_INVALID;
  return x86.operands[0].reg;
}

bool IsFree(x86_reg reg, size_t arguments) {
  // By argument, as 64 and 32 bits; smaller parts are left alone.
  static constexpr x86_reg kArguments[][2] = {{X86_REG_RDI, X86_REG_EDI}, {X86_REG_RSI, X86_REG_ESI},
                                              {X86_REG_RDX, X86_REG_EDX}, {X86_REG_RCX, X86_REG_ECX},
                                              {X86_REG_R8, X86_REG_R8D},  {X86_REG_R9, X86_REG_R9D}};
  static constexpr x86_reg kScratch[] = {X86_REG_RAX, X86_REG_EAX, X86_REG_R10, X86_REG_R10D, X86_REG_R11, X86_REG_R11D};
  for (size_t i = arguments; i < std::size(kArguments); ++i) {
    if (reg == kArguments[i][0] || reg == kArguments[i][1]) return true;
  }
  return std::find(std::begin(kScratch), std::end(kScratch), reg) != std::end(kScratch);
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

uint64_t ProbeAddress(ElfFile* file, uint64_t function, size_t arguments) {
  x86_64::Disassembler disassembler;
  uint64_t at = function;
  for (int i = 0; i <= x86_64::kMaxLeading; ++i) {
    const cs_insn* instruction = disassembler.Decode(file, at);
    if (instruction == nullptr) break;
    if (x86_64::IsEmulated(*instruction)) return at;
    const x86_reg destination = x86_64::OnlyDestination(*instruction);
    const bool harmless = instruction->id == X86_INS_ENDBR64 || x86_64::IsFree(destination, arguments);
    if (!harmless) break;
    at += instruction->size;
  }
  return function;
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

}  // namespace tlsmeter::agent
