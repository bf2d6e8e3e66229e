// The byte logic that the kernel runs, on the host.
#include "bpf/tls_sniff.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace {

int Opens(std::initializer_list<uint8_t> bytes) {
  std::array<uint8_t, 8> b = {};
  std::copy(bytes.begin(), bytes.end(), b.begin());
  return tm_opens_handshake(b.data(), static_cast<uint32_t>(bytes.size()));
}

int IsHttp(const char* text) { return tm_is_http(reinterpret_cast<const uint8_t*>(text)); }

TEST(Sniff, KnowsAClientHelloFromItsFirstSixBytes) {
  EXPECT_TRUE(Opens({0x16, 3, 1, 0x02, 0x00, 1}));
  EXPECT_TRUE(Opens({0x16, 3, 3, 0x07, 0x00, 1}));
}

TEST(Sniff, TakesEveryPrefixOfAClientHelloForOne) {
  EXPECT_TRUE(Opens({0x16}));
  EXPECT_TRUE(Opens({0x16, 3}));
  EXPECT_TRUE(Opens({0x16, 3, 1}));
  EXPECT_TRUE(Opens({0x16, 3, 1, 2}));
  EXPECT_TRUE(Opens({0x16, 3, 1, 2, 0}));
}

TEST(Sniff, RefusesWhatCannotBeAClientHello) {
  EXPECT_FALSE(Opens({}));
  EXPECT_FALSE(Opens({0x17, 3, 3, 0, 32, 1}));    // application data
  EXPECT_FALSE(Opens({0x16, 2, 1, 2, 0, 1}));     // version 2.1
  EXPECT_FALSE(Opens({0x16, 3, 5, 2, 0, 1}));     // version 3.5
  EXPECT_FALSE(Opens({0x16, 3, 1, 0x49, 0, 1}));  // longer than a record may be
  EXPECT_FALSE(Opens({0x16, 3, 3, 0, 0x7a, 2}));  // ServerHello
  EXPECT_FALSE(Opens({'S', 'S', 'H', '-', '2', '.'}));
}

TEST(Sniff, KnowsHttpRequestsThatNeverUpgrade) {
  for (const char* request : {"GET / HTTP", "POST /x", "HEAD /", "PUT /a", "DELETE /", "PATCH /", "OPTIONS *"}) {
    EXPECT_TRUE(IsHttp(request)) << request;
  }
  EXPECT_FALSE(IsHttp("CONNECT a:443 HTTP/1.1"));  // a tunnel may carry TLS
  EXPECT_FALSE(IsHttp("HTTP/1.1 200 OK"));
  EXPECT_FALSE(IsHttp("EHLO"));
}

TEST(Sniff, KnowsAMysqlSslRequest) {
  const uint8_t request[4] = {32, 0, 0, 1};
  const uint8_t query[4] = {32, 0, 0, 0};
  EXPECT_TRUE(tm_is_mysql_ssl_request(request));
  EXPECT_FALSE(tm_is_mysql_ssl_request(query));
}

TEST(Sniff, JudgesRecordHeaders) {
  const auto header = [](uint64_t type, uint64_t version, uint64_t length) { return type << 32 | version << 16 | length; };
  EXPECT_TRUE(tm_is_record_header(header(22, 0x0301, 512)));
  EXPECT_TRUE(tm_is_record_header(header(23, 0x0303, 16384 + 2048)));
  EXPECT_TRUE(tm_is_record_header(header(24, 0x0303, 3)));
  EXPECT_FALSE(tm_is_record_header(header(19, 0x0303, 3)));
  EXPECT_FALSE(tm_is_record_header(header(25, 0x0303, 3)));
  EXPECT_FALSE(tm_is_record_header(header(22, 0x0305, 3)));
  EXPECT_FALSE(tm_is_record_header(header(22, 0x0203, 3)));
  EXPECT_FALSE(tm_is_record_header(header(22, 0x0303, 0)));
  EXPECT_FALSE(tm_is_record_header(header(23, 0x0303, 16384 + 2049)));
}

}  // namespace
