// What programs with GnuTLS do after the handshake, and what the record comes to by it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "src/correlate/library_join.h"
#include "tests/correlate/harvested.h"
#include "tests/correlate/library_events.h"

namespace tlsmeter::agent {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// A certificate that has signed itself.
CertificateDer SelfSigned() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("self"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 60);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  std::vector<uint8_t> der(static_cast<size_t>(i2d_X509(certificate.get(), nullptr)));
  uint8_t* out = der.data();
  i2d_X509(certificate.get(), &out);
  return std::make_shared<const std::vector<uint8_t>>(std::move(der));
}

LibraryEnd GnuTls(LibraryOutcome outcome = LibraryOutcome::kSuccess) {
  LibraryEnd end = End();
  end.implementation = TlsStack::kGnuTls;
  end.outcome = outcome;
  return end;
}

// A client that was shown a certificate, with its success.
void Succeed(LibraryJoin* join) {
  join->Take(Event(LibraryCertificate{false, 0, Der(1)}));
  join->Take(Event(GnuTls()));
}

TEST(LibraryJoin, WaitsForTheVerdictOfAProgramThatWasShownACertificate) {
  LibraryJoin join;
  Succeed(&join);
  join.Take(Wire(), kStart);
  Advance(&join, kStart + kJoinPatienceNs - 1);
  EXPECT_THAT(join.Harvest(), IsEmpty());
  join.Take(Event(LibraryLate{LibraryLate::What::kVerified, 0}, 1, kStart + kMs));
  EXPECT_THAT(join.Harvest(), IsEmpty());  // of the chain: the name may be checked still
  join.Take(Event(LibraryLate{LibraryLate::What::kNameMatches, 0}, 1, kStart + 2 * kMs));
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].result, Result::kSuccess);
  EXPECT_EQ(records[0].library->verify_result, 0u);
}

constexpr uint32_t kNameStatus = 0x4002;  // GNUTLS_CERT_INVALID | GNUTLS_CERT_UNEXPECTED_OWNER

struct Check {
  LibraryLate::What what;
  uint32_t value;
};

struct ChecksCase {
  const char* scenario;
  std::vector<Check> checks;
  std::optional<uint32_t> verify_result;
  FailureReason reason;  // when the program then goes away
};

TEST(LibraryJoin, TheVerdictOfAProgramIsOnTheChainAndOnTheName) {
  using What = LibraryLate::What;
  const Check good{What::kVerified, 0}, bad{What::kVerified, 0x42};
  const Check differs{What::kNameDiffers, kNameStatus}, matches{What::kNameMatches, 0};
  const ChecksCase cases[] = {
      {"neither", {}, std::nullopt, FailureReason::kNone},
      {"both well", {good, matches}, 0, FailureReason::kNone},
      {"another name", {good, differs}, kNameStatus, FailureReason::kHostnameMismatch},
      {"the name first", {differs, good}, kNameStatus, FailureReason::kHostnameMismatch},
      {"the name only", {differs}, kNameStatus, FailureReason::kHostnameMismatch},
      {"the right name only", {matches}, std::nullopt, FailureReason::kNone},
      {"one of two names", {good, differs, matches}, 0, FailureReason::kNone},
      {"the other of two names", {matches, differs, good}, 0, FailureReason::kNone},
      {"both ill", {bad, differs}, 0x4042, FailureReason::kUnknownCa},
      {"one of two names, of nobody known", {bad, differs, matches}, 0x42, FailureReason::kUnknownCa},
  };
  for (const ChecksCase& c : cases) {
    LibraryJoin join;
    Succeed(&join);
    for (const Check& check : c.checks) join.Take(Event(LibraryLate{check.what, check.value}, 1, kStart + kMs));
    join.Take(Event(LibraryLate{LibraryLate::What::kClosed, 0}, 1, kStart + 2 * kMs));
    join.Take(Wire(), kStart + 3 * kMs);
    Advance(&join, kStart + kJoinPatienceNs);
    const std::vector<HandshakeRecord> records = Harvested(&join);
    ASSERT_THAT(records, SizeIs(1)) << c.scenario;
    EXPECT_EQ(records[0].library->verify_result, c.verify_result) << c.scenario;
    EXPECT_EQ(records[0].reason, c.reason) << c.scenario;
    EXPECT_EQ(records[0].inferred, c.reason != FailureReason::kNone) << c.scenario;
  }
}

TEST(LibraryJoin, TheChainDecidesWhatAnUnknownIssuerMeans) {
  LibraryJoin join;
  join.Take(Event(LibraryCertificate{false, 0, SelfSigned()}));
  LibraryEnd end = GnuTls(LibraryOutcome::kFailure);
  end.reason = 43;  // GNUTLS_E_CERTIFICATE_ERROR
  end.verify_result = 0x42;
  end.alert = LibraryAlert{2, 42};
  join.Take(Event(end));
  std::unique_ptr<HandshakeRecord> wire = Wire();
  wire->tls.progress = Progress::kInProgress;
  join.Take(std::move(wire), kStart);
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].reason, FailureReason::kSelfSigned);
}

