// Symbolic execution of small x86-64 functions, System V calling convention.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "src/image/machine_code.h"
#include "src/image/x86_64_instruction.h"
#include "src/image/x86_64_values.h"

namespace tlsmeter::agent {
namespace {

using Kind = Value::Kind;
using x86_64::Add;
using x86_64::Condition;
using x86_64::Holds;
using x86_64::kArgumentRegisters;
using x86_64::kRax;
using x86_64::kRegisters;
using x86_64::kRsp;
using x86_64::PartOf;
using x86_64::Predicate;
using x86_64::PredicateOf;
using x86_64::RegisterPart;
using x86_64::SignExtend;
using x86_64::ZeroExtend;

constexpr std::array<int, 9> kClobberedByCalls = {0, 1, 2, 6, 7, 8, 9, 10, 11};

constexpr int kMaxStepsPerPath = 400;
constexpr size_t kMaxPending = 64;     // ways not yet followed
constexpr size_t kMaxStackSlots = 64;  // a getter saves six registers
constexpr size_t kMaxCallsPerPath = 4;

Value Plus(Value value, int64_t constant) {
  if (value.kind != Kind::kUnknown) value.constant = Add(value.constant, constant);
  return value;
}

// What the flags were last set from.
struct Comparison {
  enum class By : uint8_t { kNothing, kCompare, kTest };
  By by = By::kNothing;
  uint8_t size = 8;
  Value left;
  Value right;

  bool operator==(const Comparison&) const = default;
};

// Assumed is the outcome of a test for equality that was met before on this way.
struct Assumed {
  Comparison comparison;
  bool equal;
};

struct State {
  uint64_t at = 0;
  int steps = 0;
  std::array<Value, kRegisters> registers;
  std::vector<std::pair<int64_t, Value>> stack;  // by offset from the stack pointer at entry
  Comparison flags;
  int tested = -1;  // the register that is 0 when `flags` say equal, by its number
  std::vector<Assumed> assumed;
  Path path;
};

class Tracer {
 public:
  explicit Tracer(ElfFile* file) : file_(file) {}

  std::vector<Path> Run(uint64_t address, const std::vector<Assumption>& assumptions) {
    State start;
    start.at = address;
    start.registers[kRsp] = {.kind = Kind::kStack};
    for (size_t i = 0; i < kMaxArguments; ++i) {
      start.registers[kArgumentRegisters[i]] = {.kind = Kind::kChain, .argument = static_cast<uint8_t>(i)};
    }
    for (const Assumption& assumption : assumptions) {
      start.registers[kArgumentRegisters.at(assumption.argument)] = Value::Constant(assumption.constant);
    }
    pending_.push_back(std::move(start));
    while (!pending_.empty() && done_.size() < kMaxTracePaths) {
      State state = std::move(pending_.back());
      pending_.pop_back();
      bool goes_on = true;
      while (goes_on && steps_ < kMaxTraceSteps && state.steps < kMaxStepsPerPath) {
        goes_on = Step(&state);
        ++steps_;
        ++state.steps;
      }
      if (goes_on) Finish(&state, Value{});  // cut short: what it did until here still holds
    }
    return std::move(done_);
  }

