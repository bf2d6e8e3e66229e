#include "src/correlate/verdict.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace tlsmeter::agent {
namespace {

Handshake With(Progress progress) {
  Handshake tls;
  tls.progress = progress;
  tls.client_hello_count = 1;
  return tls;
}

Handshake Refused(Sender sender, uint8_t description) {
  Handshake tls = With(Progress::kRefused);
  tls.alert = Alert{sender, 2, description, false, 1};
  return tls;
}

Ending TcpEnd(StopChunk::TcpEnd end) { return Ending{.tcp_ended = true, .tcp_end = end, .timed_out = false}; }

// "result:reason", "~" when inferred, "@side" of whose fault it was.
std::string Text(const Verdict& v) {
  std::string text(ResultName(v.result));
  if (v.reason != FailureReason::kNone) text += ":" + std::string(FailureReasonName(v.reason));
  if (v.inferred) text += "~";
  if (v.side) text += *v.side == Sender::kClient ? "@client" : "@server";
  return text;
}

struct AlertCase {
  Sender sender;
  uint8_t description;
  const char* reason;
};

TEST(Verdict, NamesTheCauseOfEachAlert) {
  constexpr Sender kC = Sender::kClient, kS = Sender::kServer;
  const AlertCase cases[] = {
      {kC, 42, "certificate_other"},
      {kC, 43, "certificate_other"},
      {kC, 44, "certificate_revoked"},
      {kC, 45, "certificate_expired"},
      {kC, 46, "certificate_other"},
      {kC, 48, "unknown_ca"},
      {kC, 113, "certificate_other"},
      {kS, 42, "client_certificate_rejected"},
      {kS, 44, "client_certificate_rejected"},
      {kS, 45, "client_certificate_rejected"},
      {kS, 48, "client_certificate_rejected"},
      {kS, 116, "client_certificate_missing"},
      {kS, 40, "handshake_failure"},
      {kC, 40, "handshake_failure"},
      {kS, 71, "handshake_failure"},
      {kS, 70, "protocol_version"},
      {kC, 70, "protocol_version"},
      {kS, 86, "protocol_version"},
      {kS, 112, "unrecognized_name"},
      {kS, 120, "no_application_protocol"},
      {kS, 51, "decrypt_error"},
      {kC, 20, "decrypt_error"},
      {kS, 80, "internal_error"},
      {kC, 47, "other"},
      {kC, 255, "other"},
  };
  for (const AlertCase& c : cases) {
    const Verdict verdict = DecideVerdict(Refused(c.sender, c.description), Role::kServer, Ending{});
    EXPECT_EQ(verdict.result, Result::kFailure) << int{c.description};
    EXPECT_EQ(FailureReasonName(verdict.reason), c.reason) << int{c.description};
    EXPECT_FALSE(verdict.inferred) << int{c.description};
  }
}

TEST(Verdict, ServerThatGetsNoCertificateSaysHandshakeFailureInTls12) {
  Handshake tls = Refused(Sender::kServer, 40);
  tls.mutual_tls = MutualTls::kAbsent;
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{})), "failure:client_certificate_missing@client");
}

TEST(Verdict, EncryptedAlertsAreInferredFromWhoRefusedWhom) {
  Handshake tls = With(Progress::kRefused);
  tls.inferred = true;
  tls.alert = Alert{Sender::kClient, 0, 0, true, 1};
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{})), "failure:certificate_other~@server");
  tls.alert->sender = Sender::kServer;
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{})), "failure:client_certificate_rejected~@client");
}

TEST(Verdict, SuccessOutweighsHowTcpEnds) {
  EXPECT_EQ(Text(DecideVerdict(With(Progress::kEstablished), Role::kClient, TcpEnd({.remote_reset = true}))), "success");
}

TEST(Verdict, BytesThatAreNotTlsAreAFailureOfWhoSentThem) {
  Handshake tls = With(Progress::kNotTls);
  tls.parse_sender = Sender::kServer;
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{})), "failure:not_tls@server");
  tls.progress = Progress::kMalformed;
  tls.parse_sender = Sender::kClient;
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{})), "failure:protocol_error@client");
}

