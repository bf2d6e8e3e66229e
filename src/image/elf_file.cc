#include "src/image/elf_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

constexpr uint32_t kGoBuildId = 4;  // ELF_NOTE_GOBUILDID_TAG, cmd/link/internal/ld/elf.go

static_assert(std::endian::native == std::endian::little, "structures of the file are read as they lie");

// The parts of .eh_frame_hdr (Linux Standard Base Core, 10.6.2) as every linker for 64-bit Linux writes it.
struct UnwindHeader {
  uint8_t version;
  uint8_t frame_encoding;
  uint8_t count_encoding;
  uint8_t table_encoding;
  int32_t frame;
  uint32_t count;
};
struct UnwindEntry {
  int32_t function;  // both relative to the start of the header
  int32_t description;
};
struct FrameDescription {
  uint32_t length;
  uint32_t cie;
  int32_t begin;  // relative to this field
  uint32_t size;
};
constexpr uint8_t kUnsigned4 = 0x03;      // DW_EH_PE_udata4
constexpr uint8_t kRelativeTable = 0x3b;  // DW_EH_PE_datarel | DW_EH_PE_sdata4

template <typename T>
std::span<uint8_t> BytesOf(T* value) {
  return {reinterpret_cast<uint8_t*>(value), sizeof(T)};
}

// The name that starts at `offset` of a string table, empty when it does not end within the table and kMaxSymbolName.
std::string_view NameIn(std::span<const uint8_t> table, uint64_t offset) {
  if (offset >= table.size()) return {};
  const size_t limit = std::min<size_t>(table.size() - offset, ElfFile::kMaxSymbolName + 1);
  const char* start = reinterpret_cast<const char*>(table.data() + offset);
  const void* end = memchr(start, 0, limit);
  if (end == nullptr) return {};
  return {start, static_cast<size_t>(static_cast<const char*>(end) - start)};
}

}  // namespace

absl::StatusOr<ElfFile> ElfFile::Open(const std::string& path) {
  // O_NONBLOCK: a process may map a device or the path may have become a FIFO; neither may hold us.
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  struct stat st;
  if (fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode))
    return absl::InvalidArgumentError(absl::StrCat(path, " is no regular file"));
  ElfFile file(std::move(fd));
  if (!file.ReadHeaders()) return absl::InvalidArgumentError(absl::StrCat(path, " is no complete 64-bit ELF file"));
  return file;
}

template <typename T>
bool ElfFile::ReadAt(uint64_t offset, T* out) {
  return blocks_.Read(offset, BytesOf(out));
}

bool ElfFile::ReadHeaders() {
  Elf64_Ehdr header;
  if (!ReadAt(0, &header)) return false;
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || (header.e_type != ET_DYN && header.e_type != ET_EXEC) ||
      header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 || header.e_phnum > kMaxSegments) {
    return false;
  }
  machine_ = header.e_machine;
  struct stat st;
  if (fstat(fd(), &st) != 0) return false;
  const auto file_size = static_cast<uint64_t>(st.st_size);
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (header.e_phoff > INT64_MAX || !ReadAt(header.e_phoff + i * sizeof(segment), &segment)) return false;
    const bool in_file = segment.p_offset <= file_size && segment.p_filesz <= file_size - segment.p_offset;
    if (!in_file || segment.p_vaddr + segment.p_filesz < segment.p_vaddr) return false;
    segments_.push_back(segment);
    if (segment.p_type == PT_NOTE) ReadNotes(segment.p_offset, segment.p_filesz);
  }
  ReadSections(header);
  return true;
}

