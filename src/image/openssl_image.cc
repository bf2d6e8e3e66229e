#include "src/image/openssl_image.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string_view>

#include "src/image/machine_code.h"
#include "src/image/plan_builder.h"

namespace tlsmeter::agent {
namespace {

constexpr std::string_view kSslNames[] = {
    "SSL_version", "SSL_is_server", "SSL_in_before", "SSL_get_state", "SSL_want", "SSL_session_reused", "SSL_get_session",
    "SSL_get_current_cipher", "SSL_CIPHER_get_id", "SSL_SESSION_get0_peer", "SSL_get_servername", "SSL_get_verify_result",
    "SSL_get_rbio", "SSL_get0_alpn_selected", "SSL_ctrl", "SSL_get_client_random", "SSL_set_accept_state",
    "SSL_get_server_random", "TLS_method", "SSL_set_connect_state", "SSL_get0_group_name", "SSL_free", "SSL_set0_wbio",
    "SSL_set_bio", "SSL_set_wfd",
    // Of OpenSSL linked into a program:
    "ERR_put_error", "ERR_vset_error", "d2i_X509", "tls_process_server_certificate", "i2d_X509",
    "tls_process_client_certificate", "ssl_add_cert_to_wpacket", "BUF_MEM_new", "BIO_pop", "ssl_free_wbio_buffer",
    "ossl_ssl_connection_free", "OPENSSL_sk_new_null"};

constexpr std::string_view kCryptoNames[] = {"BIO_method_type", "BIO_get_retry_reason", "BIO_test_flags", "OpenSSL_version"};

constexpr std::string_view kImports[] = {"ERR_set_error", "ERR_vset_error", "ERR_put_error", "d2i_X509",
                                         "i2d_X509",      "BUF_MEM_new",    "BIO_pop",       "OPENSSL_sk_new_null"};

constexpr ObjectField kRequired[] = {ObjectField::kVersion,        ObjectField::kServer,       ObjectField::kStateMachine,
                                     ObjectField::kHandshakeState, ObjectField::kWaiting,      ObjectField::kSession,
                                     ObjectField::kCipherId,       ObjectField::kVerifyResult, ObjectField::kResumed,
                                     ObjectField::kReadBio,        ObjectField::kPeer,         ObjectField::kClientRandom,
                                     ObjectField::kAlpn,           ObjectField::kSendAlert,    ObjectField::kAlpnLength,
                                     ObjectField::kServerRandom,   ObjectField::kInHandshake};

constexpr uint8_t kRandomSize = 32;
constexpr int64_t kGetNegotiatedGroup = 134;        // SSL_CTRL_GET_NEGOTIATED_GROUP, since 3.0
constexpr uint64_t kAlertDispatchAfterAccept = 80;  // from ssl_accept to ssl_dispatch_alert in SSL_METHOD, 1.1.1 to 4.0
constexpr int64_t kMaxFrame = 4096;      // stack of the function that sends a certificate; 88 bytes in any build known
constexpr int64_t kMaxPacket = 64;       // more than struct PACKET has: 24 bytes in 4.0
constexpr int kStateMachineSize = 0x40;  // more than from statem.state to statem.hand_state

class OpenSslDecoder {
 public:
  explicit OpenSslDecoder(ElfFile* ssl) : builder_(ssl, kSslNames, ElfFile::Symbols::kAll) {}

  absl::StatusOr<ImagePlan> Decode(ElfFile* crypto) {
    builder_.plan().stack = TlsStack::kOpenSsl;
    stubs_ = FindStubs(builder_.file(), kImports);
    DecodeGetters();
    DecodeMethod();
    if (crypto != nullptr) DecodeCrypto(crypto);
    if (Stub("d2i_X509") != 0) {
      ProbeShared();
    } else {
      ProbeLinkedIn();
    }
    return builder_.Finish(kRequired);
  }