TEST(Verdict, TheEndOfTcpWithoutACauseIsAborted) {
  const Handshake tls = With(Progress::kInProgress);
  const auto server = [&](StopChunk::TcpEnd end) { return Text(DecideVerdict(tls, Role::kServer, TcpEnd(end))); };
  EXPECT_EQ(server({.remote_fin = true}), "aborted:peer_closed@client");
  EXPECT_EQ(server({.remote_reset = true}), "aborted:peer_reset@client");
  EXPECT_EQ(server({.local_fin = true}), "aborted:local_closed@server");
  EXPECT_EQ(server({.local_reset = true}), "aborted:local_closed@server");
  EXPECT_EQ(server({.timed_out = true}), "aborted:timeout");
  EXPECT_EQ(server({.remote_fin = true, .remote_reset = true}), "aborted:peer_closed@client");
  EXPECT_EQ(server({.local_fin = true, .remote_reset = true}), "aborted:local_closed@server");
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, Ending{.tcp_ended = false, .tcp_end = {}, .timed_out = true})),
            "aborted:timeout");
}

TEST(Verdict, IsUnknownWhereBytesWereMissingOrTheWatchEnded) {
  Handshake tls = With(Progress::kInProgress);
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{})), "unknown");
  tls.incomplete = true;
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, TcpEnd({.remote_fin = true}))), "unknown");
}

// ---- with the words of the TLS library ----

constexpr Sender kC = Sender::kClient, kS = Sender::kServer;

LibraryFacts Failed(uint32_t reason, uint32_t verify_result = 0, int alert_sent = -1) {
  LibraryFacts facts;
  facts.outcome = LibraryOutcome::kFailure;
  facts.reason = reason;
  facts.verify_result = verify_result;
  if (alert_sent >= 0) facts.alert_sent = LibraryAlert{2, static_cast<uint8_t>(alert_sent)};
  return facts;
}

struct LibraryCase {
  const char* scenario;
  Role role;
  uint32_t reason;
  uint32_t verify_result;
  int alert_sent;  // -1: none
  const char* verdict;
};

TEST(Verdict, GnuTlsNamesTheCauseByItsOwnNumbers) {
  const Handshake tls = With(Progress::kInProgress);
  const auto verdict = [&tls](uint32_t error, Role role, std::optional<uint8_t> alert = std::nullopt, uint32_t status = 0) {
    LibraryFacts facts = Failed(error, status);
    facts.implementation = TlsStack::kGnuTls;
    facts.alert_received = alert;
    return Text(DecideVerdict(tls, role, Ending{}, &facts));
  };
  EXPECT_EQ(verdict(43, Role::kClient), "failure:certificate_other@server");
  EXPECT_EQ(verdict(43, Role::kClient, {}, 0x402), "failure:certificate_expired@server");
  EXPECT_EQ(verdict(43, Role::kServer, {}, 0x402), "failure:client_certificate_rejected@client");
  EXPECT_EQ(verdict(348, Role::kServer), "failure:client_certificate_rejected@client");
  EXPECT_EQ(verdict(49, Role::kServer), "failure:client_certificate_missing@client");
  EXPECT_EQ(verdict(87, Role::kServer), "failure:no_shared_cipher");
  EXPECT_EQ(verdict(12, Role::kServer, 48), "failure:unknown_ca@server");
  EXPECT_EQ(verdict(12, Role::kClient, 70), "failure:protocol_version");
  EXPECT_EQ(verdict(110, Role::kClient), "aborted:peer_closed@server");
  EXPECT_EQ(verdict(1048, Role::kClient), "failure:other");  // an alert to OpenSSL only
}

