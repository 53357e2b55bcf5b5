// A terminal as a canvas: its other screen, no echo, no waiting for whole lines. Everything is as
// it was when the object goes.
#pragma once

#include <termios.h>

#include <string>
#include <vector>

#include "client/top_frame.h"

namespace cj::client {

class TopScreen {
 public:
  // stdin and stdout are terminals.
  TopScreen();
  ~TopScreen();
  TopScreen(const TopScreen&) = delete;
  TopScreen& operator=(const TopScreen&) = delete;

  void Enter();
  void Leave();

 private:
  termios saved_{};
  bool entered_ = false;
};

// Of the terminal on stdout; what is usual where that is none.
TopSize TerminalSize();

// What draws these lines over what was there.
std::string Drawing(const std::vector<std::string>& lines);

}  // namespace cj::client
