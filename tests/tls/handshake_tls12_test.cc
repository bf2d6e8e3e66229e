// HandshakeTracker up to TLS 1.2: what is encrypted follows ChangeCipherSpec.
#include <gtest/gtest.h>

#include "tests/tls/message_builder.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter {
namespace {

using testing::AlpnBody;
using testing::Bytes;
using testing::Flow;
using testing::Hello;
using testing::Message;
using testing::Record;
using testing::ServerNameBody;
using testing::Writer;

constexpr unsigned kEcdheRsa = 0xc02f;

Bytes KeyExchangeMessage() {
  return Message(12, Writer().U8(3).U16(29).Prefixed8(Bytes(32, 4)).U16(0x0804).Prefixed16(Bytes(64, 1)));
}
Bytes CertificateMessage() { return Message(11, Writer().Prefixed24(Writer().Prefixed24(Bytes(700, 0x30)))); }
Bytes CertificateRequestMessage() { return Message(13, {1, 1, 0, 2, 4, 3, 0, 0}); }
Bytes DoneMessage() { return Message(14, {}); }
Bytes ClientKeyMessage() { return Message(16, Writer().Prefixed8(Bytes(32, 4))); }
Bytes TicketMessage() { return Message(4, Writer().U32(300).Prefixed16(Bytes(160, 1))); }

Hello ClientHello12() {
  return Hello::Client().Ciphers({kEcdheRsa}).Extension(0, ServerNameBody("old.example")).Extension(16, AlpnBody({"h2"}));
}

// ServerFlight is ServerHello to ServerHelloDone, each message in a record of its own.
Flow& ServerFlight(Flow& flow, const Hello& hello = Hello::Server(kEcdheRsa)) {
  return flow.Server(hello.Record(0x0303))
      .Server(Record(22, CertificateMessage()))
      .Server(Record(22, KeyExchangeMessage()))
      .Server(Record(22, DoneMessage()));
}

// Full is a whole handshake: hello, flight of four, client's three, server's two.
Flow Full() {
  Flow flow;
  flow.Client(ClientHello12().Record());
  ServerFlight(flow, Hello::Server(kEcdheRsa).Extension(16, AlpnBody({"h2"})));
  return flow
      .Client(Record(22, ClientKeyMessage()))  // 6000
      .ClientCcs()
      .ClientSealed(40, 22)  // 8000
      .Server(Record(22, TicketMessage()))
      .ServerCcs()
      .ServerSealed(40, 22);  // 11000
}

TEST(HandshakeTls12Test, AFullHandshakeEndsWithTheServersFinished) {
  const Handshake facts = Full().Facts();
  EXPECT_EQ(facts.progress, Progress::kEstablished);
  EXPECT_FALSE(facts.inferred);
  EXPECT_FALSE(facts.incomplete);
  EXPECT_EQ(facts.parse_status, ParseStatus::kOk);
  EXPECT_EQ(facts.version, ProtocolVersion::kTls12);
  EXPECT_EQ(facts.cipher, CipherSuite{kEcdheRsa});
  EXPECT_EQ(facts.group, NamedGroup{29});
  EXPECT_EQ(facts.alpn, "h2");
  EXPECT_EQ(facts.client_hello->server_name, "old.example");
  EXPECT_EQ(facts.client_hello_count, 1);
  EXPECT_EQ(facts.resumption, Resumption::kNone);
  EXPECT_EQ(facts.early_data, EarlyData::kNone);
  EXPECT_EQ(facts.mutual_tls, MutualTls::kNotVisible);
  EXPECT_EQ(facts.client_hello_ns, 1000u);
  EXPECT_EQ(facts.server_hello_ns, 2000u);
  EXPECT_EQ(facts.client_finished_ns, 8000u);
  EXPECT_EQ(facts.established_ns, 11000u);
  EXPECT_EQ(facts.first_application_data_ns, 0u);
  EXPECT_FALSE(facts.alert.has_value());
  EXPECT_EQ(facts.records[0], 4u);
  EXPECT_EQ(facts.records[1], 7u);
  EXPECT_FALSE(Full().Settled());
}

TEST(HandshakeTls12Test, TheFirstApplicationDataOfEitherSideSettlesIt) {
  Flow by_client = Full();
  by_client.ClientSealed(100).ServerSealed(200);
  EXPECT_EQ(by_client.Facts().first_application_data_ns, 12000u);
  EXPECT_TRUE(by_client.Settled());
  Flow by_server = Full();
  by_server.ServerSealed(200);
  EXPECT_EQ(by_server.Facts().first_application_data_ns, 12000u);
  EXPECT_EQ(by_server.Facts().established_ns, 11000u);
}

TEST(HandshakeTls12Test, BytesAreCountedUpToTheEnd) {
  Flow flow = Full();
  const Handshake before = flow.Facts();
  EXPECT_EQ(before.handshake_bytes[0], ClientHello12().Record().size() + 5 + ClientKeyMessage().size() + 6 + 45);
  flow.ClientSealed(4000).ServerSealed(4000);
  EXPECT_EQ(flow.Facts().handshake_bytes, before.handshake_bytes);
}

TEST(HandshakeTls12Test, AllOfAFlightInOneRecordIsReadAlike) {
  const Bytes flight = Writer()
                           .Raw(Hello::Server(kEcdheRsa).Message())
                           .Raw(CertificateMessage())
                           .Raw(KeyExchangeMessage())
                           .Raw(DoneMessage());
  const Handshake facts = Flow().Client(ClientHello12().Record()).Server(Record(22, flight)).Facts();
  EXPECT_EQ(facts.group, NamedGroup{29});
  EXPECT_EQ(facts.progress, Progress::kInProgress);
}

TEST(HandshakeTls12Test, AHelloSpreadOverTinyRecordsIsReadAlike) {
  const Bytes message = ClientHello12().Message();
  Flow flow;
  for (size_t i = 0; i < message.size(); i += 7) {
    flow.Client(Record(22, Bytes(message.begin() + static_cast<ptrdiff_t>(i),
                                 message.begin() + static_cast<ptrdiff_t>(std::min(i + 7, message.size())))));
  }
  const Handshake facts = flow.Facts();
  ASSERT_TRUE(facts.client_hello.has_value());
  EXPECT_EQ(facts.client_hello->server_name, "old.example");
  EXPECT_EQ(facts.client_hello_ns, 1000u);
}

TEST(HandshakeTls12Test, VersionsBelow12AreNegotiatedByTheLegacyField) {
  for (const unsigned version : {0x0300u, 0x0301u, 0x0302u}) {
    const Handshake facts =
        Flow().Client(ClientHello12().Record()).Server(Hello::Server(0x002f).Version(version).Record(version)).Facts();
    EXPECT_EQ(facts.version->value, version);
  }
}

Flow Resumed(const Hello& client, const Hello& server) {
  Flow flow;
  return flow.Client(client.Record())
      .Server(server.Record(0x0303))
      .Server(Record(22, TicketMessage()))
      .ServerCcs()
      .ServerSealed(40, 22)
      .ClientCcs()
      .ClientSealed(40, 22);  // 7000
}

TEST(HandshakeTls12Test, ResumptionBySessionIdEndsWithTheClientsFinished) {
  const Bytes id(32, 8);
  const Handshake facts = Resumed(ClientHello12().SessionId(id), Hello::Server(kEcdheRsa).SessionId(id)).Facts();
  EXPECT_EQ(facts.progress, Progress::kEstablished);
  EXPECT_EQ(facts.resumption, Resumption::kSessionId);
  EXPECT_EQ(facts.client_finished_ns, 7000u);
  EXPECT_EQ(facts.established_ns, 7000u);
}

TEST(HandshakeTls12Test, AnEmptyTicketExtensionIsNoTicket) {
  const Bytes id(32, 8);
  EXPECT_EQ(
      Resumed(ClientHello12().SessionId(id).Extension(35, {}), Hello::Server(kEcdheRsa).SessionId(id)).Facts().resumption,
      Resumption::kSessionId);
}

TEST(HandshakeTls12Test, ResumptionByTicketIsToldWithAndWithoutAnEchoedId) {
  const Bytes id(32, 8);
  const Hello with_ticket = ClientHello12().Extension(35, Bytes(100, 1));
  EXPECT_EQ(Resumed(Hello(with_ticket).SessionId(id), Hello::Server(kEcdheRsa).SessionId(id)).Facts().resumption,
            Resumption::kTicket);
  EXPECT_EQ(Resumed(with_ticket, Hello::Server(kEcdheRsa)).Facts().resumption, Resumption::kTicket);
}

TEST(HandshakeTls12Test, AnEchoedIdBeforeAFullHandshakeIsNoResumption) {
  const Bytes id(32, 8);
  Flow flow;
  flow.Client(ClientHello12().SessionId(id).Extension(35, Bytes(100, 1)).Record());
  ServerFlight(flow, Hello::Server(kEcdheRsa).SessionId(id));
  flow.Client(Record(22, ClientKeyMessage())).ClientCcs().ClientSealed(40, 22).ServerCcs().ServerSealed(40, 22);
  EXPECT_EQ(flow.Facts().resumption, Resumption::kNone);
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
}

TEST(HandshakeTls12Test, ResumptionIsToldByOrderWhereTheServersFlightWasNotCaptured) {
  const Bytes id(32, 8);
  Flow full;
  full.Client(ClientHello12().SessionId(id).Record())
      .Server(Hello::Server(kEcdheRsa).SessionId(id).Record(0x0303))
      .Opaque(Sender::kServer, 22, 3000)
      .Client(Record(22, ClientKeyMessage()))
      .ClientCcs()
      .ClientSealed(40, 22)
      .ServerCcs()
      .ServerSealed(40, 22);
  EXPECT_EQ(full.Facts().resumption, Resumption::kNone);
  EXPECT_TRUE(full.Facts().incomplete);
  EXPECT_EQ(full.Facts().progress, Progress::kEstablished);
}

TEST(HandshakeTls12Test, ClientAuthenticationIsVisible) {
  const auto with = [](const std::optional<Bytes>& client_certificate) {
    Flow flow;
    flow.Client(ClientHello12().Record())
        .Server(Hello::Server(kEcdheRsa).Record(0x0303))
        .Server(Record(22, Writer().Raw(CertificateMessage()).Raw(CertificateRequestMessage()).Raw(DoneMessage())));
    if (client_certificate) flow.Client(Record(22, *client_certificate));
    return flow.Facts().mutual_tls;
  };
  EXPECT_EQ(with(std::nullopt), MutualTls::kRequested);
  EXPECT_EQ(with(CertificateMessage()), MutualTls::kPresented);
  EXPECT_EQ(with(Message(11, {0, 0, 0})), MutualTls::kAbsent);
  EXPECT_EQ(with(Message(11, Bytes(kMaxHandshakeMessage + 1, 0))), MutualTls::kPresented);
}

TEST(HandshakeTls12Test, AnSsl3ClientDeclinesWithAWarning) {
  const Handshake facts = Flow()
                              .Client(ClientHello12().Record())
                              .Server(Hello::Server(0x002f).Version(0x0300).Record(0x0300))
                              .Server(Record(22, CertificateRequestMessage()))
                              .ClientAlert(1, 41)
                              .Facts();
  EXPECT_EQ(facts.mutual_tls, MutualTls::kAbsent);
  EXPECT_EQ(facts.progress, Progress::kInProgress);
}

TEST(HandshakeTls12Test, AFatalAlertRefuses) {
  Flow flow;
  flow.Client(ClientHello12().Record()).ServerAlert(2, 40);
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.progress, Progress::kRefused);
  EXPECT_FALSE(facts.inferred);
  EXPECT_EQ(facts.alert, (Alert{Sender::kServer, 2, 40, false, 2000}));
  EXPECT_EQ(facts.alerts_seen, 1u);
  EXPECT_TRUE(flow.Settled());
}