// What OpenSSL 1.1.1, 3.0 and 3.5 say on both sides of broken handshakes, as measured. The wire shows nothing of the cause,
// as under TLS 1.3.
constexpr LibraryCase kLibraryCases[] = {
    {"server certificate expired", Role::kClient, 134, 10, 45, "failure:certificate_expired@server"},
    {"server certificate expired", Role::kServer, 1045, 0, -1, "failure:certificate_expired@server"},
    {"not yet valid", Role::kClient, 134, 9, 42, "failure:certificate_not_yet_valid@server"},
    {"not yet valid", Role::kServer, 1042, 0, -1, "failure:certificate_other@server"},
    {"unknown CA", Role::kClient, 134, 20, 48, "failure:unknown_ca@server"},
    {"unknown CA", Role::kServer, 1048, 0, -1, "failure:unknown_ca@server"},
    {"self-signed", Role::kClient, 134, 18, 48, "failure:self_signed@server"},
    {"host name", Role::kClient, 134, 62, 42, "failure:hostname_mismatch@server"},
    {"IP address", Role::kClient, 134, 64, 42, "failure:hostname_mismatch@server"},
    {"revoked", Role::kClient, 134, 23, 44, "failure:certificate_revoked@server"},
    {"no shared cipher", Role::kServer, 193, 0, 40, "failure:no_shared_cipher"},
    {"no shared cipher", Role::kClient, 1040, 0, -1, "failure:handshake_failure"},
    {"no shared group", Role::kServer, 101, 0, 40, "failure:no_shared_group"},
    {"no shared signature algorithm", Role::kServer, 118, 0, 40, "failure:no_shared_signature_algorithm"},
    {"version", Role::kServer, 258, 0, 70, "failure:protocol_version"},
    {"version", Role::kClient, 1070, 0, -1, "failure:protocol_version"},
    {"version", Role::kClient, 191, 0, 70, "failure:protocol_version"},
    {"client certificate missing", Role::kServer, 199, 0, 116, "failure:client_certificate_missing@client"},
    {"client certificate of an unknown CA", Role::kServer, 134, 20, 48, "failure:client_certificate_rejected@client"},
    {"client certificate of an unknown CA", Role::kClient, 1048, 0, -1, "failure:client_certificate_rejected@client"},
    {"client certificate expired", Role::kServer, 134, 10, 45, "failure:client_certificate_rejected@client"},
    {"server name refused by a callback", Role::kServer, 234, 0, 112, "failure:unrecognized_name"},
    {"server name refused by a callback", Role::kClient, 1112, 0, -1, "failure:unrecognized_name"},
    {"curve of the client's certificate", Role::kServer, 378, 0, 47, "failure:client_certificate_rejected@client"},
    {"ALPN", Role::kServer, 235, 0, 120, "failure:no_application_protocol"},
    {"HTTP to a TLS port", Role::kServer, 156, 0, -1, "failure:not_tls@client"},
    {"TLS to a plain port", Role::kClient, 267, 0, -1, "failure:not_tls@server"},
    {"bad record", Role::kServer, 281, 0, 20, "failure:decrypt_error"},
    {"out of memory", Role::kServer, 0x80000 | 259, 0, 80, "failure:internal_error@server"},
    {"the other side is out of memory", Role::kServer, 1080, 0, -1, "failure:internal_error@client"},
    {"an error that names nothing", Role::kServer, 999, 0, -1, "failure:other"},
    {"the program shuts down", Role::kClient, 407, 0, -1, "aborted:local_closed@client"},
    {"end of stream", Role::kServer, 294, 0, 50, "aborted:peer_closed@client"},
    {"end of stream, 1.1.1", Role::kServer, 0, 0, -1, "aborted:peer_closed~@client"},
};

TEST(LibraryVerdict, NamesTheCauseOfEachFailureOnEachSide) {
  for (const LibraryCase& c : kLibraryCases) {
    const LibraryFacts facts = Failed(c.reason, c.verify_result, c.alert_sent);
    EXPECT_EQ(Text(DecideVerdict(With(Progress::kInProgress), c.role, Ending{}, &facts)), c.verdict) << c.scenario;
  }
}

