// Handshake and HandshakeTracker: one TLS handshake, from both directions of one connection.
//
// The tracker takes in the two byte streams in order (whole, or with the bodies of encrypted records left out) and keeps the
// facts that they show. It reads no clock, no socket and no file and takes no lock: times are the caller's, in nanoseconds
// of any one clock. A tracker belongs to one thread at a time. Its memory is bounded by kMaxHandshakeMessage per direction
// and the ceilings of hellos and certificates; each call costs time in proportion to the bytes it was given.
//
// What is ciphertext and what is not is decided by version and position. Up to TLS 1.2, handshake and alert records are
// encrypted after their sender's ChangeCipherSpec; in TLS 1.3 ChangeCipherSpec says nothing, and what is encrypted comes as
// application data. There the end of the handshake is read from the lengths of encrypted records, which the cipher suite
// fixes (Tls13Lengths):
//
//   client's records after ServerHello         server's records after the client's Finished
//   Finished alone            established      anything but an alert      the client is accepted
//   alert before Finished     kRefused         an alert as the first one  kRefused: of the client's certificate, as a rule
//   alert after Finished      close_notify     an alert later             close_notify
//
// A client whose flight has other lengths (messages joined in one record, padding) is taken to have finished with its last
// record before the server goes on. Position decides, never a length alone; a refusal told so is marked `inferred`.
//
// A ClientHello in SSL 2.0 format is read (ParseSsl2ClientHello). A server that answers in SSL 2.0 too is not followed
// further: its version is told, and the handshake is `incomplete`.
//
// The tracker says what was seen, never why: which verdict follows, together with how TCP ended, is the caller's to decide.
#ifndef TLSMETER_HANDSHAKE_H_
#define TLSMETER_HANDSHAKE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tlsmeter/certificate.h"
#include "tlsmeter/client_hello.h"
#include "tlsmeter/ocsp.h"
#include "tlsmeter/parse_status.h"
#include "tlsmeter/record.h"
#include "tlsmeter/registry.h"
#include "tlsmeter/server_hello.h"

namespace tlsmeter {

// Sender is the side of the TLS connection that sent something.
enum class Sender : uint8_t { kClient = 0, kServer = 1 };

// Peer returns the other side.
constexpr Sender Peer(Sender sender) { return sender == Sender::kClient ? Sender::kServer : Sender::kClient; }

// Progress is how far a handshake came, as far as its records tell.
enum class Progress : uint8_t {
  kNoHello,      // no ClientHello yet
  kInProgress,   // a ClientHello was seen, the handshake has neither completed nor been refused
  kEstablished,  // both Finished were seen (up to TLS 1.2), or the client's Finished-sized record (TLS 1.3), or what comes
                 // only after
  kRefused,      // a fatal alert was seen, or inferred, before completion, in place of it, or as the server's answer to it
  kNotTls,       // a side answered with bytes that are not TLS records
  kMalformed,    // a side sent records or messages that break the protocol's framing
};

// Resumption is how an abbreviated handshake was accepted by the server. Offering to resume is not resuming. Up to TLS 1.2
// it shows in the server's ChangeCipherSpec following its ServerHello with no certificate or key exchange between (RFC 5246,
// section 7.3); an echoed session id alone does not prove it.
enum class Resumption : uint8_t {
  kNone,
  kSessionId,  // TLS 1.2 and before, by the session id that ServerHello echoes
  kTicket,     // RFC 5077: the client offered a ticket; a session id, if any, is then made up for the echo
  kPsk,        // RFC 8446, section 2.2: ServerHello selects a pre_shared_key identity
};

// EarlyData is the fate of 0-RTT data (RFC 8446, section 4.2.10).
enum class EarlyData : uint8_t {
  kNone,      // not offered
  kOffered,   // offered, and not decided by what was seen
  kAccepted,  // an EndOfEarlyData-sized record came right before the client's Finished
  kRejected,  // HelloRetryRequest, TLS 1.2 or below, no or not the first PSK selected, or Finished without EndOfEarlyData
};

// Ech is what the wire shows of encrypted_client_hello. GREASE is made to look like the real one, and does, but for one
// case: a client that is told to retry repeats a GREASE extension as it was, key included, and leaves the key out of a real
// one (RFC 9849, sections 6.1.5 and 6.2).
enum class Ech : uint8_t {
  kNone,
  kOffered,  // real or GREASE
  kGrease,   // shown to be by the second ClientHello
};

// MutualTls is what the wire shows of client authentication, visible up to TLS 1.2 only.
enum class MutualTls : uint8_t {
  kNotVisible,  // no CertificateRequest was seen: not asked for, or TLS 1.3
  kRequested,   // CertificateRequest was seen
  kPresented,   // the client sent a certificate
  kAbsent,      // the client answered with an empty list
};

// Alert is one alert record (RFC 8446, section 6).
struct Alert {
  Sender sender = Sender::kClient;
  uint8_t level = 0;        // 1 warning, 2 fatal, as sent; 0 when the record was encrypted
  uint8_t description = 0;  // IANA "TLS Alerts" (AlertDescription names it); meaningless when `encrypted`
  bool encrypted = false;   // inferred from the type or the length of an encrypted record, and its position
  uint64_t time_ns = 0;

