// Text that came from elsewhere - server names, process names, ALPN ids - made fit for a terminal, JSON and metric labels.
//
// One label with a byte outside UTF-8 makes Prometheus reject a whole scrape, and one escape sequence in a host name can
// rewrite a terminal: every such string passes through here before it is shown. Pure functions, any thread.
#ifndef TLSMETER_SRC_BASE_TEXT_H_
#define TLSMETER_SRC_BASE_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tlsmeter::agent {

// Label values with a meaning of their own. No value from outside is ever passed on in their spelling.
inline constexpr std::string_view kLabelOther = "__other__";      // over a ceiling: one of those that were not admitted
inline constexpr std::string_view kLabelNone = "__none__";        // seen, and there was no value
inline constexpr std::string_view kLabelUnknown = "__unknown__";  // not seen
inline constexpr std::string_view kLabelInvalid = "__invalid__";  // a value that the protocol forbids
inline constexpr std::string_view kLabelIp = "__ip__";            // an IP address where a name belongs

// kMaxHostName is the longest host name in text form (RFC 1035, section 2.3.4), kMaxHostNamePart the longest part between
// dots.
inline constexpr size_t kMaxHostName = 253;
inline constexpr size_t kMaxHostNamePart = 63;

// kMaxWorkloadLabel bounds a workload label in bytes: twice the 63 of a Kubernetes name, room for 15 escaped bytes of a
// comm.
inline constexpr size_t kMaxWorkloadLabel = 128;

// Utf8Character returns the length of the well-formed UTF-8 character at the start of `text` and sets *code to it; 0 when
// the bytes are not well formed (RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF) or `text` is empty.
size_t Utf8Character(std::string_view text, char32_t* code);

// PrintableUtf8 returns `raw` as valid UTF-8 of at most `max_bytes` bytes that is safe to print: each byte of an ill-formed
// sequence, a control character (C0, DEL, C1), a bidirectional or invisible format control, or a line or paragraph separator
// becomes \xNN. What does not fit is cut between characters; a backslash of `raw` stays as it is.
std::string PrintableUtf8(std::string_view raw, size_t max_bytes);

// HexText returns two lower-case hexadecimal digits for each byte.
std::string HexText(std::span<const uint8_t> bytes);

// LowerAscii returns `text` with A-Z in lower case and everything else unchanged.
std::string LowerAscii(std::string_view text);

// ServerNameLabel returns the metric label for a server name as sent by a client: lower case, without a trailing dot or
// :port. An IP literal gives kLabelIp, no name kLabelNone, and what is no host name - a byte other than letters, digits,
// '-', '_' and
// '.', an empty part, a part or name too long, a reserved spelling - kLabelInvalid. At most kMaxHostName bytes.
std::string ServerNameLabel(std::string_view raw);

// WorkloadLabel returns the metric label for the name of a workload or process: kLabelUnknown when empty, kLabelInvalid for
// a reserved spelling, else PrintableUtf8. At most kMaxWorkloadLabel bytes.
std::string WorkloadLabel(std::string_view raw);

// IsReservedLabel returns true for the spellings above.
bool IsReservedLabel(std::string_view value);

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_BASE_TEXT_H_
