// The plan of a libgnutls (3.7 and later). Everything of interest is exported: fields come from getters, probes sit at
// symbols. Nothing is attached here.
#ifndef TLSMETER_SRC_IMAGE_GNUTLS_IMAGE_H_
#define TLSMETER_SRC_IMAGE_GNUTLS_IMAGE_H_

#include "absl/status/statusor.h"
#include "src/image/elf_file.h"
#include "src/image/image_plan.h"

namespace tlsmeter::agent {

// PlanGnuTls decodes `file`. kUnimplemented: a build that is not understood; the message says what is missing, with the
// build id.
absl::StatusOr<ImagePlan> PlanGnuTls(ElfFile* file);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_GNUTLS_IMAGE_H_
