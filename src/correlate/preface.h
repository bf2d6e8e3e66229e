// Preface: what the two ends of a connection say before TLS, where nobody says where TLS begins.
//
// Takes the bytes of both ends, in order, as they came in segments, until a hello opens or none is to be expected any more.
// A hello is looked for where a segment begins, and behind the two prefaces that share a segment with one: the header of the
// PROXY protocol and MySQL's SSLRequest. Not anywhere else: plain data may contain anything. Bounded in bytes, turns and
// memory; bytes are copied only where a segment ends before they can be judged. One thread.
#ifndef TLSMETER_SRC_CORRELATE_PREFACE_H_
#define TLSMETER_SRC_CORRELATE_PREFACE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "src/capture/chunk.h"
#include "src/correlate/plain_protocol.h"

namespace tlsmeter::agent {

// Bytes of both ends together without a hello, after which none is expected. Capability lists and banners come to one or two
// kilobytes; what takes more is the header of a CONNECT request with a Kerberos ticket.
inline constexpr size_t kMaxPrefaceBytes = 16 * 1024;

// How often the word may pass from one end to the other before a hello. The longest dialogues (SMTP through a proxy that
// asks for authentication) take a dozen.
inline constexpr int kMaxPrefaceTurns = 64;

// Bytes of one end that wait to be judged: a PROXY header. Version 1 has 107 at most; version 2 is to fit a segment of 536,
// unless it carries a certificate, and then it is passed over for a header.
inline constexpr size_t kMaxPrefaceHeld = 1024;

// TlsStart says where TLS begins: of the sender with `first` and `rest`, of the other end with its next bytes. Views live as
// long as the bytes passed in and until the next call.
struct TlsStart {
  End client = End::kLocal;  // who sent the ClientHello, or did not send the ServerHello: whatever TCP says
  PlainProtocol before = PlainProtocol::kNone;  // what was spoken before, kNone where TLS came first
  std::span<const uint8_t> first;               // the hello's bytes in earlier segments, often none
  uint64_t first_ns = 0;                        // when the hello's first byte came
  std::span<const uint8_t> rest;                // the hello and what follows it in the segment given last
  bool other_torn = false;                      // TLS of the other end came before, and was not followed
};

class Preface {
 public:
  // OnBytes takes the next segment of `sender`, or what of it is new. Returns where TLS begins once that is known; not to be
  // called after that.
  std::optional<TlsStart> OnBytes(End sender, std::span<const uint8_t> bytes, uint64_t time_ns);

  // OnGap says that bytes of `sender` are missing before the next ones.
  void OnGap(End sender) { side(sender).held.clear(); }

  // StillPlain returns true for a segment of the end that did not open TLS, when it is plaintext that was overtaken by the
  // other end's hello: what waited behind a gap was captured before the hello, and one segment may have been captured late
  // where the end owed an answer. False from the end's first TLS record on, and for any other plaintext: that the hello is
  // answered so is a finding.
  bool StillPlain(End sender, std::span<const uint8_t> bytes, uint64_t time_ns);

  // GaveUp returns true when no hello is expected any more.
  bool GaveUp() const { return gave_up_; }

  // Protocol names what the first bytes of both ends are.
  PlainProtocol Protocol() const;

 private:
  struct Side {
    std::array<uint8_t, kPlainHeadSize> head = {};  // the first bytes, without a PROXY header
    uint8_t head_size = 0;
    bool passes_plain = false;  // see StillPlain
    bool owes_answer = false;   // the other end had the last word before its hello, and it was not answered since
    std::vector<uint8_t> held;  // not judged yet: from where TLS could begin to the end of the last segment
    uint64_t held_ns = 0;       // when the first of them came

    std::span<const uint8_t> Head() const { return std::span(head).first(head_size); }
  };

  Side& side(End end) { return sides_[static_cast<size_t>(end)]; }
  const Side& side(End end) const { return sides_[static_cast<size_t>(end)]; }
  void Remember(End sender, std::span<const uint8_t> bytes);
  void CountTurn(End sender, size_t bytes);
  TlsStart Start(End sender, bool by_client, std::span<const uint8_t> hello, size_t segment_size);
  void GiveUpIfPlain();

  std::array<Side, 2> sides_;  // by End
  std::optional<End> last_sender_;
  std::optional<End> last_plain_sender_;
  uint64_t hello_ns_ = 0;
  size_t bytes_ = 0;
  int turns_ = 0;
  bool gave_up_ = false;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CORRELATE_PREFACE_H_
