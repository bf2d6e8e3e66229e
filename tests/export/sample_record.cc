#include "tests/export/sample_record.h"

#include <memory>
#include <numeric>

namespace tlsmeter::agent {

SocketAddress Ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port) {
  return {.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, .port = port};
}

HandshakeRecord SampleRecord() {
  constexpr uint64_t kUs = 1000;
  constexpr uint64_t kHello = 1795435263123456 * kUs;
  HandshakeRecord record;
  record.role = Role::kClient;
  record.owner.pid = 4711;
  record.owner.comm = "curl";
  record.attribution.executable = "/usr/bin/curl";
  record.attribution.source = AttributionSource::kComm;
  record.attribution.result = AttributionResult::kComplete;
  record.client = Ipv4(10, 0, 0, 5, 51234);
  record.server = Ipv4(192, 0, 2, 7, 443);
  record.tcp_start_ns = kHello - 1000 * kUs;
  record.tcp_established_ns = kHello - 790 * kUs;
  record.result = Result::kSuccess;

  Handshake& tls = record.tls;
  tls.progress = Progress::kEstablished;
  ClientHello& hello = tls.client_hello.emplace();
  hello.legacy_version = ProtocolVersion::kTls12;
  std::iota(hello.random.begin(), hello.random.end(), uint8_t{0});
  hello.server_name = "API.Example.com";
  hello.alpn = {"\x1a\x1a", "h2", "http/1.1"};
  hello.supported_versions = {ProtocolVersion{0x1a1a}, ProtocolVersion::kTls13, ProtocolVersion::kTls12};
  hello.cipher_suites = {CipherSuite{0x2a2a}, CipherSuite{0x1301}, CipherSuite{0xfffe}};
  hello.supported_groups = {NamedGroup{0x3a3a}, NamedGroup{0x11ec}, NamedGroup{0x001d}};
  hello.signature_algorithms = {SignatureScheme{0x0403}};
  tls.server_hello.emplace().supported_version = ProtocolVersion::kTls13;
  tls.version = ProtocolVersion::kTls13;
  tls.cipher = CipherSuite{0x1301};
  tls.group = NamedGroup{0x11ec};
  tls.alpn = "h2";
  tls.resumption = Resumption::kPsk;
  tls.early_data = EarlyData::kRejected;
  tls.ech = Ech::kOffered;
  tls.mutual_tls = MutualTls::kPresented;
  tls.client_hello_ns = kHello;
  tls.server_hello_ns = kHello + 3000 * kUs;
  tls.client_finished_ns = kHello + 12345 * kUs;
  tls.established_ns = kHello + 12345 * kUs;
  tls.first_application_data_ns = kHello + 13000 * kUs;
  tls.handshake_bytes = {517, 4096};
  return record;
}

HandshakeRecord Tls12Record() {
  HandshakeRecord record = SampleRecord();
  Handshake& tls = record.tls;
  tls.version = ProtocolVersion::kTls12;
  tls.server_hello->supported_version.reset();
  tls.client_hello->encrypted_server_name = true;
  tls.renegotiation = true;
  tls.ocsp_staple.status = OcspStatus::kGood;

  CertificateFacts leaf;
  leaf.sha256.fill(0xab);
  leaf.readable = true;
  leaf.subject = "CN=www.example.com,O=M\xc3\xbcller\n\xff";
  leaf.issuer = "CN=Example CA";
  leaf.serial_number = "1234abcd";
  leaf.not_before = 1767225600;
  leaf.not_after = 253402300799;
  leaf.subject_alt_names = {"www.example.com", "192.0.2.7"};
  leaf.key_algorithm = "EC";
  leaf.key_curve = "prime256v1";
  leaf.key_bits = 256;
  leaf.signature_algorithm = "ecdsa-with-SHA256";
  tls.server_certificates.certificates = {std::make_shared<const CertificateFacts>(leaf)};
  tls.server_certificates.length = 3;
  tls.client_certificates = tls.server_certificates;
  return record;
}

HandshakeRecord RefusedRecord() {
  HandshakeRecord record = SampleRecord();
  record.result = Result::kFailure;
  record.reason = FailureReason::kUnknownCa;
  record.failure_side = Sender::kServer;
  record.tls.progress = Progress::kRefused;
  record.tls.alert = Alert{.sender = Sender::kClient, .level = 2, .description = 48};
  record.tls.established_ns = 0;
  record.tls.first_application_data_ns = 0;
  return record;
}

HandshakeRecord PodRecord() {
  HandshakeRecord record = SampleRecord();
  record.attribution = {.executable = "/usr/bin/curl",
                        .container_id = std::string(64, 'c'),
                        .container_name = "fetch",
                        .pod_uid = "0f5a3c1e-2b4d-4f6a-8c9e-1a2b3c4d5e6f",
                        .pod_name = "web-6c54bd5869-x9z2k",
                        .namespace_name = "shop",
                        .workload = "web",
                        .kind = WorkloadKind::kDeployment,
                        .systemd_unit = "",
                        .source = AttributionSource::kKubelet,
                        .result = AttributionResult::kComplete};
  return record;
}

}  // namespace tlsmeter::agent
