// Counts what happens by directory, for `top`: a bounded table whose counts fade. Not thread-safe.
// Pure: the time is an argument, of any clock that does not go back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/answers.h"

namespace cj::client {

class BusyDirectories {
 public:
  // A screen shows some fifty. When there is no room the quieter half goes: a directory that comes
  // back begins anew, so that its rate may be too low, never too high.
  static constexpr std::size_t kMaxDirectories = 4096;
  // Longer paths are left out: 4096 of them would be memory that somebody else decides about.
  static constexpr std::size_t kMaxPathBytes = 4096;
  // After so long half of a count is left.
  static constexpr std::int64_t kHalfLifeUsec = 10'000'000;

  struct Busy {
    std::string path;          // bytes; empty: of records whose path nobody knows
    double per_second = 0;     // faded
    std::int64_t records = 0;  // since it is in the table
  };

  void Add(const Record& record, std::int64_t now_usec);
  // The busiest first, at most `count`; of equals by name.
  std::vector<Busy> Busiest(std::size_t count, std::int64_t now_usec) const;
  std::size_t size() const { return table_.size(); }

 private:
  struct Count {
    double weight = 0;  // at usec
    std::int64_t usec = 0;
    std::int64_t records = 0;
  };

  void AddPath(const std::string& directory, std::int64_t now_usec);
  void MakeRoom(std::int64_t now_usec);

  std::unordered_map<std::string, Count> table_;
};

}  // namespace cj::client
