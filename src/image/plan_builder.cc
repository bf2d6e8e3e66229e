#include "src/image/plan_builder.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

// In the order of enum ObjectField.
constexpr std::array<std::string_view, kFieldCount> kFieldNames = {
    "version",
    "server",
    "state_machine",
    "handshake_state",
    "in_handshake",
    "waiting",
    "resumed",
    "session",
    "cipher_id",
    "peer",
    "verify_result",
    "alpn",
    "alpn_length",
    "server_name",
    "client_random",
    "server_random",
    "send_alert",
    "received_alert",
    "group",
    "session_group",
    "read_bio",
    "bio_type",
    "bio_number",
    "bio_flags",
    "file_descriptor",
    "credentials",
    "peer_certificates",
    "peer_certificate_count",
    "own_certificates",
    "own_certificate_count",
    "last_message",
};

constexpr uint8_t kPointerSize = 8;

// Integers lie at multiples of their size; the randoms and the alert are arrays of bytes.
bool IsAligned(ObjectField field, const FieldPath& path) {
  for (uint8_t i = 0; i + 1 < path.hops; ++i) {
    if (path.offset[i] % kPointerSize != 0) return false;
  }
  const bool bytes =
      field == ObjectField::kClientRandom || field == ObjectField::kServerRandom || field == ObjectField::kSendAlert;
  return bytes || path.offset[path.hops - 1] % path.size == 0;
}

// Their paths start at another object.
bool IsOfBio(ObjectField field) {
  return field == ObjectField::kBioType || field == ObjectField::kBioNumber || field == ObjectField::kBioFlags;
}

// The stack pointer at the entry says which end belongs to it. Of others nothing but arguments is taken.
bool NeedsStack(ProbeKind entry) {
  switch (entry) {
    case ProbeKind::kAlertDispatch:
    case ProbeKind::kErrorSet:
    case ProbeKind::kErrorPut:
    case ProbeKind::kHandshakeStart:
    case ProbeKind::kGnuAlert:
    case ProbeKind::kGnuFree:
      return false;
    default:
      return true;
  }
}

FieldPath Follow(const Value& value, uint8_t hops, uint8_t size) {
  FieldPath path{.hops = hops, .size = size};
  for (uint8_t i = 0; i < hops; ++i) {
    const int64_t offset = i < value.hops ? value.followed[i] : value.constant;
    if (offset < 0 || offset >= kMaxFieldOffset) return {};
    path.offset[i] = static_cast<uint16_t>(offset);
  }
  return path;
}

}  // namespace

std::string_view FieldName(ObjectField field) { return kFieldNames.at(static_cast<size_t>(field)); }

FieldPath FieldOf(const Value& value) {
  if (!value.IsChain() || value.hops == 0 || value.constant != 0) return {};
  return Follow(value, value.hops, value.size);
}

FieldPath FieldAt(const Value& value, uint8_t size) {
  if (!value.IsChain() || value.hops == kMaxHops) return {};
  return Follow(value, value.hops + 1, size);
}

FieldPath Append(const FieldPath& first, const FieldPath& second) {
  if (first.hops == 0 || second.hops == 0 || first.hops + second.hops > static_cast<int>(kMaxHops)) return {};
  FieldPath path = first;
  path.size = second.size;
  for (uint8_t i = 0; i < second.hops; ++i) path.offset[path.hops++] = second.offset[i];
  return path;
}

PlanBuilder::PlanBuilder(ElfFile* file, std::span<const std::string_view> names, ElfFile::Symbols symbols)
    : file_(file), symbols_(file->FindSymbols(names, symbols)) {
  plan_.build_id = file->build_id();
}

std::optional<CodeRange> PlanBuilder::Range(std::string_view name) const {
  const auto found = symbols_.find(name);
  if (found == symbols_.end()) return std::nullopt;
  return found->second;
}

uint64_t PlanBuilder::Address(std::string_view name) const {
  const std::optional<CodeRange> range = Range(name);
  return range ? range->begin : 0;
}

