#include "src/image/gnutls_image.h"

#include <string_view>

#include "src/image/plan_builder.h"

namespace tlsmeter::agent {
namespace {

constexpr std::string_view kNames[] = {
    "gnutls_protocol_get_version",  "gnutls_alert_get",          "gnutls_session_get_random",
    "gnutls_transport_get_ptr",     "gnutls_session_is_resumed", "gnutls_group_get",
    "gnutls_server_name_get",       "gnutls_handshake",          "gnutls_deinit",
    "gnutls_pcert_import_x509_raw", "gnutls_check_version"};

constexpr ObjectField kRequired[] = {ObjectField::kVersion,      ObjectField::kServer,        ObjectField::kClientRandom,
                                     ObjectField::kServerRandom, ObjectField::kReceivedAlert, ObjectField::kFileDescriptor};

constexpr uint8_t kRandomSize = 32;

// gnutls_session_get_random(session, client, server) points the two datums at the randoms within the session.
void SetRandoms(PlanBuilder* builder) {
  for (const Path& path : builder->Trace("gnutls_session_get_random")) {
    for (const Store& store : path.stores) {
      if (!store.value.IsChain() || store.value.argument != 0 || store.value.constant == 0) continue;
      const FieldPath field = FieldAt(store.value, kRandomSize);
      if (store.address.IsArgument(1)) builder->Set(ObjectField::kClientRandom, field);
      if (store.address.IsArgument(2)) builder->Set(ObjectField::kServerRandom, field);
    }
  }
}

// gnutls_server_name_get is for servers only: the first thing that it asks of the session is which of the two it is.
FieldPath Entity(PlanBuilder* builder) {
  for (const Path& path : builder->Trace("gnutls_server_name_get")) {
    for (const Load& load : path.loads) {
      if (load.address.IsChain() && load.address.argument == 0)
        return load.size == 4 ? FieldAt(load.address, 4) : FieldPath{};
    }
  }
  return {};
}

}  // namespace

absl::StatusOr<ImagePlan> PlanGnuTls(ElfFile* file) {
  if (!HasDecoder(*file)) return absl::UnimplementedError("no decoder for this architecture");
  PlanBuilder builder(file, kNames, ElfFile::Symbols::kDynamic);
  builder.plan().stack = TlsStack::kGnuTls;
  builder.Set(ObjectField::kVersion, builder.Returned("gnutls_protocol_get_version", 2));
  builder.Set(ObjectField::kReceivedAlert, builder.Returned("gnutls_alert_get", 1));
  builder.Set(ObjectField::kFileDescriptor, builder.Returned("gnutls_transport_get_ptr", 1));
  builder.Set(ObjectField::kGroup, builder.Returned("gnutls_group_get", 2));
  builder.Set(ObjectField::kResumed, builder.Returned("gnutls_session_is_resumed", 1));
  builder.Set(ObjectField::kServer, Entity(&builder));
  SetRandoms(&builder);
  if (const auto text = builder.ReturnedConstant("gnutls_check_version", {{0, 0}})) {
    builder.plan().version = "GnuTLS " + file->ReadString(*text, 64);
  }
  const uint64_t handshake = builder.Address("gnutls_handshake");
  builder.ProbeEntry(handshake, ProbeKind::kGnuHandshakeEntry, 1, "gnutls_handshake");
  builder.ProbeReturns(handshake, ProbeKind::kGnuHandshakeReturn, "returns of gnutls_handshake");
  builder.ProbeEntry(builder.Address("gnutls_pcert_import_x509_raw"), ProbeKind::kGnuPeerCertificate, 2,
                     "gnutls_pcert_import_x509_raw");
  builder.ProbeEntry(builder.Address("gnutls_deinit"), ProbeKind::kGnuFree, 1, "gnutls_deinit");
  return builder.Finish(kRequired);
}

}  // namespace tlsmeter::agent
