// HandshakeTracker in TLS 1.3: the end is told from lengths and order of encrypted records.
#include <gtest/gtest.h>

#include "tests/tls/message_builder.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter {
namespace {

using testing::AlpnBody;
using testing::ByteListBody;
using testing::Bytes;
using testing::Flow;
using testing::Hello;
using testing::Numbers;
using testing::PskBody;
using testing::Record;
using testing::Writer;

constexpr size_t kFinished256 = 53;
constexpr size_t kFinished384 = 69;
constexpr size_t kAlert = 19;
constexpr size_t kEndOfEarlyData = 21;
constexpr size_t kEmptyCertificate = 25;

// UpToServerFlight is both hellos and the server's encrypted flight: six steps.
Flow UpToServerFlight(unsigned cipher = 0x1301, const Hello& client = Hello::Client13()) {
  Flow flow;
  return flow.Client(client.Record())
      .Server(Hello::Server13(cipher).Record(0x0303))
      .ServerCcs()
      .ServerSealed(27)
      .ServerSealed(1200)
      .ServerSealed(53);  // its Finished: 6000
}

Hello EarlyClient() {
  return Hello::Client13().Extension(45, ByteListBody({1})).Extension(42, {}).Extension(41, PskBody(1));
}
Hello PskServer(unsigned index = 0) { return Hello::Server13().Extension(41, Numbers({index})); }

TEST(HandshakeTls13Test, TheClientsFinishedCompletesIt) {
  for (const auto& [cipher, finished] :
       {std::pair<unsigned, size_t>{0x1301, 53}, {0x1302, 69}, {0x1303, 53}, {0x1304, 53}, {0x1305, 45}}) {
    Flow flow = UpToServerFlight(cipher);
    flow.ClientCcs().ClientSealed(finished);
    const Handshake facts = flow.Facts();
    EXPECT_EQ(facts.progress, Progress::kEstablished) << cipher;
    EXPECT_FALSE(facts.inferred);
    EXPECT_EQ(facts.version, ProtocolVersion::kTls13);
    EXPECT_EQ(facts.cipher->value, cipher);
    EXPECT_EQ(facts.group, NamedGroup{29});
    EXPECT_EQ(facts.resumption, Resumption::kNone);
    EXPECT_EQ(facts.client_hello_ns, 1000u);
    EXPECT_EQ(facts.server_hello_ns, 2000u);
    EXPECT_EQ(facts.client_finished_ns, 8000u);
    EXPECT_EQ(facts.established_ns, 8000u);
    EXPECT_EQ(facts.first_application_data_ns, 0u);
    EXPECT_EQ(facts.mutual_tls, MutualTls::kNotVisible);
    EXPECT_FALSE(flow.Settled());
  }
}

TEST(HandshakeTls13Test, TheFirstRecordAfterFinishedIsTheClientsData) {
  Flow flow = UpToServerFlight();
  flow.ClientCcs().ClientSealed(kFinished256).ClientSealed(100);
  EXPECT_EQ(flow.Facts().first_application_data_ns, 9000u);
  EXPECT_FALSE(flow.Settled()) << "the server may still refuse the client";
  flow.ServerSealed(250);
  EXPECT_TRUE(flow.Settled());
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
}

TEST(HandshakeTls13Test, TicketsAreNotApplicationData) {
  Flow flow = UpToServerFlight();
  flow.ClientSealed(kFinished256).ServerSealed(250).ServerSealed(250);
  EXPECT_EQ(flow.Facts().first_application_data_ns, 0u);
  flow.ClientSealed(80);
  EXPECT_EQ(flow.Facts().first_application_data_ns, 10000u);
  EXPECT_TRUE(flow.Settled());
}

TEST(HandshakeTls13Test, EncryptedFlightsCountAsHandshakeBytesAndDataDoesNot) {
  Flow flow = UpToServerFlight();
  flow.ClientCcs().ClientSealed(kFinished256);
  const Handshake before = flow.Facts();
  EXPECT_EQ(before.handshake_bytes[0], Hello::Client13().Record().size() + 6 + 58);
  EXPECT_EQ(before.handshake_bytes[1], Hello::Server13().Record().size() + 6 + 32 + 1205 + 58);
  flow.ServerSealed(250).ClientSealed(1000).ServerSealed(9000);
  EXPECT_EQ(flow.Facts().handshake_bytes, before.handshake_bytes);
}

TEST(HandshakeTls13Test, AnAlpnInServerHelloIsNotBelieved) {
  EXPECT_EQ(Flow()
                .Client(Hello::Client13().Record())
                .Server(Hello::Server13().Extension(16, AlpnBody({"h2"})).Record())
                .Facts()
                .alpn,
            "");
}

TEST(HandshakeTls13Test, ResumptionIsAPskThatTheServerAccepted) {
  const auto resumption = [](const Hello& server) {
    return Flow().Client(EarlyClient().Record()).Server(server.Record()).Facts().resumption;
  };
  EXPECT_EQ(resumption(PskServer()), Resumption::kPsk);
  EXPECT_EQ(resumption(PskServer(3)), Resumption::kPsk);
  EXPECT_EQ(resumption(Hello::Server13()), Resumption::kNone);
}

TEST(HandshakeTls13Test, AHelloRetryRequestIsNotTheServerHello) {
  Flow flow;
  flow.Client(Hello::Client13().Record()).Server(Hello::Retry(0x0017).Record(0x0303)).ServerCcs();
  EXPECT_FALSE(flow.Facts().server_hello.has_value());
  EXPECT_FALSE(flow.Facts().version.has_value());
  EXPECT_EQ(flow.Facts().hello_retry->key_share_group, NamedGroup{0x0017});
  EXPECT_EQ(flow.Facts().server_hello_ns, 0u);
  flow.ClientCcs()
      .Client(Hello::Client13().Extension(44, {0, 1, 7}).Record(0x0303))  // plaintext after ChangeCipherSpec
      .Server(Hello::Server13(0x1302, 0x0017).Record(0x0303))             // likewise: 6000
      .ServerSealed(1300)
      .ClientSealed(kFinished384);
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.progress, Progress::kEstablished);
  EXPECT_EQ(facts.client_hello_count, 2);
  EXPECT_FALSE(facts.client_hello->cookie) << "the first hello is kept";
  EXPECT_EQ(facts.client_hello_ns, 1000u);
  EXPECT_EQ(facts.server_hello_ns, 6000u);
  EXPECT_EQ(facts.group, NamedGroup{0x0017});
  EXPECT_EQ(facts.established_ns, 8000u);
}

