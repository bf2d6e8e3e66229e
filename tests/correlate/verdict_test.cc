#include "src/correlate/verdict.h"

#include <gtest/gtest.h>

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

std::string Text(const Verdict& v) {
  std::string text(ResultName(v.result));
  if (v.reason != FailureReason::kNone) text += ":" + std::string(FailureReasonName(v.reason));
  if (v.inferred) text += "~";
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
    EXPECT_EQ(Text(verdict), std::string("failure:") + c.reason) << int{c.description};
  }
}

TEST(Verdict, ServerThatGetsNoCertificateSaysHandshakeFailureInTls12) {
  Handshake tls = Refused(Sender::kServer, 40);
  tls.mutual_tls = MutualTls::kAbsent;
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{})), "failure:client_certificate_missing");
}

TEST(Verdict, EncryptedAlertsAreInferredFromWhoRefusedWhom) {
  Handshake tls = With(Progress::kRefused);
  tls.inferred = true;
  tls.alert = Alert{Sender::kClient, 0, 0, true, 1};
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{})), "failure:certificate_other~");
  tls.alert->sender = Sender::kServer;
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{})), "failure:client_certificate_rejected~");
}

TEST(Verdict, SuccessOutweighsHowTcpEnds) {
  EXPECT_EQ(Text(DecideVerdict(With(Progress::kEstablished), Role::kClient, TcpEnd({.remote_reset = true}))), "success");
}

TEST(Verdict, BytesThatAreNotTlsAreAFailure) {
  EXPECT_EQ(Text(DecideVerdict(With(Progress::kNotTls), Role::kClient, Ending{})), "failure:not_tls");
  EXPECT_EQ(Text(DecideVerdict(With(Progress::kMalformed), Role::kClient, Ending{})), "failure:protocol_error");
}

TEST(Verdict, TheEndOfTcpWithoutACauseIsAborted) {
  const Handshake tls = With(Progress::kInProgress);
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, TcpEnd({.remote_fin = true}))), "aborted:peer_closed");
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, TcpEnd({.remote_reset = true}))), "aborted:peer_reset");
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, TcpEnd({.local_fin = true}))), "aborted:local_closed");
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, TcpEnd({.local_reset = true}))), "aborted:local_closed");
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, TcpEnd({.timed_out = true}))), "aborted:timeout");
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, TcpEnd({.remote_fin = true, .remote_reset = true}))),
            "aborted:peer_closed");
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, TcpEnd({.local_fin = true, .remote_reset = true}))),
            "aborted:local_closed");
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kServer, Ending{.tcp_ended = false, .tcp_end = {}, .timed_out = true})),
            "aborted:timeout");
}

TEST(Verdict, IsUnknownWhereBytesWereMissingOrTheWatchEnded) {
  Handshake tls = With(Progress::kInProgress);
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, Ending{})), "unknown");
  tls.incomplete = true;
  EXPECT_EQ(Text(DecideVerdict(tls, Role::kClient, TcpEnd({.remote_fin = true}))), "unknown");
}

}  // namespace
}  // namespace tlsmeter::agent
