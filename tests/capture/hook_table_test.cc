#include "src/capture/hook_table.h"

#include <bpf/btf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace tlsmeter::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr size_t kIngress = 0;
constexpr size_t kState = 2;
constexpr size_t kOpenSockets = 4;
constexpr size_t kLibrary = 5;
constexpr size_t kMapping = 6;
constexpr size_t kExec = 7;
constexpr size_t kWirePrograms = 5;

// The type information of a kernel that has all tracepoints and iterators but `lacks`.
class Kernel {
 public:
  explicit Kernel(const std::string& lacks = "") : btf_(btf__new_empty()) {
    const int number = btf__add_int(btf_.get(), "int", 4, BTF_INT_SIGNED);
    for (const char* name : {"btf_trace_inet_sock_set_state", "btf_trace_tcp_rcv_space_adjust", "btf_trace_vm_unmapped_area",
                             "btf_trace_sched_process_exec"}) {
      if (name != lacks) btf__add_typedef(btf_.get(), name, number);
    }
    if (lacks != "bpf_iter__task_file") btf__add_struct(btf_.get(), "bpf_iter__task_file", 0);
  }
  const btf* get() const { return btf_.get(); }

 private:
  struct Deleter {
    void operator()(btf* b) const { btf__free(b); }
  };
  std::unique_ptr<btf, Deleter> btf_;
};

TEST(HookTableTest, WantsAllThatTheKernelHas) {
  const HookTable hooks(Kernel().get(), true);
  ASSERT_THAT(hooks.hooks(), SizeIs(HookTable::kPrograms));
  for (size_t i = 0; i < HookTable::kPrograms; ++i) {
    EXPECT_TRUE(hooks.wanted(i)) << HookTable::ProgramName(i);
    EXPECT_FALSE(hooks.hooks()[i].attached);
  }
}

TEST(HookTableTest, DoesNotSpeakOfTheLibraryWhereItWasNotAskedFor) {
  const HookTable hooks(Kernel().get(), false);
  EXPECT_THAT(hooks.hooks(), SizeIs(kWirePrograms));
  EXPECT_TRUE(hooks.wanted(kWirePrograms - 1));
  for (size_t i = kWirePrograms; i < HookTable::kPrograms; ++i) EXPECT_FALSE(hooks.wanted(i));
}

TEST(HookTableTest, SaysWhatIsInvisibleOnAKernelWithoutATypeThatAProgramNeeds) {
  const HookTable hooks(Kernel("btf_trace_inet_sock_set_state").get(), true);
  EXPECT_FALSE(hooks.wanted(kState));
  EXPECT_TRUE(hooks.wanted(kState + 1));
  EXPECT_THAT(hooks.hooks()[kState].missing, HasSubstr("no btf_trace_inet_sock_set_state"));
  EXPECT_THAT(hooks.hooks()[kState].blind, HasSubstr("TCP timing"));
  EXPECT_FALSE(HookTable(Kernel("bpf_iter__task_file").get(), false).wanted(kOpenSockets));
}

TEST(HookTableTest, FindsTheProgramThatTheLogOfLibbpfNames) {
  EXPECT_EQ(HookTable::FailedIn("libbpf: prog 'tm_state': BPF program load failed: Permission denied\n"
                                "libbpf: prog 'tm_state': failed to load: -13\n"),
            kState);
  EXPECT_EQ(HookTable::FailedIn("libbpf: failed to load object 'tlsmeter_bpf'\n"), std::nullopt);
  EXPECT_EQ(HookTable::FailedIn(""), std::nullopt);
}

TEST(HookTableTest, SparesWhatItCanAndSaysSo) {
  HookTable hooks(Kernel().get(), true);
  EXPECT_TRUE(hooks.Spare(kState, "refused"));
  EXPECT_FALSE(hooks.wanted(kState));
  EXPECT_EQ(hooks.hooks()[kState].missing, "refused");
  EXPECT_THAT(hooks.hooks()[kState].blind, HasSubstr("TCP timing"));
}

TEST(HookTableTest, CannotDoWithoutThePackets) {
  HookTable hooks(Kernel().get(), true);
  EXPECT_FALSE(hooks.Spare(kIngress, "refused"));
  EXPECT_TRUE(hooks.wanted(kIngress));
  EXPECT_THAT(hooks.hooks()[kIngress].missing, IsEmpty());
}

TEST(HookTableTest, WithoutTheProgramInLibrariesThoseThatServeItAreOfNoUse) {
  HookTable hooks(Kernel("btf_trace_sched_process_exec").get(), true);
  EXPECT_TRUE(hooks.Spare(kLibrary, "refused"));
  EXPECT_FALSE(hooks.wanted(kMapping));
  EXPECT_THAT(hooks.hooks()[kMapping].missing, HasSubstr("without uprobe/tls_library"));
  EXPECT_THAT(hooks.hooks()[kMapping].blind, Not(IsEmpty()));
  EXPECT_THAT(hooks.hooks()[kExec].missing, HasSubstr("the kernel's BTF"));  // it was missing before
  EXPECT_TRUE(hooks.wanted(kOpenSockets));
}

}  // namespace
}  // namespace tlsmeter::agent
