#include "protocol/frame_splitter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace cj {

FrameSplitter::FrameSplitter(std::size_t max_message_bytes)
    : max_message_bytes_(max_message_bytes) {}

std::span<char> FrameSplitter::Prepare() {
  // What is left came with the last read (a message ended in it), so this moves less than a read.
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    scanned_ = end_;
  }
  if (buffer_.size() < end_ + kReadBytes) {
    // Doubling keeps the copies linear in the bytes.
    const std::size_t wanted = std::max(end_ + kReadBytes, 2 * end_);
    const std::size_t bound = max_message_bytes_ + kReadBytes;
    CJ_CHECK(end_ <= max_message_bytes_, "Prepare() before Next() had nothing more");
    buffer_.reserve(std::min(wanted, bound));  // resize() alone may take twice as much
    buffer_.resize(std::min(wanted, bound));
  }
  return {buffer_.data() + end_, kReadBytes};
}

void FrameSplitter::Commit(std::size_t bytes) {
  CJ_CHECK(bytes <= buffer_.size() - end_, "more bytes than there was room for");
  end_ += bytes;
}

Result<std::optional<std::string>> FrameSplitter::Next() {
  const char* data = buffer_.data();
  const void* nul = scanned_ < end_ ? std::memchr(data + scanned_, '\0', end_ - scanned_) : nullptr;
  const std::size_t length =
      nul != nullptr ? static_cast<const char*>(nul) - (data + begin_) : end_ - begin_;
  if (length > max_message_bytes_) {
    return Error{ErrorCode::kLimit,
                 "a message is longer than " + std::to_string(max_message_bytes_) + " bytes"};
  }
  if (nul == nullptr) {
    scanned_ = end_;
    // An idle connection holds no memory.
    if (begin_ == end_) {
      begin_ = scanned_ = end_ = 0;
      std::vector<char>().swap(buffer_);
    }
    return std::optional<std::string>();
  }
  std::optional<std::string> message(std::in_place, data + begin_, length);
  begin_ += length + 1;
  scanned_ = begin_;
  return message;
}

}  // namespace cj