TEST(HandshakeTls12Test, AClientThatRejectsTheCertificateSaysWhy) {
  Flow flow;
  flow.Client(ClientHello12().Record());
  ServerFlight(flow).ClientAlert(2, 48);
  EXPECT_EQ(flow.Facts().alert, (Alert{Sender::kClient, 2, 48, false, 6000}));
  EXPECT_EQ(flow.Facts().progress, Progress::kRefused);
}

TEST(HandshakeTls12Test, AServerThatRejectsTheClientSaysWhyBeforeItsFinished) {
  Flow flow;
  flow.Client(ClientHello12().Record());
  ServerFlight(flow).ClientCcs().ClientSealed(40, 22).ServerAlert(2, 42);
  EXPECT_EQ(flow.Facts().progress, Progress::kRefused);
  EXPECT_EQ(flow.Facts().alert->description, 42);
}

TEST(HandshakeTls12Test, AWarningRefusesNothing) {
  Flow flow;
  flow.Client(ClientHello12().Record()).ServerAlert(1, 112);
  EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
  EXPECT_EQ(flow.Facts().alert, (Alert{Sender::kServer, 1, 112, false, 2000}));
  ServerFlight(flow).ClientCcs().ClientSealed(40, 22).ServerCcs().ServerSealed(40, 22);
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
  EXPECT_EQ(flow.Facts().alert->description, 112);
}

