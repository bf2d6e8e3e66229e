#include "src/correlate/library_join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/correlate/harvested.h"
#include "tests/correlate/library_events.h"

namespace tlsmeter::agent {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

std::unique_ptr<HandshakeRecord> RefusedByServer() {
  std::unique_ptr<HandshakeRecord> record = Wire();
  record->tls.progress = Progress::kRefused;
  record->tls.inferred = true;
  record->tls.alert = Alert{Sender::kServer, 0, 0, true, 1};
  record->result = Result::kFailure;
  record->reason = FailureReason::kClientCertificateRejected;
  record->inferred = true;
  return record;
}

uint64_t Joined(const LibraryJoin& join, JoinedBy by) { return join.stats().joined[static_cast<size_t>(by)]; }

TEST(LibraryJoin, UnitesFactsThatCameFirst) {
  LibraryJoin join;
  join.Take(Event(LibraryCertificate{false, 0, Der(1)}));
  join.Take(Event(LibraryCertificate{true, 0, Der(2)}));
  join.Take(Event(End()));
  EXPECT_THAT(join.Harvest(), IsEmpty());
  join.Take(Wire(), kStart);
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  const HandshakeRecord& record = records[0];
  ASSERT_TRUE(record.library.has_value());
  EXPECT_EQ(record.library->join, JoinedBy::kClientRandom);
  EXPECT_EQ(record.library->stack, "OpenSSL 3.0.19");
  EXPECT_EQ(record.result, Result::kSuccess);
  EXPECT_EQ(record.tls.alpn, "h2");
  EXPECT_EQ(record.tls.group, NamedGroup{0x001d});
  EXPECT_EQ(record.tls.cipher, CipherSuite{0x1301});
  EXPECT_EQ(record.tls.mutual_tls, MutualTls::kPresented);
  EXPECT_EQ(record.tls.server_certificates.length, 1u);
  EXPECT_EQ(record.tls.client_certificates.length, 1u);
  EXPECT_NE(record.tls.server_certificates.leaf()->sha256, record.tls.client_certificates.leaf()->sha256);
  EXPECT_DOUBLE_EQ(*LibrarySeconds(record), 0.003);
  EXPECT_EQ(Joined(join, JoinedBy::kClientRandom), 1u);
  EXPECT_EQ(join.stats().sides, 0u);
}

TEST(LibraryJoin, UnitesFactsThatCameSecond) {
  LibraryJoin join;
  join.Take(Wire(), kStart);
  Advance(&join, kStart + kJoinPatienceNs - 1);
  EXPECT_THAT(join.Harvest(), IsEmpty());
  EXPECT_EQ(join.stats().waiting, 1u);
  join.Take(Event(End()));
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_TRUE(records[0].library.has_value());
  EXPECT_EQ(join.stats().waiting, 0u);
}

TEST(LibraryJoin, ARecordWithoutALibraryGoesOutAfterItsPatience) {
  LibraryJoin join;
  join.Take(Wire(), kStart);
  Advance(&join, kStart + kJoinPatienceNs);
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_FALSE(records[0].library.has_value());
  EXPECT_EQ(join.stats().wire_only, 1u);
}

TEST(LibraryJoin, FactsThatComeTooLateMakeNoSecondRecord) {
  LibraryJoin join;
  join.Take(Wire(), kStart);
  Advance(&join, kStart + kJoinPatienceNs);
  join.Take(Event(End()));
  Advance(&join, kStart + 2 * kLibraryAgeNs);
  join.Finish();
  EXPECT_THAT(join.Harvest(), SizeIs(1));
  EXPECT_EQ(join.stats().too_late, 1u);
  EXPECT_EQ(join.stats().sides, 0u);
}

TEST(LibraryJoin, TheTwoSidesOfOneConnectionStayApart) {
  LibraryJoin join;
  LibraryEnd server = End();
  server.server = true;
  server.alpn = "from-server";
  join.Take(Event(server, 2));
  join.Take(Event(End(), 1));
  join.Take(Wire(7, Role::kServer), kStart);
  join.Take(Wire(7, Role::kClient), kStart);
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].tls.alpn, "from-server");
  EXPECT_EQ(records[1].tls.alpn, "h2");
}

