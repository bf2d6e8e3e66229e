// The plan of a file that holds OpenSSL (1.1.1, 3.0 and later): a shared libssl, or a program that OpenSSL is linked into.
//
// Fields come from exported getters. The state machine and the alert dispatch are not exported: they are reached through the
// table of functions that TLS_method() returns. Nothing is attached here.
#ifndef TLSMETER_SRC_IMAGE_OPENSSL_IMAGE_H_
#define TLSMETER_SRC_IMAGE_OPENSSL_IMAGE_H_

#include "absl/status/statusor.h"
#include "src/image/elf_file.h"
#include "src/image/image_plan.h"

namespace tlsmeter::agent {

// PlanOpenSsl decodes the libssl in `ssl`. `crypto` is the libcrypto that the same process maps, or `ssl` itself when it
// holds both; nullptr when there is none: the plan then has no BIO fields. kUnimplemented: a build that is not understood;
// the message says what is missing, with the build id.
absl::StatusOr<ImagePlan> PlanOpenSsl(ElfFile* ssl, ElfFile* crypto);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_IMAGE_OPENSSL_IMAGE_H_
