// PlanBuilder: what the decoders of all stacks share - fields from getters, probes at functions - and the one place where it
// is remembered what could not be decoded.
//
// A builder works on one file; whatever it cannot do is named once in Missing(), and Finish refuses the plan. One thread.
#ifndef TLSMETER_SRC_IMAGE_PLAN_BUILDER_H_
#define TLSMETER_SRC_IMAGE_PLAN_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "src/image/elf_file.h"
#include "src/image/image_plan.h"
#include "src/image/machine_code.h"

namespace tlsmeter::agent {

// kMaxFieldOffset bounds a plausible offset: OpenSSL's objects are below 8 KiB, fields of GnuTLS 3.8 lie up to 8,152.
inline constexpr int64_t kMaxFieldOffset = 16 << 10;

// FieldOf returns the path to the field that `value` was loaded from; hops 0 when it is no such value or the path is not
// plausible.
FieldPath FieldOf(const Value& value);

// FieldAt returns the path to the `size` bytes at the address that `value` holds.
FieldPath FieldAt(const Value& value, uint8_t size);

// Append returns `first`, which must lead to a pointer, followed by `second`; hops 0 when either is absent or they are too
// many.
FieldPath Append(const FieldPath& first, const FieldPath& second);

class PlanBuilder {
 public:
  // Names are looked up in `file`, which must outlive the builder.
  PlanBuilder(ElfFile* file, std::span<const std::string_view> names, ElfFile::Symbols symbols);

  ElfFile* file() { return file_; }

  // Address of a symbol, 0 when the file does not define it. Range is its extent.
  uint64_t Address(std::string_view name) const;
  std::optional<CodeRange> Range(std::string_view name) const;

  // Trace runs a symbol; empty when it is not defined.
  std::vector<Path> Trace(std::string_view name, const std::vector<Assumption>& assumptions = {});

  // Returned is the field of the first argument that the getter `name` returns, with `hops` hops: of several the first met.
  FieldPath Returned(std::string_view name, uint8_t hops, const std::vector<Assumption>& assumptions = {});

  // ReturnedConstant is the one constant that `name` always returns.
  std::optional<uint64_t> ReturnedConstant(std::string_view name, const std::vector<Assumption>& assumptions = {});

  // Set keeps a field of the plan. Absent ones are found by Finish.
  void Set(ObjectField field, const FieldPath& path);
  const FieldPath& Get(ObjectField field) const { return plan_.field(field); }

  // ProbeEntry and ProbeReturns add probes to the function at `function`. Missing when it is no function's start.
  void ProbeEntry(uint64_t function, ProbeKind kind, size_t arguments, std::string_view name, uint32_t where = 0);
  void ProbeReturns(uint64_t function, ProbeKind kind, std::string_view name);

  // ProbeAt adds a probe at an address that is known to start an instruction.
  void ProbeAt(uint64_t address, ProbeKind kind, uint32_t where = 0);

  // Missing notes that `what` could not be decoded: the plan is then refused.
  void Missing(std::string_view what);

  // Finish checks the plan - all `required` fields there, aligned, plausible and distinct; return sites on return
  // instructions; no more than kMaxProbes - and returns it. kUnimplemented: an unsupported build, with all that is missing
  // and the build id.
  absl::StatusOr<ImagePlan> Finish(std::span<const ObjectField> required);

  ImagePlan& plan() { return plan_; }

 private:
  void CheckFields(std::span<const ObjectField> required);

  ElfFile* file_;
  SymbolTable symbols_;
  ImagePlan plan_;
  std::string missing_;
};

// FieldName returns the name of a field as messages show it.
std::string_view FieldName(ObjectField field);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_PLAN_BUILDER_H_
