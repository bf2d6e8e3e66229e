#include "src/capture/library_sensor.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "bpf/library.h"
#include "src/base/clock.h"
#include "src/image/machine_code.h"

namespace tlsmeter::agent {
namespace {

// The kernel's side is C and has its own names for the plan's numbers.
constexpr bool Same(ProbeKind kind, tm_probe probe) { return static_cast<int>(kind) == static_cast<int>(probe); }
static_assert(Same(ProbeKind::kHandshakeStart, TM_PROBE_HANDSHAKE_START) &&
              Same(ProbeKind::kWriteBufferFreed, TM_PROBE_WRITE_BUFFER_FREED));
static_assert(Same(ProbeKind::kAlertDispatch, TM_PROBE_ALERT_DISPATCH));
static_assert(Same(ProbeKind::kErrorSet, TM_PROBE_ERROR_SET) && Same(ProbeKind::kErrorPut, TM_PROBE_ERROR_PUT));
static_assert(Same(ProbeKind::kPeerCertificate, TM_PROBE_PEER_CERTIFICATE) &&
              Same(ProbeKind::kPeerChain, TM_PROBE_PEER_CHAIN));
static_assert(Same(ProbeKind::kOwnCertificate, TM_PROBE_OWN_CERTIFICATE));

static_assert(Same(ProbeKind::kGnuHandshakeEntry, TM_PROBE_GNU_HANDSHAKE_ENTRY) &&
              Same(ProbeKind::kGnuHandshakeReturn, TM_PROBE_GNU_HANDSHAKE_RETURN));
static_assert(Same(ProbeKind::kGnuAlert, TM_PROBE_GNU_ALERT) && Same(ProbeKind::kGnuFree, TM_PROBE_GNU_FREE));
static_assert(Same(ProbeKind::kGnuVerifyEntry, TM_PROBE_GNU_VERIFY_ENTRY) &&
              Same(ProbeKind::kGnuVerifyReturn, TM_PROBE_GNU_VERIFY_RETURN));
static_assert(Same(ProbeKind::kGnuImport, TM_PROBE_GNU_IMPORT) && Same(ProbeKind::kGnuNameEntry, TM_PROBE_GNU_NAME_ENTRY) &&
              Same(ProbeKind::kGnuNameReturn, TM_PROBE_GNU_NAME_RETURN));
static_assert(kProbeKindCount == TM_PROBES && kNoRegister == TM_NO_REGISTER && kFirstArgument == TM_FIRST_ARGUMENT);

constexpr bool Same(ObjectField field, tm_field_name name) { return static_cast<int>(field) == static_cast<int>(name); }
static_assert(kFieldCount == TM_FIELDS && kMaxHops == TM_HOPS);
static_assert(Same(ObjectField::kVersion, TM_FIELD_VERSION) && Same(ObjectField::kServer, TM_FIELD_SERVER));
static_assert(Same(ObjectField::kStateMachine, TM_FIELD_STATE_MACHINE) &&
              Same(ObjectField::kHandshakeState, TM_FIELD_HANDSHAKE_STATE));
static_assert(Same(ObjectField::kInHandshake, TM_FIELD_IN_HANDSHAKE));
static_assert(Same(ObjectField::kWaiting, TM_FIELD_WAITING) && Same(ObjectField::kResumed, TM_FIELD_RESUMED));
static_assert(Same(ObjectField::kSession, TM_FIELD_SESSION) && Same(ObjectField::kCipherId, TM_FIELD_CIPHER_ID));
static_assert(Same(ObjectField::kPeer, TM_FIELD_PEER) && Same(ObjectField::kVerifyResult, TM_FIELD_VERIFY_RESULT));
static_assert(Same(ObjectField::kAlpn, TM_FIELD_ALPN) && Same(ObjectField::kAlpnLength, TM_FIELD_ALPN_LENGTH));
static_assert(Same(ObjectField::kServerName, TM_FIELD_SERVER_NAME) &&
              Same(ObjectField::kClientRandom, TM_FIELD_CLIENT_RANDOM));
static_assert(Same(ObjectField::kServerRandom, TM_FIELD_SERVER_RANDOM) &&
              Same(ObjectField::kSendAlert, TM_FIELD_SEND_ALERT));
static_assert(Same(ObjectField::kReceivedAlert, TM_FIELD_RECEIVED_ALERT) && Same(ObjectField::kGroup, TM_FIELD_GROUP));
static_assert(Same(ObjectField::kSessionGroup, TM_FIELD_SESSION_GROUP) && Same(ObjectField::kReadBio, TM_FIELD_READ_BIO));
static_assert(Same(ObjectField::kBioType, TM_FIELD_BIO_TYPE) && Same(ObjectField::kBioNumber, TM_FIELD_BIO_NUMBER));
static_assert(Same(ObjectField::kBioFlags, TM_FIELD_BIO_FLAGS) &&
              Same(ObjectField::kFileDescriptor, TM_FIELD_FILE_DESCRIPTOR));
static_assert(Same(ObjectField::kCredentials, TM_FIELD_CREDENTIALS) &&
              Same(ObjectField::kPeerCertificates, TM_FIELD_PEER_CERTIFICATES) &&
              Same(ObjectField::kPeerCertificateCount, TM_FIELD_PEER_CERTIFICATE_COUNT));
static_assert(Same(ObjectField::kOwnCertificates, TM_FIELD_OWN_CERTIFICATES) &&
              Same(ObjectField::kOwnCertificateCount, TM_FIELD_OWN_CERTIFICATE_COUNT) &&
              Same(ObjectField::kLastMessage, TM_FIELD_LAST_MESSAGE));

bool IsSuccess(const LibraryEvent& event) {
  const auto* end = std::get_if<LibraryEnd>(&event.what);
  return end != nullptr && end->outcome == LibraryOutcome::kSuccess;
}

}  // namespace

LibrarySensor::LibrarySensor(const Descriptors& descriptors, UprobeAttach how)
    : descriptors_(descriptors), how_(how), images_(TM_IMAGES) {}

absl::Status LibrarySensor::Configure(uint32_t slot, const ImagePlan& plan) {
  if (slot >= TM_IMAGES) return absl::InvalidArgumentError(absl::StrCat("image slot ", slot, " of ", TM_IMAGES));
  tm_image image = {.since_ns = MonotonicNs(), .field = {}};
  for (size_t i = 0; i < kFieldCount; ++i) {
    const FieldPath& path = plan.fields[i];
    image.field[i].hops = path.hops;
    image.field[i].size = path.size;
    std::copy(path.offset.begin(), path.offset.end(), image.field[i].offset);
  }
  if (bpf_map_update_elem(descriptors_.images, &slot, &image, BPF_ANY) != 0) {
    return absl::InternalError(absl::StrCat("cannot write to the BPF map tm_images: ", strerror(errno)));
  }
  images_[slot] = Image{.version = plan.version};
  return absl::OkStatus();
}

absl::StatusOr<UprobeLink> LibrarySensor::Attach(int fd, uint32_t slot, std::span<const Probe> probes) const {
  return AttachUprobes(descriptors_.program, how_, fd, slot, probes);
}

void LibrarySensor::Know(const MappedFile::Id& file, bool known) const {
  if (descriptors_.files < 0) return;
  const tm_file key = {.inode = file.inode, .major = file.major, .minor = file.minor};
  constexpr uint8_t kYes = 1;
  // A file that could not be noted is told once more.
  if (known) {
    bpf_map_update_elem(descriptors_.files, &key, &kYes, BPF_ANY);
  } else {
    bpf_map_delete_elem(descriptors_.files, &key);
  }
}

void LibrarySensor::Take(std::span<const uint8_t> record, absl::FunctionRef<void(const LibraryEvent&)> take) {
  LibraryEvent event;
  uint32_t slot = 0;
  switch (decoder_.Decode(record, &event, &slot)) {
    case LibraryDecoder::Outcome::kEvent:
      event.stack = images_[slot].version;
      if (IsSuccess(event)) images_[slot].implausible = 0;
      take(event);
      break;
    case LibraryDecoder::Outcome::kImplausible:
      ++refused_;
      if (++images_[slot].implausible == kMaxImplausible) distrusted_.push_back(slot);
      break;
    case LibraryDecoder::Outcome::kKept:
      // The program sends the bytes of a certificate again once it no longer takes it for known.
      for (const uint64_t hash : decoder_.TakeForgotten()) bpf_map_delete_elem(descriptors_.certificates, &hash);
      break;
    case LibraryDecoder::Outcome::kRefused:
      ++refused_;
      break;
  }
}

}  // namespace tlsmeter::agent
