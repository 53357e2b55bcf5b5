// The events of a buffer one after the other, each with a look at the one behind it. Not
// thread-safe; the buffer outlives it.
#pragma once

#include <cstddef>
#include <span>

#include "fanotify/event.h"

namespace cj {

class EventsAhead {
 public:
  explicit EventsAhead(std::span<const std::byte> bytes) : rest_(bytes) {
    Parse();
    Advance();
  }
  // Null: there is none, or it cannot be understood.
  const Event* current() const { return has_current_ ? &current_ : nullptr; }
  const Event* next() const { return has_next_ ? &next_ : nullptr; }
  void Advance() {
    current_ = next_;
    has_current_ = has_next_;
    Parse();
  }
  bool failed() const { return failed_; }

 private:
  void Parse() {
    has_next_ = false;
    if (failed_ || rest_.empty()) return;
    next_ = Event();
    failed_ = !ParseEvent(&rest_, &next_).has_value();
    has_next_ = !failed_;
  }

  std::span<const std::byte> rest_;
  Event current_;
  Event next_;
  bool has_current_ = false;
  bool has_next_ = false;
  bool failed_ = false;
};

}  // namespace cj
