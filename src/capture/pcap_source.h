// PcapSource: the packets of a capture file, pcap or pcapng, through libpcap. One thread uses a source.
#ifndef TLSMETER_SRC_CAPTURE_PCAP_SOURCE_H_
#define TLSMETER_SRC_CAPTURE_PCAP_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/capture/link_layer.h"

struct pcap;

namespace tlsmeter::agent {

struct CapturedPacket {
  uint64_t time_ns = 0;  // since the Unix epoch
  std::span<const uint8_t> bytes;
  size_t wire_length = 0;  // at least bytes.size(), as far as the file tells the truth
};

class PcapSource {
 public:
  // Open opens a file; "-" is standard input. NotFound when it cannot be opened, InvalidArgument when it is no capture or
  // one that cannot be read: several link types in one pcapng file, a link layer that the decoder does not know. Messages
  // name the file and what to do.
  static absl::StatusOr<std::unique_ptr<PcapSource>> Open(const std::string& path);

  // Next returns the next packet; its bytes are valid until the next call. Returns nullopt at the end of the file, and
  // InvalidArgument when the rest of the file cannot be read, also when a signal interrupted it.
  absl::StatusOr<std::optional<CapturedPacket>> Next();

  LinkType link() const { return link_; }

  // size returns the size of the file in bytes, 0 when it is a pipe.
  uint64_t size() const { return size_; }

  // position returns how many bytes of the file were read, about. Of a regular file only.
  uint64_t position() const;

 private:
  struct Close {
    void operator()(pcap* handle) const;
  };

  explicit PcapSource(std::string name) : name_(std::move(name)) {}

  std::string name_;                    // for messages
  std::unique_ptr<char[]> read_ahead_;  // buffer of the file, until pcap_ has closed it
  std::unique_ptr<pcap, Close> pcap_;
  LinkType link_ = LinkType::kEthernet;
  uint64_t size_ = 0;
  uint64_t packets_ = 0;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_PCAP_SOURCE_H_
