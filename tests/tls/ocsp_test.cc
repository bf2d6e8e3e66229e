#include "tlsmeter/ocsp.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "tests/tls/certificate_builder.h"

namespace tlsmeter {
namespace {

using testing::Bytes;
using testing::MakeOcspError;
using testing::MakeOcspResponse;
using testing::OcspSpec;

constexpr char kSerial[] = "1234abcd";  // OcspSpec's

TEST(OcspTest, ReadsStatusAndTimes) {
  const OcspStaple staple = ReadOcspResponse(MakeOcspResponse({}), kSerial);
  EXPECT_EQ(staple.status, OcspStatus::kGood);
  EXPECT_EQ(staple.this_update, 1780272000);
  EXPECT_EQ(staple.next_update, 1780876800);
}

TEST(OcspTest, TellsTheThreeStatusesApart) {
  OcspSpec spec;
  spec.status = V_OCSP_CERTSTATUS_REVOKED;
  EXPECT_EQ(ReadOcspResponse(MakeOcspResponse(spec), kSerial).status, OcspStatus::kRevoked);
  spec.status = V_OCSP_CERTSTATUS_UNKNOWN;
  EXPECT_EQ(ReadOcspResponse(MakeOcspResponse(spec), kSerial).status, OcspStatus::kUnknown);
}

TEST(OcspTest, ExpiresAfterTheNextUpdate) {
  const OcspStaple staple = ReadOcspResponse(MakeOcspResponse({}), kSerial);
  EXPECT_FALSE(staple.ExpiredAt(1780876800));
  EXPECT_TRUE(staple.ExpiredAt(1780876801));
}

TEST(OcspTest, WithoutANextUpdateItNeverExpires) {
  OcspSpec spec;
  spec.next_update = "";
  const OcspStaple staple = ReadOcspResponse(MakeOcspResponse(spec), kSerial);
  EXPECT_FALSE(staple.next_update.has_value());
  EXPECT_FALSE(staple.ExpiredAt(INT64_MAX));
}

TEST(OcspTest, FindsTheResponseForItsCertificateAmongOthers) {
  OcspSpec spec;
  spec.copies_for_others = kMaxOcspResponses - 1;
  EXPECT_EQ(ReadOcspResponse(MakeOcspResponse(spec), kSerial).status, OcspStatus::kGood);
  spec.copies_for_others = kMaxOcspResponses;  // over the ceiling: not searched that far
  EXPECT_EQ(ReadOcspResponse(MakeOcspResponse(spec), kSerial).status, OcspStatus::kInvalid);
}

TEST(OcspTest, AResponseForAnotherCertificateIsInvalid) {
  EXPECT_EQ(ReadOcspResponse(MakeOcspResponse({}), "99").status, OcspStatus::kInvalid);
  EXPECT_EQ(ReadOcspResponse(MakeOcspResponse({}), "").status, OcspStatus::kInvalid);
}

TEST(OcspTest, AnErrorOfTheResponderIsInvalid) {
  EXPECT_EQ(ReadOcspResponse(MakeOcspError(), kSerial).status, OcspStatus::kInvalid);
}

TEST(OcspTest, EveryTruncationAndTrailingByteIsInvalid) {
  Bytes der = MakeOcspResponse({});
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_EQ(ReadOcspResponse(std::span(der).first(size), kSerial).status, OcspStatus::kInvalid) << size;
  }
  der.push_back(0);
  EXPECT_EQ(ReadOcspResponse(der, kSerial).status, OcspStatus::kInvalid);
}

TEST(OcspTest, NoMutationOfAByteIsReadTwoWaysOrLeavesAnError) {
  const Bytes good = MakeOcspResponse({});
  for (size_t i = 0; i < good.size(); ++i) {
    for (const int change : {0x00, 0xff, good[i] ^ 0x01, good[i] ^ 0x80}) {
      Bytes der = good;
      der[i] = static_cast<uint8_t>(change);
      const OcspStaple staple = ReadOcspResponse(der, kSerial);
      EXPECT_NE(staple.status, OcspStatus::kNotVisible);
      EXPECT_NE(staple.status, OcspStatus::kAbsent);
      EXPECT_EQ(staple, ReadOcspResponse(der, kSerial));
      ASSERT_EQ(ERR_peek_error(), 0u);
    }
  }
}

}  // namespace
}  // namespace tlsmeter