void ElfFile::ReadSections(const Elf64_Ehdr& header) {
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum > kMaxSections || header.e_shoff > INT64_MAX) return;
  for (uint64_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    if (!ReadAt(header.e_shoff + i * sizeof(section), &section)) break;
    sections_.push_back(section);
  }
  for (const Elf64_Shdr& section : sections_) {
    if (section.sh_type == SHT_DYNSYM && !dynamic_symbols_) dynamic_symbols_ = section;
    const CodeRange range = {section.sh_addr, section.sh_addr + section.sh_size};
    if (!(section.sh_flags & SHF_EXECINSTR) || section.sh_type != SHT_PROGBITS || !IsInFile(range)) continue;
    std::string name;
    if (header.e_shstrndx < sections_.size()) {
      const Elf64_Shdr& names = sections_[header.e_shstrndx];
      name = NameAt(names.sh_offset + section.sh_name, names.sh_offset + names.sh_size, kMaxSymbolName);
    }
    const bool stub = name.starts_with(".plt");
    if (stub && section.sh_size > kMaxStubBytes) continue;
    (stub ? stubs_ : code_).push_back(range);
  }
}

void ElfFile::ReadNotes(uint64_t offset, uint64_t size) {
  std::vector<uint8_t> notes(std::min(size, kMaxNoteBytes));
  if (!blocks_.Read(offset, notes)) return;
  const auto aligned = [](uint64_t length) { return (length + 3) & ~uint64_t{3}; };
  for (std::span<const uint8_t> rest = notes; rest.size() >= sizeof(Elf64_Nhdr);) {
    Elf64_Nhdr note;
    memcpy(&note, rest.data(), sizeof(note));
    rest = rest.subspan(sizeof(note));
    const uint64_t name = aligned(note.n_namesz);
    const uint64_t description = aligned(note.n_descsz);
    if (name + description > rest.size()) return;
    const bool owned = note.n_namesz == 4 && rest.size() >= 4;
    if (owned && note.n_type == kGoBuildId && memcmp(rest.data(), "Go\0", 4) == 0) is_go_ = true;
    if (owned && note.n_type == NT_GNU_BUILD_ID && memcmp(rest.data(), "GNU", 4) == 0 && build_id_.empty()) {
      for (const uint8_t byte : rest.subspan(name, note.n_descsz)) {
        absl::StrAppend(&build_id_, absl::Hex(byte, absl::kZeroPad2));
      }
    }
    rest = rest.subspan(name + description);
  }
}

std::optional<uint64_t> ElfFile::FileOffset(uint64_t address) const {
  for (const Elf64_Phdr& segment : segments_) {
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz) {
      return segment.p_offset + (address - segment.p_vaddr);
    }
  }
  return std::nullopt;
}

bool ElfFile::IsExecutable(uint64_t address) const {
  return std::any_of(segments_.begin(), segments_.end(), [address](const Elf64_Phdr& segment) {
    return segment.p_type == PT_LOAD && (segment.p_flags & PF_X) && address >= segment.p_vaddr &&
           address - segment.p_vaddr < segment.p_filesz;
  });
}

bool ElfFile::IsInFile(CodeRange range) const {
  if (range.end <= range.begin) return false;
  const std::optional<uint64_t> first = FileOffset(range.begin);
  const std::optional<uint64_t> last = FileOffset(range.end - 1);
  return first && last && *last - *first == range.end - 1 - range.begin;
}

bool ElfFile::Read(uint64_t address, std::span<uint8_t> out) {
  return IsInFile({address, address + out.size()}) && blocks_.Read(*FileOffset(address), out);
}

std::vector<uint8_t> ElfFile::ReadRange(CodeRange range) {
  if (!IsInFile(range) || range.end - range.begin > kMaxTableBytes) return {};
  std::vector<uint8_t> bytes(range.end - range.begin);
  if (!blocks_.ReadUncached(*FileOffset(range.begin), bytes)) return {};
  return bytes;
}

