#include "tlsmeter/certificate_message.h"

#include <gtest/gtest.h>

#include "tests/tls/message_builder.h"

namespace tlsmeter {
namespace {

using testing::Bytes;
using testing::Writer;

ParseStatus Parse(const Bytes& body) {
  CertificateList list;
  return ParseCertificate(body, &list);
}
ParseStatus Parse13(const Bytes& body) {
  CertificateList list;
  return ParseCertificate13(body, &list);
}
ParseStatus ParseOcsp(const Bytes& body) {
  std::span<const uint8_t> response;
  return ParseCertificateStatus(body, &response);
}

Bytes Copy(std::span<const uint8_t> view) { return Bytes(view.begin(), view.end()); }

Bytes Chain() { return Writer().Prefixed24(Writer().Prefixed24({1, 2, 3}).Prefixed24({4, 5})); }
Bytes Ocsp(const Bytes& response) { return Writer().U8(1).Prefixed24(response); }
Bytes Entry13(const Bytes& certificate, const Bytes& extensions) {
  return Writer().Prefixed24(certificate).Prefixed16(extensions);
}
Bytes Chain13() {
  const Bytes extensions = Writer().U16(18).Prefixed16({9, 9}).U16(5).Prefixed16(Ocsp({6, 7, 8}));
  return Writer().Prefixed8({}).Prefixed24(
      Writer().Raw(Entry13({1, 2, 3}, extensions)).Raw(Entry13({4, 5}, Writer().U16(5).Prefixed16(Ocsp({1})))));
}

TEST(CertificateMessageTest, ReadsAChainInItsOrder) {
  const Bytes body = Chain();
  CertificateList list;
  ASSERT_EQ(ParseCertificate(body, &list), ParseStatus::kOk);
  ASSERT_EQ(list.length, 2u);
  ASSERT_EQ(list.stored().size(), 2u);
  EXPECT_EQ(Copy(list.stored()[0]), Bytes({1, 2, 3}));
  EXPECT_EQ(Copy(list.stored()[1]), Bytes({4, 5}));
  EXPECT_TRUE(list.leaf_ocsp.empty());
}

TEST(CertificateMessageTest, AnEmptyListIsAClientWithoutACertificate) {
  EXPECT_EQ(Parse({0, 0, 0}), ParseStatus::kOk);
  EXPECT_EQ(Parse13({0, 0, 0, 0}), ParseStatus::kOk);
}

TEST(CertificateMessageTest, ALongChainIsCountedBeyondItsCeiling) {
  Writer chain;
  for (size_t i = 0; i < kMaxChainLength + 3; ++i) chain.Prefixed24({static_cast<uint8_t>(i)});
  const Bytes body = Writer().Prefixed24(chain);
  CertificateList list;
  ASSERT_EQ(ParseCertificate(body, &list), ParseStatus::kOk);
  EXPECT_EQ(list.length, kMaxChainLength + 3);
  EXPECT_EQ(list.stored().size(), kMaxChainLength);
}

TEST(CertificateMessageTest, ReadsTheLayoutOfTls13WithTheLeafsStaple) {
  const Bytes body = Chain13();
  CertificateList list;
  ASSERT_EQ(ParseCertificate13(body, &list), ParseStatus::kOk);
  ASSERT_EQ(list.length, 2u);
  EXPECT_EQ(Copy(list.stored()[1]), Bytes({4, 5}));
  EXPECT_EQ(Copy(list.leaf_ocsp), Bytes({6, 7, 8}));
}

TEST(CertificateMessageTest, EveryTruncationFails) {
  for (size_t size = 0; size < Chain().size(); ++size) {
    const Bytes body = Chain();
    EXPECT_EQ(Parse(Bytes(body.begin(), body.begin() + static_cast<ptrdiff_t>(size))), ParseStatus::kTruncated) << size;
  }
  for (size_t size = 0; size < Chain13().size(); ++size) {
    const Bytes body = Chain13();
    EXPECT_EQ(Parse13(Bytes(body.begin(), body.begin() + static_cast<ptrdiff_t>(size))), ParseStatus::kTruncated) << size;
  }
  for (const Bytes& body : {Ocsp({1, 2}), Bytes(Writer().U8(2).Prefixed24(Writer().Prefixed24({1, 2}).Prefixed24({3})))}) {
    for (size_t size = 0; size < body.size(); ++size) {
      EXPECT_EQ(ParseOcsp(Bytes(body.begin(), body.begin() + static_cast<ptrdiff_t>(size))), ParseStatus::kTruncated);
    }
  }
}

TEST(CertificateMessageTest, RejectsALengthThatReachesPastItsList) {
  EXPECT_EQ(Parse(Writer().Prefixed24({0, 0, 4, 1, 2, 3})), ParseStatus::kTruncated);
  EXPECT_EQ(Parse13(Writer().U8(0).Prefixed24({0, 0, 1, 9, 0, 4, 0, 5, 0, 1})), ParseStatus::kTruncated);
  EXPECT_EQ(ParseOcsp(Writer().U8(2).Prefixed24({0, 0, 9, 1})), ParseStatus::kTruncated);
}

TEST(CertificateMessageTest, RejectsTrailingData) {
  EXPECT_EQ(Parse(Writer().Raw(Chain()).U8(0)), ParseStatus::kTrailingData);
  EXPECT_EQ(Parse13(Writer().Raw(Chain13()).U8(0)), ParseStatus::kTrailingData);
  EXPECT_EQ(ParseOcsp(Writer().Raw(Ocsp({1})).U8(0)), ParseStatus::kTrailingData);
  const Bytes staple = Writer().U16(5).Prefixed16(Writer().Raw(Ocsp({1})).U8(0));
  EXPECT_EQ(Parse13(Writer().U8(0).Prefixed24(Entry13({1}, staple))), ParseStatus::kTrailingData);
}

TEST(CertificateMessageTest, RejectsAnEmptyCertificateAndAnEmptyResponse) {
  EXPECT_EQ(Parse(Writer().Prefixed24({0, 0, 0})), ParseStatus::kBadLength);
  EXPECT_EQ(Parse13(Writer().U8(0).Prefixed24(Entry13({}, {}))), ParseStatus::kBadLength);
  EXPECT_EQ(ParseOcsp(Ocsp({})), ParseStatus::kBadLength);
}

TEST(CertificateMessageTest, AFailedParseLeavesTheOutputUntouched) {
  CertificateList list;
  list.length = 77;
  EXPECT_EQ(ParseCertificate(Bytes{0, 0}, &list), ParseStatus::kTruncated);
  EXPECT_EQ(ParseCertificate13(Bytes{0, 0}, &list), ParseStatus::kTruncated);
  EXPECT_EQ(list.length, 77u);
}

TEST(CertificateMessageTest, TheFirstOfSeveralOcspResponsesIsTheLeafs) {
  const Bytes body = Writer().U8(2).Prefixed24(Writer().Prefixed24({1, 2}).Prefixed24({3}));
  std::span<const uint8_t> response;
  ASSERT_EQ(ParseCertificateStatus(body, &response), ParseStatus::kOk);
  EXPECT_EQ(Copy(response), Bytes({1, 2}));
}

TEST(CertificateMessageTest, AStatusOfAnUnknownTypeHasNoResponse) {
  const Bytes body = {9, 1, 2, 3};
  std::span<const uint8_t> response(body);
  ASSERT_EQ(ParseCertificateStatus(body, &response), ParseStatus::kOk);
  EXPECT_TRUE(response.empty());
  EXPECT_EQ(ParseOcsp(Writer().U8(2).Prefixed24({0, 0, 0})), ParseStatus::kOk);
}

}  // namespace
}  // namespace tlsmeter
