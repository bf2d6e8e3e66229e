// Registers, integers and conditions of x86-64, for the files that decode x86-64. Pure functions.
#ifndef TLSMETER_SRC_IMAGE_X86_64_VALUES_H_
#define TLSMETER_SRC_IMAGE_X86_64_VALUES_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "src/image/machine_code.h"

namespace tlsmeter::agent::x86_64 {

inline constexpr size_t kRegisters = 16;

// Registers by their number in the instruction encoding.
inline constexpr int kRax = 0;
inline constexpr int kRsp = 4;
inline constexpr std::array<int, kMaxArguments> kArgumentRegisters = {7, 6, 2, 1, 8, 9};  // rdi, rsi, rdx, rcx, r8, r9

// RegisterPart is a general register, by its number in the instruction encoding, and how many of its bytes are meant.
struct RegisterPart {
  int number = -1;  // -1: not a general register
  int size = 0;     // bytes
};

// PartOf returns what the x86_reg `reg` of Capstone means.
RegisterPart PartOf(unsigned reg);

// ZeroExtend and SignExtend return the lowest `size` bytes of `value`, extended to 8.
int64_t ZeroExtend(int64_t value, int size);
int64_t SignExtend(int64_t value, int size);

// Add wraps around.
int64_t Add(int64_t a, int64_t b);

// Every conditional jump and move of interest is one of these, or its opposite.
enum class Condition : uint8_t { kNone, kEqual, kBelow, kBelowOrEqual, kLess, kLessOrEqual, kNegative };

// Predicate: `condition` holds, or does not.
struct Predicate {
  Condition condition = Condition::kNone;
  bool holds = true;
};

// PredicateOf returns when the conditional jump or move with the x86_insn `id` is taken; kNone when it is neither.
Predicate PredicateOf(unsigned id);

// Holds: `condition` after a comparison of two integers of `size` bytes.
bool Holds(Condition condition, int64_t left, int64_t right, int size);

}  // namespace tlsmeter::agent::x86_64

#endif  // TLSMETER_SRC_IMAGE_X86_64_VALUES_H_
