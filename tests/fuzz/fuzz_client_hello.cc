// ParseClientHello, and the fingerprints of what it accepts: no input breaks them, what is accepted fits what was given, and
// a failure leaves the output as it was.
#include <cstdint>

#include "tests/fuzz/fuzz_check.h"
#include "tlsmeter/client_hello.h"
#include "tlsmeter/ja3.h"
#include "tlsmeter/ja4.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tlsmeter::ClientHello;
  using tlsmeter::ParseStatus;
  ClientHello ssl2;
  (void)tlsmeter::ParseSsl2ClientHello({data, size}, &ssl2);
  ClientHello hello;
  const ParseStatus status = tlsmeter::ParseClientHello({data, size}, &hello);
  FUZZ_CHECK(status != ParseStatus::kNeedMore && status != ParseStatus::kNotTls);
  if (status != ParseStatus::kOk) {
    FUZZ_CHECK(hello == ClientHello());
    return 0;
  }
  size_t extension_bytes = 0;
  for (const tlsmeter::Extension& extension : hello.extensions) {
    extension_bytes += 4 + extension.length;
    FUZZ_CHECK(!extension.type.Name().empty());
    FUZZ_CHECK(hello.HasExtension(extension.type));
  }
  FUZZ_CHECK(2 + 32 + 1 + hello.session_id.size() + 2 + 2 * hello.cipher_suites.size() + 1 +
                 hello.compression_methods.size() + (hello.has_extensions ? 2 : 0) + extension_bytes ==
             size);
  FUZZ_CHECK(!hello.cipher_suites.empty() && hello.session_id.size() <= 32);
  FUZZ_CHECK(hello.server_name.size() <= size && hello.alpn.size() <= tlsmeter::kMaxAlpnProtocols);
  (void)hello.HighestVersion().Name();
  (void)hello.IsFallback();
  FUZZ_CHECK(tlsmeter::Ja4(hello, tlsmeter::Ja4Transport::kTcp).size() == 36);
  FUZZ_CHECK(tlsmeter::Ja3(hello).size() == 32);
  return 0;
}
