// Plans of real builds against known values. The values were read off debug information and running programs, once; the
// decoder sees neither. Builds that are not installed come from scripts/fetch_tls_builds.sh.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "src/image/elf_file.h"
#include "src/image/gnutls_image.h"
#include "src/image/openssl_image.h"
#include "src/image/plan_builder.h"

namespace tlsmeter::agent {
namespace {

using Fields = std::map<ObjectField, FieldPath>;

const Fields kBioOf11 = {{ObjectField::kBioType, {2, 4, {0x0, 0x0}}},
                         {ObjectField::kBioNumber, {1, 4, {0x30}}},
                         {ObjectField::kBioFlags, {1, 4, {0x28}}}};
const Fields kBioOf30 = {{ObjectField::kBioType, {2, 4, {0x8, 0x0}}},
                         {ObjectField::kBioNumber, {1, 4, {0x38}}},
                         {ObjectField::kBioFlags, {1, 4, {0x30}}}};

// The two builds of 1.1.1 differ in where everything behind the QUIC patch lies.
Fields Fields11(uint16_t session, uint16_t verify_result, uint16_t server_name) {
  Fields fields = {{ObjectField::kVersion, {1, 4, {0x0}}},
                   {ObjectField::kServer, {1, 4, {0x38}}},
                   {ObjectField::kStateMachine, {1, 4, {0x48}}},
                   {ObjectField::kHandshakeState, {1, 4, {0x5c}}},
                   {ObjectField::kInHandshake, {1, 4, {0x6c}}},
                   {ObjectField::kWaiting, {1, 4, {0x28}}},
                   {ObjectField::kResumed, {1, 4, {0xc8}}},
                   {ObjectField::kSession, {1, 8, {session}}},
                   {ObjectField::kCipherId, {3, 4, {session, 0x1f0, 0x18}}},
                   {ObjectField::kPeer, {2, 8, {session, 0x1b8}}},
                   {ObjectField::kVerifyResult, {1, 8, {verify_result}}},
                   {ObjectField::kAlpn, {2, 8, {0xa8, 0x3e0}}},
                   {ObjectField::kAlpnLength, {2, 4, {0xa8, 0x3e8}}},
                   {ObjectField::kServerName, {1, 8, {server_name}}},
                   {ObjectField::kClientRandom, {2, 32, {0xa8, 0xb8}}},
                   {ObjectField::kServerRandom, {2, 32, {0xa8, 0x98}}},
                   {ObjectField::kSendAlert, {2, 2, {0xa8, 0x100}}},
                   {ObjectField::kReadBio, {1, 8, {0x10}}}};
  fields.insert(kBioOf11.begin(), kBioOf11.end());
  return fields;
}

Fields Fields30() {
  Fields fields = {{ObjectField::kVersion, {1, 4, {0x0}}},         {ObjectField::kServer, {1, 4, {0x38}}},
                   {ObjectField::kStateMachine, {1, 4, {0x48}}},   {ObjectField::kHandshakeState, {1, 4, {0x5c}}},
                   {ObjectField::kWaiting, {1, 4, {0x28}}},        {ObjectField::kResumed, {1, 4, {0x4d0}}},
                   {ObjectField::kSession, {1, 8, {0x918}}},       {ObjectField::kCipherId, {3, 4, {0x918, 0x2f8, 0x18}}},
                   {ObjectField::kPeer, {2, 8, {0x918, 0x2b8}}},   {ObjectField::kVerifyResult, {1, 8, {0x9b8}}},
                   {ObjectField::kAlpn, {1, 8, {0x488}}},          {ObjectField::kAlpnLength, {1, 4, {0x490}}},
                   {ObjectField::kServerName, {1, 8, {0xa58}}},    {ObjectField::kClientRandom, {1, 32, {0x160}}},
                   {ObjectField::kServerRandom, {1, 32, {0x140}}}, {ObjectField::kSendAlert, {1, 2, {0x1a8}}},
                   {ObjectField::kGroup, {1, 2, {0x4ae}}},         {ObjectField::kSessionGroup, {2, 2, {0x918, 0x308}}},
                   {ObjectField::kReadBio, {1, 8, {0x10}}},        {ObjectField::kInHandshake, {1, 4, {0x6c}}}};
  fields.insert(kBioOf30.begin(), kBioOf30.end());
  return fields;
}

// Compilers load the length of the ALPN protocol with 4 bytes, which is all of it, or with its own 8.
Fields Fields35(uint8_t alpn_length_size, uint16_t in_handshake = 0xbc) {
  Fields fields = {
      {ObjectField::kVersion, {1, 4, {0x48}}},        {ObjectField::kServer, {1, 4, {0x78}}},
      {ObjectField::kStateMachine, {1, 4, {0x98}}},   {ObjectField::kHandshakeState, {1, 4, {0xac}}},
      {ObjectField::kWaiting, {1, 4, {0x68}}},        {ObjectField::kResumed, {1, 4, {0x508}}},
      {ObjectField::kSession, {1, 8, {0x900}}},       {ObjectField::kCipherId, {3, 4, {0x900, 0x2f8, 0x18}}},
      {ObjectField::kPeer, {2, 8, {0x900, 0x2c0}}},   {ObjectField::kVerifyResult, {1, 8, {0x998}}},
      {ObjectField::kAlpn, {1, 8, {0x4b8}}},          {ObjectField::kAlpnLength, {1, alpn_length_size, {0x4c0}}},
      {ObjectField::kServerName, {1, 8, {0xa20}}},    {ObjectField::kClientRandom, {1, 32, {0x188}}},
      {ObjectField::kServerRandom, {1, 32, {0x168}}}, {ObjectField::kSendAlert, {1, 2, {0x1c8}}},
      {ObjectField::kGroup, {1, 2, {0x4de}}},         {ObjectField::kSessionGroup, {2, 2, {0x900, 0x308}}},
      {ObjectField::kReadBio, {1, 8, {0x50}}},        {ObjectField::kInHandshake, {1, 4, {in_handshake}}}};
  fields.insert(kBioOf30.begin(), kBioOf30.end());
  return fields;
}

Fields FieldsOfGnuTls(uint16_t peer) {
  return {{ObjectField::kVersion, {2, 4, {0xf8, 0x8}}},
          {ObjectField::kServer, {1, 4, {0x0}}},
          {ObjectField::kResumed, {1, 1, {0x1b0}}},
          {ObjectField::kClientRandom, {1, 32, {0x50}}},
          {ObjectField::kServerRandom, {1, 32, {0x70}}},
          {ObjectField::kReceivedAlert, {1, 4, {0x194}}},
          {ObjectField::kGroup, {2, 4, {0xd8, 0x8}}},
          {ObjectField::kFileDescriptor, {1, 8, {0x600}}},
          {ObjectField::kCredentials, {1, 4, {static_cast<uint16_t>(peer + 8)}}},
          {ObjectField::kPeerCertificates, {2, 8, {peer, 0x48}}},
          {ObjectField::kPeerCertificateCount, {2, 4, {peer, 0x50}}},
          {ObjectField::kOwnCertificates, {1, 8, {0x668}}},
          {ObjectField::kOwnCertificateCount, {1, 2, {0x670}}},
          {ObjectField::kLastMessage, {1, 4, {0x19c}}},
          {ObjectField::kAlpn, {2, 8, {0xa88, 0x128}}},
          {ObjectField::kAlpnLength, {2, 4, {0xa88, 0x130}}}};
}

struct Build {
  std::string name;
  std::string file;    // below TLSMETER_TLS_BUILDS unless absolute
  std::string crypto;  // empty: in the same file
  std::string version;
  Generation generation;
  Fields fields;
};

std::ostream& operator<<(std::ostream& out, const Build& build) { return out << build.name; }

const std::string kLibraries = "/usr/lib/x86_64-linux-gnu/";

std::vector<Build> Builds() {
  return {
      {"InstalledLibssl", kLibraries + "libssl.so.3", kLibraries + "libcrypto.so.3", "OpenSSL 3.0.", Generation::kOpenSsl30,
       Fields30()},
      {"InstalledGnuTls", kLibraries + "libgnutls.so.30", "", "GnuTLS 3.7.", Generation::kNone, FieldsOfGnuTls(0x1c58)},
      {"InstalledNode", "/usr/bin/node", "", "OpenSSL 3.0.", Generation::kOpenSsl30, Fields30()},
      {"Libssl11", "libssl.so.1.1", "libcrypto.so.1.1", "OpenSSL 1.1.1w", Generation::kOpenSsl11,
       Fields11(0x510, 0x5b0, 0x640)},
      {"Libssl35", "libssl.so.3", "libcrypto.so.3", "OpenSSL 3.5.", Generation::kOpenSsl32, Fields35(4)},
      {"Libssl36", "openssl-3.6/libssl.so.3", "openssl-3.6/libcrypto.so.3", "OpenSSL 3.6.", Generation::kOpenSsl32,
       Fields35(4)},
      {"Libssl40", "openssl-4.0/libssl.so.4", "openssl-4.0/libcrypto.so.4", "OpenSSL 4.0.", Generation::kOpenSsl32,
       Fields35(4, 0xc0)},
      {"GnuTls38", "libgnutls.so.30", "", "GnuTLS 3.8.", Generation::kNone, FieldsOfGnuTls(0x1fd0)},
      {"Node16", "node-16", "", "OpenSSL 1.1.1v+quic", Generation::kOpenSsl11, Fields11(0x5d0, 0x670, 0x700)},
      {"Node18", "node-18", "", "OpenSSL 3.0.", Generation::kOpenSsl30, Fields30()},
      {"Node22", "node-22", "", "OpenSSL 3.5.", Generation::kOpenSsl32, Fields35(8)},
      {"Node24", "node-24", "", "OpenSSL 3.5.", Generation::kOpenSsl32, Fields35(4)},
      {"Node26", "node-26", "", "OpenSSL 3.5.", Generation::kOpenSsl32, Fields35(4)},
  };
}

std::string PathOf(const std::string& file) { return (std::filesystem::path(TLSMETER_TLS_BUILDS) / file).string(); }

class PlanGolden : public ::testing::TestWithParam<Build> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(PathOf(GetParam().file))) {
      GTEST_SKIP() << "there is no " << PathOf(GetParam().file) << ": scripts/fetch_tls_builds.sh gets it";
    }
    // Those of a Debian to come are replaced by the next version some day.
    std::ifstream file(PathOf(GetParam().crypto.empty() ? GetParam().file : GetParam().crypto), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (GetParam().file.starts_with("openssl-") && bytes.find(GetParam().version) == std::string::npos) {
      GTEST_SKIP() << GetParam().file << " is no " << GetParam().version;
    }
  }

