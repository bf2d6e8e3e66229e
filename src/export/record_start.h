// RecordStartNs: the time that a printed record bears. Any thread.
#ifndef TLSMETER_SRC_EXPORT_RECORD_START_H_
#define TLSMETER_SRC_EXPORT_RECORD_START_H_

#include <cstdint>

#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// RecordStartNs returns the first byte of the ClientHello, or of the connection where no ClientHello was seen, or the time
// of the ServerHello of a connection joined after its start, or the library's first step where the wire showed nothing; 0
// when none of them was seen.
inline uint64_t RecordStartNs(const HandshakeRecord& record) {
  if (record.tls.client_hello_ns != 0) return record.tls.client_hello_ns;
  if (record.tcp_start_ns != 0) return record.tcp_start_ns;
  if (record.tcp_established_ns != 0) return record.tcp_established_ns;
  if (record.tls.server_hello_ns != 0) return record.tls.server_hello_ns;
  return record.library.has_value() ? record.library->start_ns : 0;
}

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_RECORD_START_H_