TEST(HandshakeTls13Test, AnAlertBeforeFinishedRefusesTheServer) {
  Flow flow = UpToServerFlight();
  flow.ClientCcs().ClientSealed(kAlert);
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.progress, Progress::kRefused);
  EXPECT_TRUE(facts.inferred);
  EXPECT_EQ(facts.alert, (Alert{Sender::kClient, 0, 0, true, 8000}));
  EXPECT_EQ(facts.alerts_seen, 0u);
  EXPECT_EQ(facts.established_ns, 0u);
  EXPECT_TRUE(flow.Settled());
}

TEST(HandshakeTls13Test, AnAlertOfASuiteWithAShortTagIsShorter) {
  Flow flow = UpToServerFlight(0x1305);
  flow.ClientSealed(11);
  EXPECT_EQ(flow.Facts().progress, Progress::kRefused);
}

TEST(HandshakeTls13Test, APlaintextAlertAfterTheServersFlightSaysWhy) {
  Flow flow = UpToServerFlight();
  flow.ClientAlert(2, 48);
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.progress, Progress::kRefused);
  EXPECT_FALSE(facts.inferred);
  EXPECT_EQ(facts.alert, (Alert{Sender::kClient, 2, 48, false, 7000}));
}

TEST(HandshakeTls13Test, TheLevelOfAnAlertIsIgnored) {
  Flow flow = UpToServerFlight();
  flow.ClientAlert(1, 48);
  EXPECT_EQ(flow.Facts().progress, Progress::kRefused);
  Flow canceled = UpToServerFlight();
  canceled.ClientAlert(1, 90);
  EXPECT_EQ(canceled.Facts().progress, Progress::kInProgress);
}

