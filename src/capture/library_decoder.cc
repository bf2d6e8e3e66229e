#include "src/capture/library_decoder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "bpf/library.h"
#include "src/capture/gnutls_numbers.h"
#include "src/capture/ring_record.h"

namespace tlsmeter::agent {
namespace {

using Outcome = LibraryDecoder::Outcome;

// SSL 3.0 to TLS 1.3, and DTLS 1.0 to 1.3. Before a version is negotiated the field holds other values, such as "any".
bool IsVersion(uint16_t version) {
  return (version >= 0x0300 && version <= 0x0304) || (version >= 0xfefc && version <= 0xfeff);
}

}  // namespace

Outcome LibraryDecoder::Decode(std::span<const uint8_t> record, LibraryEvent* out, uint32_t* slot) {
  tm_library_header header;
  if (!ReadStruct(record, &header) || header.header.version != TM_EVENTS_VERSION) return Outcome::kRefused;
  if (header.slot >= TM_IMAGES) return Outcome::kRefused;
  out->id = {.pid = header.tgid, .object = header.header.flow, .start = header.start_ns};
  out->start_ns = ToEpoch(header.start_ns);
  out->time_ns = ToEpoch(header.header.time_ns);
  out->stack = {};
  *slot = header.slot;
  switch (header.header.kind) {
    case TM_EVENT_LIBRARY_END:
      return DecodeEnd(record, out);
    case TM_EVENT_LIBRARY_LATE:
      return DecodeLate(record, out);
    case TM_EVENT_CERTIFICATE:
      return DecodeCertificate(record, out);
    default:
      return Outcome::kRefused;
  }
}

Outcome LibraryDecoder::DecodeEnd(std::span<const uint8_t> record, LibraryEvent* out) const {
  tm_library_end_event e;
  if (!ReadStruct(record, &e) || e.alpn_length > TM_ALPN_BYTES) return Outcome::kRefused;
  LibraryEnd end;
  switch (e.outcome) {
    case TM_LIBRARY_SUCCESS:
      end.outcome = LibraryOutcome::kSuccess;
      break;
    case TM_LIBRARY_FAILURE:
      end.outcome = LibraryOutcome::kFailure;
      break;
    case TM_LIBRARY_ABANDONED:
      end.outcome = LibraryOutcome::kAbandoned;
      break;
    default:
      return Outcome::kRefused;
  }
  if (e.stack > TM_STACK_GNUTLS) return Outcome::kRefused;
  const bool gnutls = e.stack == TM_STACK_GNUTLS;
  const uint16_t version = gnutls ? VersionOfGnuTls(e.version) : e.version;
  // After a success both are settled: other values show that the image's plan is wrong.
  const bool random_known = std::any_of(std::begin(e.client_random), std::end(e.client_random), [](uint8_t b) { return b; });
  if (end.outcome == LibraryOutcome::kSuccess && (!IsVersion(version) || !random_known)) return Outcome::kImplausible;

  end.implementation = gnutls ? TlsStack::kGnuTls : TlsStack::kOpenSsl;
  if ((e.flags & TM_LIBRARY_ALERT_RECEIVED) != 0) end.alert_received = e.alert_received;
  end.server = (e.flags & TM_LIBRARY_SERVER) != 0;
  end.resumed = (e.flags & TM_LIBRARY_RESUMED) != 0;
  end.met_late = (e.flags & TM_LIBRARY_MET_LATE) != 0;
  end.tentative = (e.flags & TM_LIBRARY_TENTATIVE) != 0;
  end.reason = e.reason;
  // OpenSSL: a result other than 0 says that there was a certificate, refused before it was kept.
  if ((e.flags & TM_LIBRARY_JUDGED) != 0 || e.verify_result != 0) end.verify_result = e.verify_result;
  if (IsVersion(version)) end.version = version;
  end.cipher = e.cipher;
  end.group = gnutls ? GroupOfGnuTls(e.group) : e.group;
  if (e.alert_level != 0) end.alert = LibraryAlert{e.alert_level, e.alert_description};
  std::memcpy(end.client_random.data(), e.client_random, sizeof(e.client_random));
  std::memcpy(end.server_random.data(), e.server_random, sizeof(e.server_random));
  end.alpn = {reinterpret_cast<const char*>(record.data()) + offsetof(tm_library_end_event, alpn), e.alpn_length};
  end.server_name = TextAt(record, offsetof(tm_library_end_event, server_name), TM_SERVER_NAME_BYTES);
  end.owner = OwnerChunk{e.owner.tgid, e.owner.start_time_ns, e.owner.cgroup_id, e.owner.uid,
                         TextAt(record, offsetof(tm_library_end_event, owner.comm), TM_COMM_BYTES)};
  if (e.address.local_port != 0) {
    end.local = ToSocketAddress(e.address.local_ip, e.address.local_port);
    end.remote = ToSocketAddress(e.address.remote_ip, e.address.remote_port);
  }
  out->what = end;
  return Outcome::kEvent;
}

Outcome LibraryDecoder::DecodeLate(std::span<const uint8_t> record, LibraryEvent* out) const {
  tm_library_late_event e;
  if (!ReadStruct(record, &e)) return Outcome::kRefused;
  const bool alert = e.what == TM_LATE_ALERT_RECEIVED || e.what == TM_LATE_ALERT_SENT;
  if (alert && e.value > 0xff) return Outcome::kRefused;
  LibraryLate late{.value = e.value};
  switch (e.what) {
    case TM_LATE_ALERT_RECEIVED:
      late.what = LibraryLate::What::kAlertReceived;
      break;
    case TM_LATE_ALERT_SENT:
      late.what = LibraryLate::What::kAlertSent;
      break;
    case TM_LATE_TRUSTED:
    case TM_LATE_DOUBTED:
      late.what = LibraryLate::What::kVerified;
      break;
    case TM_LATE_CLOSED:
      late.what = LibraryLate::What::kClosed;
      break;
    case TM_LATE_NAME_DIFFERS:
      late.what = LibraryLate::What::kNameDiffers;
      break;
    case TM_LATE_NAME_MATCHES:
      late.what = LibraryLate::What::kNameMatches;
      break;
    default:
      return Outcome::kRefused;
  }
  out->what = late;
  return Outcome::kEvent;
}

Outcome LibraryDecoder::DecodeCertificate(std::span<const uint8_t> record, LibraryEvent* out) {
  tm_certificate_event e;
  if (!ReadStruct(record, &e)) return Outcome::kRefused;
  const std::span<const uint8_t> room = record.subspan(sizeof(e));
  if (e.size > room.size() || e.size > TM_PIECE_BYTES || e.index >= TM_CHAIN) return Outcome::kRefused;
  if (e.length == 0 || e.length > TM_CERTIFICATE_BYTES) return Outcome::kRefused;
  if (e.offset > e.length || e.size > e.length - e.offset) return Outcome::kRefused;
  const bool own = (e.flags & TM_CERTIFICATE_OWN) != 0;
  CertificateDer der = assembler_.Add(
      out->id,
      {.own = own, .index = e.index, .hash = e.hash, .length = e.length, .offset = e.offset, .bytes = room.first(e.size)});
  if (der == nullptr) return Outcome::kKept;
  out->what = LibraryCertificate{own, e.index, std::move(der)};
  return Outcome::kEvent;
}

}  // namespace tlsmeter::agent
