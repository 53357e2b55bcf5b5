#include "service/varlink/complaints.h"

#include <utility>

namespace cj {

Complaints::Complaints(std::function<void(const std::string&)> log) : log_(std::move(log)) {}

void Complaints::Add(const std::string& sentence, std::chrono::steady_clock::time_point now) {
  if (!log_) return;
  if (now - interval_start_ >= kInterval) {
    if (left_out_ > 0) log_(std::to_string(left_out_) + " more complaints were left out");
    interval_start_ = now;
    written_ = left_out_ = 0;
  }
  if (written_ >= kPerInterval) {
    ++left_out_;
    return;
  }
  ++written_;
  log_(sentence);
}

}  // namespace cj
