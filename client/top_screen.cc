#include "client/top_screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace cj::client {
namespace {

// The alternate screen, no cursor, long lines cut instead of continued; and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l";
constexpr std::string_view kLeave = "\x1b[?7h\x1b[?25h\x1b[?1049l";

void WriteAll(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

TopScreen::TopScreen() {
  ::tcgetattr(STDIN_FILENO, &saved_);
  Enter();
}

TopScreen::~TopScreen() { Leave(); }

void TopScreen::Enter() {
  if (entered_) return;
  entered_ = true;
  termios raw = saved_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  WriteAll(kEnter);
}

void TopScreen::Leave() {
  if (!entered_) return;
  entered_ = false;
  WriteAll(kLeave);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_);
}

TopSize TerminalSize() {
  TopSize size;
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0) return size;
  if (window.ws_row > 0) size.rows = window.ws_row;
  if (window.ws_col > 0) size.columns = window.ws_col;
  return size;
}

std::string Drawing(const std::vector<std::string>& lines) {
  std::string text = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    text += (i == 0 ? "" : "\r\n") + lines[i] + "\x1b[K";
  }
  return text + "\x1b[J";
}

}  // namespace cj::client