TEST(HandshakeTls13Test, AClientWithoutACertificateSendsAnEmptyOneAndFinishes) {
  Flow flow = UpToServerFlight();
  flow.ClientSealed(kEmptyCertificate).ClientSealed(kFinished256);
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
  EXPECT_EQ(flow.Facts().established_ns, 8000u);
}

TEST(HandshakeTls13Test, AServersAlertAsItsFirstRecordAfterFinishedRefusesTheClient) {
  Flow flow = UpToServerFlight();
  flow.ClientSealed(703).ClientSealed(96).ClientSealed(kFinished256).ClientSealed(120).ServerSealed(kAlert);
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.progress, Progress::kRefused);
  EXPECT_TRUE(facts.inferred);
  EXPECT_EQ(facts.alert, (Alert{Sender::kServer, 0, 0, true, flow.last_ns()}));
  EXPECT_EQ(facts.client_finished_ns, 9000u);
  EXPECT_TRUE(flow.Settled());
}

TEST(HandshakeTls13Test, AServersAlertAfterATicketIsAClose) {
  Flow flow = UpToServerFlight();
  flow.ClientSealed(kFinished256).ServerSealed(250).ServerSealed(kAlert);
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
  EXPECT_FALSE(flow.Facts().alert.has_value());
}

TEST(HandshakeTls13Test, AServersAlertThatAnswersACloseIsAClose) {
  Flow flow = UpToServerFlight();
  flow.ClientSealed(kFinished256).ClientSealed(kAlert).ServerSealed(kAlert);
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
  EXPECT_EQ(flow.Facts().first_application_data_ns, 0u);
  EXPECT_TRUE(flow.Settled());
}

TEST(HandshakeTls13Test, AServersAlertLongAfterFinishedIsAClose) {
  Flow flow = UpToServerFlight();
  flow.ClientSealed(kFinished256).At(flow.last_ns() + kMaxRefusalDelayNs + 1).ServerSealed(kAlert);
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
  Flow just_in_time = UpToServerFlight();
  just_in_time.ClientSealed(kFinished256).At(just_in_time.last_ns() + kMaxRefusalDelayNs).ServerSealed(kAlert);
  EXPECT_EQ(just_in_time.Facts().progress, Progress::kRefused);
}

TEST(HandshakeTls13Test, AServersPlaintextAlertAfterFinishedRefusesTheClient) {
  Flow flow = UpToServerFlight();
  flow.ClientSealed(kFinished256).ServerAlert(2, 51);
  EXPECT_EQ(flow.Facts().progress, Progress::kRefused);
  EXPECT_FALSE(flow.Facts().inferred);
  Flow accepted = UpToServerFlight();
  accepted.ClientSealed(kFinished256).ServerSealed(250).ServerAlert(2, 51);
  EXPECT_EQ(accepted.Facts().progress, Progress::kEstablished);
}

TEST(HandshakeTls13Test, AServersAlertToAClientThatSentNothingIsNoRefusal) {
  // OpenSSL 3 answers like this when the client closes after the server's flight.
  Flow flow = UpToServerFlight();
  flow.ServerSealed(kAlert);
  EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
  EXPECT_FALSE(flow.Facts().alert.has_value());
}

TEST(HandshakeTls13Test, ARecordOfWhichTheHeaderCameInPartIsNoGap) {
  const Bytes record = Record(23, Bytes(kFinished256, 0xee));
  for (size_t split = 1; split < kRecordHeaderSize; ++split) {
    HandshakeTracker tracker;
    tracker.OnBytes(Sender::kClient, Hello::Client13().Record(), 1000);
    tracker.OnBytes(Sender::kServer, Hello::Server13().Record(0x0303), 2000);
    tracker.OnOpaqueRecord(Sender::kServer, ContentType::kApplicationData, 900, 2000);
    tracker.OnBytes(Sender::kClient, std::span(record).first(split), 3000);
    tracker.OnOpaqueRecord(Sender::kClient, ContentType::kApplicationData, kFinished256, 3000);
    EXPECT_EQ(tracker.handshake().progress, Progress::kEstablished) << split;
    EXPECT_FALSE(tracker.handshake().incomplete) << split;
  }
}

