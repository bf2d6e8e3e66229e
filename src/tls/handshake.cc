#include "tlsmeter/handshake.h"

#include <limits>
#include <utility>

#include "src/tls/handshake_state.h"
#include "tlsmeter/alert.h"

namespace tlsmeter {
namespace {

template <typename T>
void IncrementSaturating(T* counter) {
  if (*counter < std::numeric_limits<T>::max()) ++*counter;
}

}  // namespace

HandshakeTracker::HandshakeTracker(CertificateCache* certificates) : state_(std::make_unique<State>()) {
  state_->certificates = certificates;
}
HandshakeTracker::~HandshakeTracker() = default;
HandshakeTracker::HandshakeTracker(HandshakeTracker&&) noexcept = default;
HandshakeTracker& HandshakeTracker::operator=(HandshakeTracker&&) noexcept = default;

void HandshakeTracker::OnBytes(Sender sender, std::span<const uint8_t> bytes, uint64_t time_ns) {
  state_->OnBytes(sender, bytes, time_ns);
}

void HandshakeTracker::OnOpaqueRecord(Sender sender, ContentType type, uint16_t length, uint64_t time_ns) {
  state_->OnOpaqueRecord(sender, type, length, time_ns);
}

void HandshakeTracker::OnGap(Sender sender) { state_->OnGap(sender); }
void HandshakeTracker::OnNotTls(Sender sender, uint64_t /*time_ns*/) { state_->OnNotTls(sender); }
bool HandshakeTracker::Settled() const { return state_->done; }
const Handshake& HandshakeTracker::handshake() const { return state_->facts; }
Handshake HandshakeTracker::TakeHandshake() && { return std::move(state_->facts); }

bool HandshakeTracker::State::IsTls13() const {
  if (facts.hello_retry) return true;
  return facts.server_hello && (facts.server_hello->supported_version || facts.server_hello->legacy_version.IsTls13());
}

HandshakeTracker::State::RecordKind HandshakeTracker::State::KindOf(const Direction& from,
                                                                    const RecordHeader& header) const {
  const bool encrypted = from.change_cipher_spec && !IsTls13();
  if (header.type == ContentType::kHandshake) return encrypted ? RecordKind::kEncryptedMessages : RecordKind::kMessages;
  if (header.type == ContentType::kAlert) return encrypted ? RecordKind::kEncryptedAlert : RecordKind::kAlert;
  if (header.type == ContentType::kChangeCipherSpec) return RecordKind::kChangeCipherSpec;
  if (header.type == ContentType::kApplicationData) return RecordKind::kApplicationData;
  return RecordKind::kIgnored;
}

void HandshakeTracker::State::OnBytes(Sender sender, std::span<const uint8_t> bytes, uint64_t time_ns) {
  Direction& from = direction(sender);
  if (!done && !from.any_record && !from.torn && from.records.AtBoundary() && !PassSsl2(sender, &bytes, time_ns)) return;
  while (!done && !from.deaf) {
    if (from.records.AtBoundary()) from.record_start_ns = time_ns;
    RecordPiece piece;
    const ParseStatus status = from.records.Next(&bytes, &piece);
    if (status == ParseStatus::kNeedMore) return;
    if (status != ParseStatus::kOk) return Fail(sender, status);
    if (piece.first) OnRecordStart(sender, piece.header);
    if (!piece.body.empty()) OnRecordBody(sender, piece.body, time_ns);
    if (piece.last) OnRecordEnd(sender, time_ns);
  }
}

bool HandshakeTracker::State::PassSsl2(Sender sender, std::span<const uint8_t>* bytes, uint64_t time_ns) {
  Direction& from = direction(sender);
  if (!from.ssl2.Started()) from.message_start_ns = time_ns;
  switch (from.ssl2.Next(bytes)) {
    case Ssl2Reader::Result::kNone:
      return true;
    case Ssl2Reader::Result::kNeedMore:
      return false;
    case Ssl2Reader::Result::kBad:
      Fail(sender, ParseStatus::kNotTls);
      return false;
    case Ssl2Reader::Result::kMessage:
      break;
  }
  OnSsl2Message(sender, from.ssl2.message());
  from.ssl2.Reset();
  return true;
}

void HandshakeTracker::State::OnOpaqueRecord(Sender sender, ContentType type, uint16_t length, uint64_t time_ns) {
  if (done) return;
  Direction& from = direction(sender);
  if (from.records.InHeader()) {
    from.records.Resync();  // the first bytes of this record's header came as bytes, before its type was known
  } else if (!from.records.AtBoundary() || from.ssl2.Started()) {
    OnGap(sender);
  }
  if (from.deaf) return;
  const RecordHeader header = {.type = type, .version = ProtocolVersion::kTls12, .length = length};
  const ParseStatus status = from.records.PassOpaque(header);
  if (status != ParseStatus::kOk) return Fail(sender, status);
  from.record_start_ns = time_ns;
  OnRecordStart(sender, header);
  if (done) return;
  if (from.kind == RecordKind::kMessages || from.kind == RecordKind::kAlert) {
    Miss(sender);
  } else {
    OnRecordEnd(sender, time_ns);
  }
}

void HandshakeTracker::State::OnGap(Sender sender) {
  if (done) return;
  Direction& from = direction(sender);
  from.records.Resync();
  from.ssl2.Reset();
  from.deaf = false;
  Miss(sender);
}

void HandshakeTracker::State::Miss(Sender sender) {
  Direction& from = direction(sender);
  from.messages.Resync();
  from.torn = true;
  if (!Established()) facts.incomplete = true;
}

void HandshakeTracker::State::OnNotTls(Sender sender) {
  if (done || Established()) return;
  facts.progress = Progress::kNotTls;
  facts.parse_status = ParseStatus::kNotTls;
  facts.parse_sender = sender;
  Settle();
}

void HandshakeTracker::State::Fail(Sender sender, ParseStatus status) {
  Direction& from = direction(sender);
  from.deaf = true;
  if (Established()) return;
  if (from.torn) {
    facts.incomplete = true;
    return;
  }
  const bool other_protocol = status == ParseStatus::kNotTls && !from.any_record;
  facts.progress = other_protocol ? Progress::kNotTls : Progress::kMalformed;
  facts.parse_status = status;
  facts.parse_sender = sender;
  Settle();
}

void HandshakeTracker::State::Settle() {
  switch (facts.progress) {
    case Progress::kNoHello:
    case Progress::kInProgress:
      return;
    case Progress::kEstablished:
      if (IsTls13() ? !tls13_end.Over(facts) : facts.first_application_data_ns == 0) return;
      break;
    case Progress::kRefused:
    case Progress::kNotTls:
    case Progress::kMalformed:
      break;
  }
  done = true;
  for (Direction& each : directions) {  // a settled tracker holds no buffers
    each.messages = MessageReader();
    each.ssl2.Reset();
  }
}

void HandshakeTracker::State::OnRecordStart(Sender sender, const RecordHeader& header) {
  Direction& from = direction(sender);
  from.any_record = true;
  from.alert_size = 0;
  from.kind = KindOf(from, header);
  from.messages.BeginRecord();
  IncrementSaturating(&facts.records[static_cast<size_t>(sender)]);

  const bool was_established = Established();
  bool counted = from.kind != RecordKind::kApplicationData;
  if (from.kind == RecordKind::kApplicationData) {
    // Judged by its header alone: its length is all there is to see, and a live source has no more of it either.
    OnApplicationData(sender, header.length, from.record_start_ns);
    // A server's record that proves the client's end comes after that end.
    counted = IsTls13() && facts.server_hello && (sender == Sender::kClient || !Established());
  }
  if (counted && !was_established) facts.handshake_bytes[static_cast<size_t>(sender)] += kRecordHeaderSize + header.length;
}

void HandshakeTracker::State::OnRecordBody(Sender sender, std::span<const uint8_t> body, uint64_t time_ns) {
  Direction& from = direction(sender);
  if (from.kind == RecordKind::kAlert) {
    for (const uint8_t byte : body) {
      if (from.alert_size < from.alert.size()) from.alert[from.alert_size++] = byte;
    }
    return;
  }
  if (from.kind != RecordKind::kMessages) return;
  HandshakeMessage message;
  while (!done && !from.deaf) {
    if (from.messages.AtBoundary()) from.message_start_ns = from.record_start_ns;
    if (!from.messages.Next(&body, &message)) return;
    OnMessage(sender, message, time_ns);
  }
}

void HandshakeTracker::State::OnRecordEnd(Sender sender, uint64_t time_ns) {
  if (done) return;
  switch (direction(sender).kind) {
    case RecordKind::kAlert:
      return OnPlaintextAlert(sender, time_ns);
    case RecordKind::kEncryptedAlert:
      return OnEncryptedAlert(sender, time_ns);
    case RecordKind::kEncryptedMessages:
      return OnEncryptedFinished(sender, time_ns);
    case RecordKind::kChangeCipherSpec:
      return OnChangeCipherSpec(sender);
    case RecordKind::kMessages:
    case RecordKind::kApplicationData:
    case RecordKind::kIgnored:
      return;
  }
}

void HandshakeTracker::State::OnChangeCipherSpec(Sender sender) {
  Direction& from = direction(sender);
  if (from.change_cipher_spec) return;
  from.change_cipher_spec = true;
  if (sender == Sender::kClient || IsTls13() || !facts.server_hello || !facts.client_hello) return;

  // In a full handshake the client's ChangeCipherSpec comes first, in an abbreviated one the server's (RFC 5246,
  // section 7.3).
  if (direction(Sender::kClient).change_cipher_spec || server_flight_follows) return;
  if (direction(Sender::kClient).torn && from.torn) return;  // either of the two signs may have been lost
  const ClientHello& offered = *facts.client_hello;
  const bool echoed = !offered.session_id.empty() && offered.session_id == facts.server_hello->session_id;
  if (offered.session_ticket_length.value_or(0) > 0) {
    facts.resumption = Resumption::kTicket;
  } else if (echoed) {
    facts.resumption = Resumption::kSessionId;
  }
}

void HandshakeTracker::State::OnEncryptedFinished(Sender sender, uint64_t time_ns) {
  Direction& from = direction(sender);
  if (from.finished) {
    if (Established()) facts.renegotiation = true;
    return;
  }
  from.finished = true;
  if (sender == Sender::kClient) facts.client_finished_ns = time_ns;
  if (!direction(Peer(sender)).finished || Established()) return;
  facts.progress = Progress::kEstablished;
  facts.established_ns = time_ns;
  Settle();
}

void HandshakeTracker::State::OnApplicationData(Sender sender, uint16_t length, uint64_t time_ns) {
  if (length == 0) return;
  if (IsTls13() && facts.server_hello) {
    const bool in_order = !direction(sender).torn && !direction(Peer(sender)).torn;
    if (sender == Sender::kClient) {
      tls13_end.OnClientRecord(length, time_ns, in_order, &facts);
    } else {
      tls13_end.OnServerRecord(length, time_ns, in_order, &facts);
    }
    return Settle();
  }
  if (!facts.server_hello) {
    if (sender == Sender::kClient) tls13_end.OnEarlyData(time_ns);
    return;
  }
  direction(sender).sent_data = true;
  // A server sends no data before the handshake is over on its side: where Finished was lost this stands for it.
  if (!Established() && facts.incomplete && sender == Sender::kServer) facts.progress = Progress::kEstablished;
  if (!Established()) return;
  if (facts.first_application_data_ns == 0) facts.first_application_data_ns = time_ns;
  Settle();
}

void HandshakeTracker::State::OnEncryptedAlert(Sender sender, uint64_t time_ns) {
  // Once established, or once its sender took the handshake for complete, it may be a close_notify; where bytes are missing
  // it cannot be told whether it was.
  if (Established() || direction(sender).sent_data || direction(sender).torn || direction(Peer(sender)).torn) return;
  facts.progress = Progress::kRefused;
  facts.inferred = true;
  facts.alert = Alert{.sender = sender, .level = 0, .description = 0, .encrypted = true, .time_ns = time_ns};
  Settle();
}

void HandshakeTracker::State::OnPlaintextAlert(Sender sender, uint64_t time_ns) {
  const Direction& from = direction(sender);
  AlertMessage message;
  if (!Kept(sender, ParseAlert(std::span(from.alert).first(from.alert_size), &message))) return;
  if (message.description == AlertDescription::kCloseNotify) return;

  // An established TLS 1.3 handshake can still be refused in the open, by a server that could not read the client's flight.
  if (Established() && (sender == Sender::kClient || !IsTls13() || tls13_end.Answered())) return;
  IncrementSaturating(&facts.alerts_seen);
  facts.alert = Alert{.sender = sender,
                      .level = static_cast<uint8_t>(message.level),
                      .description = message.description.value,
                      .encrypted = false,
                      .time_ns = time_ns};
  constexpr AlertDescription kNoCertificate{41};  // SSL 3.0: a client's answer to CertificateRequest
  if (message.description == kNoCertificate && sender == Sender::kClient && facts.mutual_tls == MutualTls::kRequested) {
    facts.mutual_tls = MutualTls::kAbsent;
  }
  const bool fatal = message.level == AlertLevel::kFatal || IsTls13();  // TLS 1.3 ignores the level: RFC 8446, section 6
  if (!fatal || message.description == AlertDescription::kUserCanceled) return;
  facts.progress = Progress::kRefused;
  Settle();
}

}  // namespace tlsmeter