  static absl::StatusOr<ImagePlan> Plan(ElfFile* file) {
    const Build& build = GetParam();
    if (build.generation == Generation::kNone) return PlanGnuTls(file);
    if (build.crypto.empty()) return PlanOpenSsl(file, file);
    absl::StatusOr<ElfFile> crypto = ElfFile::Open(PathOf(build.crypto));
    if (!crypto.ok()) return crypto.status();
    return PlanOpenSsl(file, &*crypto);
  }

  static size_t Count(const ImagePlan& plan, ProbeKind kind) {
    return std::count_if(plan.probes.begin(), plan.probes.end(), [kind](const Probe& probe) { return probe.kind == kind; });
  }
};

TEST_P(PlanGolden, FieldsLieWhereTheyAreKnownToLie) {
  absl::StatusOr<ElfFile> file = ElfFile::Open(PathOf(GetParam().file));
  ASSERT_TRUE(file.ok()) << file.status();
  const absl::StatusOr<ImagePlan> plan = Plan(&*file);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->generation, GetParam().generation);
  EXPECT_EQ(plan->version.substr(0, GetParam().version.size()), GetParam().version);
  EXPECT_EQ(plan->build_id.size(), 40u) << plan->build_id;
  for (size_t i = 0; i < kFieldCount; ++i) {
    const auto field = static_cast<ObjectField>(i);
    const auto known = GetParam().fields.find(field);
    const FieldPath want = known != GetParam().fields.end() ? known->second : FieldPath{};
    const FieldPath& have = plan->field(field);
    EXPECT_EQ(have, want) << FieldName(field) << ": " << int{have.hops} << " hops, " << int{have.size} << " bytes, offsets "
                          << have.offset[0] << ", " << have.offset[1] << ", " << have.offset[2];
  }
}