TEST(LibraryJoin, FallsBackToTheServerRandom) {
  LibraryJoin join;
  LibraryEnd end = End();
  end.client_random = Random(99);  // of the inner ClientHello
  join.Take(Event(end));
  join.Take(Wire(), kStart);
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].library->join, JoinedBy::kServerRandom);
}

TEST(LibraryJoin, FallsBackToTheAddressesOfTheSameProcess) {
  LibraryJoin join;
  LibraryEnd end;
  end.outcome = LibraryOutcome::kFailure;
  end.reason = 156;
  end.server = true;
  end.owner.pid = 42;
  end.local = Address(2, 443);
  end.remote = Address(1, 40000);
  join.Take(Event(end));
  std::unique_ptr<HandshakeRecord> other = Wire(7, Role::kServer);
  other->owner.pid = 43;
  join.Take(std::move(other), kStart);
  join.Take(Wire(7, Role::kServer), kStart);
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].owner.pid, 42u);
  EXPECT_EQ(records[0].library->join, JoinedBy::kAddress);
  EXPECT_EQ(records[0].reason, FailureReason::kNotTls);
}

TEST(LibraryJoin, WaitsForTheAlertThatRefusesAFinishedClient) {
  LibraryJoin join;
  join.Take(Event(End()));
  join.Take(RefusedByServer(), kStart);
  Advance(&join, kStart + kLateRejectNs - 1);
  EXPECT_THAT(join.Harvest(), IsEmpty());
  join.Take(Event(LibraryLate{LibraryLate::What::kAlertReceived, 116}, 1, kStart + kMs));
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].reason, FailureReason::kClientCertificateMissing);
  EXPECT_FALSE(records[0].inferred);
  EXPECT_EQ(records[0].failure_side, Sender::kClient);
  EXPECT_EQ(records[0].tls.alert->description, 116);
  EXPECT_EQ(records[0].tls.alert->sender, Sender::kServer);
  EXPECT_FALSE(records[0].tls.alert->encrypted);
}

TEST(LibraryJoin, TheWireMayComeBetweenSuccessAndAlert) {
  LibraryJoin join;
  join.Take(RefusedByServer(), kStart);
  join.Take(Event(End()));
  EXPECT_THAT(join.Harvest(), IsEmpty());
  join.Take(Event(LibraryLate{LibraryLate::What::kAlertReceived, 48}, 1, kStart + kMs));
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].reason, FailureReason::kClientCertificateRejected);
  EXPECT_FALSE(records[0].inferred);
}

TEST(LibraryJoin, KeepsTheInferenceWhenNoAlertIsRead) {
  LibraryJoin join;
  join.Take(Event(End()));
  join.Take(RefusedByServer(), kStart);
  Advance(&join, kStart + kLateRejectNs);
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].reason, FailureReason::kClientCertificateRejected);
  EXPECT_TRUE(records[0].inferred);
  EXPECT_TRUE(records[0].library.has_value());
}

TEST(LibraryJoin, AnAlertOfAHandshakeThatIsOutIsCounted) {
  LibraryJoin join;
  join.Take(Event(End()));
  join.Take(Wire(), kStart);
  join.Take(Event(LibraryLate{LibraryLate::What::kAlertReceived, 116}));
  EXPECT_THAT(join.Harvest(), SizeIs(1));
  EXPECT_EQ(join.stats().too_late, 1u);
}

TEST(LibraryJoin, AHandshakeThatTheWireDoesNotShowMakesARecord) {
  LibraryJoin join;
  LibraryEnd end = End();
  end.server_name = "a.example";
  join.Take(Event(end));
  Advance(&join, kStart);
  EXPECT_THAT(join.Harvest(), IsEmpty());  // the wire's ring may have been read before its event was written
  Advance(&join, kStart + kLookNs);
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].role, Role::kClient);
  EXPECT_EQ(records[0].owner.comm, "curl");
  EXPECT_EQ(records[0].result, Result::kSuccess);
  EXPECT_EQ(records[0].tls.version, ProtocolVersion::kTls13);
  EXPECT_EQ(records[0].library->join, JoinedBy::kNone);
  EXPECT_EQ(records[0].library->server_name, "a.example");
}