TEST(LibraryVerdict, HandshakeFailureAfterAnEmptyCertificateIsAMissingOne) {
  Handshake tls = Refused(kS, 40);
  tls.mutual_tls = MutualTls::kAbsent;
  const LibraryFacts facts = Failed(1040);
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{}, &facts)), "failure:client_certificate_missing@client");
}

TEST(LibraryVerdict, TheWireSaysHowTheTransportEnded) {
  const LibraryFacts facts = Failed(0);
  const Handshake tls = With(Progress::kInProgress);
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, TcpEnd({.remote_reset = true}), &facts)), "aborted:peer_reset@client");
  const LibraryFacts eof = Failed(294, 0, 50);
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, TcpEnd({.remote_fin = true}), &eof)), "aborted:peer_closed@server");
}

TEST(LibraryVerdict, AnAlertThatAnswersTheEndOfTheStreamIsNotItsCause) {
  const LibraryFacts eof = Failed(294, 0, 50);
  EXPECT_EQ(Text(DecideVerdict(Refused(kC, 50), Role::kClient, Ending{}, &eof)), "aborted:peer_closed@server");
  EXPECT_EQ(Text(DecideVerdict(Refused(kS, 50), Role::kServer, Ending{}, &eof)), "aborted:peer_closed@client");
}

TEST(LibraryVerdict, AnAlertOnTheWireExplainsAnUnexpectedMessage) {
  const LibraryFacts facts = Failed(244, 0, 10);  // 3.5, when the client's first record is an alert
  EXPECT_EQ(Text(DecideVerdict(Refused(kC, 70), Role::kServer, Ending{}, &facts)), "failure:protocol_version");
}

TEST(LibraryVerdict, SuccessOfTheServerOutweighsWhatTheWireInfers) {
  Handshake tls = With(Progress::kRefused);
  tls.inferred = true;
  tls.alert = Alert{kC, 0, 0, true, 1};
  const LibraryFacts facts;
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, Ending{}, &facts)), "success");
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{}, &facts)), "success");  // this client did not refuse
  tls.progress = Progress::kInProgress;
  tls.incomplete = true;
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, Ending{}, &facts)), "success");
}

TEST(LibraryVerdict, AClientThatIsDoneMayStillBeRefused) {
  Handshake tls = With(Progress::kRefused);
  tls.inferred = true;
  tls.alert = Alert{kS, 0, 0, true, 1};
  LibraryFacts facts;
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{}, &facts)), "failure:client_certificate_rejected~@client");
  facts.late_alert = 116;
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{}, &facts)), "failure:client_certificate_missing@client");
  tls = With(Progress::kEstablished);
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{}, &facts)), "failure:client_certificate_missing@client");
}

// ---- programs with GnuTLS, which judge the peer after the handshake ----

constexpr uint32_t kIssuerUnknown = 0x42;  // GNUTLS_CERT_INVALID | GNUTLS_CERT_SIGNER_NOT_FOUND

LibraryFacts Doubted(bool closed) {
  LibraryFacts facts;
  facts.implementation = TlsStack::kGnuTls;
  facts.verify_result = kIssuerUnknown;
  facts.doubted = true;
  facts.closed = closed;
  return facts;
}

TEST(LibraryVerdict, AProgramThatFindsTheCertificateWantingAndGoesAwayHasRefusedIt) {
  const LibraryFacts facts = Doubted(true);
  Handshake tls = With(Progress::kEstablished);
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{}, &facts)), "failure:unknown_ca~@server");
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, Ending{}, &facts)), "failure:client_certificate_rejected~@client");
  tls.first_application_data_ns = 5;  // it went on
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{}, &facts)), "success");
}

// What the server showed: a leaf, and a root that came along.
CertificateChain Chain(bool self_signed_leaf) {
  CertificateFacts leaf, root;
  leaf.self_signed = self_signed_leaf;
  root.self_signed = true;
  CertificateChain chain;
  chain.certificates = {std::make_shared<const CertificateFacts>(leaf), std::make_shared<const CertificateFacts>(root)};
  chain.length = 2;
  return chain;
}

