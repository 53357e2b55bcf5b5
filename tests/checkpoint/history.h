// The oracle of guarantee G1: when changes became visible and when their system calls returned,
// when checkpoints were asked for and answered; and whether the records agree.
//
// For a change, let `latest` be the period that the first checkpoint asked for after it had
// returned ended, and `earliest` the period that the last checkpoint answered before it was visible
// opened. Some record of it must be in a period from `earliest` to `latest`.
//
// Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "journal/record.h"

namespace cj {

class History {
 public:
  // A change of the file `name` is visible from now on; its number.
  std::size_t Visible(const std::string& name) EXCLUDES(mutex_);
  // Its system call has returned.
  void Returned(std::size_t change) EXCLUDES(mutex_);

  std::size_t Asked() EXCLUDES(mutex_);
  void Answered(std::size_t checkpoint, PeriodId sealed) EXCLUDES(mutex_);

  // What the records miss, as sentences.
  std::vector<std::string> Violations(const std::vector<Record>& records) const EXCLUDES(mutex_);
  std::size_t changes() const EXCLUDES(mutex_);

 private:
  struct Change {
    std::string name;
    std::uint64_t visible = 0;
    std::uint64_t returned = 0;  // 0: not yet
  };
  struct Checkpoint {
    std::uint64_t asked = 0;
    std::uint64_t answered = 0;  // 0: it failed, or not yet
    PeriodId sealed;
  };

  mutable Mutex mutex_;
  std::uint64_t now_ GUARDED_BY(mutex_) = 0;
  std::vector<Change> changes_ GUARDED_BY(mutex_);
  std::vector<Checkpoint> checkpoints_ GUARDED_BY(mutex_);
};

}  // namespace cj
