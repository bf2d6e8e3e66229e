// HandshakeTracker: both directions, opaque records, gaps and times, decoded from the input. The facts must be consistent
// after each step, final ones must not change, and the same steps given byte by byte must tell the same.
//
// Input: steps. One byte of operation and sender (low bit), then by operation
//   0-3  a 16-bit length and that many bytes of stream (or what is left of the input)
//   4    type, 16-bit length: an opaque record
//   5    a gap
//   6    seconds pass
//   7    not TLS, as the source says
#include <algorithm>
#include <cstdint>

#include "tests/fuzz/fuzz_check.h"
#include "tlsmeter/byte_reader.h"
#include "tlsmeter/handshake.h"

namespace {

using tlsmeter::ByteReader;
using tlsmeter::Handshake;
using tlsmeter::HandshakeTracker;
using tlsmeter::ParseStatus;
using tlsmeter::Progress;
using tlsmeter::Sender;

void CheckFacts(const HandshakeTracker& tracker) {
  const Handshake& facts = tracker.handshake();
  const bool broken = facts.progress == Progress::kMalformed || facts.progress == Progress::kNotTls;
  FUZZ_CHECK(broken == (facts.parse_status != ParseStatus::kOk));
  FUZZ_CHECK(!broken || tracker.Settled());
  FUZZ_CHECK(facts.progress != Progress::kRefused || (facts.alert && tracker.Settled()));
  FUZZ_CHECK(!facts.inferred || (facts.progress == Progress::kRefused && facts.alert->encrypted));
  const bool ssl2 = facts.version == tlsmeter::ProtocolVersion::kSsl2;
  FUZZ_CHECK(ssl2 || facts.version.has_value() == facts.server_hello.has_value());
  FUZZ_CHECK(facts.cipher.has_value() == facts.server_hello.has_value());
  FUZZ_CHECK(!facts.client_hello || facts.client_hello_count > 0);
  FUZZ_CHECK(!facts.server_hello || !facts.server_hello->is_hello_retry);
  FUZZ_CHECK(!facts.hello_retry || facts.hello_retry->is_hello_retry);
  FUZZ_CHECK(facts.progress != Progress::kNoHello || (facts.established_ns == 0 && facts.client_hello_count == 0));
  FUZZ_CHECK(facts.early_data != tlsmeter::EarlyData::kAccepted || facts.established_ns != 0);
  FUZZ_CHECK(facts.alpn.size() <= 255);
  FUZZ_CHECK(facts.ech != tlsmeter::Ech::kGrease || (facts.hello_retry && facts.client_hello_count > 1));
  FUZZ_CHECK(facts.server_certificates.certificates.size() <= facts.server_certificates.length);
  FUZZ_CHECK(facts.client_certificates.certificates.size() <= facts.client_certificates.length);
  FUZZ_CHECK(!facts.client_certificates.leaf() || facts.mutual_tls == tlsmeter::MutualTls::kPresented);
  FUZZ_CHECK(facts.handshake_bytes[0] <= facts.records[0] * (uint64_t{tlsmeter::kMaxRecordLength} + 5));
  FUZZ_CHECK(facts.handshake_bytes[1] <= facts.records[1] * (uint64_t{tlsmeter::kMaxRecordLength} + 5));
}

// Run feeds the steps to a tracker, streams in pieces of up to `piece` bytes.
Handshake Run(std::span<const uint8_t> input, size_t piece) {
  HandshakeTracker tracker;
  ByteReader reader(input);
  uint64_t time_ns = 1;
  uint8_t step;
  while (reader.ReadU8(&step)) {
    const Sender sender = (step & 1) != 0 ? Sender::kServer : Sender::kClient;
    time_ns += 1000;
    const bool settled = tracker.Settled();
    const Handshake before = settled ? tracker.handshake() : Handshake();
    switch (step >> 1 & 7) {
      default: {
        uint16_t length;
        std::span<const uint8_t> bytes;
        if (!reader.ReadU16(&length)) break;
        if (!reader.ReadBytes(std::min<size_t>(length, reader.remaining()), &bytes)) break;
        while (!bytes.empty()) {
          const std::span<const uint8_t> part = bytes.first(std::min(piece, bytes.size()));
          bytes = bytes.subspan(part.size());
          tracker.OnBytes(sender, part, time_ns);
        }
        break;
      }
      case 4: {
        tlsmeter::ContentType type;
        uint16_t length;
        if (reader.ReadU8(&type.value) && reader.ReadU16(&length)) tracker.OnOpaqueRecord(sender, type, length, time_ns);
        break;
      }
      case 5:
        tracker.OnGap(sender);
        break;
      case 6:
        time_ns += 3'000'000'000;
        break;
      case 7:
        tracker.OnNotTls(sender, time_ns);
        break;
    }
    CheckFacts(tracker);
    if (settled) FUZZ_CHECK(tracker.Settled() && tracker.handshake() == before);
  }
  return tracker.handshake();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  const Handshake whole = Run(input, SIZE_MAX);
  FUZZ_CHECK(whole == Run(input, 1));
  return 0;
}
