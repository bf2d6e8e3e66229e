#include "tests/tls/message_builder.h"

#include <gtest/gtest.h>

#include <span>

namespace tlsmeter::testing {

Writer& Writer::U8(unsigned value) {
  bytes_.push_back(static_cast<uint8_t>(value));
  return *this;
}
Writer& Writer::U16(unsigned value) { return U8(value >> 8 & 0xff).U8(value & 0xff); }
Writer& Writer::U24(unsigned value) { return U8(value >> 16 & 0xff).U16(value & 0xffff); }
Writer& Writer::U32(unsigned value) { return U16(value >> 16).U16(value & 0xffff); }
Writer& Writer::Raw(const Bytes& bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}
Writer& Writer::Text(std::string_view text) {
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  return *this;
}
Writer& Writer::Fill(size_t count, uint8_t value) {
  bytes_.insert(bytes_.end(), count, value);
  return *this;
}

Bytes Numbers(std::initializer_list<unsigned> values) {
  Writer writer;
  for (const unsigned value : values) writer.U16(value);
  return writer;
}

Bytes FromHex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  return bytes;
}

Bytes ServerNameBody(std::string_view name) { return Writer().Prefixed16(Writer().U8(0).Prefixed16(Writer().Text(name))); }

Bytes AlpnBody(std::initializer_list<std::string_view> names) {
  Writer list;
  for (const std::string_view name : names) list.Prefixed8(Writer().Text(name));
  return Writer().Prefixed16(list);
}

Bytes KeyShareBody(std::initializer_list<std::pair<unsigned, size_t>> shares) {
  Writer list;
  for (const auto& [group, length] : shares) list.U16(group).Prefixed16(Writer().Fill(length, 0x5a));
  return Writer().Prefixed16(list);
}

Bytes PskBody(size_t identities) {
  Writer list;
  Writer binders;
  for (size_t i = 0; i < identities; ++i) {
    list.Prefixed16(Writer().Fill(16, 0x1d)).U32(77);
    binders.Prefixed8(Writer().Fill(32, 0xb1));
  }
  return Writer().Prefixed16(list).Prefixed16(binders);
}

Bytes NumberListBody8(std::initializer_list<unsigned> values) { return Writer().Prefixed8(Numbers(values)); }
Bytes NumberListBody16(std::initializer_list<unsigned> values) { return Writer().Prefixed16(Numbers(values)); }

Bytes ByteListBody(std::initializer_list<unsigned> values) {
  Writer list;
  for (const unsigned value : values) list.U8(value);
  return Writer().Prefixed8(list);
}

namespace {

Bytes DefaultRandom() {
  Bytes random;
  for (unsigned i = 0; i < 32; ++i) random.push_back(static_cast<uint8_t>(0x20 + i));
  return random;
}

}  // namespace

Hello Hello::Client() {
  Hello hello;
  hello.random_ = DefaultRandom();
  hello.ciphers_ = Numbers({0xc02f, 0x002f});
  return hello;
}

Hello Hello::Client13() {
  Hello hello = Client();
  return hello.Ciphers({0x1301, 0x1302, 0x1303, 0xc02f})
      .SessionId(Bytes(32, 0x77))
      .Extension(0, ServerNameBody("www.example.com"))
      .Extension(10, NumberListBody16({0x001d, 0x0017}))
      .Extension(13, NumberListBody16({0x0403, 0x0804}))
      .Extension(43, NumberListBody8({0x0304, 0x0303}))
      .Extension(51, KeyShareBody({{0x001d, 32}}));
}

Hello Hello::Server(unsigned cipher) {
  Hello hello;
  hello.client_ = false;
  hello.random_ = DefaultRandom();
  hello.ciphers_ = Numbers({cipher});
  return hello;
}

Hello Hello::Server13(unsigned cipher, unsigned group) {
  Hello hello = Server(cipher);
  return hello.SessionId(Bytes(32, 0x77))
      .Extension(43, Numbers({0x0304}))
      .Extension(51, Writer().U16(group).Prefixed16(Bytes(32, 0x5a)));
}

