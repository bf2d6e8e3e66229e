#include "src/export/json_lines.h"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/export/sample_record.h"

namespace tlsmeter::agent {
namespace {

using Json = nlohmann::json;

// Parses a line strictly: one object, one line feed, no member twice.
Json Parse(const std::string& line) {
  EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
  std::vector<std::set<std::string>> names;
  const auto check = [&names](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key) {
      EXPECT_TRUE(names.back().insert(parsed.get<std::string>()).second) << parsed;
    }
    return true;
  };
  return Json::parse(line, check);
}

TEST(JsonLinesTest, WritesEveryFactOfASuccess) {
  EXPECT_EQ(
      JsonLine(SampleRecord()),
      R"({"@timestamp":"2026-11-23T12:01:03.123456Z",)"
      R"("client":{"address":"10.0.0.5","port":51234},"server":{"address":"192.0.2.7","port":443},)"
      R"("tls":{"client":{"server_name":"api.example.com","ja3":"8aa8227929b53426a4f6eb1b2f71dbf3",)"
      R"("ja4":"t13i02001a_504f793b0919_28bec3923df4"},"protocol":{"version":"1.3"},"cipher":"TLS_AES_128_GCM_SHA256",)"
      R"("curve":"X25519MLKEM768","next_protocol":"h2","resumed":true,"established":true},)"
      R"("tlsmeter":{"role":"client","transport":"tcp",)"
      R"("client_random":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",)"
      R"("offered":{"alpn":["h2","http/1.1"],"versions":["1.3","1.2"],"ciphers":["TLS_AES_128_GCM_SHA256","0xfffe"],)"
      R"("groups":["X25519MLKEM768","x25519"],"signature_algorithms":["ecdsa_secp256r1_sha256"]},)"
      R"("resumption":"psk","early_data":"rejected","hello_retry":false,"ech":"offered","mtls":"presented",)"
      R"("result":"success",)"
      R"("timing":{"tcp_ms":0.21,"server_flight_ms":3,"client_flight_ms":12.345,"handshake_ms":12.345,)"
      R"("first_app_byte_ms":13.79},"bytes":{"client":517,"server":4096},)"
      R"("attribution":{"source":"comm","result":"complete"}},)"
      R"("process":{"pid":4711,"name":"curl","executable":{"path":"/usr/bin/curl"}},"user":{"id":"0"}})"
      "\n");
}

TEST(JsonLinesTest, WritesWhatOnlyTls12Shows) {
  const Json json = Parse(JsonLine(Tls12Record()));
  std::string digest;
  for (int i = 0; i < 32; ++i) digest += "AB";
  EXPECT_EQ(json["tls"]["server"], Json({{"subject", R"(CN=www.example.com,O=Müller\x0a\xff)"},
                                         {"issuer", "CN=Example CA"},
                                         {"not_before", "2026-01-01T00:00:00Z"},
                                         {"not_after", "9999-12-31T23:59:59Z"},
                                         {"hash", {{"sha256", digest}}}}));
  EXPECT_EQ(json["tls"]["client"]["subject"], json["tls"]["server"]["subject"]);
  EXPECT_EQ(json["tlsmeter"]["server"], Json({{"serial_number", "1234abcd"},
                                              {"san", {"www.example.com", "192.0.2.7"}},
                                              {"key_algorithm", "EC"},
                                              {"key_bits", 256},
                                              {"key_curve", "prime256v1"},
                                              {"signature_algorithm", "ecdsa-with-SHA256"},
                                              {"self_signed", false},
                                              {"chain_length", 3}}));  // two of them were not read
  EXPECT_EQ(json["tlsmeter"]["client"], json["tlsmeter"]["server"]);
  EXPECT_EQ(json["tlsmeter"]["ocsp_staple"], "good");
  EXPECT_EQ(json["tlsmeter"]["esni"], true);
  EXPECT_EQ(json["tlsmeter"]["renegotiation"], true);
  EXPECT_EQ(json["tlsmeter"]["extended_master_secret"], false);
}