TEST(HandshakeTls13Test, AServersAlertAfterAFlightWithoutAFinishedSizedRecordRefuses) {
  Flow flow = UpToServerFlight();
  flow.ClientSealed(900).ServerSealed(kAlert);
  EXPECT_EQ(flow.Facts().progress, Progress::kRefused);
}

TEST(HandshakeTls13Test, AClientsAlertAfterFinishedIsACloseAndNoData) {
  Flow flow = UpToServerFlight();
  flow.ClientSealed(kFinished256).ClientSealed(kAlert);
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
  EXPECT_EQ(flow.Facts().first_application_data_ns, 0u);
}

TEST(HandshakeTls13Test, AFlightInOneRecordEndsWithItOnceTheServerGoesOn) {
  Flow flow = UpToServerFlight();
  flow.ClientSealed(900);
  EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
  flow.ServerSealed(250);
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.progress, Progress::kEstablished);
  EXPECT_EQ(facts.client_finished_ns, 7000u);
  EXPECT_EQ(facts.established_ns, 7000u);
}

TEST(HandshakeTls13Test, AnUnknownSuiteEndsOnceTheServerGoesOn) {
  Flow flow = UpToServerFlight(0x13ee);
  flow.ClientSealed(19).ServerSealed(19);
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
}

TEST(HandshakeTls13Test, AClientThatOnlyUploadsIsSettledInTheEnd) {
  Flow flow = UpToServerFlight();
  flow.ClientSealed(kFinished256);
  for (int i = 0; i < kMaxUnansweredRecords; ++i) {
    EXPECT_FALSE(flow.Settled());
    flow.ClientSealed(1000);
  }
  EXPECT_TRUE(flow.Settled());
}

TEST(HandshakeTls13Test, AcceptedEarlyDataIsTheFirstApplicationData) {
  Flow flow;
  flow.Client(EarlyClient().Record())
      .ClientCcs()
      .ClientSealed(300)  // 3000
      .ClientSealed(300)
      .Server(PskServer().Record(0x0303))
      .ServerSealed(27)
      .ServerSealed(53)
      .ClientSealed(kEndOfEarlyData)
      .ClientSealed(kFinished256);  // 9000
  const Handshake facts = flow.Facts();
  EXPECT_EQ(facts.early_data, EarlyData::kAccepted);
  EXPECT_EQ(facts.resumption, Resumption::kPsk);
  EXPECT_EQ(facts.progress, Progress::kEstablished);
  EXPECT_EQ(facts.established_ns, 9000u);
  EXPECT_EQ(facts.first_application_data_ns, 3000u);
  EXPECT_EQ(facts.handshake_bytes[0], EarlyClient().Record().size() + 6 + 26 + 58) << "early data is data";
}

TEST(HandshakeTls13Test, EarlyDataStillUnderWayIsNotTheEnd) {
  Flow flow;
  flow.Client(EarlyClient().Record())
      .ClientSealed(300)
      .Server(PskServer().Record(0x0303))
      .ClientSealed(1400)
      .ServerSealed(27)
      .ServerSealed(53)
      .ClientSealed(1400)
      .ServerSealed(800);  // data of the server before the client's Finished
  EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
  flow.ClientSealed(kEndOfEarlyData).ClientSealed(kFinished256);
  EXPECT_EQ(flow.Facts().established_ns, flow.last_ns());
  EXPECT_EQ(flow.Facts().early_data, EarlyData::kAccepted);
}

TEST(HandshakeTls13Test, AFinishedThatNeverShowsIsGivenUpAfterEnoughEarlyRecords) {
  Flow flow;
  flow.Client(EarlyClient().Record()).Server(PskServer().Record(0x0303));
  for (int i = 0; i < 16; ++i) flow.ClientSealed(1400).ServerSealed(300);
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
}

