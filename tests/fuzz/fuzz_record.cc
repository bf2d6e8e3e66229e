// RecordReader: the same records come out however the input is split, and never more bytes than went in.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/fuzz/fuzz_check.h"
#include "tlsmeter/record.h"

namespace {

using tlsmeter::ContentType;
using tlsmeter::ParseStatus;
using tlsmeter::RecordHeader;
using tlsmeter::RecordPiece;
using tlsmeter::RecordReader;

struct Result {
  std::vector<RecordHeader> headers;
  std::vector<uint8_t> bodies;
  size_t whole = 0;
  ParseStatus status = ParseStatus::kNeedMore;
  bool operator==(const Result&) const = default;
};

Result Cut(std::span<const uint8_t> input, size_t step) {
  RecordReader reader;
  Result result;
  while (!input.empty()) {
    std::span<const uint8_t> part = input.first(std::min(step, input.size()));
    input = input.subspan(part.size());
    RecordPiece piece;
    while ((result.status = reader.Next(&part, &piece)) == ParseStatus::kOk) {
      if (piece.first) result.headers.push_back(piece.header);
      if (piece.last) ++result.whole;
      FUZZ_CHECK(piece.header.type != ContentType::kApplicationData || piece.body.empty());
      FUZZ_CHECK(piece.last == reader.AtBoundary());
      result.bodies.insert(result.bodies.end(), piece.body.begin(), piece.body.end());
    }
    if (result.status != ParseStatus::kNeedMore) break;
    FUZZ_CHECK(part.empty());
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> input(data + 1, size - 1);
  const Result whole = Cut(input, SIZE_MAX);
  FUZZ_CHECK(whole == Cut(input, 1));
  FUZZ_CHECK(whole == Cut(input, 2 + data[0]));
  FUZZ_CHECK(whole.headers.size() * tlsmeter::kRecordHeaderSize + whole.bodies.size() <= input.size());
  FUZZ_CHECK(whole.headers.size() - whole.whole <= 1);
  return 0;
}
