#include "base/bytes.h"

namespace cj {

void ByteWriter::Fixed32(std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) Byte(static_cast<std::uint8_t>(value >> shift));
}

void ByteWriter::Fixed64(std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) Byte(static_cast<std::uint8_t>(value >> shift));
}

void ByteWriter::Varint(std::uint64_t value) {
  while (value >= 0x80) {
    Byte(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  Byte(static_cast<std::uint8_t>(value));
}

void ByteWriter::String(std::string_view bytes) {
  Varint(bytes.size());
  out_->append(bytes);
}

std::string_view ByteReader::Take(std::size_t count) {
  if (!ok_ || count > rest_.size()) {
    ok_ = false;
    return {};
  }
  std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::uint8_t ByteReader::Byte() {
  std::string_view bytes = Take(1);
  return bytes.empty() ? 0 : static_cast<std::uint8_t>(bytes[0]);
}

std::uint32_t ByteReader::Fixed32() {
  std::uint32_t value = 0;
  for (char c : Take(4)) value = (value << 8) | static_cast<std::uint8_t>(c);
  return value;
}

std::uint64_t ByteReader::Fixed64() {
  std::uint64_t value = 0;
  for (char c : Take(8)) value = (value << 8) | static_cast<std::uint8_t>(c);
  return value;
}

std::uint64_t ByteReader::Varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && ok_; shift += 7) {
    std::uint8_t byte = Byte();
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return ok_ ? value : 0;
  }
  ok_ = false;
  return 0;
}

std::string_view ByteReader::String() {
  std::uint64_t length = Varint();
  if (length > rest_.size()) {
    ok_ = false;
    return {};
  }
  return Take(static_cast<std::size_t>(length));
}

}  // namespace cj
