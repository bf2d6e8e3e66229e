// Replay: the whole chain for capture files, from packets to finished records. Pipeline is the same for live events.
//
// Time is what the packets say. One thread.
#ifndef TLSMETER_SRC_AGENT_REPLAY_H_
#define TLSMETER_SRC_AGENT_REPLAY_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/capture/packet_decoder.h"
#include "src/capture/pcap_source.h"
#include "src/capture/segment_tracker.h"
#include "src/correlate/flow_table.h"
#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

class Replay {
 public:
  // BeginFile says that the next packet is the first one of a file. Files that follow each other within
  // kHandshakeTimeoutNs are one long capture; where there is a hole between them nobody watched, and what was under way
  // is told as it stands.
  void BeginFile() { at_file_start_ = true; }

  // Take runs one packet through the chain.
  void Take(LinkType link, const CapturedPacket& packet);

  // Harvest hands over the records that were finished since the last call.
  std::vector<std::unique_ptr<HandshakeRecord>> Harvest() { return flows_.Harvest(); }

  // Finish decides every handshake that is still open, for Harvest.
  void Finish() { flows_.Finish(last_ns_); }

  uint64_t packets() const { return packets_; }

  // LastLine says in one line what was read, and what of it could not be used and why.
  std::string LastLine() const;

 private:
  PacketDecoder decoder_;
  SegmentTracker tracker_;
  FlowTable flows_;
  uint64_t packets_ = 0;
  uint64_t wire_bytes_ = 0;
  uint64_t last_ns_ = 0;
  bool at_file_start_ = false;
  std::array<uint64_t, kPacketOutcomeCount> outcomes_ = {};
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_REPLAY_H_
