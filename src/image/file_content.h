// FileContent: what of TLS a file holds, by its dynamic symbols and notes. Functions of the file alone, any thread.
#ifndef TLSMETER_SRC_IMAGE_FILE_CONTENT_H_
#define TLSMETER_SRC_IMAGE_FILE_CONTENT_H_

#include <cstdint>

#include "src/image/elf_file.h"
#include "src/image/stack_state.h"

namespace tlsmeter::agent {

// FileContent is the first of these that a file has a sign of, in this order: a program with OpenSSL linked in defines the
// symbols of libcrypto too.
enum class FileContent : uint8_t { kOpenSsl, kGnuTls, kCrypto, kNss, kJava, kGo, kNothing };

// ContentOf costs a pass over the dynamic symbols.
FileContent ContentOf(ElfFile* file);

// DefinesCrypto says whether the file defines the functions of libcrypto, alone or beside those of libssl. Costs a pass over
// the dynamic symbols.
bool DefinesCrypto(ElfFile* file);

// KindOf returns the implementation of TLS that such a file is; kNone for libcrypto, which is none by itself.
StackKind KindOf(FileContent content);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_FILE_CONTENT_H_
