// Hellos in SSL 2.0 format: read alone, and at the beginning of a handshake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/message_builder.h"
#include "tlsmeter/client_hello.h"
#include "tlsmeter/handshake.h"

namespace tlsmeter {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::Flow;
using testing::Hello;

struct Ssl2Spec {
  unsigned type = 1;
  unsigned version = 0x0301;
  Bytes suites = {0x01, 0x00, 0x80, 0x00, 0x00, 0x39, 0x00, 0x00, 0xff};  // the first is one of SSL 2.0
  Bytes session_id = {};
  Bytes challenge = Bytes(16, 0xc4);
};

Bytes Ssl2Hello(const Ssl2Spec& spec) {
  return testing::Writer()
      .U8(spec.type)
      .U16(spec.version)
      .U16(spec.suites.size())
      .U16(spec.session_id.size())
      .U16(spec.challenge.size())
      .Raw(spec.suites)
      .Raw(spec.session_id)
      .Raw(spec.challenge);
}

Bytes Ssl2Record(const Bytes& message) { return testing::Writer().U16(0x8000 | message.size()).Raw(message); }

ParseStatus Parse(const Bytes& message) {
  ClientHello hello;
  return ParseSsl2ClientHello(message, &hello);
}

TEST(Ssl2ClientHelloTest, ReadsEveryFieldThatTlsKnows) {
  ClientHello hello;
  ASSERT_EQ(ParseSsl2ClientHello(Ssl2Hello({.session_id = Bytes(16, 5)}), &hello), ParseStatus::kOk);
  EXPECT_TRUE(hello.ssl2_format);
  EXPECT_EQ(hello.legacy_version, ProtocolVersion::kTls10);
  EXPECT_THAT(hello.cipher_suites, ElementsAre(CipherSuite{0x0039}, CipherSuite{0x00ff}));
  EXPECT_EQ(hello.session_id, Bytes(16, 5));
  EXPECT_EQ(hello.random[15], 0);  // padded in front: RFC 5246, appendix E.2
  EXPECT_EQ(hello.random[16], 0xc4);
  EXPECT_EQ(hello.random[31], 0xc4);
  EXPECT_FALSE(hello.has_extensions);
}

TEST(Ssl2ClientHelloTest, AClientOfSsl2AloneOffersNoSuiteOfTls) {
  ClientHello hello;
  ASSERT_EQ(ParseSsl2ClientHello(Ssl2Hello({.version = 2, .suites = {7, 0, 0xc0}}), &hello), ParseStatus::kOk);
  EXPECT_EQ(hello.legacy_version, ProtocolVersion::kSsl2);
  EXPECT_TRUE(hello.cipher_suites.empty());
}

TEST(Ssl2ClientHelloTest, EveryTruncationFails) {
  const Bytes message = Ssl2Hello({});
  for (size_t size = 0; size < message.size(); ++size) {
    EXPECT_EQ(Parse(Bytes(message.begin(), message.begin() + static_cast<ptrdiff_t>(size))), ParseStatus::kTruncated);
  }
}

TEST(Ssl2ClientHelloTest, RejectsWhatItsLengthsDoNotAllow) {
  EXPECT_EQ(Parse(testing::Writer().Raw(Ssl2Hello({})).U8(0)), ParseStatus::kTrailingData);
  EXPECT_EQ(Parse(Ssl2Hello({.type = 4})), ParseStatus::kBadValue);
  EXPECT_EQ(Parse(Ssl2Hello({.suites = {}})), ParseStatus::kBadLength);
  EXPECT_EQ(Parse(Ssl2Hello({.suites = {0, 0, 5, 0}})), ParseStatus::kBadLength);
  EXPECT_EQ(Parse(Ssl2Hello({.session_id = Bytes(33, 1)})), ParseStatus::kBadLength);
  EXPECT_EQ(Parse(Ssl2Hello({.challenge = Bytes(15, 1)})), ParseStatus::kBadLength);
  EXPECT_EQ(Parse(Ssl2Hello({.challenge = Bytes(33, 1)})), ParseStatus::kBadLength);
  EXPECT_EQ(Parse(Ssl2Hello({.suites = Bytes(3 * kMaxListEntries + 3, 1)})), ParseStatus::kTooLarge);
}

TEST(HandshakeSsl2Test, AServerThatAnswersInTlsGoesOnAsUsual) {
  const Handshake facts =
      Flow().Client(Ssl2Record(Ssl2Hello({}))).Server(Hello::Server(0x0039).Version(0x0301).Record(0x0301)).Facts();
  EXPECT_EQ(facts.progress, Progress::kInProgress);
  EXPECT_FALSE(facts.incomplete);
  EXPECT_TRUE(facts.client_hello->ssl2_format);
  EXPECT_EQ(facts.client_hello_ns, 1000u);
  EXPECT_EQ(facts.client_hello_count, 1);
  EXPECT_EQ(facts.version, ProtocolVersion::kTls10);
  EXPECT_EQ(facts.handshake_bytes[0], Ssl2Hello({}).size() + 2);
  EXPECT_EQ(facts.records[0], 1u);
}

TEST(HandshakeSsl2Test, RecordsOfTheClientFollowItsHello) {
  Flow flow;
  flow.Client(Ssl2Record(Ssl2Hello({}))).Server(Hello::Server(0x0039).Version(0x0301).Record(0x0301)).ClientAlert(2, 48);
  EXPECT_EQ(flow.Facts().progress, Progress::kRefused);
  EXPECT_EQ(flow.Facts().alert->description, 48);
}

TEST(HandshakeSsl2Test, AServerThatAnswersInSsl2IsToldAndNotFollowed) {
  const Bytes server_hello = testing::Writer().U8(4).U8(0).U8(1).U16(2).U16(0).U16(3).U16(16).Fill(19, 1);
  const Handshake facts =
      Flow().Client(Ssl2Record(Ssl2Hello({.version = 2}))).Server(Ssl2Record(server_hello)).Client({1, 2, 3}).Facts();
  EXPECT_EQ(facts.version, ProtocolVersion::kSsl2);
  EXPECT_EQ(facts.progress, Progress::kInProgress);
  EXPECT_TRUE(facts.incomplete);
}

TEST(HandshakeSsl2Test, WhatOnlyBeginsLikeSsl2IsNotTls) {
  EXPECT_EQ(Flow().Client({0x80, 0x20, 9}).Facts().progress, Progress::kNotTls);
  EXPECT_EQ(Flow().Client({0x80, 0x00}).Facts().progress, Progress::kNotTls);
  EXPECT_EQ(Flow().Client({0xff, 0xff}).Facts().progress, Progress::kNotTls);
  Flow answered;
  answered.Client(Ssl2Record(Ssl2Hello({}))).Server(Ssl2Record(Ssl2Hello({})));
  EXPECT_EQ(answered.Facts().progress, Progress::kNotTls);
}

TEST(HandshakeSsl2Test, ABrokenHelloIsMalformed) {
  const Handshake facts = Flow().Client(Ssl2Record(Ssl2Hello({.challenge = Bytes(8, 1)}))).Facts();
  EXPECT_EQ(facts.progress, Progress::kMalformed);
  EXPECT_EQ(facts.parse_status, ParseStatus::kBadLength);
}

TEST(HandshakeSsl2Test, AServersSsl2HelloToATlsClientIsNotTls) {
  const Handshake facts = Flow().Client(Hello::Client().Record()).Server(Ssl2Record(Bytes(20, 4))).Facts();
  EXPECT_EQ(facts.progress, Progress::kNotTls);
}

TEST(HandshakeSsl2Test, AGapInsideTheHelloIsHeldAgainstNobody) {
  const Bytes record = Ssl2Record(Ssl2Hello({}));
  const Handshake facts = Flow().Client(Bytes(record.begin(), record.begin() + 9)).ClientGap().Facts();
  EXPECT_EQ(facts.progress, Progress::kNoHello);
  EXPECT_TRUE(facts.incomplete);
}

}  // namespace
}  // namespace tlsmeter