TEST(HandshakeTls13Test, FinishedWithoutEndOfEarlyDataRejectsIt) {
  Flow flow;
  flow.Client(EarlyClient().Record()).ClientSealed(300).Server(PskServer().Record(0x0303)).ServerSealed(90);
  EXPECT_EQ(flow.Facts().early_data, EarlyData::kOffered);
  flow.ClientSealed(kFinished256).ClientSealed(100);
  EXPECT_EQ(flow.Facts().early_data, EarlyData::kRejected);
  EXPECT_EQ(flow.Facts().first_application_data_ns, flow.last_ns());
}

TEST(HandshakeTls13Test, EarlyDataIsRejectedWithoutTheFirstPsk) {
  for (const Hello& server : {Hello::Server13(), PskServer(1)}) {
    Flow flow;
    flow.Client(EarlyClient().Record()).ClientSealed(300).Server(server.Record(0x0303));
    EXPECT_EQ(flow.Facts().early_data, EarlyData::kRejected);
    flow.ClientSealed(400).ServerSealed(900).ServerSealed(53);  // data under way, the server's flight
    EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
    flow.ClientSealed(kFinished256);
    EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
    EXPECT_EQ(flow.Facts().early_data, EarlyData::kRejected);
  }
}

TEST(HandshakeTls13Test, ARetryRejectsEarlyDataAndItsHelloComesInTheClearAfterIt) {
  Flow flow;
  flow.Client(EarlyClient().Record())
      .ClientCcs()
      .ClientSealed(300)
      .Server(Hello::Retry().Record(0x0303))
      .ClientSealed(300)
      .Client(Hello::Client13().Record(0x0303));
  EXPECT_EQ(flow.Facts().client_hello_count, 2);
  EXPECT_EQ(flow.Facts().early_data, EarlyData::kRejected);
  flow.Server(PskServer().Record(0x0303)).ServerSealed(100).ClientSealed(kFinished256);
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
  EXPECT_EQ(flow.Facts().early_data, EarlyData::kRejected);
}

TEST(HandshakeTls13Test, OfferedEchIsNoted) {
  EXPECT_EQ(Flow().Client(Hello::Client13().Extension(0xfe0d, {0, 1, 2}).Record()).Facts().ech, Ech::kOffered);
  EXPECT_EQ(Flow().Client(Hello::Client13().Record()).Facts().ech, Ech::kNone);
}

TEST(HandshakeTls13Test, NextToAGapALengthProvesNoAlert) {
  Flow client_gap = UpToServerFlight();
  client_gap.ClientGap().ClientSealed(kAlert);
  EXPECT_EQ(client_gap.Facts().progress, Progress::kInProgress);
  EXPECT_TRUE(client_gap.Facts().incomplete);
  Flow server_gap = UpToServerFlight();
  server_gap.ClientSealed(kFinished256).ServerGap().ServerSealed(kAlert);
  EXPECT_EQ(server_gap.Facts().progress, Progress::kEstablished);
  EXPECT_FALSE(server_gap.Facts().incomplete) << "the handshake was over";
}

TEST(HandshakeTls13Test, AFinishedNextToAGapStillCompletes) {
  Flow flow = UpToServerFlight();
  flow.ServerGap().ClientSealed(kFinished256);
  EXPECT_EQ(flow.Facts().progress, Progress::kEstablished);
  EXPECT_TRUE(flow.Facts().incomplete);
}

TEST(HandshakeTls13Test, EmptyRecordsAreNothing) {
  Flow flow = UpToServerFlight();
  flow.ClientSealed(0).ServerSealed(0);
  EXPECT_EQ(flow.Facts().progress, Progress::kInProgress);
}

TEST(HandshakeTls13Test, DraftsAreFollowedAlike) {
  const Bytes hello = testing::Message(2, Writer().U16(0x7f12).Fill(32, 5).U16(0x1301).Prefixed16(
                                              Writer().U16(40).Prefixed16(Writer().U16(29).Prefixed16(Bytes(32, 1)))));
  const Handshake facts = Flow()
                              .Client(Hello::Client13().Record())
                              .Server(Record(22, hello, 0x0301))
                              .ServerSealed(900)
                              .ClientSealed(kFinished256)
                              .Facts();
  EXPECT_EQ(facts.progress, Progress::kEstablished);
  EXPECT_EQ(facts.version->Name(), "1.3-draft18");
}

}  // namespace
}  // namespace tlsmeter
