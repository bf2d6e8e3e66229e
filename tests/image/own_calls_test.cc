// What is decoded of registers and stack at a call, against compilers: functions of every shape, compiled by every compiler
// at hand at every level, are run with a callee that notes them; what was decoded must be what was there.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "src/image/elf_file.h"
#include "src/image/machine_code.h"

namespace tlsmeter::agent {
namespace {

// Each calls last() on every way to its end, and needs its argument after that, as state_machine() does where it calls
// BUF_MEM_new(). last() notes the registers that calls preserve, by their number in instructions.
constexpr char kFunctions[] = R"(
#include <string.h>
unsigned long at_call, out, registers[16];
__attribute__((naked, noinline)) void last(void) {
  __asm__("mov registers@GOTPCREL(%rip), %rcx; mov %rbx, 24(%rcx); mov %rbp, 40(%rcx); mov %r12, 96(%rcx);"
          "mov %r13, 104(%rcx); mov %r14, 112(%rcx); mov %r15, 120(%rcx); ret");
}
__attribute__((noinline)) int use(void *p, long n) { __asm__ volatile("" : : "r"(p), "r"(n) : "memory"); return n & 3; }

int few(long n) { int r = use(0, n); last(); return r + use(0, n); }
int frame(long n) { char text[200]; int r = use(text, n); if (r > 1) r += use(text + 9, n); last(); return r + use(text, n); }
int ways(long n) {
  long kept[17]; int r = -1;
  if (use(kept, n) == 1) { r = use(kept + 1, n + 1); goto end; }
  for (long i = 0; i < n; ++i) { r += use(kept + i % 17, i); if (r > 100) goto end; }
  r = use(kept, r);
end:
  last();
  if (r > 7) use(kept, r);
  return r + use(kept, n);
}
int late(long n) {
  if (n < 1) return 0;
  int r = use(0, n);
  if (r == 1) { last(); r += use(&r, n); }
  else last();
  return r + use(0, n);
}
int two(long n, long m) { int r = use(0, n); last(); return r + use(0, n) + use(0, m); }
int other(long n) { int r = use(0, n); n = r * 5L; last(); return r + use(0, n); }
int changed(long n) {
  int r = use(0, n);
  if (r == 1) n += 4;
  last();
  return use(0, n);
}
__attribute__((noinline)) static int rest(long n, int flag) {
  char text[64]; int r = use(text, n + flag); last(); return r + use(text, n);
}
int tail(long n) { if (n < 0) return -1; return rest(n, 1); }

/* As ssl_add_cert_to_wpacket() calls i2d_X509(). */
__attribute__((naked, noinline)) int encode(void *from, unsigned char **to) {
  __asm__("lea 8(%rsp), %rax; mov at_call@GOTPCREL(%rip), %rcx; mov %rax, (%rcx);"
          "mov out@GOTPCREL(%rip), %rcx; mov %rsi, (%rcx); mov $7, %eax; ret");
}
__attribute__((noinline)) int allocate(void *p, int n, unsigned char **to) { *to = p; return use(to, n) >= 0; }
int write(long n) {
  unsigned char *to; int length = encode(&n, 0);
  if (length < 0) return -1;
  if (!allocate(&n, length, &to) || encode(&n, &to) != length) { use(&n, 1); return -2; }
  return use(to, n);
}

)";

struct Compiler {
  std::string name;
  std::string command;
};

std::ostream& operator<<(std::ostream& out, const Compiler& compiler) { return out << compiler.command; }

class OwnCallsTest : public ::testing::TestWithParam<Compiler> {
 protected:
  void SetUp() override {
#ifndef __x86_64__
    GTEST_SKIP() << "runs code of x86-64";
#endif
    const std::string program = GetParam().command.substr(0, GetParam().command.find(' '));
    if (std::system(("command -v " + program + " >/dev/null").c_str()) != 0) GTEST_SKIP() << "there is no " << program;
    directory_ = std::filesystem::path(testing::TempDir()) / ("own_calls-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
    const std::string c = directory_ / "functions.c";
    library_ = directory_ / "functions.so";
    std::ofstream(c) << kFunctions;
    const std::string command =
        GetParam().command + " -w -x c -fPIC -shared -fvisibility=default -Wl,-Bsymbolic -o " + library_ + " " + c;
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }

  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_;
  std::string library_;
};

TEST_P(OwnCallsTest, TheRegisterHoldsTheArgumentAtRunTime) {
  absl::StatusOr<ElfFile> file = ElfFile::Open(library_);
  ASSERT_TRUE(file.ok()) << file.status();
  void* const loaded = dlopen(library_.c_str(), RTLD_NOW);
  ASSERT_NE(loaded, nullptr) << dlerror();
  const auto* registers = static_cast<unsigned long*>(dlsym(loaded, "registers"));
  constexpr std::string_view kNames[] = {"last", "few", "frame", "ways", "late", "two", "other", "changed", "tail"};
  const SymbolTable symbols = file->FindSymbols(kNames, ElfFile::Symbols::kDynamic);
  ASSERT_EQ(symbols.size(), std::size(kNames));
  size_t found = 0;
  for (const auto& [name, range] : symbols) {
    if (name == "last") continue;
    const std::vector<OwnCall> calls = OwnCalls(&*file, range.begin, symbols.find("last")->second.begin);
    found += calls.empty() ? 0 : 1;
    if (name == "other") {
      EXPECT_TRUE(calls.empty()) << name;  // what it was given is lost
    }
    found += name == "two" && !calls.empty() && calls[0].second_argument != kNoRegister ? 1 : 0;
    const auto function = reinterpret_cast<int (*)(long, long)>(dlsym(loaded, name.c_str()));
    for (const long n : {1L, 5L, 400L, 0x123456789abcdefL}) {
      if (name == "ways" && n > 400) continue;
      function(n, n + 7);
      for (const OwnCall& call : calls) {
        EXPECT_EQ(registers[call.first_argument], n) << name << " of " << n;
        if (call.second_argument != kNoRegister) {
          EXPECT_EQ(registers[call.second_argument], n + 7) << name << " of " << n;
        }
      }
    }
  }
  // Without optimization arguments live on the stack; where no function is left by a jump, `tail` calls the one that has the
  // call.
  if (GetParam().command.find("-O0") == std::string::npos) {
    EXPECT_GE(found, 6u);
  }
  dlclose(loaded);
}

TEST_P(OwnCallsTest, APointerOnTheStackLiesWhereItLiesAtRunTime) {
  absl::StatusOr<ElfFile> file = ElfFile::Open(library_);
  ASSERT_TRUE(file.ok()) << file.status();
  void* const loaded = dlopen(library_.c_str(), RTLD_NOW);
  ASSERT_NE(loaded, nullptr) << dlerror();
  reinterpret_cast<int (*)(long)>(dlsym(loaded, "write"))(3);
  const auto noted = [&](const char* name) {
    return static_cast<int64_t>(*static_cast<unsigned long*>(dlsym(loaded, name)));
  };
  constexpr std::string_view kNames[] = {"write", "encode"};
  const SymbolTable symbols = file->FindSymbols(kNames, ElfFile::Symbols::kDynamic);
  const CodeRange function = symbols.find("write")->second;
  const auto encode = Value::Constant(static_cast<int64_t>(symbols.find("encode")->second.begin));
  const std::vector<CallSite> sites = CallSites(&*file, function, symbols.find("encode")->second.begin);
  ASSERT_EQ(sites.size(), 2u);
  size_t asks = 0, writes = 0;
  for (const Path& path : TraceFunction(&*file, function.begin)) {
    for (const Call& call : path.calls) {
      if (call.target != encode) continue;
      const bool asks_here = call.arguments[1] == Value::Constant(0);
      EXPECT_EQ(call.site, sites[asks_here ? 0 : 1].call);
      EXPECT_EQ(call.stack.kind, Value::Kind::kStack);
      ++(asks_here ? asks : writes);
      if (asks_here) continue;
      EXPECT_EQ(call.arguments[1].kind, Value::Kind::kStack);
      EXPECT_EQ(call.arguments[1].constant - call.stack.constant, noted("out") - noted("at_call"));
    }
  }
  EXPECT_GE(asks, 1u);
  EXPECT_GE(writes, 1u);
  dlclose(loaded);
}

std::vector<Compiler> Compilers() {
  std::vector<Compiler> compilers;
  for (const char* program : {"gcc", "clang"}) {
    for (const char* level : {"O0", "O1", "O2", "O3", "Os"}) {
      compilers.push_back({std::string(program) + level, std::string(program) + " -" + level});
    }
  }
  compilers.push_back({"gccO2cet", "gcc -O2 -fcf-protection -fstack-protector-all"});
  compilers.push_back({"gccO2frame", "gcc -O2 -fno-omit-frame-pointer"});
  return compilers;
}

INSTANTIATE_TEST_SUITE_P(Compilers, OwnCallsTest, ::testing::ValuesIn(Compilers()),
                         [](const auto& info) { return info.param.name; });

TEST(OwnCalls, OfNoFunctionAreNone) {
  absl::StatusOr<ElfFile> file = ElfFile::Open("/proc/self/exe");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(OwnCalls(&*file, 0, 0x1000).empty());
  EXPECT_TRUE(OwnCalls(&*file, file->Code().front().begin + 1, 0x1000).empty());
}

}  // namespace
}  // namespace tlsmeter::agent
