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
  const auto cause = [](int error, Sender side) { return CauseOfGnuTlsError(static_cast<uint32_t>(-error), side); };
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

TEST(GnuTlsReasons, NameNoCauseForNumbersThatTheyDoNotKnow) {
  EXPECT_EQ(CauseOfGnuTlsError(0, Sender::kClient), FailureReason::kNone);
  EXPECT_EQ(CauseOfGnuTlsError(0xffffffff, Sender::kServer), FailureReason::kNone);
  EXPECT_EQ(GnuTlsErrorText(99999), "");
}

}  // namespace
}  // namespace tlsmeter::agent
