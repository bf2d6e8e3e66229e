// Tls13End: how a TLS 1.3 handshake ended, told from the lengths and the order of encrypted records.
//
// After ServerHello everything is application data to the eye; what it is follows from what can come at that point and how
// long it must be (Tls13Lengths). The rules and what they rest on:
//
// Client, before its Finished:
//   Finished's length  the handshake is complete; early data was accepted if the record before had EndOfEarlyData's length
//   an alert's length  fatal: nothing else is so short
//   any other          certificate, early data under way, or joined messages: perhaps the end, should the server go on
//                      server goes on after it
// Client, after it:
//   an alert's length  close_notify
//   any other          application data
// Server, before the client's Finished:
//   an alert's length  fatal, if the client sent anything; else the answer to a client that closed
//   any other          its flight, or the proof that the client had finished
// Server, after it, its first record:
//   an alert's length  the client is refused, unless it closed first or a long time passed
//   any other          a ticket or data: the client is accepted
//
// Where records may be missing, a length proves no alert. One thread at a time.
#ifndef TLSMETER_SRC_TLS_TLS13_END_H_
#define TLSMETER_SRC_TLS_TLS13_END_H_

#include <cstdint>
#include <optional>

#include "tlsmeter/handshake.h"
#include "tlsmeter/registry.h"

namespace tlsmeter {

class Tls13End {
 public:
  // OnEarlyData notes the first record of early data, before ServerHello.
  void OnEarlyData(uint64_t time_ns);

  // OnServerHello begins the rules. `cipher` is the one chosen; without known lengths only the server's going on proves an
  // end. `early_data_may_follow`: records of early data can still come, from a client that has not seen the ServerHello yet.
  void OnServerHello(CipherSuite cipher, bool early_data_may_follow);

  // OnClientRecord and OnServerRecord take the length field of an encrypted record after ServerHello and write what follows
  // from it into `facts`. `in_order`: no byte of that direction is missing so far.
  void OnClientRecord(uint16_t length, uint64_t time_ns, bool in_order, Handshake* facts);
  void OnServerRecord(uint16_t length, uint64_t time_ns, bool in_order, Handshake* facts);

  // Answered returns true when the server's reaction to the client's Finished is known. Until then an alert of the server
  // revokes the completion.
  bool Answered() const { return answered_ || after_finished_ >= kMaxUnansweredRecords; }

  // Over returns true when the client's Finished was seen and nothing that can come would change the facts.
  bool Over(const Handshake& facts) const {
    return finished_ && Answered() && (facts.first_application_data_ns != 0 || client_closed_);
  }

 private:
  bool IsAlert(uint16_t length) const { return lengths_ && length == lengths_->AlertRecord(); }
  void Finish(uint64_t time_ns, Handshake* facts);
  void OnDataAfterFinished(uint16_t length, uint64_t time_ns, Handshake* facts);

  std::optional<Tls13Lengths> lengths_;
  bool early_data_may_follow_ = false;
  std::optional<uint64_t> early_data_ns_;

  // Before Finished: the client's encrypted records that had no telling length.
  std::optional<uint64_t> tentative_ns_;  // time of the last one
  uint16_t last_length_ = 0;              // and its length
  int tentative_count_ = 0;

  // After it.
  bool finished_ = false;
  bool client_closed_ = false;
  bool answered_ = false;
  int after_finished_ = 0;  // client's records
};

}  // namespace tlsmeter

#endif  // TLSMETER_SRC_TLS_TLS13_END_H_
