#include "src/capture/fragment_buffer.h"

#include <algorithm>
#include <utility>

namespace tlsmeter::agent {

FragmentBuffer::Waiting* FragmentBuffer::Find(uint64_t time_ns, const Fragment& f) {
  while (!waiting_.empty() && time_ns > waiting_.front().first_ns + kFragmentPatienceNs) {
    waiting_.pop_front();
    ++given_up_;
  }
  // A handful wait at a time; a table that is full of junk costs a walk over its 256 entries.
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) {
    return w.id == f.id && w.ipv6 == f.ipv6 && (f.ipv6 || w.protocol == f.protocol) && w.source == f.source &&
           w.destination == f.destination;
  });
  if (found != waiting_.end()) return &*found;
  if (waiting_.size() >= kMaxDatagrams) {
    waiting_.pop_front();
    ++given_up_;
  }
  waiting_.push_back(Waiting{f.source, f.destination, f.id, f.protocol, f.ipv6, time_ns, {}, std::nullopt, {}});
  return &waiting_.back();
}

bool FragmentBuffer::Complete(const Waiting& datagram) const {
  if (!datagram.length) return false;
  return datagram.units.count() == (*datagram.length + kFragmentUnit - 1) / kFragmentUnit;
}

FragmentBuffer::Outcome FragmentBuffer::Add(uint64_t time_ns, const Fragment& fragment, Datagram* whole) {
  const size_t begin = fragment.offset_unit * kFragmentUnit;
  const size_t end = begin + fragment.bytes.size();
  if (fragment.bytes.empty() || end > kMaxDatagramUnits * kFragmentUnit) return Outcome::kRefused;
  if (fragment.more && fragment.bytes.size() % kFragmentUnit != 0) return Outcome::kRefused;

  Waiting* datagram = Find(time_ns, fragment);
  const bool past_end = datagram->length && (fragment.more ? end > *datagram->length : end != *datagram->length);
  const bool end_too_early = !fragment.more && end < datagram->bytes.size();
  if (past_end || end_too_early) return Outcome::kRefused;
  if (!fragment.more) datagram->length = end;
  if (fragment.offset_unit == 0) datagram->protocol = fragment.protocol;

  if (datagram->bytes.size() < end) datagram->bytes.resize(end);
  for (size_t at = begin; at < end; at += kFragmentUnit) {
    if (datagram->units.test(at / kFragmentUnit)) continue;
    datagram->units.set(at / kFragmentUnit);
    const size_t count = std::min(kFragmentUnit, end - at);
    std::copy_n(fragment.bytes.begin() + static_cast<ptrdiff_t>(at - begin), count,
                datagram->bytes.begin() + static_cast<ptrdiff_t>(at));
  }
  if (!Complete(*datagram)) return Outcome::kWaiting;
  whole->protocol = datagram->protocol;
  whole->bytes = std::move(datagram->bytes);
  waiting_.remove_if([datagram](const Waiting& w) { return &w == datagram; });
  return Outcome::kComplete;
}

}  // namespace tlsmeter::agent
