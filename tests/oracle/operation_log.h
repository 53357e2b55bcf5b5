// What was done to which path, and what was reported of it, so that a missed path can be explained.
// Every process writes a log of its own; lines are "<usec> <who> <what> <ok|error> <path>...", with
// paths escaped so that they hold no blanks. A log keeps the newest part only (two files of
// kHalfBytes each), so that a long run does not fill the disk. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cj::oracle {

// Blanks, control characters, backslashes and bytes over 0x7e as \xHH.
std::string EscapePath(std::string_view path);

class OperationLog {
 public:
  static constexpr std::size_t kHalfBytes = std::size_t{64} << 20;

  // Writes to <directory>/<who>.0 and .1.
  OperationLog(std::string directory, std::string who);
  OperationLog(const OperationLog&) = delete;
  OperationLog& operator=(const OperationLog&) = delete;
  ~OperationLog();

  // errno_value 0 is written as "ok".
  void Add(std::string_view what, int errno_value, std::string_view path,
           std::string_view other_path = {});
  void Flush();

 private:
  void OpenHalf();

  std::string prefix_;
  std::string who_;
  std::string buffer_;
  int fd_ = -1;
  int half_ = 0;
  std::size_t half_bytes_ = 0;
};

// The newest `limit` lines of all logs in `directory` that name `path`, something below it, or move
// or remove a directory above it; oldest first.
std::vector<std::string> Explain(const std::string& directory, const std::string& path,
                                 std::size_t limit);

}  // namespace cj::oracle