TEST(LibraryJoin, FactsWaitWhileTheWireFollowsTheirHandshake) {
  HandshakeIdentity by_client_random{.client_random = Random(7)};
  HandshakeIdentity by_server_random{.client_random = Random(1), .server_random = Random(107)};
  HandshakeIdentity by_address{.pid = 0, .local = Address(1, 40000), .remote = Address(2, 443)};
  for (const HandshakeIdentity& same : {by_client_random, by_server_random, by_address}) {
    LibraryJoin join;
    LibraryEnd end = End();
    end.local = Address(1, 40000);
    end.remote = Address(2, 443);
    join.Take(Event(end));
    Advance(&join, kStart, {same});
    Advance(&join, kStart + kLookNs, {same});
    Advance(&join, kStart + kLibraryAgeNs - 1, {same});
    EXPECT_THAT(join.Harvest(), IsEmpty());
    Advance(&join, kStart + kLibraryAgeNs, {same});
    EXPECT_THAT(join.Harvest(), SizeIs(1));
  }
}

TEST(LibraryJoin, FactsDoNotWaitForOtherHandshakes) {
  const HandshakeIdentity other{
      .pid = 42, .local = Address(1, 40001), .remote = Address(2, 443), .client_random = Random(8)};
  HandshakeIdentity other_side = other;
  other_side.role = Role::kServer;
  other_side.client_random = Random(7);
  LibraryJoin join;
  join.Take(Event(End()));
  Advance(&join, kStart, {other, other_side});
  Advance(&join, kStart + kLookNs, {other, other_side});
  EXPECT_THAT(join.Harvest(), SizeIs(1));
}

TEST(LibraryJoin, AHelloThatIsNotCompleteMayBeThatOfALibraryThatKnowsNoSocket) {
  for (const uint32_t pid : {42u, 0u, 43u}) {
    LibraryJoin join;
    const HandshakeIdentity begun{.pid = pid, .local = Address(1, 40000), .remote = Address(2, 443)};
    join.Take(Event(End()));
    Advance(&join, kStart, {begun});
    Advance(&join, kStart + kLookNs, {begun});
    EXPECT_THAT(join.Harvest(), SizeIs(pid == 43 ? 1 : 0)) << pid;
  }
}

TEST(LibraryJoin, SaysNothingWasNegotiatedWhereNoServerHelloWas) {
  LibraryJoin join;
  LibraryEnd end = End();
  end.outcome = LibraryOutcome::kFailure;
  end.reason = 156;  // http request
  end.server = true;
  end.client_random = {};
  end.server_random = {};
  end.local = Address(2, 443);
  end.remote = Address(1, 40000);
  join.Take(Event(end));
  join.Finish();
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].reason, FailureReason::kNotTls);
  EXPECT_EQ(records[0].tls.version, std::nullopt);
  EXPECT_EQ(records[0].tls.cipher, std::nullopt);
  EXPECT_EQ(records[0].tls.group, std::nullopt);
  EXPECT_EQ(records[0].library->client_random, std::nullopt);
}

TEST(LibraryJoin, CountsWhatNeverEndedAndWhatNamesNothing) {
  LibraryJoin join;
  join.Take(Event(LibraryCertificate{false, 0, Der(1)}, 1));
  LibraryEnd nameless;
  nameless.outcome = LibraryOutcome::kAbandoned;
  join.Take(Event(nameless, 2));
  Advance(&join, kStart + kLibraryAgeNs);
  EXPECT_THAT(join.Harvest(), IsEmpty());
  EXPECT_EQ(join.stats().unfinished, 1u);
  EXPECT_EQ(join.stats().nameless, 1u);
}