 private:
  void DecodeGetters() {
    builder_.Set(ObjectField::kVersion, builder_.Returned("SSL_version", 1));
    builder_.Set(ObjectField::kServer, builder_.Returned("SSL_is_server", 1));
    builder_.Set(ObjectField::kHandshakeState, builder_.Returned("SSL_get_state", 1));
    builder_.Set(ObjectField::kWaiting, builder_.Returned("SSL_want", 1));
    builder_.Set(ObjectField::kResumed, builder_.Returned("SSL_session_reused", 1));
    builder_.Set(ObjectField::kVerifyResult, builder_.Returned("SSL_get_verify_result", 1));
    builder_.Set(ObjectField::kReadBio, builder_.Returned("SSL_get_rbio", 1));
    const FieldPath session = builder_.Returned("SSL_get_session", 1);
    builder_.Set(ObjectField::kSession, session);
    builder_.Set(ObjectField::kPeer, Append(session, builder_.Returned("SSL_SESSION_get0_peer", 1)));
    builder_.Set(ObjectField::kCipherId,
                 Append(builder_.Returned("SSL_get_current_cipher", 2), builder_.Returned("SSL_CIPHER_get_id", 1)));
    // Of the connection where it is kept there, else of the session: the shorter path is the connection's.
    builder_.Set(ObjectField::kServerName, builder_.Returned("SSL_get_servername", 1, {{1, 0}}));
    builder_.Set(ObjectField::kStateMachine, StateMachine());
    builder_.Set(ObjectField::kClientRandom, Random("SSL_get_client_random"));
    builder_.Set(ObjectField::kServerRandom, Random("SSL_get_server_random"));
    for (const Path& path : builder_.Trace("SSL_get0_alpn_selected")) {
      for (const Store& store : path.stores) {
        if (store.value.argument != 0) continue;
        if (store.address.IsArgument(1)) SetIfFound(ObjectField::kAlpn, FieldOf(store.value));
        if (store.address.IsArgument(2)) SetIfFound(ObjectField::kAlpnLength, FieldOf(store.value));
      }
    }
  }

  // Stub is where libssl calls a function of libcrypto, 0 where OpenSSL is linked into a program. Crypto is that, or else
  // the function itself.
  uint64_t Stub(std::string_view name) const {
    const auto found = stubs_.find(name);
    return found != stubs_.end() ? found->second : 0;
  }
  uint64_t Crypto(std::string_view name) const { return Stub(name) != 0 ? Stub(name) : builder_.Address(name); }

  void SetIfFound(ObjectField field, const FieldPath& path) {
    if (path.hops != 0) builder_.Set(field, path);
  }

  // SSL_in_before reads two fields of one structure: hand_state, which is known, and statem.state, shortly before it.
  FieldPath StateMachine() {
    const FieldPath& hand_state = builder_.Get(ObjectField::kHandshakeState);
    for (const Path& path : builder_.Trace("SSL_in_before")) {
      for (const Load& load : path.loads) {
        const FieldPath field = FieldAt(load.address, load.size);
        const int before = hand_state.offset[0] - field.offset[0];
        if (load.address.argument == 0 && field.hops == 1 && field.size == 4 && before > 0 && before <= kStateMachineSize) {
          return field;
        }
      }
    }
    return {};
  }

  // The getter copies the random when there is room for it: by memcpy, or in place with wide loads.
  FieldPath Random(std::string_view getter) {
    for (const Path& path : builder_.Trace(getter, {{2, kRandomSize}})) {
      for (const Call& call : path.calls) {
        const bool copies = call.arguments[0].IsArgument(1) && call.arguments[1].IsChain() &&
                            call.arguments[1].argument == 0 && call.arguments[2] == Value::Constant(kRandomSize);
        if (copies) return FieldAt(call.arguments[1], kRandomSize);
      }
      for (const Store& store : path.stores) {
        if (!store.address.IsArgument(1) || store.value.argument != 0) continue;
        FieldPath field = FieldOf(store.value);
        field.size = kRandomSize;
        if (field.hops != 0) return field;
      }
      for (const Load& load : path.loads) {
        if (load.address.IsChain() && load.address.argument == 0 && load.size >= 16)
          return FieldAt(load.address, kRandomSize);
      }
    }
    return {};
  }