TEST(HandshakeTls12Test, UserCanceledIsAWarningAtAnyLevel) {
  EXPECT_EQ(Flow().Client(ClientHello12().Record()).ClientAlert(2, 90).Facts().progress, Progress::kInProgress);
}

TEST(HandshakeTls12Test, CloseNotifyIsNoAlertAndEndsNothing) {
  const Handshake facts = Flow().Client(ClientHello12().Record()).ServerAlert(1, 0).ClientAlert(2, 0).Facts();
  EXPECT_EQ(facts.progress, Progress::kInProgress);
  EXPECT_FALSE(facts.alert.has_value());
  EXPECT_EQ(facts.alerts_seen, 0u);
}

TEST(HandshakeTls12Test, AnEncryptedAlertInPlaceOfFinishedRefuses) {
  Flow flow;
  flow.Client(ClientHello12().Record());
  ServerFlight(flow).ClientCcs().ClientSealed(26, 21);
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.progress, Progress::kRefused);
  EXPECT_TRUE(facts.inferred);
  EXPECT_EQ(facts.alert, (Alert{Sender::kClient, 0, 0, true, 7000}));
}

TEST(HandshakeTls12Test, AnEncryptedAlertAfterDataOfItsSenderProvesNothing) {
  Flow flow;
  flow.Client(ClientHello12().Record());
  ServerFlight(flow).ClientCcs().ClientSealed(40, 22).ClientSealed(300).ClientSealed(26, 21);
  EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
}

