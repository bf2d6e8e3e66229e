#include "tlsmeter/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include "src/tls/digest.h"
#include "tests/tls/certificate_builder.h"

namespace tlsmeter {
namespace {

using testing::Bytes;
using testing::CertificateSpec;
using ::testing::ElementsAre;
using testing::MakeCertificate;
using testing::TestKey;

CertificateFacts Facts(const CertificateSpec& spec) { return ReadCertificate(MakeCertificate(spec)); }

CertificateSpec WithSerial(const std::string& hex) {
  CertificateSpec spec;
  spec.serial_hex = hex;
  return spec;
}

TEST(CertificateTest, ReadsEveryFact) {
  CertificateSpec spec;
  spec.subject_alt_names = "DNS:www.example.com,DNS:*.example.com,IP:192.0.2.1,IP:2001:db8::1,URI:spiffe://a/b,email:a@b";
  const Bytes der = MakeCertificate(spec);
  const CertificateFacts facts = ReadCertificate(der);
  EXPECT_TRUE(facts.readable);
  EXPECT_EQ(facts.sha256, Sha256(der));
  EXPECT_EQ(facts.subject, "CN=www.example.com,O=Example");
  EXPECT_EQ(facts.issuer, "CN=Example CA,O=Example");
  EXPECT_EQ(facts.serial_number, "1234abcd");
  EXPECT_EQ(facts.not_before, 1767225600);
  EXPECT_EQ(facts.not_after, 1798761600);
  EXPECT_THAT(facts.subject_alt_names,
              ElementsAre("www.example.com", "*.example.com", "192.0.2.1", "2001:db8::1", "spiffe://a/b", "a@b"));
  EXPECT_EQ(facts.subject_alt_name_count, 6u);
  EXPECT_EQ(facts.key_algorithm, "EC");
  EXPECT_EQ(facts.key_curve, "prime256v1");
  EXPECT_EQ(facts.key_bits, 256u);
  EXPECT_EQ(facts.signature_algorithm, "ecdsa-with-SHA256");
  EXPECT_FALSE(facts.self_signed);
}

TEST(CertificateTest, NamesKeysOfOtherKinds) {
  CertificateSpec spec;
  spec.key = TestKey::kP384;
  EXPECT_EQ(Facts(spec).key_curve, "secp384r1");
  EXPECT_EQ(Facts(spec).key_bits, 384u);
  spec.key = TestKey::kRsa2048;
  const CertificateFacts rsa = Facts(spec);
  EXPECT_EQ(rsa.key_algorithm, "RSA");
  EXPECT_EQ(rsa.key_curve, "");
  EXPECT_EQ(rsa.key_bits, 2048u);
  EXPECT_EQ(rsa.signature_algorithm, "sha256WithRSAEncryption");
  spec.key = TestKey::kEd25519;
  EXPECT_EQ(Facts(spec).key_algorithm, "ED25519");
}

TEST(CertificateTest, AnUnknownKeyIsNamedByItsOid) {
  // The last byte of id-ecPublicKey (1.2.840.10045.2.1) made into one that nobody has assigned.
  Bytes der = MakeCertificate({});
  const Bytes oid = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
  const auto place = std::search(der.begin(), der.end(), oid.begin(), oid.end());
  ASSERT_NE(place, der.end());
  place[6] = 0x7f;
  const CertificateFacts facts = ReadCertificate(der);
  EXPECT_TRUE(facts.readable);
  EXPECT_EQ(facts.key_algorithm, "1.2.840.10045.2.127");
  EXPECT_EQ(facts.key_bits, 0u);
}

TEST(CertificateTest, SerialNumbersAreWholeBytesWithTheirSign) {
  EXPECT_EQ(Facts(WithSerial("0")).serial_number, "00");
  EXPECT_EQ(Facts(WithSerial("5")).serial_number, "05");
  EXPECT_EQ(Facts(WithSerial("FF00AA")).serial_number, "ff00aa");
  EXPECT_EQ(Facts(WithSerial("-FF")).serial_number, "-ff");
  EXPECT_EQ(Facts(WithSerial(std::string(2 * kMaxSerialNumberLength, 'a'))).serial_number.size(),
            2 * kMaxSerialNumberLength);
  EXPECT_EQ(Facts(WithSerial(std::string(2 * kMaxSerialNumberLength + 2, 'a'))).serial_number, "");
}

TEST(CertificateTest, TimesOfEveryCenturyAreRead) {
  CertificateSpec spec;
  spec.not_before = "500101000000Z";  // UTCTime: 1950
  spec.not_after = "99991231235959Z";
  EXPECT_EQ(Facts(spec).not_before, -631152000);
  EXPECT_EQ(Facts(spec).not_after, 253402300799);
  spec.not_before = "20380119031408Z";  // one second more than 32 bits hold
  spec.not_after = "491231235959Z";     // UTCTime: 2049
  EXPECT_EQ(Facts(spec).not_before, 2147483648);
  EXPECT_EQ(Facts(spec).not_after, 2524607999);
}

TEST(CertificateTest, ABrokenTimeIsAbsent) {
  CertificateSpec spec;
  spec.not_before = "20261301000000Z";  // month 13
  spec.not_after = "never";
  EXPECT_TRUE(Facts(spec).readable);
  EXPECT_FALSE(Facts(spec).not_before.has_value());
  EXPECT_FALSE(Facts(spec).not_after.has_value());
}

TEST(CertificateTest, Version1CertificatesAreRead) {
  CertificateSpec spec;
  spec.version = 1;
  spec.subject_alt_names = "";
  const CertificateFacts facts = Facts(spec);
  EXPECT_TRUE(facts.readable);
  EXPECT_EQ(facts.subject, "CN=www.example.com,O=Example");
  EXPECT_EQ(facts.subject_alt_name_count, 0u);
}

TEST(CertificateTest, NamesAreUtf8AndEscapedAsRfc2253Says) {
  CertificateSpec spec;
  spec.subject = "Müller, \"Söhne\"";
  EXPECT_EQ(Facts(spec).subject, "CN=Müller\\, \\\"Söhne\\\",O=Example");
}

TEST(CertificateTest, SelfSignedIsToldByItsNames) {
  CertificateSpec spec;
  spec.issuer = spec.subject;
  EXPECT_TRUE(Facts(spec).self_signed);
}

TEST(CertificateTest, AltNamesOverTheirCeilingsAreCounted) {
  CertificateSpec spec;
  spec.subject_alt_names = "DNS:" + std::string(kMaxSubjectAltNameLength + 1, 'a') + ",RID:1.2.3";
  for (size_t i = 0; i < kMaxSubjectAltNames + 5; ++i) spec.subject_alt_names += ",DNS:h" + std::to_string(i);
  const CertificateFacts facts = Facts(spec);
  EXPECT_EQ(facts.subject_alt_names.size(), kMaxSubjectAltNames);
  EXPECT_EQ(facts.subject_alt_names.front(), "h0");
  EXPECT_EQ(facts.subject_alt_name_count, kMaxSubjectAltNames + 7);
}

TEST(CertificateTest, WhatIsNoCertificateHasADigestAndNothingElse) {
  const Bytes good = MakeCertificate({});
  Bytes longer = good;
  longer.push_back(0);
  for (const Bytes& der : {Bytes(700, 0x30), Bytes(), longer}) {
    CertificateFacts expected;
    expected.sha256 = Sha256(der);
    EXPECT_EQ(ReadCertificate(der), expected);
  }
}

TEST(CertificateTest, EveryTruncationIsUnreadable) {
  const Bytes good = MakeCertificate({});
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(ReadCertificate(std::span(good).first(size)).readable) << size;
  }
}

TEST(CertificateTest, NoMutationOfAByteBreaksTheCeilingsOrLeavesAnError) {
  const Bytes good = MakeCertificate({});
  for (size_t i = 0; i < good.size(); ++i) {
    for (const int change : {0x00, 0xff, good[i] ^ 0x01, good[i] ^ 0x80}) {
      Bytes der = good;
      der[i] = static_cast<uint8_t>(change);
      const CertificateFacts facts = ReadCertificate(der);
      EXPECT_LE(facts.subject.size(), kMaxNameLength);
      EXPECT_LE(facts.serial_number.size(), 2 * kMaxSerialNumberLength + 1);
      EXPECT_EQ(facts, ReadCertificate(der));
      ASSERT_EQ(ERR_peek_error(), 0u);
    }
  }
}

TEST(CertificateTest, ErrorsOfTheCallersOwnStay) {
  ERR_clear_error();
  ERR_raise(ERR_LIB_USER, 42);
  ReadCertificate(Bytes{1, 2, 3});
  EXPECT_EQ(ERR_GET_REASON(ERR_get_error()), 42);
  EXPECT_EQ(ERR_get_error(), 0u);
}

CertificateChain ChainOf(const std::vector<Bytes>& certificates) {
  CertificateCache cache;
  CertificateChain chain;
  for (const Bytes& der : certificates) chain.certificates.push_back(cache.Read(der, 0));
  chain.length = certificates.size();
  return chain;
}

TEST(CertificateChainTest, IsInOrderWhenEachIsFollowedByItsIssuer) {
  CertificateSpec leaf, authority;
  leaf.issuer = authority.subject = "Example CA";
  authority.issuer = "Example Root";
  EXPECT_TRUE(ChainOf({}).InOrder());
  EXPECT_TRUE(ChainOf({MakeCertificate(leaf)}).InOrder());
  EXPECT_TRUE(ChainOf({MakeCertificate(leaf), MakeCertificate(authority)}).InOrder());
  EXPECT_FALSE(ChainOf({MakeCertificate(authority), MakeCertificate(leaf)}).InOrder());
  EXPECT_FALSE(ChainOf({MakeCertificate(leaf), Bytes{1}}).InOrder());
}

TEST(CertificateChainTest, IsEqualToOneThatSaysTheSame) {
  const Bytes one = MakeCertificate({});
  EXPECT_EQ(ChainOf({one}), ChainOf({one}));
  EXPECT_FALSE(ChainOf({one}) == ChainOf({one, one}));
  EXPECT_FALSE(ChainOf({one}) == ChainOf({MakeCertificate(WithSerial("77"))}));
}

TEST(CertificateCacheTest, ReadsEachCertificateOnce) {
  CertificateCache cache;
  const Bytes one = MakeCertificate(WithSerial("01"));
  const Bytes two = MakeCertificate(WithSerial("02"));
  const auto first = cache.Read(one, 0);
  EXPECT_EQ(cache.Read(two, 0)->serial_number, "02");
  EXPECT_EQ(cache.Read(one, 0), first);
  EXPECT_EQ(cache.reads(), 2u);
  EXPECT_EQ(cache.size(), 2u);
}

TEST(CertificateCacheTest, ForgetsTheOneThatWasNotAskedForTheLongest) {
  CertificateCache cache;
  const auto der = [](size_t i) { return Bytes{static_cast<uint8_t>(i), static_cast<uint8_t>(i >> 8)}; };
  const auto oldest = cache.Read(der(0), 0);
  for (size_t i = 1; i < kMaxCachedCertificates; ++i) cache.Read(der(i), 0);
  cache.Read(der(0), 0);                       // now number 1 is the oldest
  cache.Read(der(kMaxCachedCertificates), 0);  // takes its place
  EXPECT_EQ(cache.size(), kMaxCachedCertificates);
  const uint64_t reads = cache.reads();
  EXPECT_EQ(cache.Read(der(0), 0), oldest);
  EXPECT_EQ(cache.reads(), reads);
  cache.Read(der(1), 0);
  EXPECT_EQ(cache.reads(), reads + 1);
}

TEST(CertificateCacheTest, RefusesNewOnesOverItsBudgetUntilTheNextSecond) {
  constexpr uint64_t kSecond = 1'000'000'000;
  CertificateCache cache(2);
  const auto known = cache.Read(Bytes{1}, kSecond);
  EXPECT_NE(cache.Read(Bytes{2}, kSecond), nullptr);
  EXPECT_EQ(cache.Read(Bytes{3}, 2 * kSecond - 1), nullptr);
  EXPECT_EQ(cache.Read(Bytes{1}, 2 * kSecond - 1), known);  // what is remembered costs nothing
  EXPECT_EQ(cache.refused(), 1u);
  EXPECT_NE(cache.Read(Bytes{3}, 2 * kSecond), nullptr);
  EXPECT_NE(cache.Read(Bytes{4}, kSecond), nullptr);  // the clock was set back
  EXPECT_EQ(cache.reads(), 4u);
  EXPECT_EQ(cache.refused(), 1u);
}

}  // namespace
}  // namespace tlsmeter
