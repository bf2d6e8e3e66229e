#include "src/agent/stop_signal.h"

#include <csignal>

namespace tlsmeter::agent {
namespace {

volatile std::sig_atomic_t stop_requested = 0;
volatile std::sig_atomic_t reload_requested = 0;

}  // namespace

void CatchStopSignals() {
  struct sigaction stop = {};
  stop.sa_handler = [](int) { stop_requested = 1; };
  stop.sa_flags = static_cast<int>(SA_RESETHAND);  // no SA_RESTART: the poll must return
  sigaction(SIGINT, &stop, nullptr);
  sigaction(SIGTERM, &stop, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void CatchReloadSignal() {
  struct sigaction reload = {};
  reload.sa_handler = [](int) { reload_requested = 1; };
  sigaction(SIGHUP, &reload, nullptr);
}

bool TakeReloadRequest() {
  if (reload_requested == 0) return false;
  reload_requested = 0;
  return true;
}

bool StopRequested() { return stop_requested != 0; }

}  // namespace tlsmeter::agent