TEST_P(PlanGolden, EveryEventHasItsProbe) {
  absl::StatusOr<ElfFile> file = ElfFile::Open(PathOf(GetParam().file));
  ASSERT_TRUE(file.ok()) << file.status();
  const absl::StatusOr<ImagePlan> plan = Plan(&*file);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto count = [&](ProbeKind kind) { return Count(*plan, kind); };
  if (plan->stack == TlsStack::kGnuTls) {
    EXPECT_EQ(count(ProbeKind::kGnuHandshakeEntry), 1u);
    EXPECT_GE(count(ProbeKind::kGnuHandshakeReturn), 1u);
    EXPECT_EQ(count(ProbeKind::kGnuFree), 1u);
    EXPECT_EQ(count(ProbeKind::kGnuAlert), 1u);
    EXPECT_EQ(count(ProbeKind::kGnuVerifyEntry), 1u);
    EXPECT_GE(count(ProbeKind::kGnuVerifyReturn), 1u);
    return;
  }
  EXPECT_EQ(count(ProbeKind::kHandshakeStart), 1u);  // both sides have the same state machine
  // With the copy of it in what frees a connection, which compilers have made in the programs.
  EXPECT_EQ(count(ProbeKind::kWriteBufferFreed), GetParam().crypto.empty() ? 2u : 1u);
  EXPECT_EQ(count(ProbeKind::kAlertDispatch), 1u);
  EXPECT_EQ(count(ProbeKind::kErrorPut) == 1, GetParam().generation == Generation::kOpenSsl11);
  EXPECT_EQ(count(ProbeKind::kErrorSet) == 0, GetParam().generation == Generation::kOpenSsl11);
  // Linked into a program: what the state machine calls. Shared: all calls, also in what loads files.
  EXPECT_EQ(count(ProbeKind::kPeerChain), 2u);
  EXPECT_LE(count(ProbeKind::kPeerCertificate), GetParam().crypto.empty() ? 0u : 4u);
  // Of the pairs of calls, for the length and for the certificate; 3.5 and some later have two pairs.
  EXPECT_GE(count(ProbeKind::kOwnCertificate), 1u);
  EXPECT_LE(count(ProbeKind::kOwnCertificate), 2u);
  for (const Probe& probe : plan->probes) {
    if (probe.kind == ProbeKind::kPeerChain) {
      EXPECT_EQ(probe.where >> 16, GetParam().name == "Libssl40" ? 16u : 8u);
    }
    if (probe.kind == ProbeKind::kOwnCertificate && GetParam().name != "Node26") {  // that has it on the stack
      EXPECT_NE(probe.where & 0xff, kNoRegister);
    }
  }
}

