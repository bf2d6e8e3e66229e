#include "src/correlate/stream_buffer.h"

#include <algorithm>
#include <utility>

namespace tlsmeter::agent {
namespace {

constexpr uint64_t kRecordHeader = 5;

// Before Start there is no position; this one leaves room for offsets on both sides.
constexpr uint64_t kUnstartedPosition = uint64_t{1} << 32;

// The last bytes of a piece, from `skip` on; no longer at a record boundary when something was cut.
StreamPiece Tail(StreamPiece piece, uint64_t skip) {
  if (skip == 0) return piece;
  piece.bytes = piece.bytes.subspan(skip);
  piece.record_boundary = false;
  return piece;
}

}  // namespace

void StreamBuffer::Start(uint32_t offset) {
  if (started_) return;
  started_ = true;
  position_ = kUnstartedPosition + offset;
  // What lies before the start is not wanted.
  std::vector<Pending> early = std::move(pending_);
  pending_.clear();
  pending_bytes_ = 0;
  for (Pending& p : early) {
    if (p.end <= position_) continue;
    const uint64_t skip = p.begin < position_ ? position_ - p.begin : 0;
    if (skip > 0 && p.piece.opaque) continue;
    p.piece.bytes = p.copy;
    Keep(p.begin + skip, p.end, Tail(p.piece, skip));
  }
}

std::optional<StreamPiece> StreamBuffer::Add(uint32_t offset, const StreamPiece& piece) {
  const uint64_t length = piece.opaque ? kRecordHeader + piece.record_length : piece.bytes.size();
  const uint64_t near = started_ ? position_ : kUnstartedPosition;
  // The 64-bit offset nearest to the position; what would lie before 0 cannot come from the sources.
  const int64_t distance = static_cast<int32_t>(offset - static_cast<uint32_t>(near));
  const uint64_t begin = started_ ? near + static_cast<uint64_t>(distance) : near + offset;
  const uint64_t end = begin + length;
  if (!started_) {
    Keep(begin, end, piece);
    return std::nullopt;
  }
  if (end <= position_) return std::nullopt;
  if (begin <= position_) {
    const uint64_t skip = position_ - begin;
    // The header of an opaque record may have been split: its first bytes then came as bytes, before its type was known.
    if (piece.opaque && skip >= kRecordHeader) return std::nullopt;
    if (piece.opaque) {
      position_ = end;
      return piece;
    }
    // What waits was seen first: this piece gives only what is missing.
    position_ = pending_.empty() ? end : std::min(end, std::max(pending_.front().begin, position_));
    Keep(position_, end, Tail(piece, position_ - begin));
    StreamPiece head = Tail(piece, skip);
    head.bytes = head.bytes.first(position_ - begin - skip);
    if (head.bytes.empty()) return std::nullopt;
    return head;
  }
  Keep(begin, end, piece);
  return std::nullopt;
}

// Inserts what of [begin, end) is not there yet.
void StreamBuffer::Keep(uint64_t begin, uint64_t end, const StreamPiece& piece) {
  size_t i = 0;
  uint64_t at = begin;
  while (at < end) {
    while (i < pending_.size() && pending_[i].end <= at) ++i;
    uint64_t stop = end;
    if (i < pending_.size()) {
      if (pending_[i].begin <= at) {
        if (piece.opaque) return;  // known in another form already
        at = pending_[i].end;
        continue;
      }
      stop = std::min(end, pending_[i].begin);
    }
    if (piece.opaque && stop != end) return;
    const size_t size = piece.opaque ? 0 : stop - at;
    if (pending_.size() >= kMaxPendingPieces || pending_bytes_ + size > kMaxPendingBytes) {
      ++dropped_pieces_;
      return;
    }
    Pending kept{at, stop, Tail(piece, piece.opaque ? 0 : at - begin), {}};
    kept.copy.assign(kept.piece.bytes.begin(), kept.piece.bytes.begin() + static_cast<ptrdiff_t>(size));
    kept.piece.bytes = {};
    pending_bytes_ += size;
    pending_.insert(pending_.begin() + static_cast<ptrdiff_t>(i), std::move(kept));
    at = stop;
  }
}

// Drops waiting pieces whose bytes have been delivered in another piece.
void StreamBuffer::DropDelivered() {
  while (started_ && !pending_.empty()) {
    const Pending& first = pending_.front();
    const bool header_gone = first.piece.opaque && position_ >= first.begin + kRecordHeader;
    if (first.end > position_ && !header_gone) return;
    pending_bytes_ -= first.copy.size();
    pending_.erase(pending_.begin());
  }
}

std::optional<uint64_t> StreamBuffer::NextTime() {
  DropDelivered();
  if (!started_ || pending_.empty() || pending_.front().begin > position_) return std::nullopt;
  return pending_.front().piece.time_ns;
}

std::optional<StreamPiece> StreamBuffer::Next() {
  if (!NextTime()) return std::nullopt;
  Pending first = std::move(pending_.front());
  pending_.erase(pending_.begin());
  pending_bytes_ -= first.copy.size();
  const uint64_t skip = position_ - first.begin;
  position_ = first.end;
  delivered_ = std::move(first.copy);
  first.piece.bytes = delivered_;
  return first.piece.opaque ? first.piece : Tail(first.piece, skip);
}

bool StreamBuffer::SkipGap() {
  const auto boundary = std::find_if(pending_.begin(), pending_.end(),
                                     [](const Pending& p) { return p.piece.opaque || p.piece.record_boundary; });
  if (boundary == pending_.end()) {
    pending_.clear();
    pending_bytes_ = 0;
    return false;
  }
  for (auto p = pending_.begin(); p != boundary; ++p) pending_bytes_ -= p->copy.size();
  pending_.erase(pending_.begin(), boundary);
  started_ = true;
  position_ = pending_.front().begin;
  return true;
}

}  // namespace tlsmeter::agent