  // The path to handshake_func's source: hops to the SSL_METHOD, then the slot of the state machine in it.
  FieldPath Slot(std::string_view setter) {
    for (const Path& path : builder_.Trace(setter)) {
      for (const Store& store : path.stores) {
        const FieldPath slot = FieldOf(store.value);
        if (store.address.IsChain() && store.address.argument == 0 && store.address.hops == 0 && store.value.argument == 0 &&
            slot.hops == 2) {
          return slot;
        }
      }
    }
    return {};
  }

  void DecodeMethod() {
    const FieldPath accept_slot = Slot("SSL_set_accept_state");
    const FieldPath connect_slot = Slot("SSL_set_connect_state");
    const std::optional<uint64_t> method = builder_.ReturnedConstant("TLS_method");
    if (accept_slot.hops == 0 || connect_slot.hops == 0 || accept_slot == connect_slot || !method) {
      return builder_.Missing("the method's state machines");
    }
    const auto function = [&](uint64_t slot) { return builder_.file()->ReadPointer(*method + slot).value_or(0); };
    const uint64_t accept = function(accept_slot.offset[1]);
    const uint64_t connect = function(connect_slot.offset[1]);
    const uint64_t dispatch = function(accept_slot.offset[1] + kAlertDispatchAfterAccept);
    builder_.Set(ObjectField::kInHandshake, InHandshake(connect));
    ProbeStart(connect, "state machine of the client");
    ProbeStart(accept, "state machine of the server");
    builder_.ProbeEntry(dispatch, ProbeKind::kAlertDispatch, 1, "dispatch_alert");
    builder_.Set(ObjectField::kSendAlert, SendAlert(dispatch));
    DecodeGroup(*method, accept_slot.offset[0]);
  }

  // The state machine allocates its buffer in the first step of a handshake. Where that call is not found each step is met.
  void ProbeStart(uint64_t state_machine, std::string_view name) {
    const std::vector<OwnCall> calls = OwnCalls(builder_.file(), state_machine, Crypto("BUF_MEM_new"));
    for (const OwnCall& call : calls) builder_.ProbeAt(call.call, ProbeKind::kHandshakeStart, call.first_argument);
    if (calls.empty()) builder_.ProbeEntry(state_machine, ProbeKind::kHandshakeStart, 1, name, kFirstArgument);
  }

  // The state machine counts its calls in the structure that statem.state and hand_state begin: the first that it adds to.
  FieldPath InHandshake(uint64_t state_machine) {
    const int begin = builder_.Get(ObjectField::kStateMachine).offset[0];
    for (const Path& path : TraceFunction(builder_.file(), state_machine)) {
      for (const Store& store : path.stores) {
        const FieldPath field = FieldAt(store.address, store.size);
        const int above = field.offset[0] - begin;
        if (store.address.argument == 0 && field.hops == 1 && field.size == 4 && !store.value.IsConstant() && above > 0 &&
            above < kStateMachineSize) {
          return field;
        }
      }
    }
    return {};
  }

  // dispatch_alert begins by noting whether an alert is pending, in the integer before the two bytes of the alert.
  FieldPath SendAlert(uint64_t dispatch) {
    for (const Path& path : TraceFunction(builder_.file(), dispatch)) {
      for (const Store& store : path.stores) {
        if (!store.address.IsArgument(0) && store.address.IsChain() && store.address.argument == 0 && store.size == 4 &&
            store.value.IsConstant() && store.value.constant >= 0 && store.value.constant <= 2) {
          Value alert = store.address;
          alert.constant += store.size;
          return FieldAt(alert, 2);
        }
      }
    }
    return {};
  }

