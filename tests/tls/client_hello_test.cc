#include "tlsmeter/client_hello.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/message_builder.h"

namespace tlsmeter {
namespace {

using testing::AlpnBody;
using testing::ByteListBody;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::Hello;
using ::testing::IsEmpty;
using testing::KeyShareBody;
using testing::NumberListBody16;
using testing::NumberListBody8;
using testing::PskBody;
using testing::ServerNameBody;
using testing::Writer;

ParseStatus Parse(const Bytes& body) {
  ClientHello hello;
  return ParseClientHello(body, &hello);
}

ClientHello Parsed(const Hello& builder) {
  ClientHello hello;
  EXPECT_EQ(ParseClientHello(builder.Body(), &hello), ParseStatus::kOk);
  return hello;
}

// FullExtensions are all extensions that the parser reads, each with a good body.
const std::vector<std::pair<unsigned, Bytes>>& FullExtensions() {
  static const std::vector<std::pair<unsigned, Bytes>> extensions = {
      {0x0a0a, {}},
      {0, ServerNameBody("www.example.com")},
      {23, {}},
      {0xff01, {0}},
      {10, NumberListBody16({0x0a0a, 0x11ec, 0x001d})},
      {11, ByteListBody({0, 1})},
      {35, Bytes(48, 0x71)},
      {16, AlpnBody({"h2", "http/1.1"})},
      {5, {1, 0, 0, 0, 0}},
      {13, NumberListBody16({0x0403, 0x0804, 0x0905})},
      {50, NumberListBody16({0x0401})},
      {51, KeyShareBody({{0x1a1a, 1}, {0x11ec, 1216}, {0x001d, 32}})},
      {45, ByteListBody({1})},
      {43, NumberListBody8({0x2a2a, 0x0304, 0x0303})},
      {27, NumberListBody8({2, 1})},
      {0xfe0d, Writer().U8(0).U16(1).U16(1).U8(9).Prefixed16(Bytes(32, 1)).Prefixed16(Bytes(144, 2))},
      {0xffce, Bytes(4, 1)},
      {44, Writer().Prefixed16(Bytes(8, 3))},
      {42, {}},
      {0x4a4a, {0}},
      {0xbeef, {1, 2, 3}},
      {41, PskBody(2)},
  };
  return extensions;
}

Hello FullHello() {
  Hello hello = Hello::Client();
  hello.SessionId(Bytes(32, 9)).Ciphers({0x3a3a, 0x1301, 0xc02f, 0x5600, 0x00ff, 0x4321});
  for (const auto& [type, body] : FullExtensions()) hello.Extension(type, body);
  return hello;
}

TEST(ClientHelloTest, ReadsEveryFieldInOrder) {
  const ClientHello hello = Parsed(FullHello());
  EXPECT_EQ(hello.legacy_version, ProtocolVersion::kTls12);
  EXPECT_EQ(hello.random[0], 0x20);
  EXPECT_EQ(hello.random[31], 0x3f);
  EXPECT_EQ(hello.session_id, Bytes(32, 9));
  EXPECT_THAT(hello.cipher_suites, ElementsAre(CipherSuite{0x3a3a}, CipherSuite{0x1301}, CipherSuite{0xc02f},
                                               CipherSuite{0x5600}, CipherSuite{0x00ff}, CipherSuite{0x4321}));
  EXPECT_THAT(hello.compression_methods, ElementsAre(0));
  EXPECT_TRUE(hello.has_extensions);
  ASSERT_EQ(hello.extensions.size(), FullExtensions().size());
  for (size_t i = 0; i < hello.extensions.size(); ++i) {
    EXPECT_EQ(hello.extensions[i].type.value, FullExtensions()[i].first);
    EXPECT_EQ(hello.extensions[i].length, FullExtensions()[i].second.size());
  }
  EXPECT_EQ(hello.server_name, "www.example.com");
  EXPECT_THAT(hello.alpn, ElementsAre("h2", "http/1.1"));
  EXPECT_THAT(hello.supported_versions,
              ElementsAre(ProtocolVersion{0x2a2a}, ProtocolVersion::kTls13, ProtocolVersion::kTls12));
  EXPECT_THAT(hello.supported_groups, ElementsAre(NamedGroup{0x0a0a}, NamedGroup{0x11ec}, NamedGroup{0x001d}));
  EXPECT_THAT(hello.key_share_groups, ElementsAre(NamedGroup{0x1a1a}, NamedGroup{0x11ec}, NamedGroup{0x001d}));
  EXPECT_THAT(hello.signature_algorithms,
              ElementsAre(SignatureScheme{0x0403}, SignatureScheme{0x0804}, SignatureScheme{0x0905}));
  EXPECT_THAT(hello.signature_algorithms_cert, ElementsAre(SignatureScheme{0x0401}));
  EXPECT_THAT(hello.ec_point_formats, ElementsAre(0, 1));
  EXPECT_THAT(hello.certificate_compression, ElementsAre(2, 1));
  EXPECT_EQ(hello.session_ticket_length, 48);
  EXPECT_EQ(hello.psk_identities, 2);
  EXPECT_THAT(hello.psk_modes, ElementsAre(1));
  EXPECT_TRUE(hello.early_data);
  EXPECT_TRUE(hello.cookie);
  EXPECT_TRUE(hello.extended_master_secret);
  EXPECT_TRUE(hello.renegotiation_info);
  EXPECT_TRUE(hello.status_request);
  EXPECT_TRUE(hello.ech_outer);
  EXPECT_FALSE(hello.ech_inner);
  EXPECT_TRUE(hello.encrypted_server_name);
  EXPECT_TRUE(hello.IsFallback());
  EXPECT_TRUE(hello.HasExtension(ExtensionType{0xbeef}));
  EXPECT_FALSE(hello.HasExtension(ExtensionType{0xbee0}));
  EXPECT_EQ(hello.HighestVersion(), ProtocolVersion::kTls13);
}

TEST(ClientHelloTest, AHelloWithoutExtensionsIsWhole) {
  const ClientHello hello = Parsed(Hello::Client().Version(0x0301));
  EXPECT_FALSE(hello.has_extensions);
  EXPECT_THAT(hello.extensions, IsEmpty());
  EXPECT_FALSE(hello.session_ticket_length.has_value());
  EXPECT_FALSE(hello.IsFallback());
  EXPECT_EQ(hello.HighestVersion(), ProtocolVersion::kTls10);
}

TEST(ClientHelloTest, AnEmptyExtensionBlockIsTold) {
  EXPECT_TRUE(Parsed(Hello::Client().EmptyExtensionBlock()).has_extensions);
}

TEST(ClientHelloTest, HighestVersionPassesOverGreaseAndRanksDrafts) {
  const auto highest = [](std::initializer_list<unsigned> versions) {
    return Parsed(Hello::Client().Extension(43, NumberListBody8(versions))).HighestVersion();
  };
  EXPECT_EQ(highest({0xfafa, 0x0303, 0x0304}), ProtocolVersion::kTls13);
  EXPECT_EQ(highest({0x7f12, 0x0303}).value, 0x7f12);
  EXPECT_EQ(highest({0x7f17, 0x0304, 0x7f1c}), ProtocolVersion::kTls13);
  EXPECT_EQ(highest({0xaaaa}), ProtocolVersion::kTls12);
}

TEST(ClientHelloTest, ServerNameIsRawBytes) {
  const std::string_view name("A\0\xff.Example", 11);
  EXPECT_EQ(Parsed(Hello::Client().Extension(0, ServerNameBody(name))).server_name, name);
}

TEST(ClientHelloTest, TicketIsPresentThoughEmpty) {
  EXPECT_EQ(Parsed(Hello::Client().Extension(35, {})).session_ticket_length, 0);
}

TEST(ClientHelloTest, KeyShareMayBeEmptyToAskForARetry) {
  const ClientHello hello = Parsed(Hello::Client().Extension(51, KeyShareBody({})));
  EXPECT_THAT(hello.key_share_groups, IsEmpty());
  EXPECT_TRUE(hello.HasExtension(ExtensionType::kKeyShare));
}

TEST(ClientHelloTest, AnEmptyPreSharedKeyOffersNothing) {
  const ClientHello hello = Parsed(Hello::Client().Extension(41, {}));
  EXPECT_EQ(hello.psk_identities, 0);
  EXPECT_TRUE(hello.HasExtension(ExtensionType::kPreSharedKey));
}

TEST(ClientHelloTest, InnerEchIsToldFromOuter) {
  const ClientHello hello = Parsed(Hello::Client().Extension(0xfe0d, {1}));
  EXPECT_TRUE(hello.ech_inner);
  EXPECT_FALSE(hello.ech_outer);
}

TEST(ClientHelloTest, APostQuantumHelloLargerThanASegmentIsRead) {
  const Hello builder = Hello::Client13().Extension(0x6399, Bytes(10, 1)).Extension(17513, Bytes(8000, 2));
  EXPECT_EQ(Parsed(builder).extensions.back().length, 8000);
}

TEST(ClientHelloTest, EveryTruncationFailsButTheOneBeforeTheExtensions) {
  for (const Hello& builder : {FullHello(), Hello::Client13(), Hello::Client()}) {
    const Bytes body = builder.Body();
    const size_t before_extensions = 2 + 32 + 1 + body[34] + 2 + (body[35 + body[34]] << 8 | body[36 + body[34]]) + 2;
    for (size_t size = 0; size < body.size(); ++size) {
      const ParseStatus status = Parse(Bytes(body.begin(), body.begin() + static_cast<ptrdiff_t>(size)));
      EXPECT_EQ(status, size == before_extensions ? ParseStatus::kOk : ParseStatus::kTruncated) << size;
    }
  }
}

TEST(ClientHelloTest, EveryTruncationInsideAnExtensionFails) {
  for (const auto& [type, body] : FullExtensions()) {
    const bool opaque = IsGrease(static_cast<uint16_t>(type)) || type == 35 || type == 23 || type == 0xff01 || type == 5 ||
                        type == 44 || type == 42 || type == 0xffce || type == 0xbeef || type == 0xfe0d;
    for (size_t size = 0; size < body.size(); ++size) {
      const Bytes cut(body.begin(), body.begin() + static_cast<ptrdiff_t>(size));
      const ParseStatus status = Parse(Hello::Client().Extension(type, cut).Body());
      if ((opaque && !(type == 0xfe0d && size == 0)) || (type == 41 && size == 0)) {
        EXPECT_EQ(status, ParseStatus::kOk) << type << " " << size;
      } else {
        EXPECT_EQ(status, ParseStatus::kTruncated) << type << " " << size;
      }
    }
  }
}

TEST(ClientHelloTest, TrailingBytesInAnExtensionFail) {
  for (const unsigned type : {0, 10, 11, 13, 16, 27, 41, 43, 45, 50, 51}) {
    for (const auto& [known, body] : FullExtensions()) {
      if (known != type) continue;
      EXPECT_EQ(Parse(Hello::Client().Extension(type, Writer().Raw(body).U8(0)).Body()), ParseStatus::kTrailingData) << type;
    }
  }
}

TEST(ClientHelloTest, TrailingBytesAfterTheExtensionsFail) {
  EXPECT_EQ(Parse(Writer().Raw(FullHello().Body()).U8(0)), ParseStatus::kTrailingData);
}

TEST(ClientHelloTest, RejectsExtensionLongerThanBlock) {
  const Bytes block = Writer().U16(16).U16(5).Raw({0, 1, 0});
  EXPECT_EQ(Parse(Writer().Raw(Hello::Client().Body()).Prefixed16(block)), ParseStatus::kTruncated);
}

TEST(ClientHelloTest, RejectsListLongerThanItsExtension) {
  EXPECT_EQ(Parse(Hello::Client().Extension(10, {0, 4, 0, 29}).Body()), ParseStatus::kTruncated);
  EXPECT_EQ(Parse(Hello::Client().Extension(16, {0, 3, 9, 'h', '2'}).Body()), ParseStatus::kTruncated);
  EXPECT_EQ(Parse(Hello::Client().Extension(51, {0, 4, 0, 29, 0, 1}).Body()), ParseStatus::kTruncated);
  EXPECT_EQ(Parse(Hello::Client().Extension(0, {0, 4, 0, 0, 9, 'a'}).Body()), ParseStatus::kTruncated);
}

TEST(ClientHelloTest, RejectsOddAndEmptyLists) {
  const auto with = [](unsigned type, const Bytes& body) { return Parse(Hello::Client().Extension(type, body).Body()); };
  for (const unsigned type : {10, 13, 50}) {
    EXPECT_EQ(with(type, {0, 0}), ParseStatus::kBadLength);
    EXPECT_EQ(with(type, {0, 3, 0, 29, 0}), ParseStatus::kBadLength);
  }
  for (const unsigned type : {27, 43}) {
    EXPECT_EQ(with(type, {0}), ParseStatus::kBadLength);
    EXPECT_EQ(with(type, {3, 3, 4, 3}), ParseStatus::kBadLength);
  }
  EXPECT_EQ(with(11, {0}), ParseStatus::kBadLength);
  EXPECT_EQ(with(45, {0}), ParseStatus::kBadLength);
  EXPECT_EQ(with(16, {0, 0}), ParseStatus::kBadLength);
  EXPECT_EQ(with(16, {0, 1, 0}), ParseStatus::kBadLength);
  EXPECT_EQ(with(0, {0, 0}), ParseStatus::kBadLength);
  EXPECT_EQ(with(0, {0, 3, 0, 0, 0}), ParseStatus::kBadLength);
  EXPECT_EQ(with(51, {0, 4, 0, 29, 0, 0}), ParseStatus::kBadLength);
  EXPECT_EQ(with(41, {0, 0, 0, 0}), ParseStatus::kBadLength);
  EXPECT_EQ(Parse(Hello::Client().Ciphers({}).Body()), ParseStatus::kBadLength);
  EXPECT_EQ(Parse(Writer().U16(0x303).Fill(32, 1).U8(0).Prefixed16({0, 1, 2}).Prefixed8({0})), ParseStatus::kBadLength);
}

TEST(ClientHelloTest, ReadsOnPastAnEmptyListOfCompressionMethods) {
  ClientHello hello;
  ASSERT_EQ(ParseClientHello(Hello::Client().Compression({}).Extension(23, {}).Body(), &hello), ParseStatus::kOk);
  EXPECT_TRUE(hello.compression_methods.empty());
  EXPECT_TRUE(hello.extended_master_secret);
}

TEST(ClientHelloTest, RejectsSessionIdOver32Bytes) {
  EXPECT_EQ(Parse(Hello::Client().SessionId(Bytes(32, 1)).Body()), ParseStatus::kOk);
  EXPECT_EQ(Parse(Hello::Client().SessionId(Bytes(33, 1)).Body()), ParseStatus::kBadLength);
}

TEST(ClientHelloTest, RejectsDuplicates) {
  EXPECT_EQ(Parse(Hello::Client().Extension(23, {}).Extension(5, {}).Extension(23, {}).Body()), ParseStatus::kDuplicate);
  EXPECT_EQ(Parse(Hello::Client().Extension(0x0a0a, {}).Extension(0x0a0a, {}).Body()), ParseStatus::kDuplicate);
  const Bytes two_names = Writer().Prefixed16(Writer().U8(0).Prefixed16({'a'}).U8(0).Prefixed16({'b'}));
  EXPECT_EQ(Parse(Hello::Client().Extension(0, two_names).Body()), ParseStatus::kDuplicate);
}

TEST(ClientHelloTest, RejectsANameThatIsNoHostName) {
  EXPECT_EQ(Parse(Hello::Client().Extension(0, Writer().Prefixed16(Writer().U8(1).Prefixed16({'a'}))).Body()),
            ParseStatus::kBadValue);
}

TEST(ClientHelloTest, ListsOverTheirCeilingAreTooLarge) {
  Writer numbers;
  for (size_t i = 0; i < kMaxListEntries; ++i) numbers.U16(0x1301);
  const auto with_ciphers = [](const Bytes& list) {
    return Parse(Writer().U16(0x303).Fill(32, 1).U8(0).Prefixed16(list).Prefixed8({0}));
  };
  EXPECT_EQ(with_ciphers(numbers), ParseStatus::kOk);
  EXPECT_EQ(with_ciphers(Writer(numbers).U16(0)), ParseStatus::kTooLarge);

  Hello many = Hello::Client();
  for (unsigned i = 0; i < kMaxExtensions; ++i) many.Extension(0x8000 + i, {});
  EXPECT_EQ(Parse(many.Body()), ParseStatus::kOk);
  EXPECT_EQ(Parse(many.Extension(0x7000, {}).Body()), ParseStatus::kTooLarge);

  Writer names;
  for (size_t i = 0; i < kMaxAlpnProtocols; ++i) names.Prefixed8({'h'});
  EXPECT_EQ(Parse(Hello::Client().Extension(16, Writer().Prefixed16(names)).Body()), ParseStatus::kOk);
  names.Prefixed8({'h'});
  EXPECT_EQ(Parse(Hello::Client().Extension(16, Writer().Prefixed16(names)).Body()), ParseStatus::kTooLarge);

  Writer shares;
  for (size_t i = 0; i <= kMaxListEntries; ++i) shares.U16(29).Prefixed16({1});
  EXPECT_EQ(Parse(Hello::Client().Extension(51, Writer().Prefixed16(shares)).Body()), ParseStatus::kTooLarge);
}

TEST(ClientHelloTest, AFailedParseLeavesTheOutputUntouched) {
  ClientHello hello = Parsed(FullHello());
  const ClientHello before = hello;
  EXPECT_NE(ParseClientHello(Bytes{3, 3}, &hello), ParseStatus::kOk);
  EXPECT_TRUE(hello == before);
}

TEST(ClientHelloTest, NoMutationOfAByteBreaksTheInvariants) {
  for (const Hello& builder : {FullHello(), Hello::Client13(), Hello::Client()}) {
    const Bytes good = builder.Body();
    for (size_t i = 0; i < good.size(); ++i) {
      for (const int change : {0x00, 0xff, good[i] ^ 0x01, good[i] ^ 0x80}) {
        Bytes body = good;
        body[i] = static_cast<uint8_t>(change);
        ClientHello hello;
        const ParseStatus status = ParseClientHello(body, &hello);
        EXPECT_NE(status, ParseStatus::kNeedMore);
        EXPECT_NE(status, ParseStatus::kNotTls);
        if (status != ParseStatus::kOk) continue;
        EXPECT_LE(hello.session_id.size(), 32u);
        EXPECT_FALSE(hello.cipher_suites.empty());
        size_t bytes = 0;
        for (const Extension& extension : hello.extensions) bytes += 4 + extension.length;
        EXPECT_LE(bytes, body.size());
        EXPECT_LE(hello.server_name.size(), body.size());
      }
    }
  }
}

}  // namespace
}  // namespace tlsmeter
