#include "src/export/fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/export/sample_record.h"

namespace tlsmeter::agent {
namespace {

using ::testing::HasSubstr;

std::string Text(std::string_view name, const HandshakeRecord& record, TimeFormat time = {.zone = absl::UTCTimeZone()}) {
  std::string text;
  ParseFields(name)->front()->append(record, time, &text);
  return text;
}

TEST(FieldsTest, NamesAreUniqueAndLowerCase) {
  std::set<std::string_view> names;
  for (const Field& field : Fields()) {
    EXPECT_TRUE(names.insert(field.name).second) << field.name;
    EXPECT_EQ(field.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string_view::npos) << field.name;
  }
}

TEST(FieldsTest, ReadsListsInTheirOrder) {
  const auto fields = ParseFields("sni,pid,sni");
  ASSERT_TRUE(fields.ok());
  ASSERT_EQ(fields->size(), 3u);
  EXPECT_EQ((*fields)[0]->name, "sni");
  EXPECT_EQ((*fields)[1]->name, "pid");
  EXPECT_EQ((*fields)[2], (*fields)[0]);
}

TEST(FieldsTest, NamesAFieldThatThereIsNotAndThoseThatThereAre) {
  for (const char* list : {"", "sni,", ",sni", "sni,,pid", "snj", "SNI"}) {
    const absl::Status status = ParseFields(list).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << list;
    EXPECT_THAT(std::string(status.message()), HasSubstr("there are time, role"));
  }
}

TEST(FieldsTest, TheListsOfTheFormatsAreReadable) {
  EXPECT_TRUE(ParseFields(kDefaultFields).ok());
  EXPECT_TRUE(ParseFields(kWideFields).ok());
}

TEST(FieldsTest, WritesTimeInThreeStyles) {
  const HandshakeRecord record = SampleRecord();
  EXPECT_EQ(Text("time", record), "12:01:03.123");
  EXPECT_EQ(Text("time", record, {.style = TimeStyle::kUtc}), "2026-11-23T12:01:03.123456Z");
  const uint64_t start = record.tls.client_hello_ns - 1'500'000'000;
  EXPECT_EQ(Text("time", record, {.style = TimeStyle::kSeconds, .start_ns = start}), "1.500");
  const uint64_t later = record.tls.client_hello_ns + 250'000'000;
  EXPECT_EQ(Text("time", record, {.style = TimeStyle::kSeconds, .start_ns = later}), "-0.250");
}

TEST(FieldsTest, EveryFieldIsEmptyWhereNothingWasSeen) {
  for (const Field& field : Fields()) {
    if (field.name == "role" || field.name == "result") continue;
    EXPECT_EQ(Text(field.name, HandshakeRecord()), "") << field.name;
  }
}

TEST(FieldsTest, SaysWhoTheOwnerWas) {
  HandshakeRecord record = SampleRecord();
  record.owner.uid = 33;
  record.attribution.namespace_name = "shop";
  record.attribution.workload = "web";
  record.attribution.pod_name = "web-0";
  record.attribution.container_id = std::string(64, 'a');
  EXPECT_EQ(Text("user", record), "33");
  EXPECT_EQ(Text("exe", record), "/usr/bin/curl");
  EXPECT_EQ(Text("namespace", record), "shop");
  EXPECT_EQ(Text("workload", record), "web");
  EXPECT_EQ(Text("pod", record), "web-0");
  EXPECT_EQ(Text("container", record), "aaaaaaaaaaaa");
  record.attribution.container_name = "nginx";
  EXPECT_EQ(Text("container", record), "nginx");
}

TEST(FieldsTest, SaysWhichStackTheProcessUsesAndWhereItIsBlind) {
  HandshakeRecord record = SampleRecord();
  record.stack = StackView{StackState::kInstrumented, StackKind::kOpenSsl};
  EXPECT_EQ(Text("stack", record), "openssl");
  record.stack = StackView{StackState::kUnsupported, StackKind::kGnuTls};
  EXPECT_EQ(Text("stack", record), "gnutls:unsupported");
}

TEST(FieldsTest, SaysWhatTheCertificateAndTheAlertSay) {
  HandshakeRecord record = RefusedRecord();
  CertificateFacts leaf;
  leaf.subject = "CN=api.example.com";
  leaf.issuer = "CN=Example \x1b[0m CA";
  leaf.not_after = 1795435263;
  record.tls.server_certificates.certificates = {std::make_shared<const CertificateFacts>(leaf)};
  EXPECT_EQ(Text("subject", record), "CN=api.example.com");
  EXPECT_EQ(Text("issuer", record), "CN=Example \\x1b[0m CA");
  EXPECT_EQ(Text("not_after", record), "2026-11-23");
  EXPECT_EQ(Text("alert", record), "client:unknown_ca");
}

}  // namespace
}  // namespace tlsmeter::agent