  // SSL_ctrl hands the question for the group on to the method, which reads it from the connection or, below TLS 1.3, from
  // the session. Absent before 3.0.
  void DecodeGroup(uint64_t method, uint16_t method_offset) {
    for (const Path& path : builder_.Trace("SSL_ctrl", {{1, kGetNegotiatedGroup}})) {
      for (const Call& call : path.calls) {
        const FieldPath slot = FieldOf(call.target);
        if (slot.hops != 2 || slot.offset[0] != method_offset || !call.arguments[0].IsArgument(0)) continue;
        const std::optional<uint64_t> control = builder_.file()->ReadPointer(method + slot.offset[1]);
        if (control) return DecodeGroupControl(*control);
      }
    }
  }

  void DecodeGroupControl(uint64_t control) {
    const FieldPath& session = builder_.Get(ObjectField::kSession);
    for (const Path& path : TraceFunction(builder_.file(), control, {{1, kGetNegotiatedGroup}})) {
      for (const Load& load : path.loads) {
        const FieldPath field = FieldAt(load.address, load.size);
        if (load.address.argument != 0) continue;
        if (field.hops == 1 && field.size == 2) builder_.Set(ObjectField::kGroup, field);
        if (field.hops == 2 && field.offset[0] == session.offset[0] && field.size <= 4) {
          builder_.Set(ObjectField::kSessionGroup, field);
        }
      }
    }
  }

  void DecodeCrypto(ElfFile* crypto) {
    PlanBuilder bio(crypto, kCryptoNames, ElfFile::Symbols::kDynamic);
    builder_.Set(ObjectField::kBioType, bio.Returned("BIO_method_type", 2));
    // BIO.num follows BIO.retry_reason.
    FieldPath number = bio.Returned("BIO_get_retry_reason", 1);
    if (number.hops != 0) number.offset[0] += number.size;
    builder_.Set(ObjectField::kBioNumber, number);
    for (const Path& path : bio.Trace("BIO_test_flags")) {
      for (const Load& load : path.loads) {
        if (load.address.IsChain() && load.address.argument == 0)
          SetIfFound(ObjectField::kBioFlags, FieldAt(load.address, load.size));
      }
    }
    for (const ObjectField field : {ObjectField::kBioType, ObjectField::kBioNumber, ObjectField::kBioFlags}) {
      if (builder_.Get(field).hops == 0) builder_.Missing(FieldName(field));
    }
    if (const auto text = bio.ReturnedConstant("OpenSSL_version", {{0, 0}})) {
      builder_.plan().version = crypto->ReadString(*text, 64);
    }
  }

  void SetGeneration(bool has_set_error) {
    const bool is_32 = builder_.Address("SSL_get0_group_name") != 0;  // new in 3.2
    builder_.plan().generation = !has_set_error ? Generation::kOpenSsl11
                                 : is_32        ? Generation::kOpenSsl32
                                                : Generation::kOpenSsl30;
  }

  // The stubs of the error functions are probed, not the functions behind them: within libcrypto these run hundreds of times
  // for nothing. libssl has 800 calls of them, of the certificate functions a few.
  void ProbeShared() {
    const bool has_set_error = Stub("ERR_set_error") != 0;
    SetGeneration(has_set_error);
    if (has_set_error) {
      builder_.ProbeAt(Stub("ERR_set_error"), ProbeKind::kErrorSet);
      if (Stub("ERR_vset_error") != 0) builder_.ProbeAt(Stub("ERR_vset_error"), ProbeKind::kErrorSet);
    } else if (Stub("ERR_put_error") != 0) {
      builder_.ProbeAt(Stub("ERR_put_error"), ProbeKind::kErrorPut);
    } else {
      builder_.Missing("ERR_set_error");
    }
    std::vector<CallSite> peer, own;
    std::vector<uint64_t> poppers;
    for (const CodeRange& code : builder_.file()->Code()) {
      for (const CallSite& site : CallSites(builder_.file(), code, Stub("d2i_X509"))) peer.push_back(site);
      for (const CallSite& site : CallSites(builder_.file(), code, Stub("i2d_X509"))) own.push_back(site);
      for (const CallSite& site : CallSites(builder_.file(), code, Stub("BIO_pop"))) {
        const std::optional<CodeRange> function = builder_.file()->FunctionAt(site.call);
        if (function && !SetsBio(*function)) poppers.push_back(function->begin);
      }
    }
    if (peer.empty()) builder_.Missing("calls of d2i_X509");
    ProbeCertificates(peer, own);
    ProbeWriteBuffer(poppers);
  }

