// Separated values for other programs: comma-separated ones, and the ssl.log of Zeek. Pure, any thread.
#ifndef TLSMETER_SRC_EXPORT_SEPARATED_H_
#define TLSMETER_SRC_EXPORT_SEPARATED_H_

#include <string>
#include <vector>

#include "src/correlate/handshake_record.h"
#include "src/export/fields.h"

namespace tlsmeter::agent {

// CsvHeader and CsvLine return comma-separated values as RFC 4180 quotes them, with a line feed: the names of the fields,
// and the values of one record. What was not seen is empty.
std::string CsvHeader(const std::vector<const Field*>& fields);
std::string CsvLine(const std::vector<const Field*>& fields, const HandshakeRecord& record, const TimeFormat& time);

// ZeekHeader and ZeekLine return Zeek's tab-separated log format with the fields of its ssl.log that the wire shows;
// "-" is what was not seen. `opened_ns` is when the log begins, Unix time. The uid is made of the client random, so that
// both sides of a handshake have the same.
std::string ZeekHeader(uint64_t opened_ns);
std::string ZeekLine(const HandshakeRecord& record);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_EXPORT_SEPARATED_H_
