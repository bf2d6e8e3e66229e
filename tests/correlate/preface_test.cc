#include "src/correlate/preface.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/correlate/dialogues.h"
#include "tests/tls/message_builder.h"

namespace tlsmeter::agent {
namespace {

using testing::Bytes;
using testing::Hello;
using testing::Record;

Bytes Joined(const TlsStart& start) {
  Bytes bytes(start.first.begin(), start.first.end());
  bytes.insert(bytes.end(), start.rest.begin(), start.rest.end());
  return bytes;
}

// Found is what a preface said of a dialogue: copies.
struct Found {
  std::optional<TlsStart> start;
  Bytes tls;          // what it gave of TLS
  size_t pieces = 0;  // how many were taken until then
  bool gave_up = false;
};

struct Segment {
  End sender;
  Bytes bytes;
};

Found Feed(Preface* preface, const std::vector<Segment>& segments) {
  Found found;
  for (const Segment& segment : segments) {
    ++found.pieces;
    found.start = preface->OnBytes(segment.sender, segment.bytes, 1000 * found.pieces);
    if (found.start) {
      found.tls = Joined(*found.start);
      break;
    }
  }
  found.gave_up = preface->GaveUp();
  return found;
}

Found Feed(const std::vector<Segment>& segments) {
  Preface preface;
  return Feed(&preface, segments);
}

std::vector<Segment> Segments(const Dialogue& dialogue, End client) {
  std::vector<Segment> segments;
  for (const Turn& turn : dialogue.turns) segments.push_back({turn.by_client ? client : Other(client), turn.bytes});
  return segments;
}

const Bytes kHello = Hello::Client13().Record();

// A client that joins its hello to nothing: TLS begins where a segment does.
TEST(Preface, FindsTheHelloOfEachDialogueAndNamesIt) {
  for (const Dialogue& dialogue : Dialogues(kHello)) {
    for (const End client : {End::kLocal, End::kRemote}) {
      SCOPED_TRACE(dialogue.name);
      const Found found = Feed(Segments(dialogue, client));
      ASSERT_TRUE(found.start);
      EXPECT_EQ(found.start->client, client);
      EXPECT_EQ(found.start->before, dialogue.before);
      EXPECT_FALSE(found.start->other_torn);
      EXPECT_EQ(found.tls, kHello);
      EXPECT_EQ(found.start->first_ns, 1000 * dialogue.turns.size());
    }
  }
}

TEST(Preface, FindsItWhereverASegmentIsSplit) {
  for (const Dialogue& dialogue : Dialogues(kHello)) {
    const std::vector<Segment> whole = Segments(dialogue, End::kRemote);
    for (size_t turn = 0; turn < whole.size(); ++turn) {
      for (size_t at = 1; at < whole[turn].bytes.size(); ++at) {
        SCOPED_TRACE(dialogue.name + ", turn " + std::to_string(turn) + " at " + std::to_string(at));
        std::vector<Segment> segments = whole;
        const Bytes& bytes = whole[turn].bytes;
        segments[turn].bytes = Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(at));
        segments.insert(segments.begin() + static_cast<ptrdiff_t>(turn) + 1,
                        {whole[turn].sender, Bytes(bytes.begin() + static_cast<ptrdiff_t>(at), bytes.end())});
        const Found found = Feed(segments);
        ASSERT_TRUE(found.start);
        EXPECT_EQ(found.start->client, End::kRemote);
        EXPECT_EQ(found.start->before, dialogue.before);
        // Of a hello that is judged by its first segment the rest is the caller's.
        EXPECT_EQ(found.tls, Bytes(kHello.begin(), kHello.begin() + static_cast<ptrdiff_t>(found.tls.size())));
      }
    }
  }
}

TEST(Preface, FindsItInSegmentsOfOneByte) {
  for (const Dialogue& dialogue : Dialogues(kHello)) {
    SCOPED_TRACE(dialogue.name);
    std::vector<Segment> segments;
    for (const Segment& segment : Segments(dialogue, End::kLocal)) {
      for (const uint8_t byte : segment.bytes) segments.push_back({segment.sender, {byte}});
    }
    const Found found = Feed(segments);
    ASSERT_TRUE(found.start);
    EXPECT_EQ(found.start->before, dialogue.before);
    EXPECT_EQ(found.tls, Bytes(kHello.begin(), kHello.begin() + static_cast<ptrdiff_t>(found.tls.size())));
    const size_t from_the_hello = segments.size() - kHello.size() + found.tls.size();
    EXPECT_EQ(found.pieces, from_the_hello);
    EXPECT_EQ(found.start->first_ns, 1000 * (segments.size() - kHello.size() + 1));
  }
}

TEST(Preface, TellsWhatCameInEarlierSegmentsFromTheRest) {
  const Bytes start(kHello.begin(), kHello.begin() + 5);
  Preface preface;
  EXPECT_FALSE(preface.OnBytes(End::kLocal, start, 7));
  const Bytes end(kHello.begin() + 5, kHello.end());
  const std::optional<TlsStart> found = preface.OnBytes(End::kLocal, end, 9);
  ASSERT_TRUE(found);
  EXPECT_EQ(Bytes(found->first.begin(), found->first.end()), start);
  EXPECT_EQ(Bytes(found->rest.begin(), found->rest.end()), end);
  EXPECT_EQ(found->first_ns, 7u);
}

TEST(Preface, TheSenderOfTheHelloIsTheClientEvenIfTheServerSpokeFirst) {
  const Found found = Feed({{End::kLocal, Text("220 ESMTP\r\n")}, {End::kLocal, kHello}});
  ASSERT_TRUE(found.start);
  EXPECT_EQ(found.start->client, End::kLocal);
}

TEST(Preface, AServerHelloAloneTellsTheClientToo) {
  const Bytes hello = Hello::Server13().Record();
  for (const Bytes& before : {Bytes(), Record(23, Bytes(50)), Bytes(100, 0xa5)}) {
    const Found found = Feed({{End::kLocal, before}, {End::kRemote, hello}});
    ASSERT_TRUE(found.start);
    EXPECT_EQ(found.start->client, End::kLocal);
    EXPECT_EQ(found.start->before, PlainProtocol::kNone);
    EXPECT_TRUE(found.start->other_torn);
    EXPECT_EQ(found.tls, hello);
  }
}

TEST(Preface, OneDirectionOfAnUpgradeIsEnough) {
  const Found server = Feed(
      {{End::kLocal, Text("220 ESMTP\r\n")}, {End::kLocal, Text("220 go\r\n")}, {End::kLocal, Hello::Server13().Record()}});
  ASSERT_TRUE(server.start);
  EXPECT_EQ(server.start->before, PlainProtocol::kSmtp);
  const Found client =
      Feed({{End::kLocal, Text("EHLO me\r\n")}, {End::kLocal, Text("STARTTLS\r\n")}, {End::kLocal, kHello}});
  ASSERT_TRUE(client.start);
  EXPECT_EQ(client.start->before, PlainProtocol::kSmtp);
  const Found tunnel = Feed({{End::kLocal, Text("HTTP/1.1 200 OK\r\n\r\n")}, {End::kLocal, Hello::Server13().Record()}});
  EXPECT_TRUE(tunnel.start);
}

TEST(Preface, AHelloInTheMiddleOfASegmentIsPlainData) {
  Bytes data = Text("here it comes: ");
  data.insert(data.end(), kHello.begin(), kHello.end());
  const Found found = Feed({{End::kLocal, data}, {End::kRemote, data}, {End::kLocal, data}});
  EXPECT_FALSE(found.start);
}

TEST(Preface, WhatOnlyLooksLikeAHelloIsPlainData) {
  // At the start of a segment, but with a field that no hello has.
  std::vector<Bytes> not_hellos;
  for (const auto& [at, value] :
       {std::pair<size_t, uint8_t>{0, 0x17}, {1, 2}, {2, 5}, {3, 0xff}, {5, 3}, {6, 0x02}, {9, 2}, {10, 5}, {43, 33}}) {
    Bytes bytes = kHello;
    bytes[at] = value;
    not_hellos.push_back(bytes);
  }
  not_hellos.push_back(Record(22, {1, 0, 0, 5, 'j', 'u', 'n', 'k', '!'}));
  for (const Bytes& bytes : not_hellos) {
    const Found found = Feed({{End::kLocal, Text("any\r\n")},
                              {End::kRemote, Text("thing\r\n")},
                              {End::kLocal, bytes},
                              {End::kRemote, Text("else\r\n")}});
    EXPECT_FALSE(found.start) << ::testing::PrintToString(bytes);
  }
}

TEST(Preface, ABrokenHelloAtTheStartIsATlsHandshake) {
  EXPECT_TRUE(Feed({{End::kLocal, Record(22, {1, 0, 0, 5, 'j', 'u', 'n', 'k', '!'})}}).start);
}

TEST(Preface, NothingIsLookedForAfterAnHttpRequestAndItsAnswer) {
  const Found found = Feed({{End::kLocal, Text("GET / HTTP/1.1\r\nHost: x\r\n\r\n")},
                            {End::kRemote, Text("HTTP/1.1 200 OK\r\n")},
                            {End::kRemote, Hello::Server13().Record()},
                            {End::kLocal, kHello}});
  EXPECT_FALSE(found.start);
  EXPECT_TRUE(found.gave_up);
}

TEST(Preface, GivesUpAfterItsCeilingOfBytes) {
  Preface preface;
  const Bytes line(1000, 'x');  // without an end
  size_t bytes = 0;
  while (!preface.GaveUp()) {
    EXPECT_FALSE(preface.OnBytes(End::kLocal, line, 1));
    bytes += line.size();
    ASSERT_LE(bytes, kMaxPrefaceBytes + line.size());
  }
  EXPECT_GT(bytes, kMaxPrefaceBytes);
  EXPECT_FALSE(preface.OnBytes(End::kLocal, kHello, 1));
  EXPECT_EQ(preface.Protocol(), PlainProtocol::kUnknown);
}

TEST(Preface, GivesUpAfterItsCeilingOfTurns) {
  Preface preface;
  int turns = 0;
  while (!preface.GaveUp()) {
    EXPECT_FALSE(preface.OnBytes(turns % 2 == 0 ? End::kLocal : End::kRemote, Text("NOOP\r\n"), 1));
    ASSERT_LE(++turns, kMaxPrefaceTurns + 1);
  }
  EXPECT_EQ(turns, kMaxPrefaceTurns + 1);
}

TEST(Preface, HostileHeadersEndAtTheCeilings) {
  // A PROXY line without an end, a block as long as can be, SSLRequests without a flag, and nothing but NULs.
  Bytes block = testing::FromHex("0d0a0d0a000d0a515549540a2111ffff");
  block.resize(70000);
  for (const Bytes& bytes : {Text("PROXY " + std::string(70000, 'x')), block, Bytes(70000, 0), Bytes(70000, 0x16),
                             testing::FromHex("200000010000000000")}) {
    for (const size_t size : {size_t{1}, size_t{100}, size_t{1460}}) {
      Preface preface;
      for (size_t at = 0; at < bytes.size(); at += size) {
        const Bytes piece(bytes.begin() + static_cast<ptrdiff_t>(at),
                          bytes.begin() + static_cast<ptrdiff_t>(std::min(bytes.size(), at + size)));
        EXPECT_FALSE(preface.OnBytes(End::kLocal, piece, 1));
      }
      EXPECT_EQ(preface.GaveUp(), bytes.size() > kMaxPrefaceBytes);
    }
  }
}

TEST(Preface, AProxyBlockLongerThanASegmentIsPassedOver) {
  Bytes block = testing::FromHex("0d0a0d0a000d0a515549540a21110384");
  block.resize(16 + 0x384);
  Bytes second(block.begin() + 700, block.end());
  second.insert(second.end(), kHello.begin(), kHello.end());
  const Found found = Feed({{End::kLocal, Bytes(block.begin(), block.begin() + 700)}, {End::kLocal, second}});
  ASSERT_TRUE(found.start);
  EXPECT_EQ(found.tls, kHello);
  EXPECT_EQ(found.start->first_ns, 2000u);
}

TEST(Preface, APieceBehindAGapIsJudgedByItself) {
  Preface preface;
  EXPECT_FALSE(preface.OnBytes(End::kLocal, Bytes(kHello.begin(), kHello.begin() + 4), 1));
  preface.OnGap(End::kLocal);
  const std::optional<TlsStart> found = preface.OnBytes(End::kLocal, kHello, 2);
  ASSERT_TRUE(found);
  EXPECT_EQ(Joined(*found), kHello);
}

// Feed gives the hello the time 3000.
TEST(Preface, PlainTextThatTheHelloOvertookIsPassedOver) {
  Preface preface;
  Feed(&preface, {{End::kLocal, Text("220 ESMTP\r\n")}, {End::kRemote, Text("STARTTLS\r\n")}, {End::kRemote, kHello}});
  EXPECT_FALSE(preface.StillPlain(End::kRemote, Text("x"), 2500));
  EXPECT_TRUE(preface.StillPlain(End::kLocal, Text("250-PIPELINING\r\n"), 2500));
  EXPECT_TRUE(preface.StillPlain(End::kLocal, Text("250 STARTTLS\r\n"), 2600));
  EXPECT_TRUE(preface.StillPlain(End::kLocal, Text("220 go\r\n"), 4000));
  EXPECT_FALSE(preface.StillPlain(End::kLocal, Hello::Server13().Record(), 4000));
  EXPECT_FALSE(preface.StillPlain(End::kLocal, Text("now it would be wrong\r\n"), 4000));
}

TEST(Preface, AnAnswerThatIsNotOwedIsNotPassedOver) {
  for (const bool answered : {false, true}) {
    Preface preface;
    Feed(&preface, {{End::kRemote, Text("STARTTLS\r\n")}, {End::kLocal, Text("220 go\r\n")}});
    if (!answered) Feed(&preface, {{End::kRemote, Text("NOOP\r\n")}});
    Feed(&preface, {{End::kRemote, kHello}});
    EXPECT_EQ(preface.StillPlain(End::kLocal, Text("454 no TLS\r\n"), 4000), !answered);
    EXPECT_FALSE(preface.StillPlain(End::kLocal, Text("221 bye\r\n"), 4000));
  }
}

TEST(Preface, WhatAServerSaysToAHelloThatCameFirstIsNotPassedOver) {
  Preface preface;
  Feed(&preface, {{End::kRemote, kHello}});
  EXPECT_FALSE(preface.StillPlain(End::kLocal, Text("HTTP/1.1 400 Bad Request\r\n"), 4000));
}

TEST(Preface, RandomBytesAreNeverTls) {
  std::mt19937 random(1);
  for (int run = 0; run < 20000; ++run) {
    Preface preface;
    while (!preface.GaveUp()) {
      Bytes bytes(1 + random() % 600);
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
      bytes[0] = random() % 2 == 0 ? 22 : bytes[0];
      ASSERT_FALSE(preface.OnBytes(random() % 2 == 0 ? End::kLocal : End::kRemote, bytes, 1));
    }
  }
}

}  // namespace
}  // namespace tlsmeter::agent
