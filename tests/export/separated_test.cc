#include "src/export/separated.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/export/sample_record.h"

namespace tlsmeter::agent {
namespace {

const TimeFormat kUtc = {.style = TimeStyle::kUtc, .start_ns = 0, .zone = absl::UTCTimeZone()};

size_t Count(const std::string& text, char c) { return static_cast<size_t>(std::count(text.begin(), text.end(), c)); }

TEST(CsvTest, WritesNamesThenValues) {
  const auto fields = *ParseFields("time,sni,res,ms");
  EXPECT_EQ(CsvHeader(fields), "time,sni,res,ms\n");
  EXPECT_EQ(CsvLine(fields, SampleRecord(), kUtc), "2026-11-23T12:01:03.123456Z,api.example.com,psk,12.345\n");
  EXPECT_EQ(CsvLine(fields, HandshakeRecord(), kUtc), ",,,\n");
}

TEST(CsvTest, QuotesCommasAndQuotes) {
  HandshakeRecord record = SampleRecord();
  record.owner.comm = "a,\"b\"";
  EXPECT_EQ(CsvLine(*ParseFields("comm,pid"), record, kUtc), "\"a,\"\"b\"\"\",4711\n");
}

TEST(CsvTest, LetsNoLineFeedThrough) {
  HandshakeRecord record = SampleRecord();
  record.owner.comm = "a\nb\rc";
  EXPECT_EQ(CsvLine(*ParseFields("comm"), record, kUtc), "a\\x0ab\\x0dc\n");
}

TEST(ZeekTest, NamesAsManyTypesAsFieldsAndWritesAsManyValues) {
  const std::string header = ZeekHeader(1795435263000000000);
  const size_t fields = header.find("#fields\t");
  const size_t types = header.find("#types\t");
  ASSERT_NE(fields, std::string::npos);
  ASSERT_NE(types, std::string::npos);
  EXPECT_NE(header.find("#open\t2026-11-23-12-01-03\n"), std::string::npos);
  const size_t tabs = Count(header.substr(fields, types - fields), '\t');
  EXPECT_EQ(Count(header.substr(types), '\t'), tabs);
  EXPECT_EQ(Count(ZeekLine(SampleRecord()), '\t'), tabs - 1);
  EXPECT_EQ(Count(ZeekLine(HandshakeRecord()), '\t'), tabs - 1);
}

TEST(ZeekTest, WritesARecord) {
  EXPECT_EQ(ZeekLine(SampleRecord()),
            "1795435263.123456\tC0001020304050607\t10.0.0.5\t51234\t192.0.2.7\t443\tTLSv13\tTLS_AES_128_GCM_SHA256\t"
            "X25519MLKEM768\tapi.example.com\tT\t-\th2\tT\n");
  HandshakeRecord old = RefusedRecord();
  old.tls.version = ProtocolVersion::kTls10;
  EXPECT_NE(ZeekLine(old).find("\tTLSv1\t"), std::string::npos);
  EXPECT_NE(ZeekLine(old).find("\tunknown_ca\t"), std::string::npos);
  old.tls.version = ProtocolVersion::kSsl3;
  EXPECT_NE(ZeekLine(old).find("\tSSLv3\t"), std::string::npos);
}

TEST(ZeekTest, KeepsTabsAndDashesOfNamesApartFromItsOwn) {
  HandshakeRecord record = SampleRecord();
  const size_t tabs = Count(ZeekLine(record), '\t');
  record.tls.client_hello->server_name = "a\tb";
  record.tls.alpn = "-";
  EXPECT_EQ(Count(ZeekLine(record), '\t'), tabs);
  EXPECT_NE(ZeekLine(record).find("\t\\x2d\t"), std::string::npos);
}

}  // namespace
}  // namespace tlsmeter::agent
