// TraceFunction against compilers: random structures and getters in C, compiled by every compiler at hand at every level,
// must decode back to the offsets that they were written with.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "src/image/elf_file.h"
#include "src/image/machine_code.h"
#include "src/image/plan_builder.h"

namespace tlsmeter::agent {
namespace {

constexpr int kGettersPerSource = 48;

struct Type {
  const char* name;
  uint8_t size;
};
constexpr Type kTypes[] = {{"unsigned char", 1}, {"unsigned short", 2}, {"int", 4},
                           {"unsigned", 4},      {"long", 8},           {"void*", 8}};

// How a getter is written; the field that it returns is the same in all.
enum class Form {
  kPlain,
  kChecksArgument,
  kChecksPointers,
  kTestsType,
  kTestsTypeBits,
  kStoresToArgument,
  kCopies,
  kAsksAnother
};
constexpr int kForms = 8;

struct Getter {
  std::string name;
  Form form;
  FieldPath path;
};

// Source is a C file of getters, from one seed.
class Source {
 public:
  explicit Source(unsigned seed) : random_(seed) {
    text_ << "#include <stddef.h>\n#include <string.h>\n";
    for (int i = 0; i < kGettersPerSource; ++i) Add(i);
  }

  std::string text() const { return text_.str(); }
  const std::vector<Getter>& getters() const { return getters_; }

 private:
  int Below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

  void Add(int number) {
    Getter getter{"get" + std::to_string(number), static_cast<Form>(number % kForms), {}};
    const Type type = getter.form == Form::kCopies ? Type{"unsigned char", 32} : kTypes[Below(std::size(kTypes))];
    const bool tests_type = getter.form == Form::kTestsType || getter.form == Form::kTestsTypeBits;
    const int hops = tests_type ? 1 : 1 + Below(3);
    getter.path.hops = static_cast<uint8_t>(hops);
    getter.path.size = type.size;
    // From the field outwards; the type of a structure comes first where it is tested, so offset 0 is taken then.
    std::string member = "->f", inner;
    for (int hop = hops - 1; hop >= 0; --hop) {
      const int alignment = type.size == 32 ? 1 : hop == hops - 1 ? type.size : 8;
      const int offset = alignment * (1 + Below(4000 / alignment));
      getter.path.offset[hop] = static_cast<uint16_t>(offset);
      const std::string structure = "struct s" + std::to_string(number) + "_" + std::to_string(hop);
      const std::string type_and_name =
          hop < hops - 1 ? inner + "* f" : std::string(type.name) + (type.size == 32 ? " f[32]" : " f");
      text_ << structure << " { union { int type; char pad[" << offset << "]; } __attribute__((packed)); " << type_and_name
            << "; } __attribute__((packed, aligned(8)));\n";
      inner = structure;
      if (hop > 0) member += "->f";
    }
    Write(getter, inner, member, type, hops);
    getters_.push_back(getter);
  }

  void Write(const Getter& getter, const std::string& structure, const std::string& member, const Type& type, int hops) {
    const std::string head = std::string(type.name) + " " + getter.name + "(const " + structure + "* p) { ";
    switch (getter.form) {
      case Form::kPlain:
        text_ << head << "return p" << member << "; }\n";
        break;
      case Form::kChecksArgument:
        text_ << head << "if (p == NULL) return 0; return p" << member << "; }\n";
        break;
      case Form::kChecksPointers: {
        text_ << head;
        std::string prefix = "p";
        for (int hop = 0; hop + 1 < hops; ++hop) {
          prefix += "->f";
          text_ << "if (" << prefix << " == NULL) return 0; ";
        }
        text_ << "return p" << member << "; }\n";
        break;
      }
      case Form::kTestsType:  // as SSL_CONNECTION_FROM_SSL of OpenSSL 3.2
        WriteTestsType(getter, head, structure, member, "p->type == 1 || p->type == 2");
        break;
      case Form::kTestsTypeBits:  // the same of OpenSSL 3.6
        WriteTestsType(getter, head, structure, member, "(p->type & 0x80) != 0");
        break;
      case Form::kStoresToArgument:
        text_ << "void " << getter.name << "(const " << structure << "* p, " << type.name << "* out, unsigned* n) { *out = p"
              << member << "; *n = *out != 0; }\n";
        break;
      case Form::kCopies:
        text_ << "size_t " << getter.name << "(const " << structure
              << "* p, unsigned char* out, size_t n) { if (n == 0) return 32; "
              << "if (n > 32) n = 32; memcpy(out, p" << member << ", n); return n; }\n";
        break;
      case Form::kAsksAnother:  // as getters of what GnuTLS keeps for an extension
        text_ << "int find" << getter.name << "(const void*, unsigned, const " << structure << "**);\n"
              << type.name << " " << getter.name << "(const void* session) { const " << structure << "* p; if (find"
              << getter.name << "(session, 10, &p) < 0) return 0; return p" << member << "; }\n";
        break;
    }
  }

