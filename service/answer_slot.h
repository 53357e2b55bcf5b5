// A place among the answers that may be made at once; given back when it goes out of scope. On the
// io_context's thread.
#pragma once

#include <map>

#include "service/journal_interface.h"

namespace cj {

class JournalInterface::Slot {
 public:
  Slot(JournalInterface& owner, uid_t uid) : owner_(owner), uid_(uid) {
    taken_ = owner_.answers_ < owner_.limit_.answers &&
             owner_.answers_of_[uid] < owner_.limit_.answers_per_uid;
    if (!taken_) return;
    ++owner_.answers_;
    ++owner_.answers_of_[uid];
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() {
    if (taken_) {
      --owner_.answers_;
      --owner_.answers_of_[uid_];
    }
    if (owner_.answers_of_[uid_] == 0) owner_.answers_of_.erase(uid_);
  }
  bool taken() const { return taken_; }
  static Error Refusal() {
    return Error{ErrorCode::kBusy,
                 "too many answers are being made at once; finish one of them, or try again later"};
  }

 private:
  JournalInterface& owner_;
  uid_t uid_;
  bool taken_ = false;
};

}  // namespace cj