TEST(LibraryJoin, WaitsNotLongForAVerdictThatNobodyAsksFor) {
  LibraryJoin join;
  Succeed(&join);
  join.Take(Wire(), kStart);
  Advance(&join, kStart + kJoinPatienceNs);
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].result, Result::kSuccess);
  EXPECT_FALSE(records[0].library->verify_result.has_value());
}

TEST(LibraryJoin, AServerThatIsShownNothingWaitsForNothing) {
  LibraryJoin join;
  LibraryEnd end = GnuTls();
  end.server = true;
  join.Take(Event(end));
  join.Take(Wire(7, Role::kServer), kStart);
  EXPECT_THAT(join.Harvest(), SizeIs(1));
}

TEST(LibraryJoin, ADoubtWaitsForWhatTheProgramDoesAboutIt) {
  for (const bool closes : {true, false}) {
    LibraryJoin join;
    Succeed(&join);
    join.Take(Event(LibraryLate{LibraryLate::What::kVerified, 0x42}, 1, kStart + kMs));
    join.Take(Wire(), kStart + 2 * kMs);
    Advance(&join, kStart + kLateRejectNs - 1);
    EXPECT_THAT(join.Harvest(), IsEmpty());
    if (closes) {
      join.Take(Event(LibraryLate{LibraryLate::What::kClosed, 0}, 1, kStart + 3 * kMs));
    } else {
      Advance(&join, kStart + kLateRejectNs);
    }
    const std::vector<HandshakeRecord> records = Harvested(&join);
    ASSERT_THAT(records, SizeIs(1));
    EXPECT_EQ(records[0].result, closes ? Result::kFailure : Result::kSuccess);
    EXPECT_EQ(records[0].reason, closes ? FailureReason::kUnknownCa : FailureReason::kNone);
    EXPECT_EQ(records[0].inferred, closes);
    EXPECT_EQ(records[0].library->verify_result, 0x42u);
  }
}

TEST(LibraryJoin, ADoubtedConnectionThatIsUsedWaitsForNothingMore) {
  LibraryJoin join;
  Succeed(&join);
  std::unique_ptr<HandshakeRecord> used = Wire();
  used->tls.first_application_data_ns = kStart;
  join.Take(std::move(used), kStart);
  join.Take(Event(LibraryLate{LibraryLate::What::kVerified, 0x42}, 1, kStart + kMs));
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].result, Result::kSuccess);
}

TEST(LibraryJoin, TellsTheAlertThatAProgramSendsWhenItsHandshakeHasFailed) {
  LibraryJoin join;
  LibraryEnd end = GnuTls(LibraryOutcome::kFailure);
  end.reason = 43;  // GNUTLS_E_CERTIFICATE_ERROR
  end.verify_result = 0x402;
  join.Take(Event(end));
  std::unique_ptr<HandshakeRecord> wire = Wire();
  wire->tls.progress = Progress::kInProgress;
  join.Take(std::move(wire), kStart);
  EXPECT_THAT(join.Harvest(), IsEmpty());
  join.Take(Event(LibraryLate{LibraryLate::What::kAlertSent, 42}, 1, kStart + kMs));
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].reason, FailureReason::kCertificateExpired);
  ASSERT_TRUE(records[0].tls.alert.has_value());
  EXPECT_EQ(records[0].tls.alert->sender, Sender::kClient);
  EXPECT_EQ(records[0].tls.alert->description, 42);
}

TEST(LibraryJoin, AFatalAlertAfterASuccessThatStandsIsNotTheHandshakes) {
  LibraryJoin join;
  LibraryEnd end = GnuTls();
  end.server = true;
  join.Take(Event(end));
  join.Take(Event(LibraryLate{LibraryLate::What::kAlertSent, 80}, 1, kStart + kMs));
  join.Take(Wire(7, Role::kServer), kStart + 2 * kMs);
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].result, Result::kSuccess);
  EXPECT_FALSE(records[0].tls.alert.has_value());
}

TEST(LibraryJoin, TellsTheAlertThatGnuTlsReceived) {
  LibraryJoin join;
  LibraryEnd end = GnuTls(LibraryOutcome::kFailure);
  end.reason = 12;  // GNUTLS_E_FATAL_ALERT_RECEIVED
  end.alert_received = 48;
  join.Take(Event(end));
  std::unique_ptr<HandshakeRecord> wire = Wire();
  wire->tls.progress = Progress::kInProgress;
  join.Take(std::move(wire), kStart);
  const std::vector<HandshakeRecord> records = Harvested(&join);
  ASSERT_THAT(records, SizeIs(1));
  ASSERT_TRUE(records[0].tls.alert.has_value());
  EXPECT_EQ(records[0].tls.alert->sender, Sender::kServer);
  EXPECT_EQ(records[0].tls.alert->description, 48);
}

}  // namespace
}  // namespace tlsmeter::agent
