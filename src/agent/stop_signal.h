// SIGINT, SIGTERM and SIGHUP as flags. Process-wide.
#ifndef TLSMETER_SRC_AGENT_STOP_SIGNAL_H_
#define TLSMETER_SRC_AGENT_STOP_SIGNAL_H_

namespace tlsmeter::agent {

// CatchStopSignals makes SIGINT and SIGTERM set a flag and interrupt blocking calls, once: a second one of either kills as
// usual. SIGPIPE is ignored, so that a reader who goes away is an error of the write.
void CatchStopSignals();

// CatchReloadSignal makes SIGHUP, which ends a process by itself, set a flag.
void CatchReloadSignal();

// TakeReloadRequest returns true once after a SIGHUP.
bool TakeReloadRequest();

// StopRequested returns true after such a signal.
bool StopRequested();

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_STOP_SIGNAL_H_
