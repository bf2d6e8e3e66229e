#include "src/correlate/preface.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "tlsmeter/byte_reader.h"
#include "tlsmeter/opening.h"
#include "tlsmeter/record.h"

namespace tlsmeter::agent {
namespace {

using Bytes = std::span<const uint8_t>;

// Found is what stands at a place where TLS could begin.
struct Found {
  enum class What : uint8_t {
    kNothing,
    kNeedMore,
    kProxyHeader,  // of `size` bytes; TLS could begin behind it
    kSslRequest,   // of `size` bytes, likewise
    kClientHello,
    kServerHello,
  };
  What what = What::kNothing;
  size_t size = 0;
};

// True when `bytes` begins with `text`, or `text` with `bytes`.
bool Agrees(Bytes bytes, std::string_view text) {
  const size_t count = std::min(bytes.size(), text.size());
  return std::equal(text.begin(), text.begin() + static_cast<ptrdiff_t>(count), bytes.begin(),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

// The PROXY protocol of HAProxy, version 1: one line.
Found FindProxyLine(Bytes bytes) {
  constexpr std::string_view kWord = "PROXY ";
  constexpr size_t kMaxLine = 107;  // with the line's end
  if (!Agrees(bytes, kWord)) return {};
  const Bytes line = bytes.first(std::min(bytes.size(), kMaxLine));
  constexpr std::string_view kEnd = "\r\n";
  const auto end = std::search(line.begin(), line.end(), kEnd.begin(), kEnd.end());
  if (end != line.end()) return {Found::What::kProxyHeader, static_cast<size_t>(end - line.begin()) + kEnd.size()};
  return {line.size() < kMaxLine ? Found::What::kNeedMore : Found::What::kNothing, 0};
}

// Version 2: a signature of 12 bytes, two of version, command and family, and the length of the rest.
Found FindProxyBlock(Bytes bytes) {
  constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
  if (!Agrees(bytes, kSignature)) return {};
  ByteReader reader(bytes);
  ByteReader block;
  uint8_t version, family;
  if (!reader.Skip(kSignature.size()) || !reader.ReadU8(&version)) return {Found::What::kNeedMore, 0};
  if (version >> 4 != 2) return {};
  if (!reader.ReadU8(&family) || !reader.ReadPrefixed16(&block)) return {Found::What::kNeedMore, 0};
  return {Found::What::kProxyHeader, bytes.size() - reader.remaining()};
}

Found FindSslRequest(Bytes bytes) {
  if (!IsMysqlSslRequest(bytes)) return {};
  if (bytes.size() < kMysqlSslRequestSize) return {Found::What::kNeedMore, 0};
  return {Found::What::kSslRequest, kMysqlSslRequestSize};
}

// `place` is where in the stream of its sender `bytes`, never empty, stands; behind a PROXY header that is the start.
Found Judge(Bytes bytes, StreamPlace place) {
  switch (FindOpening(bytes, place)) {
    case Opening::kClientHello:
      return {Found::What::kClientHello, 0};
    case Opening::kServerHello:
      return {Found::What::kServerHello, 0};
    case Opening::kNeedMore:
      return {Found::What::kNeedMore, 0};
    case Opening::kNone:
      break;
  }
  if (place == StreamPlace::kWithin) return {};
  for (const auto find : {FindProxyLine, FindProxyBlock, FindSslRequest}) {
    if (const Found found = find(bytes); found.what != Found::What::kNothing) return found;
  }
  return {};
}

}  // namespace

void Preface::Remember(End sender, Bytes bytes) {
  last_plain_sender_ = sender;
  Side& from = side(sender);
  const size_t count = std::min(bytes.size(), from.head.size() - from.head_size);
  std::copy_n(bytes.begin(), count, from.head.begin() + from.head_size);
  from.head_size = static_cast<uint8_t>(from.head_size + count);
}

void Preface::CountTurn(End sender, size_t bytes) {
  bytes_ += bytes;
  if (last_sender_ != sender) ++turns_;
  last_sender_ = sender;
}

std::optional<TlsStart> Preface::OnBytes(End sender, Bytes bytes, uint64_t time_ns) {
  if (bytes.empty() || gave_up_) return std::nullopt;
  CountTurn(sender, bytes.size());
  Side& from = side(sender);
  Bytes view = bytes;
  if (from.held.empty()) {
    from.held_ns = time_ns;
  } else {
    from.held.insert(from.held.end(), bytes.begin(), bytes.end());
    view = from.held;
  }

  Found found;
  while (!view.empty()) {
    found = Judge(view, from.head_size == 0 ? StreamPlace::kStart : StreamPlace::kWithin);
    if (found.size == 0) break;
    if (found.what == Found::What::kSslRequest) Remember(sender, view.first(found.size));
    view = view.subspan(found.size);
    from.held_ns = time_ns;  // what follows a preface came with the end of the preface, or later
  }
  if (found.what == Found::What::kClientHello || found.what == Found::What::kServerHello) {
    return Start(sender, found.what == Found::What::kClientHello, view, bytes.size());
  }
  if (found.what == Found::What::kNeedMore && view.size() < kMaxPrefaceHeld) {
    from.held = std::vector<uint8_t>(view.begin(), view.end());  // a new one: the old one may be as large as a segment
  } else {
    Remember(sender, view);
    from.held = {};
  }
  GiveUpIfPlain();
  return std::nullopt;
}

TlsStart Preface::Start(End sender, bool by_client, Bytes hello, size_t segment_size) {
  Side& other = side(Other(sender));
  other.passes_plain = by_client && other.head_size > 0;
  other.owes_answer = last_plain_sender_ == sender;
  hello_ns_ = side(sender).held_ns;
  PlainProtocol before = ClassifyPlain(sides_[0].Head(), sides_[1].Head());
  // What precedes a ServerHello, or looks like records, may be TLS that was joined late.
  if (before == PlainProtocol::kTls || (!by_client && before == PlainProtocol::kUnknown)) before = PlainProtocol::kNone;
  const size_t earlier = hello.size() - std::min(hello.size(), segment_size);
  return TlsStart{.client = by_client ? sender : Other(sender),
                  .before = before,
                  .first = hello.first(earlier),
                  .first_ns = hello_ns_,
                  .rest = hello.subspan(earlier),
                  .other_torn = !by_client || !other.held.empty()};
}

void Preface::GiveUpIfPlain() {
  const PlainProtocol protocol = Protocol();
  // An answer alone may be that of a proxy to CONNECT.
  const bool both_spoke = sides_[0].head_size > 0 && sides_[1].head_size > 0;
  const bool plain_for_good = both_spoke && (protocol == PlainProtocol::kHttp || protocol == PlainProtocol::kSsh);
  gave_up_ = plain_for_good || bytes_ > kMaxPrefaceBytes || turns_ > kMaxPrefaceTurns;
}

bool Preface::StillPlain(End sender, Bytes bytes, uint64_t time_ns) {
  Side& from = side(sender);
  if (!from.passes_plain) return false;
  RecordHeader header;
  const ParseStatus status = ParseRecordHeader(bytes, &header);
  const bool plain = status != ParseStatus::kOk && status != ParseStatus::kNeedMore;
  if (plain && time_ns <= hello_ns_) return true;
  if (plain && std::exchange(from.owes_answer, false)) return true;
  from.passes_plain = false;
  return false;
}

PlainProtocol Preface::Protocol() const {
  // What is held belongs to the head while nothing else does.
  const auto head = [](const Side& side) { return side.head_size > 0 ? side.Head() : Bytes(side.held); };
  return ClassifyPlain(head(side(End::kLocal)), head(side(End::kRemote)));
}

}  // namespace tlsmeter::agent