  // Without stubs certificates are taken at the calls for which the full symbol table names the callers: d2i_X509 also runs
  // for each certificate authority of the program. ERR_set_error ends in ERR_vset_error.
  void ProbeLinkedIn() {
    const uint64_t set_error = builder_.Address("ERR_vset_error");
    const uint64_t put_error = builder_.Address("ERR_put_error");
    SetGeneration(set_error != 0);
    if (set_error != 0) {
      builder_.ProbeEntry(set_error, ProbeKind::kErrorSet, 2, "ERR_vset_error");
    } else {
      builder_.ProbeEntry(put_error, ProbeKind::kErrorPut, 3, "ERR_put_error");
    }
    std::vector<CallSite> peer;
    for (const std::string_view caller : {"tls_process_server_certificate", "tls_process_client_certificate"}) {
      for (const CallSite& site : CallsFrom(caller, "d2i_X509")) peer.push_back(site);
    }
    ProbeCertificates(peer, CallsFrom("ssl_add_cert_to_wpacket", "i2d_X509"));
    std::vector<uint64_t> poppers;
    for (const char* name : {"ssl_free_wbio_buffer", "SSL_free", "ossl_ssl_connection_free"}) {
      if (builder_.Address(name) != 0) poppers.push_back(builder_.Address(name));
    }
    ProbeWriteBuffer(poppers);
  }

  // BIO_pop is also called where the program sets another BIO.
  bool SetsBio(const CodeRange& function) const {
    const auto is_it = [&](std::string_view name) { return builder_.Address(name) == function.begin; };
    return is_it("SSL_set0_wbio") || is_it("SSL_set_bio") || is_it("SSL_set_wfd");
  }

  // An object has a buffer to write to from the first step of its handshake to the last. It is taken off the chain by
  // BIO_pop then, or when the object is freed before. `functions` do that: ssl_free_wbio_buffer, and what the compiler has
  // copied it into.
  void ProbeWriteBuffer(const std::vector<uint64_t>& functions) {
    bool found = false;
    for (const uint64_t function : functions) {
      for (const OwnCall& call : OwnCalls(builder_.file(), function, Crypto("BIO_pop"))) {
        builder_.ProbeAt(call.call, ProbeKind::kWriteBufferFreed, call.first_argument);
        found = found || FreesWriteBuffer(function);
      }
    }
    if (!found) builder_.Missing("ssl_free_wbio_buffer");
  }

  // It does nothing unless there is a buffer, and leaves a null pointer in its place.
  bool FreesWriteBuffer(uint64_t function) {
    for (const Path& path : TraceFunction(builder_.file(), function)) {
      for (const Store& store : path.stores) {
        const FieldPath field = FieldAt(store.address, store.size);
        if (store.address.argument != 0 || field.hops != 1 || field.size != 8 || store.value != Value::Constant(0)) continue;
        const auto is_it = [&](const Load& load) { return load.address == store.address && load.size == store.size; };
        if (std::any_of(path.loads.begin(), path.loads.end(), is_it)) return true;
      }
    }
    return false;
  }

  void ProbeCertificates(const std::vector<CallSite>& peer, const std::vector<CallSite>& own) {
    for (const CallSite& site : peer) ProbePeerCertificates(site);
    bool writes = false;
    for (const CallSite& site : own) writes = ProbeOwnCertificate(site) || writes;
    if (!writes) builder_.Missing("a call of i2d_X509 that writes");
  }

