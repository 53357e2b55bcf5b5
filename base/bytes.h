// Reading and writing the few encodings that our formats use: fixed big-endian integers (keys sort
// as numbers), LEB128 varints, and length-prefixed strings. ByteReader never reads past its input
// and never throws: after a failed read ok() is false and every later read returns zeros.
// Plain values, no thread rules.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cj {

class ByteWriter {
 public:
  // Appends to *out, which must outlive the writer.
  explicit ByteWriter(std::string* out) : out_(out) {}
  void Byte(std::uint8_t value) { out_->push_back(static_cast<char>(value)); }
  void Fixed32(std::uint32_t value);
  void Fixed64(std::uint64_t value);
  void Varint(std::uint64_t value) {
    if (value < 0x80) return Byte(static_cast<std::uint8_t>(value));
    LongVarint(value);
  }
  // Varint length, then the bytes.
  void String(std::string_view bytes);
  // The bytes alone; the format knows their number.
  void Bytes(std::string_view bytes) { out_->append(bytes); }

 private:
  void LongVarint(std::uint64_t value);
  std::string* out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view input) : rest_(input) {}
  std::uint8_t Byte();
  std::uint32_t Fixed32();
  std::uint64_t Fixed64();
  // Fails on more than ten bytes and on a value over 64 bits.
  std::uint64_t Varint() {
    if (!ok_ || rest_.empty() || (rest_.front() & 0x80) != 0) return LongVarint();
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  // A view into the input.
  std::string_view String();
  // A view of the next `count` bytes of the input.
  std::string_view Bytes(std::size_t count) { return Take(count); }
  bool ok() const { return ok_; }
  // True when everything was read, and read well.
  bool Done() const { return ok_ && rest_.empty(); }
  std::size_t remaining() const { return rest_.size(); }

 private:
  std::uint64_t LongVarint();
  std::string_view Take(std::size_t count) {
    if (!ok_ || count > rest_.size()) {
      ok_ = false;
      return {};
    }
    std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace cj