TEST(LibraryVerdict, ACertificateOfItsOwnIsNotOneOfAnUnknownAuthority) {
  LibraryFacts refused = Failed(43, kIssuerUnknown);  // GNUTLS_E_CERTIFICATE_ERROR
  refused.implementation = TlsStack::kGnuTls;
  const LibraryFacts gone = Doubted(true);
  const auto verdict = [](const CertificateChain& chain, Role role, Progress progress, const LibraryFacts& facts) {
    Handshake tls = With(progress);
    tls.server_certificates = chain;
    return Text(DecideVerdict(tls, role, Ending{}, &facts));
  };
  EXPECT_EQ(verdict(Chain(true), Role::kClient, Progress::kInProgress, refused), "failure:self_signed@server");
  EXPECT_EQ(verdict(Chain(false), Role::kClient, Progress::kInProgress, refused), "failure:unknown_ca@server");
  EXPECT_EQ(verdict({}, Role::kClient, Progress::kInProgress, refused), "failure:unknown_ca@server");
  EXPECT_EQ(verdict(Chain(true), Role::kClient, Progress::kEstablished, gone), "failure:self_signed~@server");
  EXPECT_EQ(verdict(Chain(false), Role::kClient, Progress::kEstablished, gone), "failure:unknown_ca~@server");
  EXPECT_EQ(verdict(Chain(true), Role::kServer, Progress::kInProgress, refused),
            "failure:client_certificate_rejected@client");  // it is the client's that the server refused
  refused.verify_result = 0x402;                            // trusted, and expired
  EXPECT_EQ(verdict(Chain(true), Role::kClient, Progress::kInProgress, refused), "failure:certificate_expired@server");
  // OpenSSL says by itself which of the two it is.
  EXPECT_EQ(verdict(Chain(true), Role::kClient, Progress::kInProgress, Failed(134, 20, 48)), "failure:unknown_ca@server");
}

TEST(LibraryVerdict, DoubtAloneIsNoRefusal) {
  const LibraryFacts facts = Doubted(false);
  EXPECT_EQ(Text(DecideVerdict(With(Progress::kEstablished), Role::kClient, Ending{}, &facts)), "success");
  LibraryFacts within = Doubted(true);  // a verdict within the handshake, which went on
  within.doubted = false;
  EXPECT_EQ(Text(DecideVerdict(With(Progress::kEstablished), Role::kClient, Ending{}, &within)), "success");
}

TEST(LibraryVerdict, AFatalAlertAfterSuccessRefusesThePeerWhereItSaysSo) {
  LibraryFacts facts = Doubted(false);
  facts.alert_sent = LibraryAlert{2, 42};
  const Handshake tls = With(Progress::kEstablished);
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{}, &facts)), "failure:unknown_ca@server");
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, Ending{}, &facts)), "failure:client_certificate_rejected@client");
  facts = {};
  facts.alert_sent = LibraryAlert{2, 42};  // by a judgement of its own
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{}, &facts)), "failure:certificate_other@server");
  facts.alert_sent = LibraryAlert{2, 80};  // of what came after the handshake
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{}, &facts)), "success");
  facts.alert_sent = LibraryAlert{1, 42};
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{}, &facts)), "success");
}

TEST(LibraryVerdict, AnAlertLongAfterTheHandshakeIsNoneOfIt) {
  LibraryFacts facts;
  facts.late_alert = 80;
  EXPECT_EQ(Text(DecideVerdict(With(Progress::kEstablished), Role::kClient, Ending{}, &facts)), "success");
}

TEST(LibraryVerdict, AnAbandonedHandshakeIsExplainedByTheWire) {
  LibraryFacts facts;
  facts.outcome = LibraryOutcome::kAbandoned;
  const Handshake tls = With(Progress::kInProgress);
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, TcpEnd({.remote_fin = true}), &facts)), "aborted:peer_closed@client");
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, Ending{}, &facts)), "aborted:local_closed~@server");
}

}  // namespace
}  // namespace tlsmeter::agent