 private:
  // Executes one instruction; false when this way is over, whether told or dropped.
  bool Step(State* state) {
    const cs_insn* instruction = file_->IsExecutable(state->at) ? disassembler_.Decode(file_, state->at) : nullptr;
    if (instruction == nullptr) return false;
    instruction_ = instruction;
    const cs_x86_op* operands = instruction->detail->x86.operands;
    state->at += instruction->size;
    switch (instruction->id) {
      case X86_INS_ENDBR64:
      case X86_INS_NOP:
        return true;
      case X86_INS_MOV:
      case X86_INS_MOVABS:
      case X86_INS_MOVZX:
        Write(state, operands[0], Read(state, operands[1]));
        return true;
      case X86_INS_MOVSX:
      case X86_INS_MOVSXD: {
        Value value = Read(state, operands[1]);
        if (value.IsConstant()) value.constant = SignExtend(value.constant, operands[1].size);
        Write(state, operands[0], value);
        return true;
      }
      case X86_INS_CDQE: {
        Value& rax = state->registers[kRax];
        if (rax.IsConstant()) rax.constant = SignExtend(rax.constant, 4);
        return true;
      }
      case X86_INS_MOVDQU:
      case X86_INS_MOVDQA:
      case X86_INS_MOVUPS:
      case X86_INS_MOVAPS:
      case X86_INS_VMOVDQU:
      case X86_INS_VMOVDQA:
      case X86_INS_VMOVUPS:
      case X86_INS_VMOVAPS:
        // Vector registers are not followed; that they were loaded, and from where, is told.
        if (operands[1].type == X86_OP_MEM) Read(state, operands[1]);
        if (operands[0].type == X86_OP_MEM) Write(state, operands[0], Value{});
        return true;
      case X86_INS_MOVSB:
        DoCopy(state);
        return true;
      case X86_INS_LEA:
        Write(state, operands[0], Address(*state, operands[1]));
        return true;
      case X86_INS_PUSH:
        Push(state, Read(state, operands[0]));
        return true;
      case X86_INS_POP: {
        const Value top = StackAt(*state, state->registers[kRsp].constant);
        state->registers[kRsp] = Plus(state->registers[kRsp], 8);
        Write(state, operands[0], top);
        return true;
      }
      case X86_INS_CMP:
        Compare(state, Comparison::By::kCompare, operands);
        return true;
      case X86_INS_TEST:
        Compare(state, Comparison::By::kTest, operands);
        if (operands[1].type == X86_OP_REG && operands[0].reg == operands[1].reg) SetTested(state, operands[0]);
        return true;
      case X86_INS_CALL:
        return DoCall(state, operands[0]);
      case X86_INS_RET:
        Finish(state, state->registers[kRax]);
        return false;
      case X86_INS_JMP:
        return DoJump(state, operands[0]);
      case X86_INS_UD2:
      case X86_INS_INT3:
      case X86_INS_HLT:
        return false;
      default:
        break;
    }
    if (const Predicate predicate = PredicateOf(instruction->id); predicate.condition != Condition::kNone) {
      return DoConditional(state, operands, predicate);
    }
    DoArithmetic(state, operands);
    return true;
  }

  // rep movsb, as gcc -Os copies: a load of as many bytes as are said, and a store of what is not followed.
  void DoCopy(State* state) {
    Value& from = state->registers[kArgumentRegisters[1]];
    Value& to = state->registers[kArgumentRegisters[0]];
    Value& count = state->registers[kArgumentRegisters[3]];
    const bool known = instruction_->detail->x86.prefix[0] == X86_PREFIX_REP && count.IsConstant() && count.constant > 0 &&
                       count.constant <= UINT8_MAX;
    const auto size = static_cast<uint8_t>(known ? count.constant : 1);
    if (from.IsChain()) state->path.loads.push_back({from, size});
    if (to.IsChain()) state->path.stores.push_back({to, Value{}, size});
    if (to.kind == Kind::kStack) SetStack(state, to.constant, Value{});
    from = to = count = {};
  }

  // Arithmetic, and everything that is not known: the destination is then unknown, and so are the flags.
  void DoArithmetic(State* state, const cs_x86_op* operands) {
    ClearFlags(state);
    const cs_x86& x86 = instruction_->detail->x86;
    if (x86.op_count == 2) {
      const bool same_register =
          operands[0].type == X86_OP_REG && operands[1].type == X86_OP_REG && operands[0].reg == operands[1].reg;
      if (same_register && (instruction_->id == X86_INS_XOR || instruction_->id == X86_INS_SUB)) {
        Write(state, operands[0], Value::Constant(0));
        return;
      }
      const Value left = Read(state, operands[0]);
      const Value right = Read(state, operands[1]);
      Write(state, operands[0], Combine(left, right));
      if (instruction_->id == X86_INS_AND) {
        state->flags = {Comparison::By::kTest, operands[0].size, left, right};
        SetTested(state, operands[0]);
      }
      return;
    }
    for (int i = 0; i < x86.op_count; ++i) {
      if (operands[i].access & CS_AC_WRITE) Write(state, operands[i], Value{});
    }
    for (int i = 0; i < instruction_->detail->regs_write_count; ++i) {
      const RegisterPart part = PartOf(instruction_->detail->regs_write[i]);
      if (part.number >= 0) state->registers[part.number] = {};
    }
  }

  Value Combine(const Value& left, const Value& right) const {
    switch (instruction_->id) {
      case X86_INS_ADD:
        if (right.IsConstant()) return Plus(left, right.constant);
        if (left.IsConstant()) return Plus(right, left.constant);
        return {};
      case X86_INS_SUB:
        // a - b is a + ~b + 1 in two's complement, for every b.
        return right.IsConstant() ? Plus(Plus(left, ~right.constant), 1) : Value{};
      case X86_INS_AND:
        if (left.IsConstant() && right.IsConstant()) return Value::Constant(left.constant & right.constant);
        // Some bits of a field are still that field.
        return right.IsConstant() && left.IsChain() && left.hops > 0 && left.constant == 0 ? left : Value{};
      case X86_INS_OR:
        return left.IsConstant() && right.IsConstant() ? Value::Constant(left.constant | right.constant) : Value{};
      default:
        return {};
    }
  }

