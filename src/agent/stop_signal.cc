#include "src/agent/stop_signal.h"

#include <csignal>

namespace tlsmeter::agent {
namespace {

volatile std::sig_atomic_t stop_requested = 0;

}  // namespace

void CatchStopSignals() {
  struct sigaction stop = {};
  stop.sa_handler = [](int) { stop_requested = 1; };
  stop.sa_flags = static_cast<int>(SA_RESETHAND);  // no SA_RESTART: the poll must return
  sigaction(SIGINT, &stop, nullptr);
  sigaction(SIGTERM, &stop, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool StopRequested() { return stop_requested != 0; }

}  // namespace tlsmeter::agent
