#include "src/tls/tls13_end.h"

namespace tlsmeter {
namespace {

// How many records without a telling length a client that offered early data must have sent until one counts as its end.
// Early data that fits the usual limit of 16 KiB takes a few records; a client that pads its Finished is not to be followed
// for ever.
constexpr int kMaxEarlyDataInFlight = 16;

void Refuse(Sender sender, uint64_t time_ns, Handshake* facts) {
  facts->progress = Progress::kRefused;
  facts->inferred = true;
  facts->alert = Alert{.sender = sender, .level = 0, .description = 0, .encrypted = true, .time_ns = time_ns};
}

}  // namespace

void Tls13End::OnEarlyData(uint64_t time_ns) {
  if (!early_data_ns_) early_data_ns_ = time_ns;
}

void Tls13End::OnServerHello(CipherSuite cipher, bool early_data_may_follow) {
  lengths_ = cipher.Lengths13();
  early_data_may_follow_ = early_data_may_follow;
}

void Tls13End::Finish(uint64_t time_ns, Handshake* facts) {
  finished_ = true;
  facts->progress = Progress::kEstablished;
  facts->client_finished_ns = time_ns;
  facts->established_ns = time_ns;
  if (facts->early_data != EarlyData::kOffered) return;
  // EndOfEarlyData comes right before Finished (RFC 8446, section 4.5), and only if the server accepted.
  const bool accepted = lengths_ && tentative_count_ > 0 && last_length_ == lengths_->EndOfEarlyDataRecord();
  facts->early_data = accepted ? EarlyData::kAccepted : EarlyData::kRejected;
  if (accepted && early_data_ns_) facts->first_application_data_ns = *early_data_ns_;
}

void Tls13End::OnClientRecord(uint16_t length, uint64_t time_ns, bool in_order, Handshake* facts) {
  if (finished_) {
    OnDataAfterFinished(length, time_ns, facts);
  } else if (lengths_ && length == lengths_->FinishedRecord()) {
    Finish(time_ns, facts);
  } else if (IsAlert(length) && in_order) {
    Refuse(Sender::kClient, time_ns, facts);
  } else {
    tentative_ns_ = time_ns;
    last_length_ = length;
    if (tentative_count_ < kMaxEarlyDataInFlight) ++tentative_count_;
  }
}

void Tls13End::OnDataAfterFinished(uint16_t length, uint64_t time_ns, Handshake* facts) {
  if (after_finished_ < kMaxUnansweredRecords) ++after_finished_;
  if (IsAlert(length)) {
    client_closed_ = true;
  } else if (facts->first_application_data_ns == 0) {
    facts->first_application_data_ns = time_ns;
  }
}

void Tls13End::OnServerRecord(uint16_t length, uint64_t time_ns, bool in_order, Handshake* facts) {
  const bool alert = IsAlert(length) && in_order;
  if (!finished_) {
    if (alert) {
      // Without a client's record there is nothing to refuse: servers answer a client's early FIN like this.
      if (tentative_ns_) Refuse(Sender::kServer, time_ns, facts);
    } else if (tentative_ns_ && (!early_data_may_follow_ || tentative_count_ == kMaxEarlyDataInFlight)) {
      Finish(*tentative_ns_, facts);
      answered_ = true;
    }
    return;
  }
  if (Answered()) return;
  const bool late = time_ns > facts->established_ns && time_ns - facts->established_ns > kMaxRefusalDelayNs;
  if (alert && !client_closed_ && !late) {
    Refuse(Sender::kServer, time_ns, facts);
  } else {
    answered_ = true;
  }
}

}  // namespace tlsmeter