  void Compare(State* state, Comparison::By by, const cs_x86_op* operands) {
    ClearFlags(state);
    state->flags = {by, operands[0].size, Read(state, operands[0]), Read(state, operands[1])};
  }

  static void ClearFlags(State* state) {
    state->flags = {};
    state->tested = -1;
  }

  // A register of less than four bytes says nothing of the rest.
  static void SetTested(State* state, const cs_x86_op& operand) {
    const RegisterPart part = operand.type == X86_OP_REG ? PartOf(operand.reg) : RegisterPart();
    state->tested = part.size >= 4 ? part.number : -1;
  }

  static void SetTestedToZero(State* state) {
    if (state->tested >= 0) state->registers[state->tested] = Value::Constant(0);
  }

  std::optional<bool> Decide(const State& state, Condition condition) const {
    const Comparison& flags = state.flags;
    if (flags.by == Comparison::By::kNothing) return std::nullopt;
    const bool test = flags.by == Comparison::By::kTest;
    if (flags.left.IsConstant() && flags.right.IsConstant()) {
      return test ? Holds(condition, flags.left.constant & flags.right.constant, 0, flags.size)
                  : Holds(condition, flags.left.constant, flags.right.constant, flags.size);
    }
    if (condition != Condition::kEqual) return std::nullopt;
    const bool with_zero = test ? flags.left == flags.right : flags.right == Value::Constant(0);
    const bool argument = flags.left.IsChain() && flags.left.argument != kCallOutput && flags.left.hops == 0;
    if (with_zero && flags.size == 8 && argument) return false;  // a pointer
    for (const Assumed& assumed : state.assumed) {
      if (assumed.comparison == flags) return assumed.equal;
    }
    return std::nullopt;
  }

  bool DoConditional(State* state, const cs_x86_op* operands, Predicate predicate) {
    const bool jump = operands[0].type == X86_OP_IMM;
    const std::optional<bool> decided = Decide(*state, predicate.condition);
    const auto take = [&](State* taker) {
      if (jump) {
        taker->at = static_cast<uint64_t>(operands[0].imm);
      } else {
        Write(taker, operands[0], Read(taker, operands[1]));
      }
    };
    const bool equality = predicate.condition == Condition::kEqual;
    if (decided) {
      if (*decided == predicate.holds) take(state);
      if (equality && *decided) SetTestedToZero(state);
      return true;
    }
    State other = *state;
    take(&other);
    if (equality && state->flags.by != Comparison::By::kNothing) {
      other.assumed.push_back({state->flags, predicate.holds});
      state->assumed.push_back({state->flags, !predicate.holds});
      SetTestedToZero(predicate.holds ? &other : state);
    }
    if (pending_.size() < kMaxPending) pending_.push_back(std::move(other));
    return true;
  }

  bool DoCall(State* state, const cs_x86_op& operand) {
    const Value target = Read(state, operand);
    TellCall(state, target);
    for (const int number : kArgumentRegisters) {
      const Value& argument = state->registers[number];
      if (argument.kind == Kind::kStack) SetStack(state, argument.constant, {.kind = Kind::kChain, .argument = kCallOutput});
    }
    for (const int number : kClobberedByCalls) state->registers[number] = {};
    ClearFlags(state);
    if (state->path.calls.size() < kMaxCallsPerPath) return true;
    Finish(state, Value{});
    return false;
  }

  bool DoJump(State* state, const cs_x86_op& operand) {
    const Value target = Read(state, operand);
    if (target.IsConstant()) {
      const auto address = static_cast<uint64_t>(target.constant);
      const uint64_t slot = x86_64::StubSlot(file_, address);
      const std::optional<uint64_t> own = slot != 0 ? file_->ReadPointer(slot) : address;
      if (own && slot != 0 && !file_->ImportAt(slot).empty()) TellCall(state, target);
      if (own && file_->IsExecutable(*own)) {
        state->at = *own;
        return true;
      }
    }
    TellCall(state, target);
    Finish(state, Value{});
    return false;
  }

  void TellCall(State* state, const Value& target) {
    Call call;
    call.site = instruction_->address;
    call.target = target;
    call.stack = state->registers[kRsp];
    for (size_t i = 0; i < kMaxArguments; ++i) call.arguments[i] = state->registers[kArgumentRegisters[i]];
    state->path.calls.push_back(call);
  }

  void Finish(State* state, const Value& result) {
    state->path.result = result;
    done_.push_back(std::move(state->path));
  }

