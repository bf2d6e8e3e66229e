// HandshakeTracker::State: what a tracker remembers beside the facts, and the steps of the two layers.
//
// handshake.cc cuts records and tells plaintext from ciphertext; handshake_messages.cc reads the plaintext messages;
// tls13_end.cc judges the encrypted records of TLS 1.3.
#ifndef TLSMETER_SRC_TLS_HANDSHAKE_STATE_H_
#define TLSMETER_SRC_TLS_HANDSHAKE_STATE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "src/tls/message_reader.h"
#include "src/tls/ssl2_reader.h"
#include "src/tls/tls13_end.h"
#include "tlsmeter/certificate_message.h"
#include "tlsmeter/handshake.h"
#include "tlsmeter/record.h"

namespace tlsmeter {

struct HandshakeTracker::State {
  // RecordKind is what a record is, by type, version and position.
  enum class RecordKind : uint8_t {
    kMessages,           // plaintext handshake messages
    kEncryptedMessages,  // up to TLS 1.2, after ChangeCipherSpec
    kAlert,
    kEncryptedAlert,
    kChangeCipherSpec,
    kApplicationData,
    kIgnored,
  };

  struct Direction {
    Ssl2Reader ssl2;  // before the first record
    RecordReader records;
    MessageReader messages;
    RecordKind kind = RecordKind::kIgnored;  // of the record being read
    uint64_t record_start_ns = 0;            // its first byte
    uint64_t message_start_ns = 0;           // first byte of the record in which the message being read began
    std::array<uint8_t, 3> alert = {};  // body of an alert record: two bytes, and one more to tell that there are too many
    uint8_t alert_size = 0;
    int message_count = 0;
    bool any_record = false;          // a record header was read: what does not follow is a break, not another protocol
    bool torn = false;                // bytes are missing: what cannot be read is not held against the peer
    bool deaf = false;                // framing was lost, wait for a gap to resume behind
    bool change_cipher_spec = false;  // seen; means nothing in TLS 1.3
    bool finished = false;            // up to TLS 1.2: the encrypted Finished was seen
    bool sent_data = false;           // up to TLS 1.2: application data was seen
  };

  Handshake facts;
  CertificateCache* certificates = nullptr;  // the caller's, or none
  std::array<Direction, 2> directions;
  Tls13End tls13_end;
  bool done = false;                   // nothing changes any more
  bool server_flight_follows = false;  // up to TLS 1.2: Certificate, ServerKeyExchange or ServerHelloDone: a full handshake

  Direction& direction(Sender sender) { return directions[static_cast<size_t>(sender)]; }

  // Records: handshake.cc.
  void OnBytes(Sender sender, std::span<const uint8_t> bytes, uint64_t time_ns);
  void OnOpaqueRecord(Sender sender, ContentType type, uint16_t length, uint64_t time_ns);
  void OnGap(Sender sender);
  void OnNotTls(Sender sender);
  bool PassSsl2(Sender sender, std::span<const uint8_t>* bytes, uint64_t time_ns);  // whether records follow
  void OnRecordStart(Sender sender, const RecordHeader& header);
  void OnRecordBody(Sender sender, std::span<const uint8_t> body, uint64_t time_ns);
  void OnRecordEnd(Sender sender, uint64_t time_ns);
  void OnApplicationData(Sender sender, uint16_t length, uint64_t time_ns);
  void OnEncryptedFinished(Sender sender, uint64_t time_ns);
  void OnEncryptedAlert(Sender sender, uint64_t time_ns);
  void OnPlaintextAlert(Sender sender, uint64_t time_ns);
  void OnChangeCipherSpec(Sender sender);
  void Fail(Sender sender, ParseStatus status);  // framing or message of `sender` is broken
  void Miss(Sender sender);                      // bytes of `sender` are missing
  void Settle();                                 // sets `done` when the facts are final

  // Messages: handshake_messages.cc.
  void OnMessage(Sender sender, const HandshakeMessage& message, uint64_t time_ns);
  void OnClientHello(const HandshakeMessage& message);
  void OnSsl2Message(Sender sender, std::span<const uint8_t> message);
  void BeginClientHello();
  void KeepClientHello(ClientHello&& hello);
  void OnSecondClientHello(const HandshakeMessage& message);
  void OnServerHello(const HandshakeMessage& message, uint64_t time_ns);
  void OnHelloRetry(ServerHello&& hello);
  void OnServerKeyExchange(const HandshakeMessage& message);
  void OnServerCertificate(const HandshakeMessage& message, uint64_t time_ns);
  void OnClientCertificate(const HandshakeMessage& message, uint64_t time_ns);
  void OnCertificateStatus(const HandshakeMessage& message);
  void OnAfterCertificateStatus();  // the server goes on to what comes after the place of a CertificateStatus
  CertificateChain ReadChain(const CertificateList& list, uint64_t time_ns);
  bool Kept(Sender sender, ParseStatus status);  // whether a parsed message may be used; notes why not

  bool Established() const { return facts.progress == Progress::kEstablished; }
  bool IsTls13() const;
  RecordKind KindOf(const Direction& from, const RecordHeader& header) const;
};

}  // namespace tlsmeter

#endif  // TLSMETER_SRC_TLS_HANDSHAKE_STATE_H_
