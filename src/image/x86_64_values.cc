#include "src/image/x86_64_values.h"

#include <capstone/capstone.h>

#include <array>

namespace tlsmeter::agent::x86_64 {

RegisterPart PartOf(unsigned reg) {
  static const std::array<RegisterPart, X86_REG_ENDING> kParts = [] {
    constexpr x86_reg kNames[kRegisters][4] = {
        {X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL},      {X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL},
        {X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL},      {X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL},
        {X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL},     {X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL},
        {X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL},     {X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL},
        {X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B},     {X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B},
        {X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B}, {X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B},
        {X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B}, {X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B},
        {X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B}, {X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B}};
    std::array<RegisterPart, X86_REG_ENDING> parts;
    for (size_t number = 0; number < kRegisters; ++number) {
      for (int i = 0; i < 4; ++i) parts[kNames[number][i]] = {static_cast<int>(number), 8 >> i};
    }
    return parts;
  }();
  return reg < kParts.size() ? kParts[reg] : RegisterPart{};
}

int64_t ZeroExtend(int64_t value, int size) {
  return size >= 8 ? value : static_cast<int64_t>(static_cast<uint64_t>(value) & ((uint64_t{1} << (size * 8)) - 1));
}

int64_t SignExtend(int64_t value, int size) {
  const int shift = 64 - size * 8;
  return static_cast<int64_t>(static_cast<uint64_t>(value) << shift) >> shift;
}

int64_t Add(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }

Predicate PredicateOf(unsigned id) {
  switch (id) {
    case X86_INS_JE:
    case X86_INS_CMOVE:
      return {Condition::kEqual, true};
    case X86_INS_JNE:
    case X86_INS_CMOVNE:
      return {Condition::kEqual, false};
    case X86_INS_JB:
    case X86_INS_CMOVB:
      return {Condition::kBelow, true};
    case X86_INS_JAE:
    case X86_INS_CMOVAE:
      return {Condition::kBelow, false};
    case X86_INS_JBE:
    case X86_INS_CMOVBE:
      return {Condition::kBelowOrEqual, true};
    case X86_INS_JA:
    case X86_INS_CMOVA:
      return {Condition::kBelowOrEqual, false};
    case X86_INS_JL:
    case X86_INS_CMOVL:
      return {Condition::kLess, true};
    case X86_INS_JGE:
    case X86_INS_CMOVGE:
      return {Condition::kLess, false};
    case X86_INS_JLE:
    case X86_INS_CMOVLE:
      return {Condition::kLessOrEqual, true};
    case X86_INS_JG:
    case X86_INS_CMOVG:
      return {Condition::kLessOrEqual, false};
    case X86_INS_JS:
    case X86_INS_CMOVS:
      return {Condition::kNegative, true};
    case X86_INS_JNS:
    case X86_INS_CMOVNS:
      return {Condition::kNegative, false};
    default:
      return {};
  }
}

bool Holds(Condition condition, int64_t left, int64_t right, int size) {
  const auto unsigned_left = static_cast<uint64_t>(ZeroExtend(left, size));
  const auto unsigned_right = static_cast<uint64_t>(ZeroExtend(right, size));
  const int64_t signed_left = SignExtend(left, size);
  const int64_t signed_right = SignExtend(right, size);
  switch (condition) {
    case Condition::kEqual:
      return unsigned_left == unsigned_right;
    case Condition::kBelow:
      return unsigned_left < unsigned_right;
    case Condition::kBelowOrEqual:
      return unsigned_left <= unsigned_right;
    case Condition::kLess:
      return signed_left < signed_right;
    case Condition::kLessOrEqual:
      return signed_left <= signed_right;
    case Condition::kNegative:
      return SignExtend(static_cast<int64_t>(unsigned_left - unsigned_right), size) < 0;
    case Condition::kNone:
      break;
  }
  return false;
}

}  // namespace tlsmeter::agent::x86_64