TEST(LibraryJoin, DoesNotKnowTheStartOfAHandshakeMetLate) {
  LibraryJoin join;
  LibraryEnd end = End();
  end.met_late = true;
  join.Take(Event(end));
  join.Take(Wire(), kStart);
  EXPECT_FALSE(LibrarySeconds(Harvested(&join).at(0)).has_value());
}

// OpenSSL tells of a failure when an error is raised: what raised it may forgive it, and its alert comes after.
LibraryEnd TentativeFailure() {
  LibraryEnd end = End();
  end.outcome = LibraryOutcome::kFailure;
  end.tentative = true;
  end.reason = 134;  // SSL_R_CERTIFICATE_VERIFY_FAILED
  end.verify_result = 10;
  return end;
}

TEST(LibraryJoin, ASuccessTakesBackTheErrorBeforeIt) {
  LibraryJoin join;
  join.Take(Event(TentativeFailure()));
  Advance(&join, kStart + kLookNs);
  Advance(&join, kStart + 3 * kLookNs);
  EXPECT_THAT(join.Harvest(), IsEmpty());
  join.Take(Event(End(), 1, kStart + 4 * kLookNs));
  join.Take(Wire(), kStart + 4 * kLookNs);
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].result, Result::kSuccess);
  EXPECT_EQ(records[0].library->reason, 0u);
  EXPECT_EQ(join.stats().too_late, 0u);
}

TEST(LibraryJoin, AnErrorThatNothingTakesBackIsAFailure) {
  LibraryJoin join;
  join.Take(Event(TentativeFailure()));
  Advance(&join, kStart);
  Advance(&join, kStart + kForgiveNs - 1);
  EXPECT_THAT(join.Harvest(), IsEmpty());
  Advance(&join, kStart + kForgiveNs + kLookNs);
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].reason, FailureReason::kCertificateExpired);
}

TEST(LibraryJoin, AnAlertMakesAnErrorFinal) {
  LibraryJoin join;
  join.Take(Event(TentativeFailure()));
  join.Take(Event(LibraryLate{LibraryLate::What::kAlertSent, 45}));
  Advance(&join, kStart);
  Advance(&join, kStart + kLookNs);
  EXPECT_THAT(Harvested(&join), SizeIs(1));
}

TEST(LibraryJoin, ARecordWaitsForTheAlertAfterItsError) {
  LibraryJoin join;
  std::unique_ptr<HandshakeRecord> record = Wire();
  record->tls.progress = Progress::kInProgress;
  record->result = Result::kAborted;
  join.Take(std::move(record), kStart);
  join.Take(Event(TentativeFailure()));
  EXPECT_THAT(join.Harvest(), IsEmpty());
  join.Take(Event(LibraryLate{LibraryLate::What::kAlertSent, 45}));
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].reason, FailureReason::kCertificateExpired);
  ASSERT_TRUE(records[0].tls.alert.has_value());
  EXPECT_EQ(records[0].tls.alert->description, 45);
}

TEST(LibraryJoin, ASecondErrorMakesNoSecondRecord) {
  for (const bool waits : {false, true}) {
    LibraryJoin join;
    if (waits) join.Take(Wire(), kStart);
    join.Take(Event(TentativeFailure()));
    join.Take(Event(TentativeFailure()));
    if (!waits) join.Take(Wire(), kStart);
    Advance(&join, kStart + kJoinPatienceNs);
    join.Take(Event(TentativeFailure()));
    Advance(&join, kStart + 2 * kLibraryAgeNs);
    join.Finish();
    EXPECT_THAT(join.Harvest(), SizeIs(1));
    EXPECT_EQ(join.stats().too_late, 1u);
  }
}

TEST(LibraryJoin, ASecondEndThatNamesLessLeavesNothingOfTheFirstBehind) {
  LibraryJoin join;
  LibraryEnd failure = TentativeFailure();
  failure.local = Address(1, 40000);
  failure.remote = Address(2, 443);
  join.Take(Event(failure));
  join.Take(Event(End()));  // its socket is gone
  join.Take(Wire(), kStart);
  ASSERT_THAT(join.Harvest(), SizeIs(1));
  std::unique_ptr<HandshakeRecord> next = Wire(9);  // of the same addresses
  next->tls.client_hello.reset();
  next->tls.server_hello.reset();
  join.Take(std::move(next), kStart);
  EXPECT_THAT(join.Harvest(), IsEmpty());
  EXPECT_EQ(join.stats().waiting, 1u);
}

