// Records: cutting one direction of a TLS connection at its record boundaries (RFC 8446, section 5.1; RFC 5246,
// section 6.2.1).
//
// A RecordReader takes the bytes of a stream in any split and gives them back as pieces that never cross a record boundary.
// It copies nothing but an unfinished header of five bytes: a piece's body is a view into the bytes that the caller passed.
// Bodies of application data are counted, never handed out. Cutting records is all it does; joining handshake messages over
// records and knowing which records are ciphertext is for the caller. One reader belongs to one thread at a time.
#ifndef TLSMETER_RECORD_H_
#define TLSMETER_RECORD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tlsmeter/parse_status.h"
#include "tlsmeter/registry.h"

namespace tlsmeter {

// kRecordHeaderSize is the size of type, version and length.
inline constexpr size_t kRecordHeaderSize = 5;

// kMaxRecordLength is the largest length field that is accepted: 2^14 bytes of content and the 2048 bytes that TLS 1.2
// allows a cipher to add (RFC 5246, section 6.2.3). TLS 1.3 allows 256; the reader cannot know which version was negotiated.
inline constexpr uint16_t kMaxRecordLength = (1 << 14) + 2048;

// kMaxEmptyRecords is how many application data records of length zero may follow each other. TLS 1.0 stacks send one before
// each record to hide its initialisation vector; a peer that sends only such records makes work and no progress.
inline constexpr int kMaxEmptyRecords = 32;

// RecordHeader is the head of one record.
struct RecordHeader {
  ContentType type;         // 20 to 24
  ProtocolVersion version;  // 0x0300 to 0x0304; "legacy", says nothing about what was negotiated
  uint16_t length = 0;      // bytes that follow the header

  constexpr bool operator==(const RecordHeader&) const = default;
};

// ParseRecordHeader reads the header at the front of `bytes`; what follows it is not looked at. Each byte is judged as soon
// as it is there, so that three bytes are enough to know that a peer does not speak TLS.
//   kOk         `header` was set
//   kNeedMore   `bytes` is shorter than a header, and could begin one
//   kNotTls     the type is not 20 to 24, or the version not 3.0 to 3.4
//   kTooLarge   the length is over kMaxRecordLength
//   kBadLength  a record of a type other than application data is empty (RFC 8446, section 5.1)
[[nodiscard]] ParseStatus ParseRecordHeader(std::span<const uint8_t> bytes, RecordHeader* header);

// RecordPiece is a run of bytes of one record.
struct RecordPiece {
  RecordHeader header;            // of the record that the piece belongs to
  bool first = false;             // the header was completed by this piece: once per record
  bool last = false;              // the record ends with this piece: once per record, maybe the same as `first`
  std::span<const uint8_t> body;  // may be empty; always empty for application data; a view into the bytes passed to Next
};

// RecordReader cuts one direction. A status other than kOk and kNeedMore is final: the reader repeats it until Resync.
class RecordReader {
 public:
  // Next takes bytes off the front of `*bytes` and describes them in `*piece`. Call it until it returns kNeedMore:
  //   kOk        `piece` is set; its body lives as long as the bytes passed in
  //   kNeedMore  all of `*bytes` was consumed, the next bytes of the stream are wanted
  //   else       a header is malformed, as ParseRecordHeader says, or more than kMaxEmptyRecords came in a row (kBadLength);
  //              what is left in `*bytes` cannot be cut
  // A header is reported when it is complete, before any byte of the body has come.
  [[nodiscard]] ParseStatus Next(std::span<const uint8_t>* bytes, RecordPiece* piece);

  // PassOpaque notes a record of which only the header is known, its body having been left out of the stream. It must come
  // at a record boundary. Judges the header as Next does, and returns the same statuses; kNeedMore when the reader is inside
  // a record, in which case nothing is changed.
  [[nodiscard]] ParseStatus PassOpaque(const RecordHeader& header);

  // AtBoundary returns true when the next byte is the first one of a record: at the start, and after each `last` piece.
  bool AtBoundary() const { return buffered_ == 0 && body_left_ == 0; }

  // InHeader returns true between the first and the fifth byte of a header.
  bool InHeader() const { return buffered_ > 0; }

  // Resync forgets an unfinished record and any error: the next byte begins a record.
  void Resync();

 private:
  [[nodiscard]] ParseStatus Admit(const RecordHeader& header);

  std::array<uint8_t, kRecordHeaderSize> buffer_ = {};
  uint8_t buffered_ = 0;    // bytes of an unfinished header in buffer_
  uint16_t body_left_ = 0;  // bytes of header_'s record still to come
  int empty_in_a_row_ = 0;
  RecordHeader header_;
  ParseStatus failed_ = ParseStatus::kOk;
};

}  // namespace tlsmeter

#endif  // TLSMETER_RECORD_H_
