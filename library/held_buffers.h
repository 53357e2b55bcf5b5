// The buffers of a feed that its reader has, and up to where all have been put back. Not
// thread-safe.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "library/changejournal.h"
#include "library/views.h"
#include "protocol/replies.h"

// Its views point into `reply`: it stays where it was made.
struct cj_buffer {
  explicit cj_buffer(cj::reply::FollowReply told);
  cj::reply::FollowReply reply;
  std::vector<cj::library::RecordParts> parts;
  std::vector<cj_record> records;
  std::vector<cj_gap> gaps;
};

namespace cj::library {

class HeldBuffers {
 public:
  // Hands out a buffer.
  cj_buffer* Add(std::unique_ptr<cj_buffer> buffer);
  // Frees one that was handed out. False: it was not, or has been given back already. `handled`
  // false: nothing from it on counts as handled any more.
  bool GiveBack(const cj_buffer* buffer, bool handled);
  // Behind the last buffer before which all have been handled.
  const reply::FeedPosition& handled() const { return handled_; }
  void set_handled(reply::FeedPosition position) { handled_ = std::move(position); }

 private:
  enum class State { kHeld, kHandled, kDropped };
  struct Entry {
    const cj_buffer* address;  // of one that is held, otherwise nothing
    std::unique_ptr<cj_buffer> buffer;
    reply::FeedPosition position;
    State state;
  };
  std::deque<Entry> entries_;
  reply::FeedPosition handled_;
};

}  // namespace cj::library
