#include "journal/rocks_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <ctime>

#include "base/thread_annotations.h"
#include "base/unique_fd.h"

namespace cj {
namespace {

constexpr std::size_t kLongestLine = 1024;

class SilentLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, std::va_list /*arguments*/) override {}
};

class BoundedLog : public rocksdb::Logger {
 public:
  explicit BoundedLog(UniqueFd file) : Logger(rocksdb::WARN_LEVEL), file_(std::move(file)) {}
  using rocksdb::Logger::Logv;

  // Hundreds of lines of options at each start.
  void LogHeader(const char* /*format*/, std::va_list /*arguments*/) override {}

  void Logv(const char* format, std::va_list arguments) override {
    std::array<char, kLongestLine> line{};
    std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::size_t length = std::strftime(line.data(), line.size(), "%FT%TZ ", &parts);
    int more = std::vsnprintf(line.data() + length, line.size() - length - 1, format, arguments);
    if (more < 0) return;
    // What did not fit is cut; one byte was kept for the end of the line.
    length = std::min(length + static_cast<std::size_t>(more), line.size() - 2);
    if (line[length - 1] != '\n') line[length++] = '\n';
    MutexLock lock(mutex_);
    if (written_ + length > kRocksLogLimit) return;
    ssize_t count = write(file_.get(), line.data(), length);
    if (count > 0) written_ += static_cast<std::size_t>(count);
  }

 private:
  const UniqueFd file_;
  Mutex mutex_;
  std::size_t written_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> OpenRocksLog(const std::string& directory) {
  std::string name = directory + "/LOG";
  struct stat state {};
  if (stat(name.c_str(), &state) == 0 && state.st_size > static_cast<off_t>(kRocksLogLimit)) {
    // Where that fails the log grows by one more limit.
    std::rename(name.c_str(), (name + ".old").c_str());
  }
  UniqueFd file(open(name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file) return MakeSilentLog();
  return std::make_shared<BoundedLog>(std::move(file));
}

std::shared_ptr<rocksdb::Logger> MakeSilentLog() { return std::make_shared<SilentLog>(); }

}  // namespace cj
