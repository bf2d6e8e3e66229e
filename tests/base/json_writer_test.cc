#include "src/base/json_writer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

namespace tlsmeter::agent {
namespace {

TEST(JsonWriterTest, WritesAnEmptyObject) {
  std::string out;
  JsonWriter(&out).Finish();
  EXPECT_EQ(out, "{}");
}

TEST(JsonWriterTest, NestsByDottedPath) {
  std::string out;
  JsonWriter json(&out);
  json.String("@timestamp", "now");
  json.String("tls.client.server_name", "a.example");
  json.String("tls.client.ja3", "x");
  json.Bool("tls.resumed", false);
  json.Uint("client.port", 443);
  json.Finish();
  EXPECT_EQ(out, R"({"@timestamp":"now","tls":{"client":{"server_name":"a.example","ja3":"x"},"resumed":false},)"
                 R"("client":{"port":443}})");
}

TEST(JsonWriterTest, TellsObjectsOfOneNameAtTwoDepthsApart) {
  std::string out;
  JsonWriter json(&out);
  json.Uint("tls.client.a", 1);
  json.Uint("client.a", 2);
  json.Uint("client.client.a", 3);
  json.Finish();
  EXPECT_EQ(out, R"({"tls":{"client":{"a":1}},"client":{"a":2,"client":{"a":3}}})");
}

TEST(JsonWriterTest, TellsObjectsApartWhoseNamesBeginAlike) {
  std::string out;
  JsonWriter json(&out);
  json.Uint("a.b.c", 1);
  json.Uint("a.bc.c", 2);
  json.Uint("a.b", 3);
  json.Uint("ab.c", 4);
  json.Finish();
  EXPECT_EQ(out, R"({"a":{"b":{"c":1},"bc":{"c":2},"b":3},"ab":{"c":4}})");
}

TEST(JsonWriterTest, WritesArrays) {
  std::string out;
  JsonWriter json(&out);
  json.BeginArray("a.list");
  json.Element("x");
  json.PlainElement("y");
  json.Element("\n");
  json.EndArray();
  json.BeginArray("a.empty");
  json.EndArray();
  json.Bool("b", true);
  json.Finish();
  EXPECT_EQ(out, R"({"a":{"list":["x","y","\u000a"],"empty":[]},"b":true})");
}

TEST(JsonWriterTest, WritesThousandthsWithoutTrailingZeros) {
  const std::pair<uint64_t, std::string> cases[] = {{0, "0"},    {1, "0.001"},   {20, "0.02"},        {210, "0.21"},
                                                    {1000, "1"}, {1050, "1.05"}, {123456, "123.456"}, {3000, "3"}};
  for (const auto& [value, text] : cases) {
    std::string out;
    JsonWriter json(&out);
    json.Thousandths("v", value);
    json.Finish();
    EXPECT_EQ(out, "{\"v\":" + text + "}");
  }
}

std::string Written(std::string_view text) {
  std::string out;
  JsonWriter json(&out);
  json.String("v", text);
  json.Finish();
  return out;
}

TEST(JsonWriterTest, EscapesStrings) {
  EXPECT_EQ(Written("a\"b\\c\n\x01\x7f\xc3\xa9"), "{\"v\":\"a\\\"b\\\\c\\u000a\\u0001\\u007f\xc3\xa9\"}");
}

TEST(JsonWriterTest, ReplacesBytesOutsideUtf8) {
  EXPECT_EQ(Written("a\xff\xe2\x82z"), "{\"v\":\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"}");
}

TEST(JsonWriterTest, AppendsTextOfAnyLength) {
  for (size_t size = 0; size < 20000; size = size * 5 / 4 + 1) {
    std::string out = "before";
    JsonWriter json(&out);
    json.String("a.v", std::string(size, 'x'));
    json.Bool("a.end", true);
    json.Finish();
    ASSERT_EQ(out, "before{\"a\":{\"v\":\"" + std::string(size, 'x') + "\",\"end\":true}}");
  }
}

TEST(JsonWriterTest, IsValidJsonOnOneLineForAnyBytes) {
  std::mt19937 random(2);
  for (int round = 0; round < 5000; ++round) {
    std::string raw(random() % 30, '\0');
    for (char& c : raw) c = static_cast<char>(random());
    std::string out;
    JsonWriter json(&out);
    json.String("a.b", raw);
    json.Finish();
    ASSERT_TRUE(nlohmann::json::accept(out)) << out;
    ASSERT_EQ(out.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace tlsmeter::agent
