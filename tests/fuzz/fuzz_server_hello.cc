// ParseServerHello and ParseServerKeyExchange: no input breaks them, what they accept fits what was given.
#include <cstdint>

#include "tests/fuzz/fuzz_check.h"
#include "tlsmeter/key_exchange.h"
#include "tlsmeter/server_hello.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tlsmeter::ParseStatus;
  using tlsmeter::ServerHello;
  std::optional<tlsmeter::NamedGroup> group;
  for (const uint16_t cipher : {0xc02f, 0xd001, 0x009c}) {
    (void)tlsmeter::ParseServerKeyExchange({data, size}, tlsmeter::CipherSuite{cipher}, &group);
  }
  ServerHello hello;
  const ParseStatus status = tlsmeter::ParseServerHello({data, size}, &hello);
  FUZZ_CHECK(status != ParseStatus::kNeedMore && status != ParseStatus::kNotTls);
  if (status != ParseStatus::kOk) {
    FUZZ_CHECK(hello == ServerHello());
    return 0;
  }
  size_t extension_bytes = 0;
  for (const tlsmeter::Extension& extension : hello.extensions) extension_bytes += 4 + extension.length;
  FUZZ_CHECK(extension_bytes + hello.session_id.size() <= size);
  FUZZ_CHECK(hello.session_id.size() <= 32 && hello.alpn.size() <= 255);
  FUZZ_CHECK(hello.has_extensions || hello.extensions.empty());
  (void)hello.NegotiatedVersion().Name();
  return 0;
}
