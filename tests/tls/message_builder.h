// Wire bytes of TLS for tests: a writer with length prefixes, hellos with good defaults, records, and flows of records that
// are fed to a HandshakeTracker in several manners.
#ifndef TLSMETER_TESTS_TLS_MESSAGE_BUILDER_H_
#define TLSMETER_TESTS_TLS_MESSAGE_BUILDER_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "tlsmeter/handshake.h"

namespace tlsmeter::testing {

using Bytes = std::vector<uint8_t>;

// Writer appends fields; each call returns the writer.
class Writer {
 public:
  Writer& U8(unsigned value);
  Writer& U16(unsigned value);
  Writer& U24(unsigned value);
  Writer& U32(unsigned value);
  Writer& Raw(const Bytes& bytes);
  Writer& Text(std::string_view text);
  Writer& Fill(size_t count, uint8_t value);
  Writer& Prefixed8(const Bytes& bytes) { return U8(bytes.size()).Raw(bytes); }
  Writer& Prefixed16(const Bytes& bytes) { return U16(bytes.size()).Raw(bytes); }
  Writer& Prefixed24(const Bytes& bytes) { return U24(bytes.size()).Raw(bytes); }
  const Bytes& bytes() const { return bytes_; }
  operator Bytes() const { return bytes_; }  // NOLINT: a writer stands for what it wrote

 private:
  Bytes bytes_;
};

Bytes Numbers(std::initializer_list<unsigned> values);  // 16 bits each
Bytes FromHex(std::string_view hex);

// ExtensionBody and friends are the bodies of extensions as a ClientHello carries them.
Bytes ServerNameBody(std::string_view name);
Bytes AlpnBody(std::initializer_list<std::string_view> names);
Bytes KeyShareBody(std::initializer_list<std::pair<unsigned, size_t>> shares);  // group, length of its key
Bytes PskBody(size_t identities);
Bytes NumberListBody8(std::initializer_list<unsigned> values);   // 16-bit numbers behind an 8-bit length
Bytes NumberListBody16(std::initializer_list<unsigned> values);  // ... behind a 16-bit length
Bytes ByteListBody(std::initializer_list<unsigned> values);

// Hello builds the body of either hello. A new one has a random of 0x20.. and no session id.
class Hello {
 public:
  static Hello Client();                 // two TLS 1.2 suites, null compression, no extension block
  static Hello Client13();               // what a TLS 1.3 client must send, for "www.example.com"
  static Hello Server(unsigned cipher);  // TLS 1.2, no extension block
  static Hello Server13(unsigned cipher = 0x1301, unsigned group = 0x001d);
  static Hello Retry(unsigned group = 0x0017);

  Hello& Version(unsigned version);
  Hello& Random(const Bytes& random);
  Hello& SessionId(const Bytes& id);
  Hello& Ciphers(std::initializer_list<unsigned> suites);
  Hello& Compression(const Bytes& methods);
  Hello& Extension(unsigned type, const Bytes& body);
  Hello& EmptyExtensionBlock();

  Bytes Body() const;
  Bytes Message() const;                          // with type and length
  Bytes Record(unsigned version = 0x0301) const;  // ... in one record

 private:
  bool client_ = true;
  unsigned version_ = 0x0303;
  Bytes random_;
  Bytes session_id_;
  Bytes ciphers_;
  Bytes compression_ = {0};
  bool has_extensions_ = false;
  Bytes extensions_;
};

Bytes Message(unsigned type, const Bytes& body);
Bytes Record(unsigned type, const Bytes& body, unsigned version = 0x0303);

// Feed is how a flow is given to a tracker. The facts must not depend on it.
enum class Feed {
  kWhole,       // each record in one call
  kByteByByte,  // each byte in one call
  kOpaque,      // what is ciphertext as an opaque record
};

// Flow is a conversation: records in the order of time. The first step happens at 1000 ns, each step 1000 later unless At
// says else.
class Flow {
 public:
  Flow& Client(const Bytes& bytes) { return Add(Sender::kClient, bytes, false); }
  Flow& Server(const Bytes& bytes) { return Add(Sender::kServer, bytes, false); }
  // ClientSealed and ServerSealed send a record of ciphertext with a body of `length` bytes.
  Flow& ClientSealed(size_t length, unsigned type = 23);
  Flow& ServerSealed(size_t length, unsigned type = 23);
  Flow& ClientCcs() { return Client(Record(20, {1})); }
  Flow& ServerCcs() { return Server(Record(20, {1})); }
  Flow& ClientAlert(unsigned level, unsigned description);
  Flow& ServerAlert(unsigned level, unsigned description);
  Flow& ClientGap() { return AddGap(Sender::kClient); }
  Flow& ServerGap() { return AddGap(Sender::kServer); }
  Flow& Opaque(Sender sender, unsigned type, uint16_t length);  // opaque in each feed
  Flow& At(uint64_t time_ns);                                   // time of the next step

  uint64_t last_ns() const { return steps_.empty() ? 0 : steps_.back().time_ns; }

  // Track feeds a new tracker.
  HandshakeTracker Track(Feed feed) const;

  // Facts feeds trackers in every manner, fails the test unless they agree, and returns what they say.
  Handshake Facts() const;
  // Settled does the same for HandshakeTracker::Settled.
  bool Settled() const;

 private:
  struct Step {
    Sender sender = Sender::kClient;
    Bytes bytes;
    bool sealed = false;  // ciphertext: may be given as an opaque record
    bool opaque = false;  // always given so
    bool gap = false;
    uint64_t time_ns = 0;
  };
  Flow& Add(Sender sender, const Bytes& bytes, bool sealed);
  Flow& AddGap(Sender sender);
  uint64_t NextTime();

  std::vector<Step> steps_;
  std::optional<uint64_t> at_;
};

}  // namespace tlsmeter::testing

#endif  // TLSMETER_TESTS_TLS_MESSAGE_BUILDER_H_
