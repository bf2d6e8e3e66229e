// TlsFiles: a folder with a key, a certificate that it signed itself, and a web configuration; removed at the end.
#ifndef TLSMETER_TESTS_EXPORT_TLS_FILES_H_
#define TLSMETER_TESTS_EXPORT_TLS_FILES_H_

#include <string>

namespace tlsmeter::agent {

class TlsFiles {
 public:
  TlsFiles();
  ~TlsFiles();
  TlsFiles(const TlsFiles&) = delete;
  TlsFiles& operator=(const TlsFiles&) = delete;

  // MakeCertificate writes NAME.crt and NAME.key anew, for the common name `name`.
  void MakeCertificate(const std::string& name) const;

  // Write replaces FOLDER/`name` by `text`; returns its path.
  std::string Write(const std::string& name, const std::string& text) const;

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_EXPORT_TLS_FILES_H_
