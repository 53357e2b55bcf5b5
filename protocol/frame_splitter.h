// Cuts a byte stream into NUL-terminated messages. Work is linear in the bytes (each byte is looked
// at once, and moved a bounded number of times), memory is bounded by the largest message plus one
// read, and an empty splitter holds none. Not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cj {

// Bytes in one call, without the NUL. A query with a thousand long paths takes 200 KiB; more than
// this is refused, since every connection may hold so much.
inline constexpr std::size_t kMaxCallBytes = std::size_t{1} << 20;
// Bytes in one reply: as much as systemd's Varlink clients take.
inline constexpr std::size_t kMaxReplyBytes = std::size_t{16} << 20;

class FrameSplitter {
 public:
  // `max_message_bytes` does not count the NUL.
  explicit FrameSplitter(std::size_t max_message_bytes = kMaxCallBytes);

  // Where to read() the next bytes into: kReadBytes of room. Valid until the next call of
  // any other member. Call it only after Next() had nothing more: that is what bounds the memory.
  std::span<char> Prepare();
  // The first `bytes` of Prepare()'s span have been filled.
  void Commit(std::size_t bytes);
  // The next whole message, without its NUL; nullopt: more bytes are needed. kLimit: the message
  // under way is longer than allowed, whether its end is here or not; the stream is of no further
  // use.
  Result<std::optional<std::string>> Next();

  // A message has begun and its end is not here yet. Meaningful once Next() had nothing more.
  bool partial() const { return begin_ < end_; }
  // Room taken from the heap, for tests of the bound.
  std::size_t capacity() const { return buffer_.capacity(); }

  static constexpr std::size_t kReadBytes = std::size_t{16} << 10;

 private:
  std::size_t max_message_bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;    // first byte of the message under way
  std::size_t scanned_ = 0;  // no NUL in [begin_, scanned_)
  std::size_t end_ = 0;      // one past the last byte read
};

}  // namespace cj
