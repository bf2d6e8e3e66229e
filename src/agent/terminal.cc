#include "src/agent/terminal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

// The other screen; no cursor; what is too long does not go on in the next line. And back, with the colours as they were.
constexpr std::string_view kTake = "\x1b[?1049h\x1b[?25l\x1b[?7l";
constexpr std::string_view kGiveBack = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

// Signals that end the process, and that nobody here takes for something else.
constexpr std::array kDeadly = {SIGHUP, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

// What a signal handler needs.
termios before;
volatile std::sig_atomic_t taken = 0;
volatile std::sig_atomic_t suspend_asked = 0;

bool WriteAll(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// Safe in a signal handler.
void GiveBack() {
  if (taken == 0) return;
  taken = 0;
  WriteAll(kGiveBack);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

bool Take() {
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | IEXTEN);  // signals are still made of keys
  raw.c_iflag &= ~static_cast<tcflag_t>(IXON);                    // ^S would stop the reading of events
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  taken = 1;
  return tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0 && WriteAll(kTake);
}

void SetHandler(int number, void (*handler)(int), int flags) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(number, &action, nullptr);
}

void CatchSuspension() {
  SetHandler(
      SIGTSTP, [](int) { suspend_asked = 1; }, 0);
}

}  // namespace

bool Terminal::IsUsable() {
  const char* name = std::getenv("TERM");
  return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && name != nullptr && *name != '\0' &&
         std::string_view(name) != "dumb";
}

absl::StatusOr<std::unique_ptr<Terminal>> Terminal::Open() {
  if (tcgetattr(STDIN_FILENO, &before) != 0) {
    return absl::UnavailableError(absl::StrCat("cannot read the modes of the terminal: ", strerror(errno)));
  }
  for (const int number : kDeadly) {
    SetHandler(
        number,
        [](int caught) {
          GiveBack();
          raise(caught);  // once more, as it would have been without us
        },
        static_cast<int>(SA_RESETHAND | SA_NODEFER));
  }
  CatchSuspension();
  std::unique_ptr<Terminal> terminal(new Terminal);
  if (!Take()) return absl::UnavailableError(absl::StrCat("cannot take the terminal: ", strerror(errno)));
  return terminal;
}

Terminal::~Terminal() {
  GiveBack();
  for (const int number : kDeadly) SetHandler(number, SIG_DFL, 0);
  SetHandler(SIGTSTP, SIG_DFL, 0);
}

TerminalSize Terminal::size() const {
  TerminalSize size;
  winsize window = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col != 0 && window.ws_row != 0) {
    size.width = std::min<size_t>(window.ws_col, kMaxTerminalCells);
    size.height = std::min<size_t>(window.ws_row, kMaxTerminalCells);
  }
  return size;
}

std::string Terminal::ReadKeys() {
  std::array<char, 256> bytes;
  const ssize_t count = read(STDIN_FILENO, bytes.data(), bytes.size());
  return count > 0 ? std::string(bytes.data(), static_cast<size_t>(count)) : std::string();
}

absl::Status Terminal::Draw(const std::vector<std::string>& lines) {
  std::string text;
  size_t row = 0;
  // Each line is erased before it is written: after a character in the last column the cursor is still on it.
  for (const std::string& line : lines) absl::StrAppend(&text, "\x1b[", ++row, ";1H\x1b[2K", line);
  absl::StrAppend(&text, "\x1b[0m");
  if (row < size().height) absl::StrAppend(&text, "\x1b[", row + 1, ";1H\x1b[J");
  if (WriteAll(text)) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write to the terminal: ", strerror(errno)));
}

bool Terminal::SuspendIfAsked() {
  if (suspend_asked == 0) return false;
  suspend_asked = 0;
  GiveBack();
  // Not SIGSTOP: the kernel does not stop a process that no shell would continue.
  SetHandler(SIGTSTP, SIG_DFL, 0);
  raise(SIGTSTP);
  CatchSuspension();
  Take();
  return true;
}

}  // namespace tlsmeter::agent
