// The least file that shows which linker made it.
#ifndef TLSMETER_TESTS_IMAGE_FILE_WITH_NOTE_H_
#define TLSMETER_TESTS_IMAGE_FILE_WITH_NOTE_H_

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace tlsmeter::agent {

// FileWithNote returns the contents of an ELF file of nothing but a note. That of Go's linker is "Go", 4.
inline std::string FileWithNote(const char (&name)[4], uint32_t type) {
  struct {
    Elf64_Ehdr header = {};
    Elf64_Phdr segment = {};
    Elf64_Nhdr note = {.n_namesz = 4, .n_descsz = 4, .n_type = 0};
    char name[4];
    char id[4] = {'a', 'b', 'c', 'd'};
  } file;
  memcpy(file.header.e_ident, ELFMAG, SELFMAG);
  file.header.e_ident[EI_CLASS] = ELFCLASS64;
  file.header.e_ident[EI_DATA] = ELFDATA2LSB;
  file.header.e_type = ET_EXEC;
  file.header.e_phoff = sizeof(file.header);
  file.header.e_phentsize = sizeof(file.segment);
  file.header.e_phnum = 1;
  file.segment.p_type = PT_NOTE;
  file.segment.p_offset = sizeof(file.header) + sizeof(file.segment);
  file.segment.p_filesz = sizeof(file) - file.segment.p_offset;
  file.note.n_type = type;
  memcpy(file.name, name, sizeof(name));
  return {reinterpret_cast<const char*>(&file), sizeof(file)};
}

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_IMAGE_FILE_WITH_NOTE_H_