  bool operator==(const Alert&) const = default;
};

// Handshake is everything that was seen. Absent means not visible or not sent; nothing is guessed.
struct Handshake {
  Progress progress = Progress::kNoHello;
  bool inferred = false;    // kRefused rests on the length of an encrypted record
  bool incomplete = false;  // bytes of either side were missing or over a ceiling: absent facts may have been on the wire
  ParseStatus parse_status = ParseStatus::kOk;  // of kMalformed and kNotTls: what was wrong first
  Sender parse_sender = Sender::kClient;        // and who sent it

  std::optional<ClientHello> client_hello;  // the first one: the second after a HelloRetryRequest is only counted
  std::optional<ServerHello> server_hello;  // the real one, never a HelloRetryRequest
  std::optional<ServerHello> hello_retry;   // HelloRetryRequest (RFC 8446, section 4.1.4)
  uint8_t client_hello_count = 0;           // saturates at 255

  std::optional<ProtocolVersion> version;  // negotiated; SSL 2.0 where a server answered in that format
  std::optional<CipherSuite> cipher;       // negotiated
  std::optional<NamedGroup> group;         // key share of ServerHello (1.3), named curve of ServerKeyExchange (before)
  std::string alpn;                        // selected by ServerHello (up to TLS 1.2); raw bytes, at most 255
  Resumption resumption = Resumption::kNone;
  EarlyData early_data = EarlyData::kNone;
  Ech ech = Ech::kNone;
  MutualTls mutual_tls = MutualTls::kNotVisible;
  bool renegotiation = false;  // up to TLS 1.2: handshake records after both Finished, before the first application data

  CertificateChain server_certificates;  // up to TLS 1.2; empty: not visible
  CertificateChain client_certificates;  // the same, and empty where the client sent none (`mutual_tls` tells)
  OcspStaple ocsp_staple;                // of the server's leaf

  std::optional<Alert> alert;  // the alert that ended the handshake, else the last warning; never close_notify
  uint32_t alerts_seen = 0;    // plaintext alerts of either side, close_notify left out; saturates

  // First byte of the (first) ClientHello's record, ServerHello complete, the client's last handshake record (its Finished),
  // the end of the handshake, and the first application data record after it: of either side up to TLS 1.2, of the client in
  // TLS 1.3, where a server's data cannot be told from its tickets. With accepted 0-RTT that is the first record of early
  // data, which comes before the end. 0 means not seen.
  uint64_t client_hello_ns = 0;
  uint64_t server_hello_ns = 0;
  uint64_t client_finished_ns = 0;
  uint64_t established_ns = 0;
  uint64_t first_application_data_ns = 0;

