// SampleRecord: a handshake record with every fact filled in, for the tests of the exporters.
#ifndef TLSMETER_TESTS_EXPORT_SAMPLE_RECORD_H_
#define TLSMETER_TESTS_EXPORT_SAMPLE_RECORD_H_

#include "src/correlate/handshake_record.h"

namespace tlsmeter::agent {

// Ipv4 returns a.b.c.d:port.
SocketAddress Ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port);

// SampleRecord returns a successful TLS 1.3 handshake as its client saw it, begun at 2026-11-23 12:01:03.123456 UTC.
HandshakeRecord SampleRecord();

// Tls12Record returns the same handshake with what only TLS 1.2 shows: the server's and the client's leaf (one for both), a
// staple, a renegotiation.
HandshakeRecord Tls12Record();

// RefusedRecord returns the same handshake refused by an unknown_ca alert of the client.
HandshakeRecord RefusedRecord();

// PodRecord is SampleRecord in a container of a pod.
HandshakeRecord PodRecord();

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_EXPORT_SAMPLE_RECORD_H_
