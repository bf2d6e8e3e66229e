// x86_64::Disassembler: Capstone for the files that decode x86-64. One thread.
#ifndef TLSMETER_SRC_IMAGE_X86_64_INSTRUCTION_H_
#define TLSMETER_SRC_IMAGE_X86_64_INSTRUCTION_H_

#include <capstone/capstone.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "src/image/elf_file.h"

namespace tlsmeter::agent::x86_64 {

// kMaxFunction bounds what is decoded of one function; the largest of interest, state_machine, has 4 KiB.
inline constexpr uint64_t kMaxFunction = 64 << 10;

class Disassembler {
 public:
  Disassembler();
  Disassembler(const Disassembler&) = delete;
  Disassembler& operator=(const Disassembler&) = delete;
  ~Disassembler();

  // Decode returns the instruction at `address`, valid until the next call; nullptr when there is none in the file.
  const cs_insn* Decode(ElfFile* file, uint64_t address);

  // Decode returns the instruction that `code`, which begins at `address`, starts with.
  const cs_insn* Decode(std::span<const uint8_t> code, uint64_t address);

 private:
  csh handle_ = 0;
  cs_insn* instruction_ = nullptr;
};

// BranchTarget returns where a direct jump or call leads; 0 when `instruction` is none.
uint64_t BranchTarget(const cs_insn& instruction);

// StubSlot returns the address of the pointer that the stub at `address` (endbr64 and bnd allowed) jumps through; 0 when
// there is no such stub.
uint64_t StubSlot(ElfFile* file, uint64_t address);

}  // namespace tlsmeter::agent::x86_64

#endif  // TLSMETER_SRC_IMAGE_X86_64_INSTRUCTION_H_
