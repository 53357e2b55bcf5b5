// A log that strangers cannot flood: at most so many sentences in so much time, then one that says
// how many were left out. Not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace cj {

class Complaints {
 public:
  static constexpr std::size_t kPerInterval = 20;
  static constexpr std::chrono::seconds kInterval{10};

  // `log` may be empty.
  explicit Complaints(std::function<void(const std::string&)> log);

  void Add(const std::string& sentence, std::chrono::steady_clock::time_point now);

 private:
  std::function<void(const std::string&)> log_;
  std::chrono::steady_clock::time_point interval_start_;
  std::size_t written_ = 0;
  std::size_t left_out_ = 0;
};

}  // namespace cj
