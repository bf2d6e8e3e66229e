// What is decoded of the stack at a call, against compilers: functions of every shape of frame, compiled by every compiler
// at hand at every level, are run with a callee that notes the stack pointer; what was decoded must be what was there.
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

// Each calls last() once on every way to its end, as state_machine() calls BUF_MEM_free(), and reads no memory of its
// argument. run() notes the stack pointer as it is at the function's entry, last() as it was at the call.
constexpr char kFunctions[] = R"(
#include <string.h>
unsigned long at_entry, at_call, out;
__attribute__((naked, noinline)) void last(void) {
  __asm__("lea 8(%rsp), %rax; mov at_call@GOTPCREL(%rip), %rcx; mov %rax, (%rcx); ret");
}
__attribute__((noinline)) int use(void *p, int n) { __asm__ volatile("" : : "r"(p), "r"(n) : "memory"); return n & 3; }

int few(int n) { int r = use(0, n); last(); return r; }
int frame(int n) { char text[200]; int r = use(text, n); if (r > 1) r += use(text + 9, n); last(); return r; }
int ways(int n) {
  long kept[17]; int r = -1;
  if (use(kept, n) == 1) { r = use(kept + 1, n + 1); goto end; }
  for (int i = 0; i < n; ++i) { r += use(kept + i % 17, i); if (r > 100) goto end; }
  r = use(kept, r);
end:
  last();
  if (r > 7) use(kept, r);
  return r;
}
__attribute__((noinline)) static int rest(int n, int flag) {
  char text[64]; int r = use(text, n + flag); last(); return r + use(text, r);
}
int tail(int n) { if (n < 0) return -1; return rest(n, 1); }

/* As ssl_add_cert_to_wpacket() calls i2d_X509(). */
__attribute__((naked, noinline)) int encode(void *from, unsigned char **to) {
  __asm__("lea 8(%rsp), %rax; mov at_call@GOTPCREL(%rip), %rcx; mov %rax, (%rcx);"
          "mov out@GOTPCREL(%rip), %rcx; mov %rsi, (%rcx); mov $7, %eax; ret");
}
__attribute__((noinline)) int allocate(void *p, int n, unsigned char **to) { *to = p; return use(to, n) >= 0; }
int write(int n) {
  unsigned char *to; int length = encode(&n, 0);
  if (length < 0) return -1;
  if (!allocate(&n, length, &to) || encode(&n, &to) != length) { use(&n, 1); return -2; }
  return use(to, n);
}

__attribute__((naked, noinline)) void run(int (*function)(int), int n) {
  __asm__("push %rbx; lea -8(%rsp), %rax; mov at_entry@GOTPCREL(%rip), %rcx; mov %rax, (%rcx);"
          "mov %rdi, %rax; mov %esi, %edi; call *%rax; pop %rbx; ret");
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

TEST_P(OwnCallsTest, TheDepthIsTheOneAtRunTime) {
  absl::StatusOr<ElfFile> file = ElfFile::Open(library_);
  ASSERT_TRUE(file.ok()) << file.status();
  void* const loaded = dlopen(library_.c_str(), RTLD_NOW);
  ASSERT_NE(loaded, nullptr) << dlerror();
  const auto run = reinterpret_cast<void (*)(int (*)(int), int)>(dlsym(loaded, "run"));
  const auto* at_entry = static_cast<unsigned long*>(dlsym(loaded, "at_entry"));
  const auto* at_call = static_cast<unsigned long*>(dlsym(loaded, "at_call"));
  constexpr std::string_view kNames[] = {"last", "few", "frame", "ways", "tail"};
  const SymbolTable symbols = file->FindSymbols(kNames, ElfFile::Symbols::kDynamic);
  ASSERT_EQ(symbols.size(), std::size(kNames));
  for (const auto& [name, range] : symbols) {
    if (name == "last") continue;
    const std::vector<OwnCall> calls = OwnCalls(&*file, range.begin, symbols.find("last")->second.begin);
    // Where no function is left by a jump, `tail` calls the one that has the call.
    if (name == "tail" && calls.empty()) continue;
    ASSERT_FALSE(calls.empty()) << name;
    for (const int n : {0, 1, 5, 400}) {
      run(reinterpret_cast<int (*)(int)>(dlsym(loaded, name.c_str())), n);
      for (const OwnCall& call : calls) EXPECT_EQ(call.depth, *at_entry - *at_call) << name << " of " << n;
    }
  }
  dlclose(loaded);
}

TEST_P(OwnCallsTest, APointerOnTheStackLiesWhereItLiesAtRunTime) {
  absl::StatusOr<ElfFile> file = ElfFile::Open(library_);
  ASSERT_TRUE(file.ok()) << file.status();
  void* const loaded = dlopen(library_.c_str(), RTLD_NOW);
  ASSERT_NE(loaded, nullptr) << dlerror();
  const auto run = reinterpret_cast<void (*)(int (*)(int), int)>(dlsym(loaded, "run"));
  run(reinterpret_cast<int (*)(int)>(dlsym(loaded, "write")), 3);
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
