// PacketReader: what was captured of a packet, and how much of it was not.
//
// A capture with a snapshot length keeps the front of each packet only. Headers are read from the bytes that are there;
// lengths count the bytes that were on the wire. A view: it lives as long as the captured bytes. Any thread.
#ifndef TLSMETER_SRC_CAPTURE_PACKET_READER_H_
#define TLSMETER_SRC_CAPTURE_PACKET_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "tlsmeter/byte_reader.h"

namespace tlsmeter::agent {

struct PacketReader {
  ByteReader bytes;    // captured and not read yet
  size_t missing = 0;  // bytes of the packet that follow them and were not captured

  size_t length() const { return bytes.remaining() + missing; }

  // SetLength ends the packet `length` bytes from here: what follows is padding of a layer below. A length past the end
  // is believed, since some tools cut packets without keeping the true length: the rest counts as missing.
  void SetLength(size_t length) {
    if (length <= bytes.remaining()) {
      bytes = ByteReader(bytes.rest().first(length));
      missing = 0;
    } else {
      missing = length - bytes.remaining();
    }
  }
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_CAPTURE_PACKET_READER_H_
