// ElfFile: what the decoder asks of a 64-bit little-endian ELF file - bytes by address, symbols by name, relocated pointers,
// imports, function ranges, build id.
//
// The file is whatever a process happens to have mapped: every count, offset and index in it is checked against the file
// before use, and every table has a ceiling. A torn file gives "not found", never a crash. Not libelf: it can read such
// files only into memory of its own as a whole, and the one of node is 100 MB. Addresses are those of the file, before the
// loader's base is added. One thread.
#ifndef TLSMETER_SRC_IMAGE_ELF_FILE_H_
#define TLSMETER_SRC_IMAGE_ELF_FILE_H_

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "src/image/file_blocks.h"

namespace tlsmeter::agent {

// CodeRange is the half-open range of addresses of one function or section.
struct CodeRange {
  uint64_t begin = 0;
  uint64_t end = 0;

  bool Contains(uint64_t address) const { return begin <= address && address < end; }
  bool operator==(const CodeRange&) const = default;
};

// SymbolTable holds symbols by name.
using SymbolTable = std::map<std::string, CodeRange, std::less<>>;

class ElfFile {
 public:
  // Ceilings on what is read. The largest file known, node, has 14 segments, 41 sections, a symbol table of 3 MiB with 8 MiB
  // of names, and 45,000 unwind entries; a shared V8 would have 300,000 relocations.
  static constexpr size_t kMaxSegments = 64;
  static constexpr size_t kMaxSections = 256;
  static constexpr uint64_t kMaxTableBytes = 64 << 20;
  static constexpr size_t kMaxRelocations = 1 << 20;
  static constexpr uint64_t kMaxNoteBytes = 4096;
  static constexpr uint64_t kMaxStubBytes = 1 << 20;
  static constexpr size_t kMaxSymbolName = 64;

  // Open reads the headers of the file at `path`. kInvalidArgument: not such an ELF file, or torn. kNotFound,
  // kPermissionDenied and the like: it could not be opened.
  static absl::StatusOr<ElfFile> Open(const std::string& path);

  ElfFile(ElfFile&&) noexcept = default;

  uint16_t machine() const { return machine_; }              // EM_X86_64 and the like
  const std::string& build_id() const { return build_id_; }  // lower-case hex, empty when there is none
  bool is_go() const { return is_go_; }                      // has the note of Go's linker (.note.go.buildid)
  int fd() const { return blocks_.fd(); }

  // Read fills `out`, which is not empty, with what the file holds for `address`; false when it holds nothing there.
  [[nodiscard]] bool Read(uint64_t address, std::span<uint8_t> out);

  // ReadRange returns all bytes of `range`; empty when it is not in the file or above kMaxTableBytes.
  std::vector<uint8_t> ReadRange(CodeRange range);

  // ReadPointer returns the pointer stored at `address` as the loader would leave it, before the base is added; nothing when
  // it points into another file.
  std::optional<uint64_t> ReadPointer(uint64_t address);

  // ReadString returns the bytes at `address` up to a zero, at most `max_bytes` of them; empty when there are none.
  std::string ReadString(uint64_t address, size_t max_bytes);

  // ImportAt returns the name of the symbol whose address the loader writes to `slot`; empty when there is none.
  std::string ImportAt(uint64_t slot);

  // FileOffset returns where the byte at `address` lies in the file, if it does.
  std::optional<uint64_t> FileOffset(uint64_t address) const;

  bool IsExecutable(uint64_t address) const;

  // FindSymbols returns the code and data symbols that the file defines among `names`: from the dynamic symbols, and with
  // kAll also from the full table where the file still has one. Costs a pass over the tables.
  enum class Symbols : uint8_t { kDynamic, kAll };
  SymbolTable FindSymbols(std::span<const std::string_view> names, Symbols symbols);

  // FunctionAt returns the function that `address` lies in, from the unwind tables (.eh_frame_hdr), which stripped files
  // have too.
  std::optional<CodeRange> FunctionAt(uint64_t address);

  // LinkageStubs returns the sections that hold nothing but jumps to imports (.plt, .plt.sec, .plt.got).
  const std::vector<CodeRange>& LinkageStubs() const { return stubs_; }

  // Code returns the executable sections other than those.
  const std::vector<CodeRange>& Code() const { return code_; }

 private:
  struct Relocation {
    uint64_t slot;
    uint64_t value;   // address in this file; unless `symbol`
    uint32_t symbol;  // index into the dynamic symbols, 0: none
  };

  explicit ElfFile(UniqueFd fd) : blocks_(std::move(fd)) {}

  template <typename T>
  bool ReadAt(uint64_t offset, T* out);
  bool ReadHeaders();
  bool IsInFile(CodeRange range) const;
  void ReadSections(const Elf64_Ehdr& header);
  void ReadNotes(uint64_t offset, uint64_t size);
  bool ReadTable(const Elf64_Shdr& section, std::vector<uint8_t>* out) const;
  void LoadRelocations();
  const Relocation* FindRelocation(uint64_t slot);
  std::optional<Elf64_Sym> DynamicSymbol(uint32_t index);
  std::string NameAt(uint64_t offset, uint64_t end, size_t max_bytes);

  FileBlocks blocks_;
  uint16_t machine_ = 0;
  std::string build_id_;
  bool is_go_ = false;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Shdr> sections_;
  std::vector<CodeRange> stubs_;
  std::vector<CodeRange> code_;
  std::optional<Elf64_Shdr> dynamic_symbols_;
  bool relocations_loaded_ = false;
  std::vector<Relocation> relocations_;  // by slot
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_ELF_FILE_H_