  Value Address(const State& state, const cs_x86_op& operand) const {
    const x86_op_mem& mem = operand.mem;
    if (mem.segment == X86_REG_FS || mem.segment == X86_REG_GS) return {};
    if (mem.base == X86_REG_RIP) {
      return Value::Constant(Add(static_cast<int64_t>(instruction_->address + instruction_->size), mem.disp));
    }
    const auto part = [&](unsigned reg) {
      if (reg == X86_REG_INVALID) return Value::Constant(0);
      const RegisterPart name = PartOf(reg);
      return name.number >= 0 ? state.registers[name.number] : Value{};
    };
    const Value base = part(mem.base);
    const Value index = part(mem.index);
    if (base.kind == Kind::kUnknown || index.kind == Kind::kUnknown) return {};
    if (index.IsConstant()) {
      const uint64_t scaled = static_cast<uint64_t>(index.constant) * static_cast<uint64_t>(mem.scale);
      return Plus(Plus(base, static_cast<int64_t>(scaled)), mem.disp);
    }
    return base.IsConstant() && mem.scale == 1 ? Plus(index, Add(base.constant, mem.disp)) : Value{};
  }

  Value Read(State* state, const cs_x86_op& operand) {
    switch (operand.type) {
      case X86_OP_IMM:
        return Value::Constant(operand.imm);
      case X86_OP_REG: {
        const RegisterPart part = PartOf(operand.reg);
        if (part.number < 0) return {};
        Value value = state->registers[part.number];
        if (value.IsConstant()) value.constant = ZeroExtend(value.constant, part.size);
        return value;
      }
      case X86_OP_MEM:
        return ReadMemory(state, Address(*state, operand), operand.size);
      default:
        return {};
    }
  }

  Value ReadMemory(State* state, const Value& address, uint8_t size) {
    switch (address.kind) {
      case Kind::kStack:
        return StackAt(*state, address.constant);
      case Kind::kConstant: {
        const auto at = static_cast<uint64_t>(address.constant);
        if (size == 8) {
          const std::optional<uint64_t> pointer = file_->ReadPointer(at);
          return pointer ? Value::Constant(static_cast<int64_t>(*pointer)) : Value{};
        }
        int64_t value = 0;
        if (size > sizeof(value) || !file_->Read(at, {reinterpret_cast<uint8_t*>(&value), size})) return {};
        return Value::Constant(value);
      }
      case Kind::kChain: {
        for (auto store = state->path.stores.rbegin(); store != state->path.stores.rend(); ++store) {
          if (store->address == address && store->size == size) return store->value;
        }
        state->path.loads.push_back({address, size});
        Value value = address;
        if (value.hops == kMaxHops || value.constant != static_cast<int32_t>(value.constant)) return {};
        value.followed[value.hops++] = static_cast<int32_t>(value.constant);
        value.constant = 0;
        value.size = size;
        return value;
      }
      case Kind::kUnknown:
        break;
    }
    return {};
  }

  void Write(State* state, const cs_x86_op& operand, Value value) {
    if (operand.type == X86_OP_MEM) {
      const Value address = Address(*state, operand);
      if (address.kind == Kind::kStack) SetStack(state, address.constant, value);
      if (address.IsChain()) state->path.stores.push_back({address, value, operand.size});
      return;
    }
    if (operand.type != X86_OP_REG) return;
    const RegisterPart part = PartOf(operand.reg);
    if (part.number < 0) return;
    // The rest of the register stays, whatever it was; it does not matter where the part is all there is of a field.
    if (part.size < 4 && !(value.IsChain() && value.hops > 0 && value.size <= part.size)) value = {};
    if (value.IsConstant()) value.constant = ZeroExtend(value.constant, part.size);
    state->registers[part.number] = value;
    if (state->tested == part.number) state->tested = -1;
  }

  void Push(State* state, const Value& value) {
    state->registers[kRsp] = Plus(state->registers[kRsp], -8);
    SetStack(state, state->registers[kRsp].constant, value);
  }

  static Value StackAt(const State& state, int64_t offset) {
    for (const auto& [at, value] : state.stack) {
      if (at == offset) return value;
    }
    return {};
  }

  static void SetStack(State* state, int64_t offset, const Value& value) {
    for (auto& [at, held] : state->stack) {
      if (at == offset) {
        held = value;
        return;
      }
    }
    if (state->stack.size() < kMaxStackSlots) state->stack.emplace_back(offset, value);
  }

  ElfFile* file_;
  x86_64::Disassembler disassembler_;
  const cs_insn* instruction_ = nullptr;
  int steps_ = 0;
  std::vector<State> pending_;
  std::vector<Path> done_;
};

}  // namespace

std::vector<Path> TraceFunction(ElfFile* file, uint64_t address, const std::vector<Assumption>& assumptions) {
  if (!HasDecoder(*file)) return {};
  return Tracer(file).Run(address, assumptions);
}

}  // namespace tlsmeter::agent
