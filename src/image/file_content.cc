#include "src/image/file_content.h"

#include <string_view>
#include <utility>
#include <vector>

namespace tlsmeter::agent {
namespace {

constexpr std::string_view kCryptoSign = "BIO_test_flags";

// In the order of FileContent.
constexpr std::pair<std::string_view, FileContent> kSigns[] = {{"SSL_set_accept_state", FileContent::kOpenSsl},
                                                               {"gnutls_handshake", FileContent::kGnuTls},
                                                               {kCryptoSign, FileContent::kCrypto},
                                                               {"SSL_ImportFD", FileContent::kNss},
                                                               {"JNI_CreateJavaVM", FileContent::kJava}};

}  // namespace

FileContent ContentOf(ElfFile* file) {
  std::vector<std::string_view> names;
  for (const auto& [name, content] : kSigns) names.push_back(name);
  const SymbolTable symbols = file->FindSymbols(names, ElfFile::Symbols::kDynamic);
  for (const auto& [name, content] : kSigns) {
    if (symbols.contains(name)) return content;
  }
  return file->is_go() ? FileContent::kGo : FileContent::kNothing;
}

bool DefinesCrypto(ElfFile* file) {
  constexpr std::string_view kNames[] = {kCryptoSign};
  return !file->FindSymbols(kNames, ElfFile::Symbols::kDynamic).empty();
}

StackKind KindOf(FileContent content) {
  switch (content) {
    case FileContent::kOpenSsl:
      return StackKind::kOpenSsl;
    case FileContent::kGnuTls:
      return StackKind::kGnuTls;
    case FileContent::kNss:
      return StackKind::kNss;
    case FileContent::kJava:
      return StackKind::kJava;
    case FileContent::kGo:
      return StackKind::kGo;
    case FileContent::kCrypto:
    case FileContent::kNothing:
      return StackKind::kNone;
  }
  return StackKind::kNone;
}

}  // namespace tlsmeter::agent
