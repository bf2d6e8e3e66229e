// ImagePlan: what to attach to one file with TLS code, and where that build keeps the fields that a probe reads.
//
// A plan is a value: made once per file by the decoder of its stack (openssl_image.h, gnutls_image.h), then read by the one
// who attaches and by the one who fills the BPF side's table. Every address and offset in it was decoded from the file's own
// code; none comes from a table of versions.
#ifndef TLSMETER_SRC_IMAGE_IMAGE_PLAN_H_
#define TLSMETER_SRC_IMAGE_IMAGE_PLAN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tlsmeter::agent {

// TlsStack names the implementation; each has probe kinds and fields of its own.
enum class TlsStack : uint8_t {
  kOpenSsl,
  kGnuTls,
};

// ProbeKind says what it means that an address was reached. The low byte of a probe's cookie; numbers are shared with BPF.
// argN counts from 1, in the platform's C calling convention.
enum class ProbeKind : uint8_t {
  kHandshakeStart = 0,      // OpenSSL: the state machine begins with a connection object
  kWriteBufferFreed = 1,    // ssl_free_wbio_buffer, of an object that has one: its handshake is over, or it is freed before
  kAlertDispatch = 2,       // dispatch_alert: arg1 = SSL*; kSendAlert holds the alert
  kErrorSet = 3,            // ERR_set_error, ERR_vset_error: arg1 = library, arg2 = reason
  kErrorPut = 4,            // ERR_put_error: arg1 = library, arg3 = reason
  kPeerCertificate = 5,     // a call of d2i_X509: arg2 = pointer to the pointer to the DER bytes, arg3 = their length
  kPeerChain = 6,           // in what reads a Certificate message, before it has read any of its PACKET
  kOwnCertificate = 7,      // after a call of i2d_X509 that wrote: the return register holds the length
  kGnuHandshakeEntry = 8,   // GnuTLS, gnutls_handshake: arg1 = session
  kGnuHandshakeReturn = 9,  // at a RET of it: the return register holds the result
  kGnuAlert = 10,           // gnutls_alert_send: arg1 = session, arg2 = level, arg3 = description
  kGnuVerifyEntry = 11,     // gnutls_certificate_verify_peers: arg1 = session, arg4 = address of the verdict
  kGnuVerifyReturn = 12,    // at a RET of it: the return register is negative when there is no verdict
  kGnuFree = 13,            // gnutls_deinit: arg1 = session
  kGnuImport = 14,          // gnutls_x509_crt_import: arg1 = certificate object, arg2 = address of the datum it is made of
  kGnuNameEntry = 15,       // gnutls_x509_crt_check_hostname2, gnutls_x509_crt_check_ip: arg1 = certificate object
  kGnuNameReturn = 16,      // at a RET of either: the return register is 0 when the certificate is not of that name
};
inline constexpr size_t kProbeKindCount = 17;

