#include "src/correlate/openssl_reasons.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace tlsmeter::agent {
namespace {

TEST(OpenSslReasons, AreThoseOfTheLibrary) {
  OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr);
  int known = 0;
  for (uint32_t reason = 100; reason < 1000; ++reason) {
    const std::string_view text = ReasonText(reason);
    if (text.empty()) continue;
    ++known;
    const char* theirs = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, static_cast<int>(reason)));
    ASSERT_NE(theirs, nullptr) << reason;
    EXPECT_EQ(text, theirs) << reason;
  }
  EXPECT_GT(known, 20);
}

TEST(OpenSslReasons, VerificationResultsAreThoseOfTheLibrary) {
  int known = 0;
  for (uint32_t result = 0; result < 100; ++result) {
    const std::string_view text = VerifyText(result);
    if (text.empty()) continue;
    ++known;
    EXPECT_EQ(text, X509_verify_cert_error_string(static_cast<long>(result))) << result;
  }
  EXPECT_GT(known, 15);
}

TEST(OpenSslReasons, ReportReceivedAlertsAboveAThousand) {
  EXPECT_EQ(AlertOfReason(1048), 48);
  EXPECT_EQ(AlertOfReason(1000), 0);
  EXPECT_EQ(AlertOfReason(1255), 255);
  EXPECT_FALSE(AlertOfReason(1256).has_value());
  EXPECT_FALSE(AlertOfReason(999).has_value());
}

TEST(OpenSslReasons, NameNoCauseForNumbersThatTheyDoNotKnow) {
  EXPECT_EQ(CauseOfReason(0, 0, Sender::kClient), FailureReason::kNone);
  EXPECT_EQ(CauseOfReason(0xffffffff, 0, Sender::kServer), FailureReason::kNone);
  EXPECT_EQ(CauseOfReason(134, 9999, Sender::kClient), FailureReason::kCertificateOther);
  EXPECT_EQ(ReasonText(99999), "");
  EXPECT_EQ(VerifyText(99999), "");
}

}  // namespace
}  // namespace tlsmeter::agent