TEST(JsonLinesTest, TellsTheFatesOfAStaple) {
  HandshakeRecord record = Tls12Record();
  OcspStaple& staple = record.tls.ocsp_staple;
  const auto told = [&record] { return Parse(JsonLine(record))["tlsmeter"]["ocsp_staple"]; };
  staple.next_update = static_cast<int64_t>(record.tls.server_hello_ns / 1'000'000'000);
  EXPECT_EQ(told(), "good");
  --*staple.next_update;
  EXPECT_EQ(told(), "expired");
  staple.status = OcspStatus::kRevoked;
  EXPECT_EQ(told(), "revoked");
  staple.status = OcspStatus::kUnknown;
  EXPECT_EQ(told(), "unknown");
  staple.status = OcspStatus::kInvalid;
  EXPECT_EQ(told(), "invalid");
  staple.status = OcspStatus::kAbsent;
  EXPECT_EQ(told(), "absent");
  staple.status = OcspStatus::kNotVisible;
  EXPECT_TRUE(told().is_null());
}

TEST(JsonLinesTest, ACertificateThatCannotBeReadHasADigestAndAPlace) {
  HandshakeRecord record = SampleRecord();
  record.tls.server_certificates.certificates = {std::make_shared<const CertificateFacts>()};
  record.tls.server_certificates.length = 1;
  const Json json = Parse(JsonLine(record));
  EXPECT_EQ(json["tls"]["server"], Json({{"hash", {{"sha256", std::string(64, '0')}}}}));
  EXPECT_EQ(json["tlsmeter"]["server"], Json({{"chain_length", 1}, {"chain_in_order", false}}));
}

TEST(JsonLinesTest, AHelloInSsl2FormatHasNoFingerprints) {
  HandshakeRecord record = SampleRecord();
  record.tls.client_hello->ssl2_format = true;
  EXPECT_EQ(Parse(JsonLine(record))["tls"]["client"], Json({{"server_name", "api.example.com"}}));
}

TEST(JsonLinesTest, TellsGreaseFromOfferedEch) {
  HandshakeRecord record = SampleRecord();
  record.tls.ech = Ech::kGrease;
  EXPECT_EQ(Parse(JsonLine(record))["tlsmeter"]["ech"], "grease");
}

TEST(JsonLinesTest, SaysWhyAHandshakeFailed) {
  HandshakeRecord record = RefusedRecord();
  Json json = Parse(JsonLine(record));
  EXPECT_EQ(json["tls"]["established"], false);
  EXPECT_EQ(json["tlsmeter"]["result"], "failure");
  EXPECT_EQ(json["tlsmeter"]["failure"], Json({{"reason", "unknown_ca"}, {"side", "server"}}));
  EXPECT_EQ(json["tlsmeter"]["alert"], Json({{"description", "unknown_ca"}, {"level", "fatal"}, {"sender", "client"}}));
  EXPECT_FALSE(json["tlsmeter"]["timing"].contains("handshake_ms"));

  record.inferred = true;
  record.tls.alert = Alert{.sender = Sender::kServer, .encrypted = true};
  json = Parse(JsonLine(record));
  EXPECT_EQ(json["tlsmeter"]["failure"]["inferred"], true);
  EXPECT_EQ(json["tlsmeter"]["alert"], Json({{"sender", "server"}}));
}

TEST(JsonLinesTest, SaysWhichPodItWas) {
  HandshakeRecord record = PodRecord();
  Json json = Parse(JsonLine(record));
  EXPECT_EQ(json["container"], Json({{"id", std::string(64, 'c')}}));
  EXPECT_EQ(json["k8s"], Json({{"namespace", {{"name", "shop"}}},
                               {"pod", {{"name", "web-6c54bd5869-x9z2k"}, {"uid", "0f5a3c1e-2b4d-4f6a-8c9e-1a2b3c4d5e6f"}}},
                               {"container", {{"name", "fetch"}}},
                               {"workload", {{"name", "web"}, {"kind", "Deployment"}}}}));
  EXPECT_EQ(json["tlsmeter"]["attribution"], Json({{"source", "kubelet"}, {"result", "complete"}}));

  record.attribution.kind = WorkloadKind::kUnknown;
  EXPECT_EQ(Parse(JsonLine(record))["k8s"]["workload"], Json({{"name", "web"}}));
}

TEST(JsonLinesTest, SaysWhichContainerOrUnitItWas) {
  HandshakeRecord record = SampleRecord();
  record.attribution.container_id = std::string(64, 'c');
  record.attribution.container_name = "web";
  record.attribution.workload = "web";
  record.attribution.kind = WorkloadKind::kContainer;
  record.attribution.systemd_unit = "web.service";
  const Json json = Parse(JsonLine(record));
  EXPECT_EQ(json["container"], Json({{"id", std::string(64, 'c')}, {"name", "web"}}));
  EXPECT_EQ(json["systemd"], Json({{"unit", "web.service"}}));
  EXPECT_FALSE(json.contains("k8s"));
}

TEST(JsonLinesTest, LeavesOutWhatWasNotSeen) {
  EXPECT_EQ(JsonLine(HandshakeRecord()), R"({"tlsmeter":{"role":"observer","transport":"tcp","result":"unknown"}})"
                                         "\n");
}

TEST(JsonLinesTest, TakesTheTimeOfTheConnectionWithoutAClientHello) {
  HandshakeRecord record = SampleRecord();
  record.tls.client_hello_ns = 0;
  EXPECT_EQ(Parse(JsonLine(record))["@timestamp"], "2026-11-23T12:01:03.122456Z");
  record.tcp_start_ns = record.tcp_established_ns = 0;  // joined late: the ServerHello is all there is
  EXPECT_EQ(Parse(JsonLine(record))["@timestamp"], "2026-11-23T12:01:03.126456Z");
}

TEST(JsonLinesTest, ReportsAHelloRetryRequest) {
  HandshakeRecord record = SampleRecord();
  record.tls.hello_retry.emplace();
  EXPECT_EQ(Parse(JsonLine(record))["tlsmeter"]["hello_retry"], true);
}

TEST(JsonLinesTest, NamesThePlaintextBeforeTls) {
  HandshakeRecord record = SampleRecord();
  EXPECT_FALSE(Parse(JsonLine(record))["tlsmeter"].contains("starttls"));
  record.starttls = PlainProtocol::kPostgresql;
  EXPECT_EQ(Parse(JsonLine(record))["tlsmeter"]["starttls"], "postgresql");
}

TEST(JsonLinesTest, TakesTheLegacyVersionForTheOfferWithoutTheExtension) {
  HandshakeRecord record = SampleRecord();
  record.tls.client_hello->supported_versions.clear();
  EXPECT_EQ(Parse(JsonLine(record))["tlsmeter"]["offered"]["versions"], Json({"1.2"}));
}

TEST(JsonLinesTest, PrintsIpv6InItsShortForm) {
  HandshakeRecord record = SampleRecord();
  record.server->ip = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(Parse(JsonLine(record))["server"]["address"], "2001:db8::1");
}

TEST(JsonLinesTest, StaysOneValidLineWhateverPeersSend) {
  std::mt19937 random(4);
  const auto noise = [&random] {
    std::string bytes(random() % 255, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    return bytes;
  };
  for (int round = 0; round < 2000; ++round) {
    HandshakeRecord record = SampleRecord();
    record.tls.client_hello->server_name = noise();
    record.tls.client_hello->alpn = {noise(), noise()};
    record.tls.alpn = noise();
    record.owner.comm = noise();
    record.attribution = {noise(), noise(), noise(), noise(), noise(), noise(), noise(), WorkloadKind::kOther,
                          noise(), {},      {}};
    const std::string line = JsonLine(record);
    const Json json = Parse(line);
    for (const char c : line.substr(0, line.size() - 1)) ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    ASSERT_LE(json["process"].value("name", "").size(), kMaxTextField);
  }
}

TEST(JsonLinesTest, TellsWhatTheLibrarySays) {
  HandshakeRecord record = RefusedRecord();
  LibraryFacts& library = record.library.emplace();
  library.join = JoinedBy::kServerRandom;
  library.stack = "OpenSSL 3.0.19";
  library.outcome = LibraryOutcome::kFailure;
  library.reason = 134;
  library.verify_result = 20;
  library.start_ns = 1'000'000;
  library.end_ns = 3'500'000;
  const Json tlsmeter = Json::parse(JsonLine(record))["tlsmeter"];
  EXPECT_EQ(tlsmeter["library"], "OpenSSL 3.0.19");
  EXPECT_EQ(tlsmeter["join"], "server_random");
  EXPECT_EQ(tlsmeter["error"], Json({{"code", 134}, {"text", "certificate verify failed"}}));
  EXPECT_EQ(tlsmeter["verify"], Json({{"code", 20}, {"text", "unable to get local issuer certificate"}}));
  EXPECT_EQ(tlsmeter["timing"]["library_ms"], 2.5);
  EXPECT_FALSE(tlsmeter["failure"].contains("late"));
}

TEST(JsonLinesTest, TellsVerdictsInTheWordsOfTheLibraryThatGaveThem) {
  HandshakeRecord record = RefusedRecord();
  LibraryFacts& library = record.library.emplace();
  const auto verify = [&record] { return Json::parse(JsonLine(record))["tlsmeter"].value("verify", Json()); };
  EXPECT_EQ(verify(), Json());
  library.verify_result = 0;
  EXPECT_EQ(verify(), Json({{"code", 0}, {"text", "ok"}}));
  library.implementation = TlsStack::kGnuTls;
  library.verify_result = 0x42;
  EXPECT_EQ(verify(), Json({{"code", 0x42}, {"text", "The certificate issuer is unknown."}}));
}

TEST(JsonLinesTest, ARefusalOfWhatHadSucceededIsLate) {
  HandshakeRecord record = RefusedRecord();
  LibraryFacts& library = record.library.emplace();
  EXPECT_EQ(Json::parse(JsonLine(record))["tlsmeter"]["failure"]["late"], true);
  library.outcome = LibraryOutcome::kFailure;
  EXPECT_FALSE(Json::parse(JsonLine(record))["tlsmeter"]["failure"].contains("late"));
}

}  // namespace
}  // namespace tlsmeter::agent
