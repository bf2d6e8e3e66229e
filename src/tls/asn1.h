// What certificates and OCSP responses have in common: OpenSSL's objects owned, and its primitive values as ours. Any
// thread.
#ifndef TLSMETER_SRC_TLS_ASN1_H_
#define TLSMETER_SRC_TLS_ASN1_H_

#include <openssl/asn1.h>
#include <openssl/err.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tlsmeter {

// OpensslDeleter<F> frees an object of OpenSSL's with F.
template <auto Free>
struct OpensslDeleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

// ErrorMark takes what is put into the thread's OpenSSL error queue during its life out again: peers must not fill it, and
// an embedding program's own errors stay.
class ErrorMark {
 public:
  ErrorMark() { ERR_set_mark(); }
  ~ErrorMark() { ERR_pop_to_mark(); }
  ErrorMark(const ErrorMark&) = delete;
  ErrorMark& operator=(const ErrorMark&) = delete;
};

// Bytes returns a view of a string's content.
std::span<const uint8_t> Bytes(const ASN1_STRING* text);

// UnixTime returns `time` in seconds since the epoch; nullopt when it is nullptr or no time.
std::optional<int64_t> UnixTime(const ASN1_TIME* time);

// SerialNumber returns `number` as CertificateFacts::serial_number has it.
std::string SerialNumber(const ASN1_INTEGER* number);

// ObjectName returns OpenSSL's long name of an object identifier, else its dotted form.
std::string ObjectName(const ASN1_OBJECT* object);

}  // namespace tlsmeter

#endif  // TLSMETER_SRC_TLS_ASN1_H_