  void WriteTestsType(const Getter& getter, const std::string& head, const std::string& structure, const std::string& member,
                      const std::string& other_type) {
    text_ << "const " << structure << "* convert" << getter.name << "(const " << structure << "*);\n"
          << head << "const " << structure << "* c = p == NULL ? NULL : p->type == 0 ? p : " << other_type << " ? convert"
          << getter.name << "(p) : NULL; if (c == NULL) return 0; return c" << member << "; }\n";
  }

  std::mt19937 random_;
  std::ostringstream text_;
  std::vector<Getter> getters_;
};

// All fields with as many hops that the getter hands out, of its first argument or of what it asked another function for.
std::vector<FieldPath> Decode(ElfFile* file, uint64_t address, const Getter& getter) {
  std::vector<Assumption> assumptions;
  if (getter.form == Form::kCopies) assumptions.push_back({2, 32});
  std::vector<FieldPath> fields;
  const auto add = [&](const FieldPath& field) {
    if (field.hops == getter.path.hops && std::find(fields.begin(), fields.end(), field) == fields.end())
      fields.push_back(field);
  };
  for (const Path& path : TraceFunction(file, address, assumptions)) {
    if (getter.form == Form::kStoresToArgument) {
      for (const Store& store : path.stores) {
        if (store.address.IsArgument(1)) add(FieldOf(store.value));
      }
    } else if (getter.form == Form::kCopies) {
      for (const Call& call : path.calls) {
        if (call.arguments[0].IsArgument(1) && call.arguments[2] == Value::Constant(32)) add(FieldAt(call.arguments[1], 32));
      }
      for (const Load& load : path.loads) {
        if (load.size == 32) add(FieldAt(load.address, 32));
      }
    } else if (path.result.argument == (getter.form == Form::kAsksAnother ? kCallOutput : 0)) {
      add(FieldOf(path.result));
    }
  }
  return fields;
}

struct Compiler {
  std::string name;
  std::string command;
};

std::ostream& operator<<(std::ostream& out, const Compiler& compiler) { return out << compiler.command; }

class TraceProperty : public ::testing::TestWithParam<Compiler> {};

TEST_P(TraceProperty, GettersDecodeToTheOffsetsThatTheyWereWrittenWith) {
  const std::string program = GetParam().command.substr(0, GetParam().command.find(' '));
  if (std::system(("command -v " + program + " >/dev/null").c_str()) != 0) GTEST_SKIP() << "there is no " << program;
  const std::filesystem::path directory =
      std::filesystem::path(testing::TempDir()) / ("trace_property-" + std::to_string(getpid()));
  std::filesystem::create_directories(directory);
  for (unsigned seed = 1; seed <= 2; ++seed) {
    const Source source(seed);
    const std::string c = directory / "getters.c", so = directory / "getters.so";
    std::ofstream(c) << source.text();
    const std::string command = GetParam().command + " -w -x c -fPIC -shared -o " + so + " " + c;
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
    absl::StatusOr<ElfFile> file = ElfFile::Open(so);
    ASSERT_TRUE(file.ok()) << file.status();
    for (const Getter& getter : source.getters()) {
      const std::string_view names[] = {getter.name};
      const SymbolTable symbols = file->FindSymbols(names, ElfFile::Symbols::kDynamic);
      ASSERT_EQ(symbols.size(), 1u) << getter.name;
      const std::vector<FieldPath> fields = Decode(&*file, symbols.begin()->second.begin, getter);
      ASSERT_EQ(fields.size(), 1u) << getter.name << " of seed " << seed << " in\n" << source.text();
      FieldPath field = fields[0];
      // gcc -Os loads two bytes with four where that is shorter; the rest is then no part of the field.
      if (GetParam().name.starts_with("gccOs") && getter.path.size == 2 && field.size == 4) field.size = 2;
      EXPECT_EQ(field, getter.path) << getter.name << " of seed " << seed << " at " << field.offset[0] << " ("
                                    << int{field.size} << " bytes), expected " << getter.path.offset[0] << " ("
                                    << int{getter.path.size} << ")";
      EXPECT_FALSE(ReturnSites(&*file, symbols.begin()->second.begin).empty()) << getter.name;
    }
  }
  std::filesystem::remove_all(directory);
}

std::vector<Compiler> Compilers() {
  std::vector<Compiler> compilers;
  for (const char* program : {"gcc", "clang"}) {
    for (const char* level : {"O0", "O1", "O2", "O3", "Os"}) {
      compilers.push_back({std::string(program) + level, std::string(program) + " -fno-builtin-memcpy -" + level});
    }
  }
  compilers.push_back({"gccOsCopies", "gcc -Os"});  // by an instruction
  compilers.push_back({"gccO2cet", "gcc -fno-builtin-memcpy -O2 -fcf-protection -fstack-protector-strong"});
  return compilers;
}

INSTANTIATE_TEST_SUITE_P(Compilers, TraceProperty, ::testing::ValuesIn(Compilers()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tlsmeter::agent