// What the kernel emulates (arch/x86/kernel/uprobes.c), by its first bytes: a push of a register, a nop, direct jumps and
// calls.
bool IsEmulated(std::span<const uint8_t> code) {
  if (code[0] == 0x0f) return (code[1] & 0xf0) == 0x80;
  if (code[0] == 0x41) return (code[1] & 0xf8) == 0x50;
  return (code[0] & 0xf8) == 0x50 || (code[0] & 0xf0) == 0x70 || code[0] == 0x90 || code[0] == 0xe8 || code[0] == 0xe9 ||
         code[0] == 0xeb;
}

// A single step costs 12 us in a virtual machine, and a handshake comes by seven or more probes.
TEST_P(PlanGolden, TheKernelEmulatesWhatAGoodHandshakeComesBy) {
  absl::StatusOr<ElfFile> file = ElfFile::Open(PathOf(GetParam().file));
  ASSERT_TRUE(file.ok()) << file.status();
  const absl::StatusOr<ImagePlan> plan = Plan(&*file);
  ASSERT_TRUE(plan.ok()) << plan.status();
  if (plan->stack != TlsStack::kOpenSsl) GTEST_SKIP() << "returns of gnutls_handshake are probed themselves";
  for (const Probe& probe : plan->probes) {
    if (probe.kind == ProbeKind::kErrorSet || probe.kind == ProbeKind::kErrorPut) continue;
    std::array<uint8_t, 2> code;
    ASSERT_EQ(pread(file->fd(), code.data(), code.size(), static_cast<off_t>(probe.file_offset)), 2);
    EXPECT_TRUE(IsEmulated(code)) << "kind " << static_cast<int>(probe.kind) << " at " << std::hex << probe.file_offset
                                  << ": " << int{code[0]} << " " << int{code[1]};
  }
}

