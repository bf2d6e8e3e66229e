// Certificates and staples of a handshake up to TLS 1.2, and what else its plaintext shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/certificate_builder.h"
#include "tests/tls/message_builder.h"
#include "tlsmeter/certificate_message.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter {
namespace {

using testing::Bytes;
using testing::CertificateSpec;
using testing::Feed;
using testing::Flow;
using testing::Hello;
using testing::MakeCertificate;
using testing::MakeOcspError;
using testing::MakeOcspResponse;
using testing::Message;
using testing::Record;
using testing::Writer;

constexpr unsigned kEcdheRsa = 0xc02f;

// Each certificate is made once: two with the same content differ in their signature.
const Bytes& Leaf() {
  static const Bytes der = MakeCertificate({});
  return der;
}
const Bytes& Authority() {
  static const Bytes der = [] {
    CertificateSpec spec;
    spec.subject = spec.issuer = "Example CA";
    return MakeCertificate(spec);
  }();
  return der;
}

Bytes CertificateRecord(const std::vector<Bytes>& certificates) {
  Writer list;
  for (const Bytes& der : certificates) list.Prefixed24(der);
  return Record(22, Message(11, Writer().Prefixed24(list)));
}
Bytes StatusRecord(const Bytes& response) { return Record(22, Message(22, Writer().U8(1).Prefixed24(response))); }
Bytes DoneRecord() { return Record(22, Message(14, {})); }
Bytes RequestRecord() { return Record(22, Message(13, {1, 1, 0, 2, 4, 3, 0, 0})); }

Flow Begun() {
  Flow flow;
  flow.Client(Hello::Client().Record()).Server(Hello::Server(kEcdheRsa).Record(0x0303));
  return flow;
}

TEST(HandshakeCertificateTest, TheServersChainIsRead) {
  Flow flow = Begun();
  flow.Server(CertificateRecord({Leaf(), Authority()})).Server(DoneRecord());
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.server_certificates.length, 2u);
  ASSERT_NE(facts.server_certificates.leaf(), nullptr);
  EXPECT_EQ(facts.server_certificates.leaf()->subject, "CN=www.example.com,O=Example");
  EXPECT_TRUE(facts.server_certificates.InOrder());
  EXPECT_TRUE(facts.server_certificates.certificates[1]->self_signed);
  EXPECT_EQ(facts.client_certificates.leaf(), nullptr);
}

TEST(HandshakeCertificateTest, BytesThatAreNoDerAreThePeersAffair) {
  Flow flow = Begun();
  flow.Server(CertificateRecord({Bytes(700, 0x30)}));
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.progress, Progress::kInProgress);
  EXPECT_FALSE(facts.server_certificates.leaf()->readable);
}

TEST(HandshakeCertificateTest, AListThatBreaksItsLengthsIsMalformed) {
  Flow flow = Begun();
  flow.Server(Record(22, Message(11, Writer().Prefixed24({0, 0, 9, 1}))));
  EXPECT_EQ(flow.Facts().progress, Progress::kMalformed);
  EXPECT_EQ(flow.Facts().parse_sender, Sender::kServer);
}

TEST(HandshakeCertificateTest, AnOverlongChainIsCounted) {
  Flow flow = Begun();
  flow.Server(CertificateRecord(std::vector<Bytes>(kMaxChainLength + 2, Leaf())));
  EXPECT_EQ(flow.Facts().server_certificates.length, kMaxChainLength + 2);
  EXPECT_EQ(flow.Facts().server_certificates.certificates.size(), kMaxChainLength);
}

TEST(HandshakeCertificateTest, TheClientsCertificateIsRead) {
  Flow flow = Begun();
  flow.Server(CertificateRecord({Leaf()})).Server(RequestRecord()).Server(DoneRecord());
  EXPECT_EQ(flow.Facts().mutual_tls, MutualTls::kRequested);
  Flow presented = flow;
  presented.Client(CertificateRecord({Authority()}));
  EXPECT_EQ(presented.Facts().mutual_tls, MutualTls::kPresented);
  EXPECT_EQ(presented.Facts().client_certificates.leaf()->subject, "CN=Example CA,O=Example");
  flow.Client(CertificateRecord({}));
  EXPECT_EQ(flow.Facts().mutual_tls, MutualTls::kAbsent);
  EXPECT_EQ(flow.Facts().client_certificates.leaf(), nullptr);
}