Hello Hello::Retry(unsigned group) {
  Hello hello = Server(0x1301);
  return hello.SessionId(Bytes(32, 0x77))
      .Random(FromHex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"))
      .Extension(43, Numbers({0x0304}))
      .Extension(51, Numbers({group}));
}

Hello& Hello::Version(unsigned version) {
  version_ = version;
  return *this;
}
Hello& Hello::Random(const Bytes& random) {
  random_ = random;
  return *this;
}
Hello& Hello::SessionId(const Bytes& id) {
  session_id_ = id;
  return *this;
}
Hello& Hello::Ciphers(std::initializer_list<unsigned> suites) {
  ciphers_ = Numbers(suites);
  return *this;
}
Hello& Hello::Compression(const Bytes& methods) {
  compression_ = methods;
  return *this;
}
Hello& Hello::Extension(unsigned type, const Bytes& body) {
  has_extensions_ = true;
  extensions_ = Writer().Raw(extensions_).U16(type).Prefixed16(body);
  return *this;
}
Hello& Hello::EmptyExtensionBlock() {
  has_extensions_ = true;
  return *this;
}

Bytes Hello::Body() const {
  Writer writer;
  writer.U16(version_).Raw(random_).Prefixed8(session_id_);
  if (client_) {
    writer.Prefixed16(ciphers_).Prefixed8(compression_);
  } else {
    writer.Raw(ciphers_).Raw(compression_);
  }
  if (has_extensions_) writer.Prefixed16(extensions_);
  return writer;
}

Bytes Hello::Message() const { return testing::Message(client_ ? 1 : 2, Body()); }
Bytes Hello::Record(unsigned version) const { return testing::Record(22, Message(), version); }

Bytes Message(unsigned type, const Bytes& body) { return Writer().U8(type).Prefixed24(body); }
Bytes Record(unsigned type, const Bytes& body, unsigned version) { return Writer().U8(type).U16(version).Prefixed16(body); }

uint64_t Flow::NextTime() {
  const uint64_t time = at_.value_or(last_ns() + 1000);
  at_.reset();
  return time;
}

Flow& Flow::Add(Sender sender, const Bytes& bytes, bool sealed) {
  Step step;
  step.sender = sender;
  step.bytes = bytes;
  step.sealed = sealed;
  step.time_ns = NextTime();
  steps_.push_back(step);
  return *this;
}

Flow& Flow::AddGap(Sender sender) {
  Step step;
  step.sender = sender;
  step.gap = true;
  step.time_ns = NextTime();
  steps_.push_back(step);
  return *this;
}

Flow& Flow::ClientSealed(size_t length, unsigned type) {
  return Add(Sender::kClient, Record(type, Bytes(length, 0xee)), true);
}
Flow& Flow::ServerSealed(size_t length, unsigned type) {
  return Add(Sender::kServer, Record(type, Bytes(length, 0xee)), true);
}
Flow& Flow::ClientAlert(unsigned level, unsigned description) {
  return Client(Record(21, Writer().U8(level).U8(description)));
}
Flow& Flow::ServerAlert(unsigned level, unsigned description) {
  return Server(Record(21, Writer().U8(level).U8(description)));
}

Flow& Flow::Opaque(Sender sender, unsigned type, uint16_t length) {
  Add(sender, Record(type, Bytes(length, 0xee)), true);
  steps_.back().opaque = true;
  return *this;
}

Flow& Flow::At(uint64_t time_ns) {
  at_ = time_ns;
  return *this;
}

HandshakeTracker Flow::Track(Feed feed) const {
  HandshakeTracker tracker;
  for (const Step& step : steps_) {
    const std::span<const uint8_t> bytes(step.bytes);
    if (step.gap) {
      tracker.OnGap(step.sender);
    } else if (step.opaque || (step.sealed && feed == Feed::kOpaque)) {
      const uint16_t length = static_cast<uint16_t>(bytes[3] << 8 | bytes[4]);
      tracker.OnOpaqueRecord(step.sender, ContentType{bytes[0]}, length, step.time_ns);
    } else if (feed == Feed::kByteByByte) {
      for (size_t i = 0; i < bytes.size(); ++i) tracker.OnBytes(step.sender, bytes.subspan(i, 1), step.time_ns);
    } else {
      tracker.OnBytes(step.sender, bytes, step.time_ns);
    }
  }
  return tracker;
}

Handshake Flow::Facts() const {
  const Handshake whole = Track(Feed::kWhole).handshake();
  EXPECT_TRUE(whole == Track(Feed::kByteByByte).handshake()) << "byte by byte differs from whole records";
  EXPECT_TRUE(whole == Track(Feed::kOpaque).handshake()) << "opaque records differ from whole ones";
  return whole;
}

bool Flow::Settled() const {
  const bool whole = Track(Feed::kWhole).Settled();
  EXPECT_EQ(whole, Track(Feed::kByteByByte).Settled());
  EXPECT_EQ(whole, Track(Feed::kOpaque).Settled());
  return whole;
}

}  // namespace tlsmeter::testing
