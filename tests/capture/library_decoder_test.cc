#include "src/capture/library_decoder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "bpf/library.h"

namespace tlsmeter::agent {
namespace {

using Outcome = LibraryDecoder::Outcome;

constexpr int64_t kEpochOffset = 1'000'000;

tm_library_header Header(uint8_t kind) {
  tm_library_header header = {};
  header.header.time_ns = 500;
  header.header.flow = 0x7f0000001000;
  header.header.version = TM_EVENTS_VERSION;
  header.header.kind = kind;
  header.start_ns = 400;
  header.tgid = 42;
  header.slot = 3;
  return header;
}

template <typename T>
std::vector<uint8_t> Bytes(const T& record, const std::vector<uint8_t>& room = {}) {
  std::vector<uint8_t> out(sizeof(T));
  std::memcpy(out.data(), &record, sizeof(T));
  out.insert(out.end(), room.begin(), room.end());
  return out;
}

tm_library_end_event EndEvent(uint8_t outcome = TM_LIBRARY_SUCCESS) {
  tm_library_end_event e = {};
  e.library = Header(TM_EVENT_LIBRARY_END);
  e.outcome = outcome;
  e.version = 0x0304;
  e.client_random[31] = 1;
  return e;
}

tm_library_late_event LateEvent() {
  tm_library_late_event e = {};
  e.library = Header(TM_EVENT_LIBRARY_LATE);
  e.value = 116;
  return e;
}

tm_certificate_event CertificateEvent(uint32_t length, uint32_t offset, uint32_t size) {
  tm_certificate_event e = {};
  e.library = Header(TM_EVENT_CERTIFICATE);
  e.hash = 5;
  e.length = length;
  e.offset = offset;
  e.size = size;
  e.index = 1;
  return e;
}

Outcome Decode(const std::vector<uint8_t>& record, LibraryEvent* out) {
  LibraryDecoder decoder;
  decoder.set_epoch_offset_ns(kEpochOffset);
  uint32_t slot;
  return decoder.Decode(record, out, &slot);
}

Outcome Decode(const std::vector<uint8_t>& record) {
  LibraryEvent out;
  return Decode(record, &out);
}

TEST(LibraryDecoder, TellsEveryFactOfAnEnd) {
  tm_library_end_event e = EndEvent(TM_LIBRARY_FAILURE);
  const uint8_t local[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
  std::memcpy(e.address.local_ip, local, sizeof(local));
  e.address.local_port = 40000;
  e.address.remote_port = 443;
  e.owner.tgid = 42;
  std::memcpy(e.owner.comm, "curl", 4);
  e.reason = 134;
  e.verify_result = 18;
  e.cipher = 0x1301;
  e.group = 0x001d;
  e.flags = TM_LIBRARY_SERVER | TM_LIBRARY_RESUMED | TM_LIBRARY_JUDGED | TM_LIBRARY_MET_LATE | TM_LIBRARY_TENTATIVE;
  e.alert_level = 2;
  e.alert_description = 48;
  e.server_random[0] = 9;
  e.alpn_length = 2;
  std::memcpy(e.alpn, "h2", 2);
  std::memcpy(e.server_name, "a.example", 9);
  const std::vector<uint8_t> record = Bytes(e);
  LibraryDecoder decoder;
  decoder.set_epoch_offset_ns(kEpochOffset);
  LibraryEvent out;
  uint32_t slot = 0;
  ASSERT_EQ(decoder.Decode(record, &out, &slot), Outcome::kEvent);
  EXPECT_EQ(slot, 3u);
  EXPECT_EQ(out.id, (LibraryHandshakeId{.pid = 42, .object = 0x7f0000001000, .start = 400}));
  EXPECT_EQ(out.start_ns, 1'000'400u);
  EXPECT_EQ(out.time_ns, 1'000'500u);
  const auto& end = std::get<LibraryEnd>(out.what);
  EXPECT_EQ(end.implementation, TlsStack::kOpenSsl);
  EXPECT_EQ(end.outcome, LibraryOutcome::kFailure);
  EXPECT_TRUE(end.server && end.resumed && end.met_late && end.tentative);
  EXPECT_EQ(end.reason, 134u);
  EXPECT_EQ(end.verify_result, 18u);
  EXPECT_EQ(end.version, 0x0304);
  EXPECT_EQ(end.cipher, 0x1301);
  EXPECT_EQ(end.group, 0x001d);
  EXPECT_EQ(end.alert, (LibraryAlert{2, 48}));
  EXPECT_EQ(end.client_random[31], 1);
  EXPECT_EQ(end.server_random[0], 9);
  EXPECT_EQ(end.alpn, "h2");
  EXPECT_EQ(end.server_name, "a.example");
  EXPECT_EQ(end.owner.pid, 42u);
  EXPECT_EQ(end.owner.comm, "curl");
  EXPECT_EQ(AddressText(*end.local), "10.0.0.1");
  EXPECT_EQ(end.local->port, 40000);
  EXPECT_EQ(end.remote->port, 443);
}

TEST(LibraryDecoder, LeavesOutWhatTheLibraryDidNotShow) {
  tm_library_end_event e = EndEvent(TM_LIBRARY_ABANDONED);
  e.version = 0;  // OpenSSL's "any version", cut to 16 bits
  LibraryEvent out;
  const std::vector<uint8_t> record = Bytes(e);
  ASSERT_EQ(Decode(record, &out), Outcome::kEvent);
  const auto& end = std::get<LibraryEnd>(out.what);
  EXPECT_EQ(end.outcome, LibraryOutcome::kAbandoned);
  EXPECT_EQ(end.version, 0);
  EXPECT_FALSE(end.alert || end.local || end.remote || end.verify_result);
  EXPECT_EQ(end.alpn, "");
  EXPECT_EQ(end.server_name, "");
}

TEST(LibraryDecoder, TakesNoSuccessThatCannotBe) {
  tm_library_end_event e = EndEvent();
  ASSERT_EQ(Decode(Bytes(e)), Outcome::kEvent);
  e.version = 0x1234;
  EXPECT_EQ(Decode(Bytes(e)), Outcome::kImplausible);
  e = EndEvent();
  e.client_random[31] = 0;
  EXPECT_EQ(Decode(Bytes(e)), Outcome::kImplausible);
}

TEST(LibraryDecoder, ReadsTheNumbersOfGnuTls) {
  tm_library_end_event e = EndEvent();
  e.stack = TM_STACK_GNUTLS;
  e.version = 5;  // GNUTLS_TLS1_3
  e.group = 6;    // GNUTLS_GROUP_X25519
  LibraryEvent out;
  ASSERT_EQ(Decode(Bytes(e), &out), Outcome::kEvent);
  auto end = std::get<LibraryEnd>(out.what);
  EXPECT_EQ(end.implementation, TlsStack::kGnuTls);
  EXPECT_EQ(end.version, 0x0304);
  EXPECT_EQ(end.group, 29);
  EXPECT_FALSE(end.alert_received.has_value());
  e.version = 0x0304;
  EXPECT_EQ(Decode(Bytes(e)), Outcome::kImplausible);

  e = EndEvent(TM_LIBRARY_FAILURE);
  e.stack = TM_STACK_GNUTLS;
  e.version = 0;  // none was agreed on
  e.reason = 12;
  e.flags = TM_LIBRARY_ALERT_RECEIVED;
  e.alert_received = 48;
  ASSERT_EQ(Decode(Bytes(e), &out), Outcome::kEvent);
  end = std::get<LibraryEnd>(out.what);
  EXPECT_EQ(end.version, 0);
  EXPECT_EQ(end.reason, 12u);
  EXPECT_EQ(end.alert_received, 48);
  e.stack = 2;
  EXPECT_EQ(Decode(Bytes(e)), Outcome::kRefused);
}

TEST(LibraryDecoder, TellsAVerificationThatHadAResultOrAPeer) {
  const auto result = [](uint32_t verify_result, uint8_t flags) {
    tm_library_end_event e = EndEvent();
    e.verify_result = verify_result;
    e.flags = flags;
    LibraryEvent out;
    EXPECT_EQ(Decode(Bytes(e), &out), Outcome::kEvent);
    return std::get<LibraryEnd>(out.what).verify_result;
  };
  EXPECT_EQ(result(0, TM_LIBRARY_JUDGED), 0u);
  EXPECT_EQ(result(20, TM_LIBRARY_JUDGED), 20u);
  EXPECT_EQ(result(20, 0), 20u);  // refused before it was kept
  EXPECT_EQ(result(0, 0), std::nullopt);
}

TEST(LibraryDecoder, TellsWhatCameLate) {
  using What = LibraryLate::What;
  const auto late = [](uint8_t what, uint32_t value) {
    tm_library_late_event e = LateEvent();
    e.what = what;
    e.value = value;
    LibraryEvent out;
    EXPECT_EQ(Decode(Bytes(e), &out), Outcome::kEvent);
    const auto& told = std::get<LibraryLate>(out.what);
    return std::pair(told.what, told.value);
  };
  EXPECT_EQ(late(TM_LATE_ALERT_RECEIVED, 116), std::pair(What::kAlertReceived, 116u));
  EXPECT_EQ(late(TM_LATE_ALERT_SENT, 255), std::pair(What::kAlertSent, 255u));
  EXPECT_EQ(late(TM_LATE_TRUSTED, 0), std::pair(What::kVerified, 0u));
  EXPECT_EQ(late(TM_LATE_DOUBTED, 0x402), std::pair(What::kVerified, 0x402u));
  EXPECT_EQ(late(TM_LATE_CLOSED, 0), std::pair(What::kClosed, 0u));
  EXPECT_EQ(late(TM_LATE_NAME_DIFFERS, 0x4002), std::pair(What::kNameDiffers, 0x4002u));
  EXPECT_EQ(late(TM_LATE_NAME_MATCHES, 0), std::pair(What::kNameMatches, 0u));
  for (const auto& [what, value] : {std::pair(TM_LATE_ALERT_RECEIVED, 256u), std::pair(TM_LATE_ALERT_SENT, 256u)}) {
    tm_library_late_event e = LateEvent();
    e.what = static_cast<uint8_t>(what);
    e.value = value;
    EXPECT_EQ(Decode(Bytes(e)), Outcome::kRefused);
  }
  tm_library_late_event e = LateEvent();
  e.what = TM_LATE_NAME_MATCHES + 1;
  EXPECT_EQ(Decode(Bytes(e)), Outcome::kRefused);
}

TEST(LibraryDecoder, HandsOnACertificateWhenItIsWhole) {
  LibraryDecoder decoder;
  LibraryEvent out;
  uint32_t slot;
  tm_certificate_event e = CertificateEvent(5, 0, 3);
  e.flags = TM_CERTIFICATE_OWN;
  EXPECT_EQ(decoder.Decode(Bytes(e, {1, 2, 3}), &out, &slot), Outcome::kKept);
  e.offset = 3;
  e.size = 2;
  ASSERT_EQ(decoder.Decode(Bytes(e, {4, 5, 0, 0}), &out, &slot), Outcome::kEvent);
  const auto& certificate = std::get<LibraryCertificate>(out.what);
  EXPECT_TRUE(certificate.own);
  EXPECT_EQ(certificate.index, 1);
  EXPECT_EQ(*certificate.der, (std::vector<uint8_t>{1, 2, 3, 4, 5}));
}

TEST(LibraryDecoder, AsksForTheBytesOfAHashThatItDoesNotKnow) {
  LibraryDecoder decoder;
  LibraryEvent out;
  uint32_t slot;
  EXPECT_EQ(decoder.Decode(Bytes(CertificateEvent(5, 0, 0)), &out, &slot), Outcome::kKept);
  EXPECT_EQ(decoder.certificates_lost(), 1u);
  EXPECT_EQ(decoder.TakeForgotten(), std::vector<uint64_t>{5});
}

TEST(LibraryDecoder, RefusesEveryTruncationOfEveryKind) {
  for (const std::vector<uint8_t>& whole :
       {Bytes(EndEvent()), Bytes(LateEvent()), Bytes(CertificateEvent(4, 0, 4), {1, 2, 3, 4})}) {
    ASSERT_EQ(Decode(whole), Outcome::kEvent);
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(Decode({whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)}), Outcome::kRefused) << size;
    }
  }
}

TEST(LibraryDecoder, RefusesLengthsThatContradictEachOther) {
  const std::vector<uint8_t> room(8, 1);
  EXPECT_EQ(Decode(Bytes(CertificateEvent(9, 0, 9), room)), Outcome::kRefused);  // past the record
  EXPECT_EQ(Decode(Bytes(CertificateEvent(4, 0, 5), room)), Outcome::kRefused);  // past the certificate
  EXPECT_EQ(Decode(Bytes(CertificateEvent(4, 2, 3), room)), Outcome::kRefused);  // the same from inside
  EXPECT_EQ(Decode(Bytes(CertificateEvent(4, 5, 0), room)), Outcome::kRefused);  // begins behind its end
  EXPECT_EQ(Decode(Bytes(CertificateEvent(0, 0, 0), room)), Outcome::kRefused);  // no certificate
  EXPECT_EQ(Decode(Bytes(CertificateEvent(TM_CERTIFICATE_BYTES + 1, 0, 8), room)), Outcome::kRefused);
  EXPECT_EQ(Decode(Bytes(CertificateEvent(0xffffffff, 0xfffffff0, 8), room)), Outcome::kRefused);
  tm_certificate_event far = CertificateEvent(4, 0, 4);
  far.index = TM_CHAIN;
  EXPECT_EQ(Decode(Bytes(far, room)), Outcome::kRefused);
  tm_library_end_event end = EndEvent();
  end.alpn_length = TM_ALPN_BYTES + 1;
  EXPECT_EQ(Decode(Bytes(end)), Outcome::kRefused);
}

TEST(LibraryDecoder, RefusesForeignVersionsKindsSlotsAndOutcomes) {
  tm_library_late_event e = LateEvent();
  e.library.header.version = TM_EVENTS_VERSION + 1;
  EXPECT_EQ(Decode(Bytes(e)), Outcome::kRefused);
  e = LateEvent();
  e.library.header.kind = TM_EVENT_STOP;
  EXPECT_EQ(Decode(Bytes(e)), Outcome::kRefused);
  e = LateEvent();
  e.library.slot = TM_IMAGES;
  EXPECT_EQ(Decode(Bytes(e)), Outcome::kRefused);
  EXPECT_EQ(Decode(Bytes(EndEvent(0))), Outcome::kRefused);
  EXPECT_EQ(Decode(Bytes(EndEvent(99))), Outcome::kRefused);
}

TEST(LibraryDecoder, TextMayFillAllItsBytes) {
  tm_library_end_event e = EndEvent();
  std::memset(e.server_name, 'x', sizeof(e.server_name));
  std::memset(e.owner.comm, 'y', sizeof(e.owner.comm));
  LibraryEvent out;
  const std::vector<uint8_t> record = Bytes(e);
  ASSERT_EQ(Decode(record, &out), Outcome::kEvent);
  EXPECT_EQ(std::get<LibraryEnd>(out.what).server_name.size(), sizeof(e.server_name));
  EXPECT_EQ(std::get<LibraryEnd>(out.what).owner.comm.size(), sizeof(e.owner.comm));
}

}  // namespace
}  // namespace tlsmeter::agent