std::string ElfFile::NameAt(uint64_t offset, uint64_t end, size_t max_bytes) {
  std::string name;
  std::array<uint8_t, 32> piece;
  while (offset < end && name.size() < max_bytes) {
    size_t size = std::min<uint64_t>({piece.size(), end - offset, max_bytes - name.size()});
    while (size > 0 && !blocks_.Read(offset, std::span(piece).first(size))) --size;  // the file ends here
    const auto stop = std::find(piece.begin(), piece.begin() + size, 0);
    name.append(piece.begin(), stop);
    if (size == 0 || stop != piece.begin() + size) break;
    offset += size;
  }
  return name;
}

std::string ElfFile::ReadString(uint64_t address, size_t max_bytes) {
  const std::optional<uint64_t> offset = FileOffset(address);
  return offset ? NameAt(*offset, UINT64_MAX, max_bytes) : "";
}

bool ElfFile::ReadTable(const Elf64_Shdr& section, std::vector<uint8_t>* out) const {
  struct stat st;
  if (section.sh_size > kMaxTableBytes || fstat(fd(), &st) != 0 || section.sh_size > static_cast<uint64_t>(st.st_size)) {
    return false;
  }
  out->resize(section.sh_size);
  return blocks_.ReadUncached(section.sh_offset, *out);
}

SymbolTable ElfFile::FindSymbols(std::span<const std::string_view> names, Symbols scope) {
  SymbolTable found;
  const absl::flat_hash_set<std::string_view> wanted(names.begin(), names.end());
  for (const uint32_t type : {SHT_DYNSYM, SHT_SYMTAB}) {
    if (type == SHT_SYMTAB && scope == Symbols::kDynamic) break;
    for (const Elf64_Shdr& section : sections_) {
      std::vector<uint8_t> symbols, strings;
      if (section.sh_type != type || section.sh_link >= sections_.size() || !ReadTable(section, &symbols) ||
          !ReadTable(sections_[section.sh_link], &strings)) {
        continue;
      }
      for (size_t at = 0; at + sizeof(Elf64_Sym) <= symbols.size(); at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        memcpy(&symbol, symbols.data() + at, sizeof(symbol));
        const uint8_t kind = ELF64_ST_TYPE(symbol.st_info);
        if (symbol.st_value == 0 || symbol.st_shndx == SHN_UNDEF || (kind != STT_FUNC && kind != STT_OBJECT)) continue;
        const std::string_view name = NameIn(strings, symbol.st_name);
        if (!wanted.contains(name)) continue;
        found.try_emplace(std::string(name), CodeRange{symbol.st_value, symbol.st_value + symbol.st_size});
      }
    }
  }
  return found;
}

void ElfFile::LoadRelocations() {
  relocations_loaded_ = true;
  for (const Elf64_Shdr& section : sections_) {
    std::vector<uint8_t> bytes;
    if (section.sh_type != SHT_RELA || !(section.sh_flags & SHF_ALLOC) || !ReadTable(section, &bytes)) continue;
    for (size_t at = 0; at + sizeof(Elf64_Rela) <= bytes.size() && relocations_.size() < kMaxRelocations;
         at += sizeof(Elf64_Rela)) {
      Elf64_Rela rela;
      memcpy(&rela, bytes.data() + at, sizeof(rela));
      const uint32_t type = ELF64_R_TYPE(rela.r_info);
      const uint32_t symbol = ELF64_R_SYM(rela.r_info);
      // A packed relative relocation (SHT_RELR) keeps its addend in place: ReadPointer finds it without this table.
      const bool relative = machine_ == EM_X86_64 ? type == R_X86_64_RELATIVE : type == R_AARCH64_RELATIVE;
      if (relative) {
        relocations_.push_back({rela.r_offset, static_cast<uint64_t>(rela.r_addend), 0});
      } else if (symbol != 0) {
        relocations_.push_back({rela.r_offset, static_cast<uint64_t>(rela.r_addend), symbol});
      }
    }
  }
  std::sort(relocations_.begin(), relocations_.end(),
            [](const Relocation& a, const Relocation& b) { return a.slot < b.slot; });
}

