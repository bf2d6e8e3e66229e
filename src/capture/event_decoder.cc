#include "src/capture/event_decoder.h"

#include "bpf/events.h"
#include "src/capture/ring_record.h"

namespace tlsmeter::agent {
namespace {

static_assert(kMaxChunksPerEvent == 1 + TM_MARKS);

}  // namespace

bool EventDecoder::Decode(std::span<const uint8_t> event, DecodedEvent* out) const {
  out->count = 0;
  tm_event_header header;
  if (!ReadStruct(event, &header) || header.version != TM_EVENTS_VERSION || header.direction > TM_OUT) return false;

  const auto to_epoch = [this](uint64_t ns) { return ns == 0 ? 0 : ns + static_cast<uint64_t>(epoch_offset_ns_); };
  const End sender = header.direction == TM_OUT ? End::kLocal : End::kRemote;
  const auto add = [&](auto what) {
    Chunk& chunk = out->chunks[out->count++];
    chunk.key = ConnectionKey{.cookie = header.flow, .low = {}, .high = {}};
    chunk.time_ns = to_epoch(header.time_ns);
    chunk.what = what;
  };
  const auto add_owner = [&](const tm_owner& owner, size_t owner_offset) {
    const std::string_view comm = TextAt(event, owner_offset + offsetof(tm_owner, comm), TM_COMM_BYTES);
    add(OwnerChunk{owner.tgid, owner.start_time_ns, owner.cgroup_id, owner.uid, comm});
  };

  switch (header.kind) {
    case TM_EVENT_OPEN: {
      tm_open_event open;
      if (!ReadStruct(event, &open)) return false;
      OpenChunk chunk;
      chunk.local = ToSocketAddress(open.address.local_ip, open.address.local_port);
      chunk.remote = ToSocketAddress(open.address.remote_ip, open.address.remote_port);
      chunk.hello_sender = sender;
      if (header.flags & TM_OPEN_CONNECTED) chunk.initiator = End::kLocal;
      if (header.flags & TM_OPEN_ACCEPTED) chunk.initiator = End::kRemote;
      chunk.syn_ns = to_epoch(open.syn_ns);
      chunk.established_ns = to_epoch(open.established_ns);
      chunk.from = {open.from[TM_OUT], open.from[TM_IN]};
      add(chunk);
      if (open.owner.tgid != 0) add_owner(open.owner, offsetof(tm_open_event, owner));
      return true;
    }
    case TM_EVENT_DATA: {
      tm_data_event data;
      if (!ReadStruct(event, &data) || data.mark_count > TM_MARKS) return false;
      const std::span<const uint8_t> room = event.subspan(sizeof(data));
      if (data.length > room.size()) return false;
      if (data.length > 0) {
        add(DataChunk{sender, data.offset, (header.flags & TM_DATA_RECORD) != 0, room.first(data.length)});
      }
      for (uint32_t i = 0; i < data.mark_count; ++i) {
        add(RecordChunk{sender, data.marks[i].offset, data.marks[i].type, data.marks[i].length});
      }
      return true;
    }
    case TM_EVENT_OWNER: {
      tm_owner_event owner;
      if (!ReadStruct(event, &owner)) return false;
      add_owner(owner.owner, offsetof(tm_owner_event, owner));
      return true;
    }
    case TM_EVENT_STOP: {
      tm_stop_event stop;
      if (!ReadStruct(event, &stop)) return false;
      StopChunk chunk;
      chunk.sender = sender;
      switch (stop.reason) {
        case TM_STOP_HANDSHAKE_OVER:
          chunk.why = StopChunk::Why::kHandshakeOver;
          break;
        case TM_STOP_NOT_TLS:
          chunk.why = StopChunk::Why::kNotTls;
          break;
        case TM_STOP_LIMIT:
          chunk.why = StopChunk::Why::kLimit;
          break;
        case TM_STOP_TCP_END:
          chunk.why = StopChunk::Why::kTcpEnd;
          chunk.tcp_end.local_fin = (header.flags & TM_STOP_LOCAL_FIN) != 0;
          chunk.tcp_end.remote_fin = (header.flags & TM_STOP_REMOTE_FIN) != 0;
          chunk.tcp_end.local_reset = (header.flags & TM_STOP_LOCAL_RESET) != 0;
          chunk.tcp_end.remote_reset = (header.flags & TM_STOP_REMOTE_RESET) != 0;
          chunk.tcp_end.timed_out = (header.flags & TM_STOP_TIMED_OUT) != 0;
          break;
        default:
          return false;
      }
      add(chunk);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace tlsmeter::agent