TEST(LibraryJoin, ASecondEndKeepsItsRecordWhenAnotherOfItsNameIsOut) {
  LibraryJoin join;
  join.Take(Wire(), kStart);  // finds the library's facts, and waits for its alert
  join.Take(Event(TentativeFailure()));
  join.Take(Wire(), kStart - kJoinPatienceNs);  // a peer has used the same random twice: finds nothing
  Advance(&join, kStart);
  EXPECT_THAT(join.Harvest(), SizeIs(1));
  join.Take(Event(End()));
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_TRUE(records[0].library.has_value());
  join.Finish();
  EXPECT_THAT(join.Harvest(), IsEmpty());
}

TEST(LibraryJoin, AChainEndsBeforeTheFirstCertificateOverTheBudget) {
  LibraryJoin join(1);
  for (const uint8_t byte : {1, 2, 1}) join.Take(Event(LibraryCertificate{false, 0, Der(byte)}));
  join.Take(Event(End()));
  join.Take(Wire(), kStart);
  const CertificateChain chain = Harvested(&join).at(0).tls.server_certificates;
  EXPECT_THAT(chain.certificates, SizeIs(1));
  EXPECT_EQ(chain.length, 3u);
  EXPECT_EQ(join.certificates_refused(), 1u);
}

TEST(LibraryJoin, KeepsNoMoreCertificatesThanItsCeiling) {
  LibraryJoin join;
  for (size_t i = 0; i < kMaxChain + 5; ++i) {
    join.Take(Event(LibraryCertificate{false, static_cast<uint8_t>(i), Der(static_cast<uint8_t>(i))}));
  }
  join.Take(Event(End()));
  join.Take(Wire(), kStart);
  const HandshakeRecord record = Harvested(&join).at(0);
  EXPECT_THAT(record.tls.server_certificates.certificates, SizeIs(kMaxChain));
  EXPECT_EQ(record.tls.server_certificates.length, kMaxChain + 5);
}

TEST(LibraryJoin, TheOldestLibraryHandshakeMakesRoom) {
  LibraryJoin join;
  for (size_t i = 0; i <= kMaxLibrarySides; ++i) join.Take(Event(LibraryCertificate{false, 0, Der(1)}, i));
  EXPECT_EQ(join.stats().sides, kMaxLibrarySides);
  EXPECT_EQ(join.stats().displaced, 1u);
}

TEST(LibraryJoin, TheOldestWaitingRecordMakesRoom) {
  LibraryJoin join;
  for (size_t i = 0; i <= kMaxWaitingRecords; ++i) {
    std::unique_ptr<HandshakeRecord> record = Wire();
    record->tls.client_hello->random[1] = static_cast<uint8_t>(i);
    record->tls.client_hello->random[2] = static_cast<uint8_t>(i >> 8);
    join.Take(std::move(record), kStart);
  }
  EXPECT_EQ(join.stats().waiting, kMaxWaitingRecords);
  EXPECT_THAT(join.Harvest(), SizeIs(1));
}

TEST(LibraryJoin, FinishLetsEverythingOut) {
  LibraryJoin join;
  join.Take(Wire(1), kStart);
  join.Take(Event(End(2), 2));
  join.Finish();
  EXPECT_THAT(join.Harvest(), SizeIs(2));
  EXPECT_EQ(join.stats().sides, 0u);
  EXPECT_EQ(join.stats().waiting, 0u);
}

TEST(LibraryJoin, RecordsOfCaptureFilesPassThrough) {
  LibraryJoin join;
  std::unique_ptr<HandshakeRecord> record = Wire();
  record->role = Role::kObserver;
  join.Take(std::move(record), kStart);
  EXPECT_THAT(join.Harvest(), SizeIs(1));
}

}  // namespace
}  // namespace tlsmeter::agent