TEST(HandshakeTls12Test, AnEncryptedAlertAfterTheEndIsAClose) {
  Flow flow = Full();
  flow.ServerSealed(26, 21);
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
  EXPECT_FALSE(flow.Facts().alert.has_value());
}

TEST(HandshakeTls12Test, ARenegotiationIsNotedAndChangesNothingElse) {
  Flow flow = Full();
  const Handshake before = flow.Facts();
  flow.ClientSealed(300, 22).ServerSealed(3000, 22).ClientCcs().ClientSealed(40, 22).ServerCcs().ServerSealed(40, 22);
  Handshake after = flow.Facts();
  EXPECT_TRUE(after.renegotiation);
  after.renegotiation = false;
  after.records = before.records;
  EXPECT_TRUE(after == before);
}

TEST(HandshakeTls12Test, DataBeforeTheServersFinishedIsNotTheFirstAfterIt) {
  Flow flow;
  flow.Client(ClientHello12().Record());
  ServerFlight(flow).ClientCcs().ClientSealed(40, 22).ClientSealed(300);  // false start: RFC 7918
  EXPECT_EQ(flow.Facts().first_application_data_ns, 0u);
  EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
  flow.ServerCcs().ServerSealed(40, 22).ServerSealed(500);
  EXPECT_EQ(flow.Facts().first_application_data_ns, flow.last_ns());
}

TEST(HandshakeTls12Test, EarlyDataOfferedToATls12ServerIsRejected) {
  const Handshake facts = Flow()
                              .Client(Hello::Client13().Extension(42, {}).Record())
                              .ClientSealed(200)
                              .Server(Hello::Server(kEcdheRsa).Record())
                              .Facts();
  EXPECT_EQ(facts.early_data, EarlyData::kRejected);
}

TEST(HandshakeTls12Test, AnOpaquePlaintextRecordIsMissedAndTheNextIsReadAgain) {
  Flow flow;
  flow.Client(ClientHello12().Record())
      .Server(Hello::Server(kEcdheRsa).Record(0x0303))
      .Opaque(Sender::kServer, 22, 5000)
      .Server(Record(22, Bytes(200, 0xfd)))  // the rest of the certificates: no message begins here
      .Server(Record(22, KeyExchangeMessage()));
  const Handshake facts = flow.Facts();
  EXPECT_TRUE(facts.incomplete);
  EXPECT_EQ(facts.progress, Progress::kInProgress);
  EXPECT_EQ(facts.group, NamedGroup{29});
}

TEST(HandshakeTls12Test, AnOpaqueRecordInsideAnotherBreaksTheDirection) {
  HandshakeTracker tracker;
  const Bytes hello = ClientHello12().Record();
  tracker.OnBytes(Sender::kClient, std::span(hello).first(20), 1);
  tracker.OnOpaqueRecord(Sender::kClient, ContentType::kHandshake, 100, 2);
  EXPECT_TRUE(tracker.handshake().incomplete);
  EXPECT_EQ(tracker.handshake().progress, Progress::kNoHello);
  tracker.OnBytes(Sender::kClient, hello, 3);
  EXPECT_TRUE(tracker.handshake().client_hello.has_value());
}

TEST(HandshakeTls12Test, AServersDataProvesAnEndThatWasLost) {
  Flow flow;
  flow.Client(ClientHello12().Record());
  ServerFlight(flow).ServerGap().ServerSealed(300);
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.progress, Progress::kEstablished);
  EXPECT_TRUE(facts.incomplete);
  EXPECT_EQ(facts.established_ns, 0u);
  EXPECT_NE(facts.first_application_data_ns, 0u);
}

TEST(HandshakeTls12Test, AnEncryptedAlertNextToAGapProvesNothing) {
  Flow flow;
  flow.Client(ClientHello12().Record());
  ServerFlight(flow).ClientCcs().ServerGap().ClientSealed(26, 21);
  EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
}

}  // namespace
}  // namespace tlsmeter