// ObjectField names a value that a probe reads. Except where it says otherwise the path starts at the SSL* (GnuTLS: the
// session).
enum class ObjectField : uint8_t {
  kVersion = 0,     // 16 bits of wire version; GnuTLS: gnutls_protocol_t
  kServer,          // int, 1 in a server. GnuTLS: unsigned, GNUTLS_SERVER is 1
  kStateMachine,    // int, statem.state: 0 before the handshake, 1 after an error
  kHandshakeState,  // int, statem.hand_state (OSSL_HANDSHAKE_STATE)
  kInHandshake,     // int, statem.in_handshake: how many calls of the state machine have not returned
  kWaiting,         // int, rwstate: 3 = reading
  kResumed,         // int, 1 when a session was resumed
  kSession,         // pointer, null before there is a session
  kCipherId,        // 32 bits; the low 16 are the IANA cipher suite
  kPeer,            // pointer, null when the peer showed no certificate
  kVerifyResult,    // long, X509_V_ERR_*
  kAlpn,            // pointer to the selected protocol, no terminating zero
  kAlpnLength,      // size_t
  kServerName,      // pointer to a string ending in zero, or null
  kClientRandom,    // 32 bytes in place
  kServerRandom,    // 32 bytes in place
  kSendAlert,       // 2 bytes in place: level, description of the alert being sent
  kReceivedAlert,   // GnuTLS: the last alert received, int
  kGroup,           // group of the key exchange: the low 16 bits are the IANA number; GnuTLS: gnutls_group_t
  kSessionGroup,    // the same kept in the session (TLS 1.2)
  kReadBio,         // pointer to the BIO read from
  kBioType,         // from the BIO*: int, 0x505 = socket
  kBioNumber,       // from the BIO*: int, the file descriptor of a socket
  kBioFlags,        // from the BIO*: int, 8 = the operation should be tried again
  kFileDescriptor,  // GnuTLS: the transport pointer that is read from, a descriptor unless the program set its own functions
  kCredentials,     // GnuTLS: gnutls_credentials_type_t; the next two are there where it is 1, certificates
  kPeerCertificates,      // GnuTLS: pointer to an array of gnutls_datum_t, what the peer has shown, or null
  kPeerCertificateCount,  // GnuTLS: unsigned, how many
  kOwnCertificates,       // GnuTLS: pointer to an array of gnutls_pcert_st, the chain chosen for this side, or null
  kOwnCertificateCount,   // GnuTLS: 16 bits, how many
  kLastMessage,           // GnuTLS: gnutls_handshake_description_t of the last handshake message sent
};
inline constexpr size_t kFieldCount = 31;

// kMaxHops bounds a path: SSL -> s3 -> tmp -> field is the longest of any build known.
inline constexpr size_t kMaxHops = 4;

// FieldPath leads from a pointer to a field: at each hop but the last, the pointer stored at that offset is followed; the
// last offset is that of the field itself. hops 0: the build has no such field.
struct FieldPath {
  uint8_t hops = 0;
  uint8_t size = 0;  // bytes to read at the end: 1, 2, 4, 8 or 32
  std::array<uint16_t, kMaxHops> offset = {};

  bool operator==(const FieldPath&) const = default;
};

// Probe is one place in the file. `file_offset` may lie some instructions into the function, where arguments and stack are
// still those of the entry and the kernel need not single-step.
struct Probe {
  uint64_t file_offset = 0;
  ProbeKind kind = ProbeKind::kHandshakeStart;
  // By kind. kHandshakeStart, kWriteBufferFreed: which register holds the SSL*, by its number in the architecture's
  // instructions, or kFirstArgument. kPeerChain: that in the low byte, which holds the PACKET * in the next, and above them
  // the offset in it of the number of bytes that are left. kOwnCertificate: the same register, or kNoRegister, in the low
  // byte, and above it by how many bytes above the stack pointer the pointer past the certificate's end lies.
  uint32_t where = 0;

  bool operator==(const Probe&) const = default;
};

// Generation of OpenSSL's numbers: which meaning arguments and hand_state have.
enum class Generation : uint8_t {
  kNone,       // GnuTLS
  kOpenSsl11,  // 1.1.0, 1.1.1: ERR_put_error
  kOpenSsl30,  // 3.0, 3.1: ERR_set_error
  kOpenSsl32,  // 3.2 and later: SSL_CONNECTION inside SSL, shifted hand_state
};

// kMaxProbes bounds the probes of one image; no build known has 20.
inline constexpr size_t kMaxProbes = 128;

struct ImagePlan {
  TlsStack stack = TlsStack::kOpenSsl;
  Generation generation = Generation::kNone;
  std::string build_id;  // lower-case hex; empty when the file has none
  std::string version;   // as the file calls itself, such as "OpenSSL 3.0.19 27 Jan 2026"; empty when it does not say
  std::array<FieldPath, kFieldCount> fields;
  std::vector<Probe> probes;  // by file offset, at most kMaxProbes

  const FieldPath& field(ObjectField name) const { return fields[static_cast<size_t>(name)]; }
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_IMAGE_PLAN_H_
