#include "src/image/gnutls_image.h"

#include <algorithm>
#include <string_view>

#include "src/image/plan_builder.h"

namespace tlsmeter::agent {
namespace {

constexpr std::string_view kNames[] = {"gnutls_protocol_get_version",
                                       "gnutls_alert_get",
                                       "gnutls_session_get_random",
                                       "gnutls_transport_get_ptr",
                                       "gnutls_session_is_resumed",
                                       "gnutls_group_get",
                                       "gnutls_server_name_get",
                                       "gnutls_handshake",
                                       "gnutls_deinit",
                                       "gnutls_certificate_get_peers",
                                       "gnutls_check_version",
                                       "gnutls_alert_send",
                                       "gnutls_certificate_get_ours",
                                       "gnutls_certificate_verify_peers",
                                       "gnutls_handshake_get_last_out",
                                       "gnutls_alpn_get_selected_protocol",
                                       "gnutls_x509_crt_import",
                                       "gnutls_x509_crt_check_hostname2",
                                       "gnutls_x509_crt_check_ip"};

constexpr ObjectField kRequired[] = {ObjectField::kVersion,
                                     ObjectField::kServer,
                                     ObjectField::kClientRandom,
                                     ObjectField::kServerRandom,
                                     ObjectField::kReceivedAlert,
                                     ObjectField::kFileDescriptor,
                                     ObjectField::kCredentials,
                                     ObjectField::kPeerCertificates,
                                     ObjectField::kPeerCertificateCount,
                                     ObjectField::kOwnCertificates,
                                     ObjectField::kOwnCertificateCount,
                                     ObjectField::kLastMessage};

constexpr uint8_t kRandomSize = 32;
constexpr uint8_t kPointerSize = 8;

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

// gnutls_certificate_get_peers(session, count) returns the array and stores its length, once it has made sure that what the
// session knows of its peer are certificates: by an integer behind the pointer to that.
void SetPeerCertificates(PlanBuilder* builder) {
  const FieldPath list = builder->Returned("gnutls_certificate_get_peers", 2);
  builder->Set(ObjectField::kPeerCertificates, list);
  for (const Path& path : builder->Trace("gnutls_certificate_get_peers")) {
    for (const Store& store : path.stores) {
      if (store.address.IsArgument(1) && store.value.argument == 0 && store.value.hops == 2)
        builder->Set(ObjectField::kPeerCertificateCount, FieldOf(store.value));
    }
    for (const Load& load : path.loads) {
      const FieldPath field = FieldAt(load.address, load.size);
      const bool behind = load.address.argument == 0 && field.hops == 1 && field.offset[0] == list.offset[0] + kPointerSize;
      if (behind && field.size == 4) builder->Set(ObjectField::kCredentials, field);
    }
  }
}

// gnutls_certificate_get_ours returns the address of the first certificate in the list of those that were chosen for this
// side, which is an array of gnutls_pcert_st.
FieldPath OwnCertificates(PlanBuilder* builder) {
  constexpr int64_t kCertificateInEntry = 8;  // gnutls/abstract.h
  for (const Path& path : builder->Trace("gnutls_certificate_get_ours")) {
    Value list = path.result;
    if (!list.IsChain() || list.argument != 0 || list.hops != 1 || list.constant != kCertificateInEntry) continue;
    list.constant = 0;
    return FieldOf(list);
  }
  return {};
}

// How many there are no exported function tells. It stands behind the list, and what gnutls_deinit calls to forget the list
// sets both to zero.
FieldPath OwnCertificateCount(PlanBuilder* builder, const FieldPath& list) {
  constexpr uint8_t kSize = 2;
  FieldPath count = list;
  if (list.hops == 0) return {};
  count.size = kSize;
  count.offset[0] += kPointerSize;
  for (const uint64_t callee : Callees(builder->file(), builder->Address("gnutls_deinit"))) {
    for (const Path& path : TraceFunction(builder->file(), callee)) {
      const auto clears = [&path](const FieldPath& field) {
        return std::any_of(path.stores.begin(), path.stores.end(), [&field](const Store& store) {
          return store.value == Value::Constant(0) && store.address.argument == 0 &&
                 FieldAt(store.address, store.size) == field;
        });
      };
      if (clears(list) && clears(count)) return count;
    }
  }
  return {};
}

// What a session keeps for an extension is told by a hidden function(session, number of the extension, address of the
// pointer to it).
FieldPath OfExtension(PlanBuilder* builder, const Call& ask) {
  if (!ask.target.IsConstant() || !ask.arguments[0].IsArgument(0) || !ask.arguments[1].IsConstant()) return {};
  const auto function = static_cast<uint64_t>(ask.target.constant);
  for (const Path& path : TraceFunction(builder->file(), function, {{1, ask.arguments[1].constant}})) {
    for (const Store& store : path.stores) {
      if (store.address.IsArgument(2) && store.value.argument == 0) return FieldOf(store.value);
    }
  }
  return {};
}

// gnutls_alpn_get_selected_protocol(session, protocol) asks for what is kept for ALPN, and fills in the datum from that.
void SetAlpn(PlanBuilder* builder) {
  for (const Path& path : builder->Trace("gnutls_alpn_get_selected_protocol")) {
    if (path.calls.empty()) continue;
    const FieldPath kept = OfExtension(builder, path.calls.front());
    for (const Store& store : path.stores) {
      Value size = store.address;
      size.constant -= kPointerSize;
      if (store.value.argument != kCallOutput) continue;
      if (store.address.IsArgument(1)) builder->Set(ObjectField::kAlpn, Append(kept, FieldOf(store.value)));
      if (size.IsArgument(1)) builder->Set(ObjectField::kAlpnLength, Append(kept, FieldOf(store.value)));
    }
  }
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
  builder.Set(ObjectField::kLastMessage, builder.Returned("gnutls_handshake_get_last_out", 1));
  SetAlpn(&builder);
  SetPeerCertificates(&builder);
  const FieldPath own = OwnCertificates(&builder);
  builder.Set(ObjectField::kOwnCertificates, own);
  builder.Set(ObjectField::kOwnCertificateCount, OwnCertificateCount(&builder, own));
  if (const auto text = builder.ReturnedConstant("gnutls_check_version", {{0, 0}})) {
    builder.plan().version = "GnuTLS " + file->ReadString(*text, 64);
  }
  const uint64_t handshake = builder.Address("gnutls_handshake");
  builder.ProbeEntry(handshake, ProbeKind::kGnuHandshakeEntry, 1, "gnutls_handshake");
  builder.ProbeReturns(handshake, ProbeKind::kGnuHandshakeReturn, "returns of gnutls_handshake");
  builder.ProbeEntry(builder.Address("gnutls_deinit"), ProbeKind::kGnuFree, 1, "gnutls_deinit");
  builder.ProbeEntry(builder.Address("gnutls_alert_send"), ProbeKind::kGnuAlert, 3, "gnutls_alert_send");
  // gnutls_certificate_verify_peers2 and 3 end in this one.
  const uint64_t verify = builder.Address("gnutls_certificate_verify_peers");
  builder.ProbeEntry(verify, ProbeKind::kGnuVerifyEntry, 4, "gnutls_certificate_verify_peers");
  builder.ProbeReturns(verify, ProbeKind::kGnuVerifyReturn, "returns of gnutls_certificate_verify_peers");
  builder.ProbeEntry(builder.Address("gnutls_x509_crt_import"), ProbeKind::kGnuImport, 2, "gnutls_x509_crt_import");
  // gnutls_x509_crt_check_hostname ends in the first.
  for (const std::string_view name : {"gnutls_x509_crt_check_hostname2", "gnutls_x509_crt_check_ip"}) {
    builder.ProbeEntry(builder.Address(name), ProbeKind::kGnuNameEntry, 1, name);
    builder.ProbeReturns(builder.Address(name), ProbeKind::kGnuNameReturn, name);
  }
  return builder.Finish(kRequired);
}

}  // namespace tlsmeter::agent
