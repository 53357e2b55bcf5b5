// Says on standard error that no daemon takes calls, where one waits in vain: a socket of systemd's
// accepts connections for a daemon that fails at every start, and nobody answers. Asked on a
// connection of its own, so that a daemon that works long on an answer is no such thing.
#pragma once

#include <chrono>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace cj::client {

// A thread from the constructor to the destructor, which does not wait for it to have asked.
class SilenceNote {
 public:
  struct Patience {
    // Before it asks: nearly all that a user asks for has been answered by then.
    std::chrono::milliseconds before = std::chrono::seconds(5);
    // For the answer. A daemon that starts reads its journal before it takes calls.
    std::chrono::milliseconds answer = std::chrono::seconds(5);
  };

  // Writes the line to `out`, at most once.
  SilenceNote(std::string socket, Patience patience, int out);
  explicit SilenceNote(std::string socket);
  ~SilenceNote();
  SilenceNote(const SilenceNote&) = delete;
  SilenceNote& operator=(const SilenceNote&) = delete;

 private:
  void Run() const;
  bool Answers() const;
  bool Wait(int fd, short events, std::chrono::milliseconds patience) const;

  const std::string socket_;
  const Patience patience_;
  const int out_;
  UniqueFd end_;  // readable when it is over; without one nothing is said
  std::thread thread_;
};

}  // namespace cj::client