const ElfFile::Relocation* ElfFile::FindRelocation(uint64_t slot) {
  if (!relocations_loaded_) LoadRelocations();
  const auto found = std::lower_bound(relocations_.begin(), relocations_.end(), slot,
                                      [](const Relocation& relocation, uint64_t at) { return relocation.slot < at; });
  return found != relocations_.end() && found->slot == slot ? &*found : nullptr;
}

std::optional<Elf64_Sym> ElfFile::DynamicSymbol(uint32_t index) {
  Elf64_Sym symbol;
  if (!dynamic_symbols_ || (uint64_t{index} + 1) * sizeof(symbol) > dynamic_symbols_->sh_size ||
      dynamic_symbols_->sh_offset > INT64_MAX || !ReadAt(dynamic_symbols_->sh_offset + index * sizeof(symbol), &symbol)) {
    return std::nullopt;
  }
  return symbol;
}

std::optional<uint64_t> ElfFile::ReadPointer(uint64_t address) {
  const Relocation* relocation = FindRelocation(address);
  if (relocation == nullptr) {
    uint64_t value;
    if (!Read(address, BytesOf(&value))) return std::nullopt;
    return value;
  }
  if (relocation->symbol == 0) return relocation->value;
  const std::optional<Elf64_Sym> symbol = DynamicSymbol(relocation->symbol);
  if (!symbol || symbol->st_value == 0) return std::nullopt;
  return symbol->st_value + relocation->value;
}

std::string ElfFile::ImportAt(uint64_t slot) {
  const Relocation* relocation = FindRelocation(slot);
  if (relocation == nullptr || relocation->symbol == 0) return "";
  const std::optional<Elf64_Sym> symbol = DynamicSymbol(relocation->symbol);
  if (!symbol || dynamic_symbols_->sh_link >= sections_.size()) return "";
  const Elf64_Shdr& strings = sections_[dynamic_symbols_->sh_link];
  return NameAt(strings.sh_offset + symbol->st_name, strings.sh_offset + strings.sh_size, kMaxSymbolName);
}

std::optional<CodeRange> ElfFile::FunctionAt(uint64_t address) {
  const auto table = std::find_if(segments_.begin(), segments_.end(),
                                  [](const Elf64_Phdr& segment) { return segment.p_type == PT_GNU_EH_FRAME; });
  UnwindHeader header;
  if (table == segments_.end() || !Read(table->p_vaddr, BytesOf(&header)) || header.version != 1 ||
      header.count_encoding != kUnsigned4 || header.table_encoding != kRelativeTable) {
    return std::nullopt;
  }
  const auto entry_at = [&](uint64_t index, UnwindEntry* entry) {
    return Read(table->p_vaddr + sizeof(header) + index * sizeof(*entry), BytesOf(entry));
  };
  // The last entry whose function begins at or before the address.
  uint64_t low = 0;
  UnwindEntry entry;
  for (uint64_t high = header.count; low < high;) {
    const uint64_t middle = low + (high - low) / 2;
    if (!entry_at(middle, &entry)) return std::nullopt;
    if (table->p_vaddr + static_cast<int64_t>(entry.function) <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0 || !entry_at(low - 1, &entry)) return std::nullopt;
  const uint64_t begin = table->p_vaddr + static_cast<int64_t>(entry.function);
  const uint64_t description = table->p_vaddr + static_cast<int64_t>(entry.description);
  FrameDescription frame;
  if (!Read(description, BytesOf(&frame))) return std::nullopt;
  // The start stands in both places: that they agree shows that the description is encoded as supposed.
  const uint64_t stated = description + offsetof(FrameDescription, begin) + static_cast<int64_t>(frame.begin);
  const CodeRange range = {begin, begin + frame.size};
  if (stated != begin || !range.Contains(address)) return std::nullopt;
  return range;
}

}  // namespace tlsmeter::agent
