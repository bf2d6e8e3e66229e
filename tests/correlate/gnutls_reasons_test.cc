#include "src/correlate/gnutls_reasons.h"

#include <gnutls/gnutls.h>
#include <gtest/gtest.h>

namespace tlsmeter::agent {
namespace {

TEST(GnuTlsReasons, AreThoseOfTheLibrary) {
  int known = 0;
  for (int error = 1; error < 2000; ++error) {
    const std::string_view text = GnuTlsErrorText(static_cast<uint32_t>(error));
    if (text.empty()) continue;
    ++known;
    EXPECT_EQ(text, gnutls_strerror(-error)) << error;
    EXPECT_TRUE(gnutls_error_is_fatal(-error)) << error;
  }
  EXPECT_GT(known, 40);
}

TEST(GnuTlsReasons, NameTheCauseByWhoMeetsThem) {
  const auto cause = [](int error, Sender side) { return CauseOfGnuTlsError(static_cast<uint32_t>(-error), 0, side); };
  EXPECT_EQ(cause(GNUTLS_E_CERTIFICATE_ERROR, Sender::kClient), FailureReason::kCertificateOther);
  EXPECT_EQ(cause(GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR, Sender::kServer), FailureReason::kClientCertificateRejected);
  EXPECT_EQ(cause(GNUTLS_E_NO_CERTIFICATE_FOUND, Sender::kServer), FailureReason::kClientCertificateMissing);
  EXPECT_EQ(cause(GNUTLS_E_CERTIFICATE_REQUIRED, Sender::kServer), FailureReason::kClientCertificateMissing);
  EXPECT_EQ(cause(GNUTLS_E_NO_CIPHER_SUITES, Sender::kServer), FailureReason::kNoSharedCipher);
  EXPECT_EQ(cause(GNUTLS_E_NO_COMMON_KEY_SHARE, Sender::kServer), FailureReason::kNoSharedGroup);
  EXPECT_EQ(cause(GNUTLS_E_UNSUPPORTED_VERSION_PACKET, Sender::kServer), FailureReason::kProtocolVersion);
  EXPECT_EQ(cause(GNUTLS_E_NO_APPLICATION_PROTOCOL, Sender::kServer), FailureReason::kNoApplicationProtocol);
  EXPECT_EQ(cause(GNUTLS_E_UNRECOGNIZED_NAME, Sender::kServer), FailureReason::kUnrecognizedName);
  EXPECT_EQ(cause(GNUTLS_E_TIMEDOUT, Sender::kClient), FailureReason::kTimeout);
  EXPECT_EQ(cause(GNUTLS_E_UNEXPECTED_PACKET, Sender::kServer), FailureReason::kNone);  // the wire knows what it was
}

TEST(GnuTlsReasons, KnowWhichOnlySayThatTheTransportEnded) {
  for (const int error : {GNUTLS_E_PUSH_ERROR, GNUTLS_E_PULL_ERROR, GNUTLS_E_PREMATURE_TERMINATION, GNUTLS_E_SESSION_EOF}) {
    EXPECT_TRUE(EndOfGnuTlsStream(static_cast<uint32_t>(-error))) << error;
  }
  EXPECT_FALSE(EndOfGnuTlsStream(0));
  EXPECT_FALSE(EndOfGnuTlsStream(static_cast<uint32_t>(-GNUTLS_E_CERTIFICATE_ERROR)));
}

TEST(GnuTlsReasons, TellVerdictsInTheWordsOfTheLibrary) {
  int known = 0;
  for (uint32_t bit = 0; bit < 32; ++bit) {
    const std::string_view text = GnuTlsStatusText(1u << bit);
    if (text.empty()) continue;
    ++known;
    gnutls_datum_t words = {};
    ASSERT_EQ(gnutls_certificate_verification_status_print(1u << bit, GNUTLS_CRT_X509, &words, 0), 0);
    EXPECT_NE(std::string_view(reinterpret_cast<const char*>(words.data), words.size).find(text), std::string_view::npos)
        << bit << ": " << text << " is not in " << words.data;
    gnutls_free(words.data);
  }
  EXPECT_GT(known, 12);
}

TEST(GnuTlsReasons, NameWhatWeighsMostOfAVerdict) {
  const auto cause = [](uint32_t status) { return CauseOfGnuTlsStatus(status | GNUTLS_CERT_INVALID, Sender::kClient); };
  EXPECT_EQ(cause(0), FailureReason::kCertificateOther);
  EXPECT_EQ(cause(GNUTLS_CERT_EXPIRED), FailureReason::kCertificateExpired);
  EXPECT_EQ(cause(GNUTLS_CERT_NOT_ACTIVATED), FailureReason::kCertificateNotYetValid);
  EXPECT_EQ(cause(GNUTLS_CERT_SIGNER_NOT_FOUND), FailureReason::kUnknownCa);
  EXPECT_EQ(cause(GNUTLS_CERT_SIGNER_NOT_CA), FailureReason::kUnknownCa);
  EXPECT_EQ(cause(GNUTLS_CERT_REVOKED), FailureReason::kCertificateRevoked);
  EXPECT_EQ(cause(GNUTLS_CERT_UNEXPECTED_OWNER), FailureReason::kHostnameMismatch);
  EXPECT_EQ(cause(GNUTLS_CERT_PURPOSE_MISMATCH), FailureReason::kCertificateOther);
  EXPECT_EQ(cause(1u << 31), FailureReason::kCertificateOther);
  EXPECT_EQ(cause(GNUTLS_CERT_UNEXPECTED_OWNER | GNUTLS_CERT_SIGNER_NOT_FOUND), FailureReason::kUnknownCa);
  EXPECT_EQ(cause(GNUTLS_CERT_EXPIRED | GNUTLS_CERT_REVOKED), FailureReason::kCertificateRevoked);
  EXPECT_EQ(CauseOfGnuTlsStatus(GNUTLS_CERT_EXPIRED, Sender::kServer), FailureReason::kClientCertificateRejected);
  EXPECT_EQ(CauseOfGnuTlsStatus(0, Sender::kClient), FailureReason::kNone);
}

TEST(GnuTlsReasons, JudgeARefusedCertificateByItsVerdict) {
  const auto cause = [](int error, uint32_t status) {
    return CauseOfGnuTlsError(static_cast<uint32_t>(-error), status, Sender::kClient);
  };
  EXPECT_EQ(cause(GNUTLS_E_CERTIFICATE_ERROR, GNUTLS_CERT_EXPIRED), FailureReason::kCertificateExpired);
  EXPECT_EQ(cause(GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR, GNUTLS_CERT_REVOKED), FailureReason::kCertificateRevoked);
  // The verdict was no, and the program went on all the same.
  EXPECT_EQ(cause(GNUTLS_E_TIMEDOUT, GNUTLS_CERT_EXPIRED), FailureReason::kTimeout);
  EXPECT_EQ(CauseOfGnuTlsError(43, GNUTLS_CERT_EXPIRED, Sender::kServer), FailureReason::kClientCertificateRejected);
}

TEST(GnuTlsReasons, NameNoCauseForNumbersThatTheyDoNotKnow) {
  EXPECT_EQ(CauseOfGnuTlsError(0, 0, Sender::kClient), FailureReason::kNone);
  EXPECT_EQ(CauseOfGnuTlsError(0xffffffff, 0, Sender::kServer), FailureReason::kNone);
  EXPECT_EQ(GnuTlsErrorText(99999), "");
  EXPECT_EQ(GnuTlsStatusText(1u << 31), "");
}

}  // namespace
}  // namespace tlsmeter::agent
