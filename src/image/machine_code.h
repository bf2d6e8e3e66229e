// What the decoder learns from machine code, in terms that know no architecture: which values a function reads, returns,
// stores and passes on, expressed in its arguments; and where in a function probes may sit.
//
// The functions below are the whole architecture-specific part. x86_64_trace.cc, x86_64_scan.cc and x86_64_calls.cc
// implement them for x86-64; another architecture adds its own. Pure functions of the file's bytes, one thread.
#ifndef TLSMETER_SRC_IMAGE_MACHINE_CODE_H_
#define TLSMETER_SRC_IMAGE_MACHINE_CODE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/image/elf_file.h"
#include "src/image/image_plan.h"

namespace tlsmeter::agent {

// kMaxArguments is how many arguments the calling convention passes in registers, as far as we follow them.
inline constexpr size_t kMaxArguments = 6;

// kCallOutput in place of an argument's number: what a call has stored where an argument of its own points on the stack. Of
// several calls that store there it is any.
inline constexpr uint8_t kCallOutput = kMaxArguments;

// Value is what is known of the contents of a register or of memory.
struct Value {
  enum class Kind : uint8_t {
    kUnknown,
    kConstant,  // `constant`
    kChain,     // argument number `argument`, followed through `hops` pointers, plus `constant`
    kStack,     // the stack pointer at entry plus `constant`
  };
  Kind kind = Kind::kUnknown;
  uint8_t argument = 0;  // counts from 0; or kCallOutput
  uint8_t hops = 0;
  uint8_t size = 0;  // kChain with hops: bytes of the last load
  std::array<int32_t, kMaxHops> followed = {};
  int64_t constant = 0;

  bool operator==(const Value&) const = default;

  bool IsConstant() const { return kind == Kind::kConstant; }
  bool IsChain() const { return kind == Kind::kChain; }

  // IsArgument: exactly argument number `n`.
  bool IsArgument(uint8_t n) const { return IsChain() && argument == n && hops == 0 && constant == 0; }

  static Value Constant(int64_t constant) { return {.kind = Kind::kConstant, .constant = constant}; }
};

// Call is one call, or jump to another function at the end, with what its arguments held.
struct Call {
  uint64_t site = 0;  // address of the instruction
  Value target;
  Value stack;  // the stack pointer
  std::array<Value, kMaxArguments> arguments;
};

struct Store {
  Value address;
  Value value;
  uint8_t size = 0;
};

struct Load {
  Value address;
  uint8_t size = 0;
};

// Path is one way through a function, in program order. Only loads and stores through chains are told.
struct Path {
  Value result;  // the return register at the end; unknown when that is a call's result, or when a ceiling cut the way short
  std::vector<Load> loads;
  std::vector<Store> stores;
  std::vector<Call> calls;
};

// Assumption: argument number `argument` (from 0) is this constant.
struct Assumption {
  uint8_t argument;
  int64_t constant;
};

// Ceilings of one trace: instructions in all, and ways through the function. The getters of interest take below a tenth.
inline constexpr int kMaxTraceSteps = 4000;
inline constexpr size_t kMaxTracePaths = 200;

// TraceFunction runs the function at `address` on symbols. Both sides of a condition on an unknown value are followed; a
// pointer argument is never null; calls are told, not entered, and clobber what the convention lets them; a jump to another
// function of the file is followed. Empty when there is no code, or the architecture has no decoder.
std::vector<Path> TraceFunction(ElfFile* file, uint64_t address, const std::vector<Assumption>& assumptions = {});

// HasDecoder: the functions below know the machine code of `file`.
bool HasDecoder(const ElfFile& file);

// kMaxReturnSites bounds the answer of ReturnSites, kMaxTailFunctions the functions looked at.
inline constexpr size_t kMaxReturnSites = 32;
inline constexpr size_t kMaxTailFunctions = 4;

// ReturnSites returns the addresses of the return instructions of the function at `address`, and of those that it ends by
// jumping to, ascending. Empty when `address` is no function's start, a function cannot be decoded to its end, or a ceiling
// is reached.
std::vector<uint64_t> ReturnSites(ElfFile* file, uint64_t address);

// IsReturn: a plain return instruction lies at `address`.
bool IsReturn(ElfFile* file, uint64_t address);

// Of an instruction that the kernel cannot emulate it runs a copy in a single step, which costs some ten times the rest of a
// probe. ProbeAddress returns where to probe the entry of `function`: the first of its leading instructions that can be
// emulated, as long as those before it write neither memory nor the first `arguments` arguments; else its start. They may
// make a frame and write to it unless the probe needs the `stack` pointer as it is at the entry.
uint64_t ProbeAddress(ElfFile* file, uint64_t function, size_t arguments, bool stack);

// ResultAddress returns where to probe the result of a call that returns to `after_call`: the first instruction that can be
// emulated, as long as those before it write neither memory, the stack pointer, nor the return register; else `after_call`.
uint64_t ResultAddress(ElfFile* file, uint64_t after_call);

// StubTable holds addresses of stubs by the name of the import.
using StubTable = std::map<std::string, uint64_t, std::less<>>;

// FindStubs returns, for those of `names` that the file imports, the address of its own stub that jumps to the import.
StubTable FindStubs(ElfFile* file, std::span<const std::string_view> names);

// CallSite is a call instruction and the address after it.
struct CallSite {
  uint64_t call = 0;
  uint64_t after = 0;

  bool operator==(const CallSite&) const = default;
};

// kMaxCallSites bounds the answer of CallSites.
inline constexpr size_t kMaxCallSites = 32;

// CallSites returns the direct calls of `target` within `range`, each confirmed by decoding its function from the start.
std::vector<CallSite> CallSites(ElfFile* file, CodeRange range, uint64_t target);

// In place of a register's number: the one that holds the first argument at the entry of a function; none.
inline constexpr uint8_t kFirstArgument = 0xfe;
inline constexpr uint8_t kNoRegister = 0xff;

// OwnCall is a call instruction, and registers that hold there the first two arguments of the function that makes it: such
// as calls preserve, by their numbers in the architecture's instructions.
struct OwnCall {
  uint64_t call = 0;
  uint8_t first_argument = kNoRegister;
  uint8_t second_argument = kNoRegister;

  bool operator==(const OwnCall&) const = default;
};

// OwnCalls returns the direct calls of `target` that the function at `function` makes, also in its cold part and in those
// that it ends by jumping to, ascending. Empty when there are none or not all are known: a call lies where no way was found
// to lead, no register holds the first argument whichever the way to it, or a ceiling is reached.
std::vector<OwnCall> OwnCalls(ElfFile* file, uint64_t function, uint64_t target);

// kMaxCallees bounds the answer of Callees.
inline constexpr size_t kMaxCallees = 64;

// Callees returns the functions of the file that the function at `address` calls directly and not through a stub, each once,
// in the order of the calls. Empty when `address` is no function's start.
std::vector<uint64_t> Callees(ElfFile* file, uint64_t address);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_MACHINE_CODE_H_