  // What reads a Certificate message takes the connection and a PACKET, and begins by making a list for the chain: there it
  // is met once, with the whole message. Of another function each certificate is met.
  void ProbePeerCertificates(const CallSite& site) {
    ElfFile* const file = builder_.file();
    const std::optional<CodeRange> function = file->FunctionAt(site.call);
    const std::vector<OwnCall> lists =
        function ? OwnCalls(file, function->begin, Crypto("OPENSSL_sk_new_null")) : std::vector<OwnCall>();
    const uint32_t left = function ? PacketLeft(function->begin) : 0;
    if (lists.size() != 1 || lists[0].second_argument == kNoRegister || left == 0) {
      return builder_.ProbeAt(site.call, ProbeKind::kPeerCertificate);
    }
    builder_.ProbeAt(lists[0].call, ProbeKind::kPeerChain,
                     lists[0].first_argument | uint32_t{lists[0].second_argument} << 8 | left << 16);
  }

  // struct PACKET begins with a pointer to the bytes that are left, their number comes later; reading moves both, and
  // nothing else. Returns the offset of the number; 0 when the second argument of `function` is no PACKET.
  uint32_t PacketLeft(uint64_t function) {
    bool pointer = false;
    int64_t left = 0;
    for (const Path& path : TraceFunction(builder_.file(), function)) {
      for (const Store& store : path.stores) {
        const Value& address = store.address;
        if (!address.IsChain() || address.argument != 1 || address.hops != 0) continue;
        if (address.constant == 0 && store.size == 8) {
          pointer = true;
        } else if (address.constant < 0 || address.constant > kMaxPacket || store.size != 8 ||
                   (left != 0 && left != address.constant)) {
          return 0;
        } else {
          left = address.constant;
        }
      }
    }
    return pointer ? static_cast<uint32_t>(left) : 0;
  }

  // A call asks for the length, with a null pointer, or writes where a pointer on the stack says, which it advances: then
  // the certificate is taken after it. Returns whether it writes.
  bool ProbeOwnCertificate(const CallSite& site) {
    ElfFile* const file = builder_.file();
    const std::optional<CodeRange> function = file->FunctionAt(site.call);
    bool asks = false;
    std::optional<int64_t> pointer;  // above the stack pointer
    for (const Path& path : function ? TraceFunction(file, function->begin) : std::vector<Path>()) {
      for (const Call& call : path.calls) {
        if (call.site != site.call) continue;
        const Value& out = call.arguments[1];
        const int64_t above = out.constant - call.stack.constant;
        if (out == Value::Constant(0)) {
          asks = true;
        } else if (out.kind == Value::Kind::kStack && above >= 0 && above < kMaxFrame && above == pointer.value_or(above)) {
          pointer = above;
        } else {
          builder_.Missing("where a call of i2d_X509 writes");
          return false;
        }
      }
    }
    if (asks == pointer.has_value()) builder_.Missing("whether a call of i2d_X509 writes");
    if (!pointer) return false;
    uint32_t holder = kNoRegister;
    for (const OwnCall& call : OwnCalls(file, function->begin, Crypto("i2d_X509"))) {
      if (call.call == site.call) holder = call.first_argument;
    }
    builder_.ProbeAt(ResultAddress(file, site.after), ProbeKind::kOwnCertificate,
                     holder | static_cast<uint32_t>(*pointer) << 8);
    return true;
  }

  std::vector<CallSite> CallsFrom(std::string_view caller, std::string_view target) {
    const std::optional<CodeRange> range = builder_.Range(caller);
    const uint64_t address = builder_.Address(target);
    return range && address != 0 ? CallSites(builder_.file(), *range, address) : std::vector<CallSite>{};
  }

  PlanBuilder builder_;
  StubTable stubs_;
};

}  // namespace

absl::StatusOr<ImagePlan> PlanOpenSsl(ElfFile* ssl, ElfFile* crypto) {
  if (!HasDecoder(*ssl)) return absl::UnimplementedError("no decoder for this architecture");
  return OpenSslDecoder(ssl).Decode(crypto);
}

}  // namespace tlsmeter::agent
