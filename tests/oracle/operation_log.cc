#include "tests/oracle/operation_log.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace cj::oracle {
namespace {

constexpr std::size_t kBufferBytes = 1 << 16;

// What happens to a directory concerns all below it only if it takes the directory away, or makes
// it, or tells of it.
bool ReachesDown(std::string_view line) {
  for (const std::string_view word :
       {"rename", "exchange", "move", "remove", "mkdir", "rmdir", "create", "unlink", "reported"}) {
    if (line.find(word) != std::string_view::npos) return true;
  }
  return false;
}

// Whether one of the paths of a log line has to do with `path`.
bool Concerns(std::string_view line, std::string_view path) {
  const bool reaches_down = ReachesDown(line.substr(0, line.find('/')));
  std::size_t start = 0;
  while (start < line.size()) {
    const std::size_t end = std::min(line.find(' ', start), line.size());
    const std::string_view word = line.substr(start, end - start);
    if (!word.empty() && word.front() == '/' &&
        (PathContains(path, word) || (reaches_down && PathContains(word, path)))) {
      return true;
    }
    start = end + 1;
  }
  return false;
}

std::vector<std::string> FilesIn(const std::string& directory) {
  std::vector<std::string> files;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(directory.c_str()), closedir);
  if (!stream) return files;
  while (const dirent* entry = readdir(stream.get())) {
    if (entry->d_name[0] != '.') files.push_back(directory + "/" + entry->d_name);
  }
  return files;
}

}  // namespace

std::string EscapePath(std::string_view path) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(path.size());
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '\\') {
      text += c;
    } else {
      text += "\\x";
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    }
  }
  return text;
}

OperationLog::OperationLog(std::string directory, std::string who)
    : prefix_(std::move(directory) + "/" + who + "."), who_(std::move(who)) {
  OpenHalf();
}

OperationLog::~OperationLog() {
  Flush();
  if (fd_ >= 0) close(fd_);
}

void OperationLog::OpenHalf() {
  if (fd_ >= 0) close(fd_);
  const std::string path = prefix_ + std::to_string(half_);
  fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  half_bytes_ = 0;
}

void OperationLog::Add(std::string_view what, int errno_value, std::string_view path,
                       std::string_view other_path) {
  buffer_ += std::to_string(Clock::System().MonotonicUsec());
  for (const std::string_view word : {std::string_view(who_), what}) {
    buffer_ += ' ';
    buffer_ += word;
  }
  buffer_ += ' ';
  buffer_ += errno_value == 0 ? "ok" : strerrorname_np(errno_value);
  for (const std::string_view word : {path, other_path}) {
    if (word.empty()) continue;
    buffer_ += ' ';
    buffer_ += EscapePath(word);
  }
  buffer_ += '\n';
  if (buffer_.size() > kBufferBytes) Flush();
}

void OperationLog::Flush() {
  const char* data = buffer_.data();
  std::size_t left = buffer_.size();
  while (left > 0) {
    const ssize_t written = write(fd_, data, left);
    if (written <= 0) break;
    data += written;
    left -= static_cast<std::size_t>(written);
  }
  half_bytes_ += buffer_.size();
  buffer_.clear();
  if (half_bytes_ > kHalfBytes) {
    half_ = 1 - half_;
    OpenHalf();
  }
}

std::vector<std::string> Explain(const std::string& directory, const std::string& path,
                                 std::size_t limit) {
  const std::string escaped = EscapePath(path);
  std::vector<std::pair<std::uint64_t, std::string>> lines;
  for (const std::string& file : FilesIn(directory)) {
    std::ifstream stream(file);
    std::string line;
    while (std::getline(stream, line)) {
      if (Concerns(line, escaped))
        lines.emplace_back(std::strtoull(line.c_str(), nullptr, 10), line);
    }
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> newest;
  const std::size_t skip = lines.size() > limit ? lines.size() - limit : 0;
  for (std::size_t i = skip; i < lines.size(); ++i) newest.push_back(std::move(lines[i].second));
  return newest;
}

}  // namespace cj::oracle