// Programs keep their full symbol table: it names the functions that the plan found without it.
TEST_P(PlanGolden, HiddenFunctionsAreTheOnesThatTheSymbolTableNames) {
  absl::StatusOr<ElfFile> file = ElfFile::Open(PathOf(GetParam().file));
  ASSERT_TRUE(file.ok()) << file.status();
  const std::map<std::string, ProbeKind, std::less<>> kinds = {{"state_machine", ProbeKind::kHandshakeStart},
                                                               {"state_machine.part.5", ProbeKind::kHandshakeStart},
                                                               {"ssl_free_wbio_buffer", ProbeKind::kWriteBufferFreed},
                                                               {"ssl3_dispatch_alert", ProbeKind::kAlertDispatch},
                                                               {"tls_process_server_certificate", ProbeKind::kPeerChain},
                                                               {"tls_process_client_certificate", ProbeKind::kPeerChain}};
  std::vector<std::string_view> names;
  for (const auto& [name, kind] : kinds) names.push_back(name);
  const SymbolTable symbols = file->FindSymbols(names, ElfFile::Symbols::kAll);
  if (!symbols.contains("ssl_free_wbio_buffer")) GTEST_SKIP() << "the file is stripped";
  const absl::StatusOr<ImagePlan> plan = Plan(&*file);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_GE(symbols.size(), 4u);  // one state machine, or a part of it that the compiler has split off
  for (const auto& [name, range] : symbols) {
    const ProbeKind kind = kinds.at(name);
    const uint64_t begin = *file->FileOffset(range.begin);
    const uint64_t end = begin + range.end - range.begin;
    const bool found = std::any_of(plan->probes.begin(), plan->probes.end(), [=](const Probe& probe) {
      return probe.kind == kind && probe.file_offset >= begin && probe.file_offset < end;
    });
    EXPECT_TRUE(found) << name << " at " << begin;
  }
}

INSTANTIATE_TEST_SUITE_P(Builds, PlanGolden, ::testing::ValuesIn(Builds()),
                         [](const auto& info) { return info.param.name; });

TEST(PlanOpenSsl, RefusesAFileWithoutItAndSaysWhatIsMissing) {
  absl::StatusOr<ElfFile> file = ElfFile::Open("/proc/self/exe");
  ASSERT_TRUE(file.ok()) << file.status();
  const absl::StatusOr<ImagePlan> plan = PlanOpenSsl(&*file, nullptr);
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kUnimplemented);
  const std::string message(plan.status().message());
  EXPECT_NE(message.find("unsupported build " + file->build_id()), std::string::npos) << message;
  EXPECT_NE(message.find("version"), std::string::npos) << message;
}

TEST(PlanGnuTls, RefusesAFileWithoutIt) {
  absl::StatusOr<ElfFile> file = ElfFile::Open("/proc/self/exe");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(PlanGnuTls(&*file).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace tlsmeter::agent
