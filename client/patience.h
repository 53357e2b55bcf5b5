// What `follow` and `log -f` do where their connection ends: they go on with the daemon that is
// there next, and give up when there is none for too long. One thread.
#pragma once

#include <chrono>
#include <optional>

#include "client/exit_status.h"
#include "library/changejournal.h"

namespace cj::client {

// An error after which it may go on: its connection has ended, or the former one has not been let
// go of yet.
bool MayGoOn(const cj_error* error);

// How long to wait before the next attempt, and whether there is one.
class Patience {
 public:
  // It counts from the first attempt that fails, however long all was quiet before that.
  explicit Patience(std::chrono::milliseconds whole) : whole_(whole) {}
  // Something has come.
  void Renew() { *this = Patience(whole_); }
  // After an attempt that has failed. False: it has come to its end.
  bool Wait();

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kFirstPause{50};
  static constexpr std::chrono::milliseconds kLongestPause{1000};

  std::chrono::milliseconds whole_;
  std::optional<Clock::time_point> deadline_;
  std::chrono::milliseconds pause_ = kFirstPause;
};

// The outcome at that end, and what the last attempt met.
Outcome GoneAway(const cj_error* error);

}  // namespace cj::client
