#include "src/aggregate/labels.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tlsmeter::agent {
namespace {

TEST(LabelsTest, NamesKnownNumbersAndFoldsTheRest) {
  EXPECT_EQ(VersionLabel(ProtocolVersion::kTls13), "1.3");
  EXPECT_EQ(VersionLabel(ProtocolVersion{0x7f12}), "other");
  EXPECT_EQ(VersionLabel(std::nullopt), "none");
  EXPECT_EQ(CipherLabel(CipherSuite{0x1301}), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(CipherLabel(CipherSuite{0x1a1a}), "other");
  EXPECT_EQ(CipherLabel(std::nullopt), "none");
  EXPECT_EQ(GroupLabel(NamedGroup{0x001d}), "x25519");
  EXPECT_EQ(GroupLabel(NamedGroup{0xfffe}), "other");
  EXPECT_EQ(GroupLabel(std::nullopt), "none");
  EXPECT_EQ(ReasonLabel(FailureReason::kUnknownCa), "unknown_ca");
  EXPECT_EQ(ReasonLabel(FailureReason::kNone), "other");
}

TEST(LabelsTest, KeepsClosedListsWithinTheirCounts) {
  std::set<std::string_view> versions = {"none"};
  std::set<std::string_view> alerts = {"encrypted"};
  for (uint32_t value = 0; value <= 0xffff; ++value) {
    versions.insert(VersionLabel(ProtocolVersion{static_cast<uint16_t>(value)}));
    if (value <= 0xff) alerts.insert(AlertLabel({.description = static_cast<uint8_t>(value)}));
  }
  EXPECT_LE(versions.size(), kVersionLabels);
  EXPECT_LE(alerts.size(), kAlertLabels);
}

TEST(LabelsTest, SaysHowASessionWasResumed) {
  Handshake tls;
  EXPECT_EQ(ResumptionLabel(tls), "none");
  tls.resumption = Resumption::kTicket;
  EXPECT_EQ(ResumptionLabel(tls), "ticket");
  tls.resumption = Resumption::kSessionId;
  EXPECT_EQ(ResumptionLabel(tls), "session_id");
  tls.resumption = Resumption::kPsk;
  tls.early_data = EarlyData::kRejected;
  EXPECT_EQ(ResumptionLabel(tls), "psk");
  tls.early_data = EarlyData::kAccepted;
  EXPECT_EQ(ResumptionLabel(tls), "early_data");
  EXPECT_EQ(ResumptionName(tls.resumption), "psk");
}

TEST(LabelsTest, NeverTakesAnEncryptedProtocolForNone) {
  Handshake tls;
  tls.client_hello.emplace();
  tls.version = ProtocolVersion::kTls13;
  EXPECT_EQ(AlpnLabel(tls), "none");
  tls.client_hello->alpn = {"h2"};
  EXPECT_EQ(AlpnLabel(tls), "not_visible");
  tls.version = ProtocolVersion::kTls12;
  EXPECT_EQ(AlpnLabel(tls), "none");
  tls.alpn = "h2";
  EXPECT_EQ(AlpnLabel(tls), "h2");
  tls.alpn = "\xff\n";
  EXPECT_EQ(AlpnLabel(tls), "other");
}

TEST(LabelsTest, SaysWhatBecameOfMutualTls) {
  HandshakeRecord record;
  record.result = Result::kSuccess;
  EXPECT_EQ(MutualTlsLabel(record), "");
  record.tls.mutual_tls = MutualTls::kRequested;
  EXPECT_EQ(MutualTlsLabel(record), "");
  record.tls.mutual_tls = MutualTls::kPresented;
  EXPECT_EQ(MutualTlsLabel(record), "success");
  record.result = Result::kUnknown;
  EXPECT_EQ(MutualTlsLabel(record), "");
  record.result = Result::kAborted;
  EXPECT_EQ(MutualTlsLabel(record), "failure");
  record.tls.mutual_tls = MutualTls::kAbsent;
  EXPECT_EQ(MutualTlsLabel(record), "no_certificate");
  record.tls.mutual_tls = MutualTls::kNotVisible;
  EXPECT_EQ(MutualTlsLabel(record), "");
  record.result = Result::kFailure;
  record.reason = FailureReason::kClientCertificateRejected;
  EXPECT_EQ(MutualTlsLabel(record), "rejected");
  record.reason = FailureReason::kClientCertificateMissing;
  EXPECT_EQ(MutualTlsLabel(record), "no_certificate");
}

TEST(LabelsTest, TakesASentinelForASignOnlyWhenTheClientHadOfferedMore) {
  Handshake tls;
  tls.client_hello.emplace().legacy_version = ProtocolVersion::kTls12;
  tls.server_hello.emplace().downgrade = Downgrade::kToTls12;
  EXPECT_TRUE(DowngradeSignals(tls).empty());
  tls.client_hello->supported_versions = {ProtocolVersion::kTls13};
  EXPECT_EQ(DowngradeSignals(tls).at(0), "tls12_sentinel");
  tls.server_hello->downgrade = Downgrade::kToTls11OrBelow;
  EXPECT_EQ(DowngradeSignals(tls).at(0), "tls11_sentinel");
  tls.client_hello->supported_versions = {ProtocolVersion{0x0302}};
  EXPECT_TRUE(DowngradeSignals(tls).empty());
}

TEST(LabelsTest, SaysWhatTheStapleSays) {
  Handshake tls;
  EXPECT_EQ(OcspStatusLabel(tls, 0), "");
  tls.ocsp_staple.status = OcspStatus::kAbsent;
  EXPECT_EQ(OcspStatusLabel(tls, 0), "") << "not asked for";
  tls.client_hello.emplace().status_request = true;
  EXPECT_EQ(OcspStatusLabel(tls, 0), "absent");
  tls.ocsp_staple.status = OcspStatus::kInvalid;
  EXPECT_EQ(OcspStatusLabel(tls, 0), "invalid");
  tls.ocsp_staple.status = OcspStatus::kUnknown;
  EXPECT_EQ(OcspStatusLabel(tls, 0), "unknown");
  tls.ocsp_staple = {.status = OcspStatus::kGood, .this_update = 0, .next_update = 10};
  EXPECT_EQ(OcspStatusLabel(tls, 10), "good");
  EXPECT_EQ(OcspStatusLabel(tls, 11), "expired");
  tls.ocsp_staple.status = OcspStatus::kRevoked;
  EXPECT_EQ(OcspStatusLabel(tls, 11), "revoked");
}

TEST(LabelsTest, TellsWhoSentAnAlertFromTheWorkloadsSide) {
  const Alert by_client = {.sender = Sender::kClient, .description = 48};
  const Alert by_server = {.sender = Sender::kServer, .encrypted = true};
  EXPECT_EQ(AlertSenderLabel(by_client, Role::kClient), "self");
  EXPECT_EQ(AlertSenderLabel(by_client, Role::kServer), "peer");
  EXPECT_EQ(AlertSenderLabel(by_server, Role::kClient), "peer");
  EXPECT_EQ(AlertSenderLabel(by_server, Role::kServer), "self");
  EXPECT_EQ(AlertSenderLabel(by_server, Role::kObserver), "server");
  EXPECT_EQ(AlertLabel(by_client), "unknown_ca");
  EXPECT_EQ(AlertLabel(by_server), "encrypted");
}

}  // namespace
}  // namespace tlsmeter::agent