TEST(HandshakeCertificateTest, AClientsCertificateShowsARequestThatWasLost) {
  Flow flow = Begun();
  flow.ServerGap().Client(CertificateRecord({Leaf()}));
  EXPECT_EQ(flow.Facts().mutual_tls, MutualTls::kPresented);
}

TEST(HandshakeCertificateTest, AStapleIsRead) {
  Flow flow = Begun();
  flow.Server(CertificateRecord({Leaf()})).Server(StatusRecord(MakeOcspResponse({}))).Server(DoneRecord());
  EXPECT_EQ(flow.Facts().ocsp_staple.status, OcspStatus::kGood);
  EXPECT_TRUE(flow.Facts().ocsp_staple.next_update.has_value());
}

TEST(HandshakeCertificateTest, AStapleThatIsNoneIsInvalid) {
  for (const Bytes& response : {MakeOcspError(), Bytes{1}}) {
    Flow flow = Begun();
    flow.Server(CertificateRecord({Leaf()})).Server(StatusRecord(response)).Server(DoneRecord());
    EXPECT_EQ(flow.Facts().ocsp_staple.status, OcspStatus::kInvalid);
    EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
  }
}

TEST(HandshakeCertificateTest, AStapleIsAbsentOnceTheServerGoesOn) {
  Flow flow = Begun();
  flow.Server(CertificateRecord({Leaf()}));
  EXPECT_EQ(flow.Facts().ocsp_staple.status, OcspStatus::kNotVisible);
  Flow torn = flow;
  flow.Server(DoneRecord());
  EXPECT_EQ(flow.Facts().ocsp_staple.status, OcspStatus::kAbsent);
  torn.ServerGap().Server(DoneRecord());
  EXPECT_EQ(torn.Facts().ocsp_staple.status, OcspStatus::kNotVisible);
}

TEST(HandshakeCertificateTest, OneCacheServesManyTrackers) {
  CertificateCache cache;
  for (int i = 0; i < 3; ++i) {
    HandshakeTracker tracker(&cache);
    tracker.OnBytes(Sender::kClient, Hello::Client().Record(), 1);
    tracker.OnBytes(Sender::kServer, Hello::Server(kEcdheRsa).Record(), 2);
    tracker.OnBytes(Sender::kServer, CertificateRecord({Leaf(), Authority()}), 3);
    EXPECT_EQ(tracker.handshake().server_certificates.length, 2u);
  }
  EXPECT_EQ(cache.reads(), 2u);
}

TEST(HandshakeCertificateTest, AChainEndsBeforeTheFirstCertificateOverTheBudget) {
  CertificateCache cache(1);
  HandshakeTracker tracker(&cache);
  tracker.OnBytes(Sender::kClient, Hello::Client().Record(), 1);
  tracker.OnBytes(Sender::kServer, Hello::Server(kEcdheRsa).Record(), 2);
  tracker.OnBytes(Sender::kServer, CertificateRecord({Leaf(), Authority(), Leaf()}), 3);
  const CertificateChain& chain = tracker.handshake().server_certificates;
  EXPECT_EQ(chain.length, 3u);
  ASSERT_EQ(chain.certificates.size(), 1u);
  EXPECT_EQ(*chain.leaf(), ReadCertificate(Leaf()));
  EXPECT_FALSE(tracker.handshake().incomplete);
}

Bytes EchBody(unsigned config_id, size_t enc_length) {
  return Writer().U8(0).U16(1).U16(1).U8(config_id).Prefixed16(Bytes(enc_length, 1)).Prefixed16(Bytes(144, 2));
}

Flow Retried(const Bytes& first, const Bytes& second) {
  Flow flow;
  flow.Client(Hello::Client13().Extension(0xfe0d, first).Record()).Server(Hello::Retry().Record());
  flow.Client(Hello::Client13().Extension(0xfe0d, second).Record());
  return flow;
}

TEST(HandshakeEchTest, OnlyARetryTellsGrease) {
  EXPECT_EQ(Flow().Client(Hello::Client13().Extension(0xfe0d, EchBody(7, 32)).Record()).Facts().ech, Ech::kOffered);
  EXPECT_EQ(Retried(EchBody(7, 32), EchBody(7, 32)).Facts().ech, Ech::kGrease);
  EXPECT_EQ(Retried(EchBody(7, 32), EchBody(7, 0)).Facts().ech, Ech::kOffered);
  EXPECT_EQ(Retried({0}, {0}).Facts().ech, Ech::kOffered);  // not framed as the RFC says: nothing can be told
}

}  // namespace
}  // namespace tlsmeter
