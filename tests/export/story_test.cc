#include "src/export/story.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/export/sample_record.h"

namespace tlsmeter::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(StoryTest, ASuccessHasNone) { EXPECT_EQ(Story(SampleRecord()), ""); }

TEST(StoryTest, TellsARefusal) {
  const std::string story = Story(RefusedRecord());
  EXPECT_THAT(story, AllOf(HasSubstr("client offered   TLS 1.3, 1.2; TLS_AES_128_GCM_SHA256, 0xfffe"),
                           HasSubstr("groups X25519MLKEM768, x25519"),
                           HasSubstr("server answered  TLS 1.3, TLS_AES_128_GCM_SHA256, X25519MLKEM768, after 3.0 ms"),
                           HasSubstr("given up by      the client, with the alert unknown_ca"),
                           HasSubstr("why              the client does not trust")));
}

TEST(StoryTest, CallsLikelyWhatIsInferred) {
  HandshakeRecord record = RefusedRecord();
  record.inferred = true;
  record.tls.alert->encrypted = true;
  EXPECT_THAT(Story(record), AllOf(HasSubstr("why, likely"), HasSubstr("an alert that is encrypted"),
                                   Not(HasSubstr("the alert unknown_ca"))));
}

TEST(StoryTest, SaysThatTheServerDidNotAnswer) {
  HandshakeRecord record = RefusedRecord();
  record.tls.server_hello.reset();
  EXPECT_THAT(Story(record), HasSubstr("server answered  with no ServerHello"));
}

TEST(StoryTest, EveryReasonHasAnAdvice) {
  for (int i = 0; i < kFailureReasonCount; ++i) {
    HandshakeRecord record = RefusedRecord();
    record.reason = static_cast<FailureReason>(i);
    const std::string story = Story(record);
    for (const std::string label : {"    why              ", "    try              "}) {
      const size_t at = story.find(label);
      ASSERT_NE(at, std::string::npos) << FailureReasonName(record.reason);
      EXPECT_NE(story[at + label.size()], '\n') << FailureReasonName(record.reason);
    }
  }
}

TEST(StoryTest, LetsNoControlByteOfAPeerThrough) {
  HandshakeRecord record = RefusedRecord();
  record.tls.client_hello->alpn = {"\x1b[2J\n"};
  for (const char c : Story(record)) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n');
  EXPECT_THAT(Story(record), HasSubstr("ALPN \\x1b[2J\\x0a"));
}

}  // namespace
}  // namespace tlsmeter::agent
