#include <utility>

#include "src/tls/handshake_state.h"
#include "tlsmeter/key_exchange.h"

namespace tlsmeter {

bool HandshakeTracker::State::Kept(Sender sender, ParseStatus status) {
  if (status == ParseStatus::kOk) return true;
  if (status == ParseStatus::kTooLarge || direction(sender).torn) {
    facts.incomplete = true;  // over a ceiling of ours, or glued together around a hole: not the peer's fault
  } else {
    Fail(sender, status);
  }
  return false;
}

void HandshakeTracker::State::OnMessage(Sender sender, const HandshakeMessage& message, uint64_t time_ns) {
  if (++direction(sender).message_count > kMaxHandshakeMessages) return Fail(sender, ParseStatus::kTooLarge);
  if (message.too_large) facts.incomplete = true;

  if (sender == Sender::kClient) {
    if (message.type == HandshakeType::kClientHello) return OnClientHello(message);
    if (message.type == HandshakeType::kCertificate) return OnClientCertificate(message, time_ns);
    return;
  }
  if (message.type == HandshakeType::kServerHello) return OnServerHello(message, time_ns);
  if (message.type == HandshakeType::kCertificate) return OnServerCertificate(message, time_ns);
  if (message.type == HandshakeType::kCertificateStatus) return OnCertificateStatus(message);
  if (message.type == HandshakeType::kServerKeyExchange) return OnServerKeyExchange(message);
  if (message.type == HandshakeType::kServerHelloDone) {
    server_flight_follows = true;
    OnAfterCertificateStatus();
  } else if (message.type == HandshakeType::kCertificateRequest) {
    if (facts.mutual_tls == MutualTls::kNotVisible) facts.mutual_tls = MutualTls::kRequested;
    OnAfterCertificateStatus();
  }
}

void HandshakeTracker::State::OnClientHello(const HandshakeMessage& message) {
  BeginClientHello();
  if (facts.client_hello_count > 1) return OnSecondClientHello(message);
  ClientHello hello;
  if (message.too_large || !Kept(Sender::kClient, ParseClientHello(message.body, &hello))) return;
  KeepClientHello(std::move(hello));
}

void HandshakeTracker::State::BeginClientHello() {
  if (facts.client_hello_count < 255) ++facts.client_hello_count;
  if (facts.client_hello_count > 1) return;
  facts.client_hello_ns = direction(Sender::kClient).message_start_ns;
  if (facts.progress == Progress::kNoHello) facts.progress = Progress::kInProgress;
}

// The second is the first, changed as HelloRetryRequest asked. It tells nothing new but what kind of ECH the first had.
void HandshakeTracker::State::OnSecondClientHello(const HandshakeMessage& message) {
  if (!facts.hello_retry || facts.ech != Ech::kOffered || !facts.client_hello || message.too_large) return;
  ClientHello second;
  if (ParseClientHello(message.body, &second) != ParseStatus::kOk) return;
  const uint16_t before = facts.client_hello->ech_enc_length;
  if (before != 0 && second.ech_enc_length == before) facts.ech = Ech::kGrease;
}

void HandshakeTracker::State::OnSsl2Message(Sender sender, std::span<const uint8_t> message) {
  const bool expected = sender == Sender::kClient || (facts.client_hello && facts.client_hello->ssl2_format &&
                                                      message.front() == Ssl2Reader::kServerHello);
  if (!expected) return Fail(sender, ParseStatus::kNotTls);
  direction(sender).any_record = true;
  ++facts.records[static_cast<size_t>(sender)];
  facts.handshake_bytes[static_cast<size_t>(sender)] += Ssl2Reader::kHeaderSize + message.size();
  if (sender == Sender::kClient) {
    BeginClientHello();
    ClientHello hello;
    if (Kept(sender, ParseSsl2ClientHello(message, &hello))) KeepClientHello(std::move(hello));
    return;
  }
  facts.version = ProtocolVersion::kSsl2;
  facts.incomplete = true;
  for (Direction& each : directions) each.deaf = true;
}

void HandshakeTracker::State::KeepClientHello(ClientHello&& hello) {
  if (hello.early_data) facts.early_data = EarlyData::kOffered;
  if (hello.ech_outer || hello.ech_inner) facts.ech = Ech::kOffered;
  facts.client_hello = std::move(hello);
}

void HandshakeTracker::State::OnHelloRetry(ServerHello&& hello) {
  if (facts.hello_retry) return;
  if (facts.early_data == EarlyData::kOffered) facts.early_data = EarlyData::kRejected;  // RFC 8446, section 4.2.10
  facts.hello_retry = std::move(hello);
}

void HandshakeTracker::State::OnServerHello(const HandshakeMessage& message, uint64_t time_ns) {
  if (message.too_large || facts.server_hello) return;
  ServerHello hello;
  if (!Kept(Sender::kServer, ParseServerHello(message.body, &hello))) return;
  if (hello.is_hello_retry) return OnHelloRetry(std::move(hello));

  facts.server_hello_ns = time_ns;
  facts.version = hello.NegotiatedVersion();
  facts.cipher = hello.cipher_suite;
  facts.group = hello.key_share_group;
  facts.server_hello = std::move(hello);
  const ServerHello& chosen = *facts.server_hello;

  const bool offered_early_data = facts.early_data == EarlyData::kOffered;
  if (!IsTls13()) {
    facts.alpn = chosen.alpn;
    if (offered_early_data) facts.early_data = EarlyData::kRejected;
    return;
  }
  if (chosen.selected_psk) facts.resumption = Resumption::kPsk;
  // Early data belongs to the first identity offered: with another one, or none, it cannot have been accepted.
  if (offered_early_data && chosen.selected_psk != 0) facts.early_data = EarlyData::kRejected;
  tls13_end.OnServerHello(chosen.cipher_suite, offered_early_data);
}

void HandshakeTracker::State::OnServerKeyExchange(const HandshakeMessage& message) {
  server_flight_follows = true;
  OnAfterCertificateStatus();
  if (message.too_large || !facts.server_hello || IsTls13()) return;
  std::optional<NamedGroup> group;
  if (Kept(Sender::kServer, ParseServerKeyExchange(message.body, facts.server_hello->cipher_suite, &group)) && group) {
    facts.group = group;
  }
}

CertificateChain HandshakeTracker::State::ReadChain(const CertificateList& list, uint64_t time_ns) {
  CertificateChain chain;
  chain.length = list.length;
  chain.certificates.reserve(list.stored().size());
  for (const std::span<const uint8_t> der : list.stored()) {
    std::shared_ptr<const CertificateFacts> read = certificates != nullptr
                                                       ? certificates->Read(der, time_ns)
                                                       : std::make_shared<const CertificateFacts>(ReadCertificate(der));
    if (read == nullptr) break;
    chain.certificates.push_back(std::move(read));
  }
  return chain;
}

void HandshakeTracker::State::OnServerCertificate(const HandshakeMessage& message, uint64_t time_ns) {
  server_flight_follows = true;
  if (message.too_large || IsTls13() || facts.server_certificates.length != 0) return;
  CertificateList list;
  if (Kept(Sender::kServer, ParseCertificate(message.body, &list))) facts.server_certificates = ReadChain(list, time_ns);
}

void HandshakeTracker::State::OnClientCertificate(const HandshakeMessage& message, uint64_t time_ns) {
  if (IsTls13() || facts.mutual_tls == MutualTls::kPresented || facts.mutual_tls == MutualTls::kAbsent) return;
  if (message.too_large) {
    facts.mutual_tls = MutualTls::kPresented;
    return;
  }
  CertificateList list;
  if (!Kept(Sender::kClient, ParseCertificate(message.body, &list))) return;
  facts.mutual_tls = list.length == 0 ? MutualTls::kAbsent : MutualTls::kPresented;
  facts.client_certificates = ReadChain(list, time_ns);
}

void HandshakeTracker::State::OnCertificateStatus(const HandshakeMessage& message) {
  const CertificateFacts* leaf = facts.server_certificates.leaf();
  if (message.too_large || leaf == nullptr || facts.ocsp_staple.status != OcspStatus::kNotVisible) return;
  std::span<const uint8_t> response;
  if (!Kept(Sender::kServer, ParseCertificateStatus(message.body, &response))) return;
  facts.ocsp_staple = ReadOcspResponse(response, leaf->serial_number);
}

void HandshakeTracker::State::OnAfterCertificateStatus() {
  if (facts.server_certificates.leaf() == nullptr || facts.incomplete) return;
  if (facts.ocsp_staple.status == OcspStatus::kNotVisible) facts.ocsp_staple.status = OcspStatus::kAbsent;
}

}  // namespace tlsmeter
