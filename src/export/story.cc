#include "src/export/story.h"

#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/aggregate/labels.h"
#include "src/base/text.h"
#include "src/export/fields.h"

namespace tlsmeter::agent {
namespace {

// How many of a long list are named; the rest is counted.
constexpr size_t kNamed = 6;

void Line(std::string_view what, std::string_view text, std::string* out) {
  absl::StrAppend(out, absl::StrFormat("    %-16s %s\n", what, text));
}

template <typename Number>
std::string Names(const std::vector<Number>& numbers) {
  std::string text;
  size_t named = 0;
  size_t more = 0;
  for (const Number number : numbers) {
    if (IsGrease(number.value)) continue;
    if (named == kNamed) {
      ++more;
      continue;
    }
    absl::StrAppend(&text, named == 0 ? "" : ", ", number.Name());
    ++named;
  }
  if (more > 0) absl::StrAppend(&text, " and ", more, " more");
  return text;
}

std::string Offered(const ClientHello& hello) {
  const std::vector<ProtocolVersion> only = {hello.legacy_version};
  std::string text = absl::StrCat("TLS ", Names(hello.supported_versions.empty() ? only : hello.supported_versions), "; ",
                                  Names(hello.cipher_suites));
  if (!hello.supported_groups.empty()) absl::StrAppend(&text, "; groups ", Names(hello.supported_groups));
  for (size_t i = 0; i < hello.alpn.size() && i < kNamed; ++i) {
    absl::StrAppend(&text, i == 0 ? "; ALPN " : ", ", PrintableUtf8(hello.alpn[i], kMaxFieldText));
  }
  return text;
}

std::string Answered(const HandshakeRecord& record) {
  const Handshake& tls = record.tls;
  std::string text = absl::StrCat("TLS ", tls.version->Name(), ", ", tls.cipher->Name());
  if (tls.group.has_value()) absl::StrAppend(&text, ", ", tls.group->Name());
  if (tls.hello_retry.has_value()) absl::StrAppend(&text, ", after a HelloRetryRequest");
  if (const auto seconds = ServerFlightSeconds(record))
    absl::StrAppend(&text, absl::StrFormat(", after %.1f ms", *seconds * 1e3));
  if (const CertificateFacts* leaf = tls.server_certificates.leaf()) {
    absl::StrAppend(&text, "; certificate ", PrintableUtf8(leaf->subject, kMaxFieldText));
  }
  return text;
}

// Who ended it, and in which words.
std::string GaveUp(const HandshakeRecord& record) {
  if (record.tls.alert.has_value()) {
    const Alert& alert = *record.tls.alert;
    const std::string who(SenderName(alert.sender));
    if (alert.encrypted) return absl::StrCat("the ", who, ", with an alert that is encrypted");
    return absl::StrCat("the ", who, ", with the alert ", std::string(AlertLabel(alert)));
  }
  switch (record.reason) {
    case FailureReason::kPeerClosed:
      return "the other side closed the connection";
    case FailureReason::kPeerReset:
      return "the other side reset the connection";
    case FailureReason::kLocalClosed:
      return "this side closed the connection";
    case FailureReason::kTimeout:
      return "nobody: nothing came any more";
    case FailureReason::kNotTls:
    case FailureReason::kProtocolError:
      return absl::StrCat("the ", std::string(SenderName(record.failure_side.value_or(record.tls.parse_sender))),
                          " sent what is not the protocol");
    default:
      return "";
  }
}

struct Advice {
  std::string_view why;
  std::string_view attempt;
};

Advice AdviceOn(FailureReason reason) {
  switch (reason) {
    case FailureReason::kNone:
      return {"not all of the handshake was seen", "tlsmeter check, and the counters of what was lost in the last line"};
    case FailureReason::kCertificateExpired:
      return {"the server's certificate has expired, by the client's clock", "renew it; compare the clocks of both hosts"};
    case FailureReason::kCertificateNotYetValid:
      return {"the server's certificate is not valid yet, by the client's clock", "compare the clocks of both hosts"};
    case FailureReason::kCertificateRevoked:
      return {"the client holds the server's certificate for revoked", "replace it; ask its issuer why"};
    case FailureReason::kUnknownCa:
      return {"the client does not trust who issued the server's certificate",
              "send the whole chain, or add the issuer to the client's trust store"};
    case FailureReason::kSelfSigned:
      return {"the server's certificate is its own issuer, and the client does not trust it",
              "add it to the client's trust store, or have one issued"};
    case FailureReason::kHostnameMismatch:
      return {"the server's certificate is for other names", "compare the name that was asked for with the certificate's"};
    case FailureReason::kCertificateOther:
      return {"the client refuses the server's certificate",
              "compare its names, purpose and key with what the client asks for"};
    case FailureReason::kClientCertificateMissing:
      return {"the server asks for a client certificate and got none", "give the client a certificate and its key"};
    case FailureReason::kClientCertificateRejected:
      return {"the server refuses the client's certificate", "compare its issuer and expiry with what the server trusts"};
    case FailureReason::kHandshakeFailure:
      return {"no cipher suite, group or signature algorithm that both accept",
              "compare the offer above with the server's settings and the type of its key"};
    case FailureReason::kNoSharedCipher:
      return {"no cipher suite that both accept",
              "compare the offer above with the server's suites and the type of its key"};
    case FailureReason::kNoSharedGroup:
      return {"no group for the key exchange that both accept", "compare the offer above with the server's groups"};
    case FailureReason::kNoSharedSignatureAlgorithm:
      return {"the server can sign in no way that the client accepts",
              "compare the offer above with the type of the server's key"};
    case FailureReason::kProtocolVersion:
      return {"no TLS version that both accept", "raise the lower side, or allow the version on the other"};
    case FailureReason::kUnrecognizedName:
      return {"the server does not know the name that was asked for", "compare the name with the server's virtual hosts"};
    case FailureReason::kNoApplicationProtocol:
      return {"no application protocol that both accept", "compare the ALPN lists of both sides"};
    case FailureReason::kDecryptError:
      return {"a signature or a record could not be verified", "look for a key that does not belong to its certificate"};
    case FailureReason::kNotTls:
      return {"one side does not speak TLS on this port",
              "plain HTTP to a TLS port, TLS to a plain one, or a STARTTLS that is missing"};
    case FailureReason::kProtocolError:
      return {"one side breaks the framing of TLS", "look for a middle box, or a stack that is broken"};
    case FailureReason::kPeerClosed:
    case FailureReason::kPeerReset:
      return {"no reason was given", "the other side's own log; a health check or scanner closes like this too"};
    case FailureReason::kLocalClosed:
      return {"no reason was given",
              "this process's own log: a timeout of its own, or a check that failed after the handshake"};
    case FailureReason::kTimeout:
      return {"the other side went silent", "a firewall that drops packets, or a server that is overloaded"};
    case FailureReason::kInternalError:
      return {"one side had a failure of its own", "the log of the side that sent the alert"};
    case FailureReason::kOther:
      return {"see the alert", "the log of the side that sent it"};
  }
  return {};
}

}  // namespace

std::string Story(const HandshakeRecord& record) {
  std::string story;
  if (record.result == Result::kSuccess) return story;
  if (record.tls.client_hello.has_value()) Line("client offered", Offered(*record.tls.client_hello), &story);
  Line("server answered",
       record.tls.server_hello.has_value() && record.tls.version && record.tls.cipher ? Answered(record)
                                                                                      : "with no ServerHello",
       &story);
  if (const std::string gave_up = GaveUp(record); !gave_up.empty()) Line("given up by", gave_up, &story);
  const Advice advice = AdviceOn(record.reason);
  Line(record.inferred ? "why, likely" : "why", advice.why, &story);
  Line("try", advice.attempt, &story);
  return story;
}

}  // namespace tlsmeter::agent