std::vector<Path> PlanBuilder::Trace(std::string_view name, const std::vector<Assumption>& assumptions) {
  const uint64_t address = Address(name);
  return address != 0 ? TraceFunction(file_, address, assumptions) : std::vector<Path>{};
}

FieldPath PlanBuilder::Returned(std::string_view name, uint8_t hops, const std::vector<Assumption>& assumptions) {
  for (const Path& path : Trace(name, assumptions)) {
    if (path.result.argument != 0 || path.result.hops != hops) continue;
    if (const FieldPath field = FieldOf(path.result); field.hops != 0) return field;
  }
  return {};
}

std::optional<uint64_t> PlanBuilder::ReturnedConstant(std::string_view name, const std::vector<Assumption>& assumptions) {
  std::optional<uint64_t> constant;
  for (const Path& path : Trace(name, assumptions)) {
    const auto value = static_cast<uint64_t>(path.result.constant);
    if (!path.result.IsConstant() || (constant && *constant != value)) return std::nullopt;
    constant = value;
  }
  return constant;
}

void PlanBuilder::Set(ObjectField field, const FieldPath& path) { plan_.fields[static_cast<size_t>(field)] = path; }

void PlanBuilder::Missing(std::string_view what) {
  absl::StrAppend(&missing_, missing_.empty() ? "" : ", ", absl::string_view(what.data(), what.size()));
}

void PlanBuilder::ProbeAt(uint64_t address, ProbeKind kind, uint32_t where) {
  const std::optional<uint64_t> offset = file_->FileOffset(address);
  if (!offset || !file_->IsExecutable(address)) return Missing("code at a probe's address");
  plan_.probes.push_back({*offset, kind, where});
}

void PlanBuilder::ProbeEntry(uint64_t function, ProbeKind kind, size_t arguments, std::string_view name, uint32_t where) {
  const std::optional<CodeRange> range = file_->FunctionAt(function);
  if (!range || range->begin != function) return Missing(name);
  ProbeAt(ProbeAddress(file_, function, arguments, NeedsStack(kind)), kind, where);
}

void PlanBuilder::ProbeReturns(uint64_t function, ProbeKind kind, std::string_view name) {
  const std::vector<uint64_t> sites = ReturnSites(file_, function);
  if (sites.empty()) return Missing(name);
  for (const uint64_t site : sites) {
    if (!IsReturn(file_, site)) return Missing(name);
    ProbeAt(site, kind);
  }
}

void PlanBuilder::CheckFields(std::span<const ObjectField> required) {
  for (const ObjectField field : required) {
    if (Get(field).hops == 0) Missing(FieldName(field));
  }
  for (size_t i = 0; i < kFieldCount; ++i) {
    const FieldPath& path = plan_.fields[i];
    if (path.hops == 0) continue;
    const ObjectField field = static_cast<ObjectField>(i);
    if (!IsAligned(field, path)) Missing(absl::StrCat("aligned ", kFieldNames[i].data()));
    for (size_t j = 0; j < i && !IsOfBio(field); ++j) {
      if (plan_.fields[j] == path && !IsOfBio(static_cast<ObjectField>(j)))
        Missing(absl::StrCat("distinct ", kFieldNames[i].data()));
    }
  }
}

absl::StatusOr<ImagePlan> PlanBuilder::Finish(std::span<const ObjectField> required) {
  CheckFields(required);
  const auto key = [](const Probe& probe) { return std::tuple(probe.file_offset, probe.kind, probe.where); };
  std::sort(plan_.probes.begin(), plan_.probes.end(), [&](const Probe& a, const Probe& b) { return key(a) < key(b); });
  plan_.probes.erase(std::unique(plan_.probes.begin(), plan_.probes.end()), plan_.probes.end());
  if (plan_.probes.size() > kMaxProbes) Missing("few enough probes");
  if (!missing_.empty()) {
    return absl::UnimplementedError(absl::StrCat("unsupported build ", plan_.build_id, ": not found: ", missing_));
  }
  return std::move(plan_);
}

}  // namespace tlsmeter::agent