  // By Sender. Bytes of records up to the end of the handshake, by the lengths their headers state, headers included;
  // application data is left out (in TLS 1.3 the encrypted flights are counted). Records seen before the handshake was
  // settled, of any type.
  std::array<uint64_t, 2> handshake_bytes = {};
  std::array<uint32_t, 2> records = {};  // saturates

  bool operator==(const Handshake&) const = default;
};

// kMaxHandshakeMessage is the largest handshake message, in bytes without its head, that is joined and read. Post-quantum
// ClientHellos stay below 4 KiB and real certificate chains below 32 KiB. A larger message is passed over by its length: the
// handshake goes on, with `incomplete` set.
inline constexpr size_t kMaxHandshakeMessage = 64 * 1024;

// kMaxHandshakeMessages is how many plaintext handshake messages one side may send before the handshake is over. The longest
// real flight has eight; a side that goes on without end is malformed (kTooLarge).
inline constexpr int kMaxHandshakeMessages = 64;

// kMaxRefusalDelayNs is how long after the client's Finished a server's alert-sized first record is still taken for a
// refusal of the client (TLS 1.3). A verdict on a certificate takes a round trip and some checking; servers that send no
// tickets and give up idle connections, with close_notify, wait longer.
inline constexpr uint64_t kMaxRefusalDelayNs = 5'000'000'000;

// kMaxUnansweredRecords is how many records a client may send after its Finished, in TLS 1.3, until it counts as accepted
// although the server sent nothing. A client that only uploads would else keep its handshake unsettled.
inline constexpr int kMaxUnansweredRecords = 8;

// HandshakeTracker follows one connection. Feed each direction in stream order; the two may interleave in any way that
// respects time. Calls after the handshake is settled are cheap and change nothing. A tracker that was moved from may only
// be assigned to or destroyed.
//
// Bytes of either side that break the framing make the handshake kMalformed, or kNotTls when they are the first ones of that
// side. After a gap nothing is held against a peer: what cannot be read is left out, with `incomplete` set.
class HandshakeTracker {
 public:
  // HandshakeTracker reads certificates through `certificates`, which may serve many trackers of one thread and must outlive
  // them; with nullptr it reads each anew.
  explicit HandshakeTracker(CertificateCache* certificates = nullptr);
  ~HandshakeTracker();
  HandshakeTracker(HandshakeTracker&&) noexcept;
  HandshakeTracker& operator=(HandshakeTracker&&) noexcept;

  // OnBytes takes the next bytes of `sender`'s stream, of any length: records may be split or joined at will.
  void OnBytes(Sender sender, std::span<const uint8_t> bytes, uint64_t time_ns);

  // OnOpaqueRecord takes a record of which only the header is known: `length` is the length field, the body was not
  // captured. It must come where OnBytes stands at a record boundary, or inside this very record's header; else the
  // direction counts as broken by a gap. Application data, and what is ciphertext by its position, loses nothing by this. A
  // plaintext record so passed is missing: `incomplete` is set.
  void OnOpaqueRecord(Sender sender, ContentType type, uint16_t length, uint64_t time_ns);

  // OnGap says that bytes of `sender` are missing for good; what comes next begins at a record boundary.
  void OnGap(Sender sender);

  // OnNotTls says that `sender` was seen to send bytes which cannot be TLS (the source stopped following it).
  void OnNotTls(Sender sender, uint64_t time_ns);

  // Settled returns true when nothing that can still come would change the handshake's facts: it was refused or broke, or it
  // was established, the first application data was seen and (TLS 1.3) the server went on or kMaxUnansweredRecords were
  // sent.
  bool Settled() const;

  // handshake returns the facts so far; the reference lives as long as the tracker is neither destroyed nor moved from.
  const Handshake& handshake() const;

  // TakeHandshake moves the facts out; the tracker is not to be used after it.
  Handshake TakeHandshake() &&;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tlsmeter

#endif  // TLSMETER_HANDSHAKE_H_
