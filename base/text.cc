#include "base/text.h"

#include <array>
#include <cstdint>

namespace cj {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> MakeReverse() {
  std::array<std::int8_t, 256> table{};
  for (auto& entry : table) entry = -1;
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  }
  return table;
}
constexpr auto kReverse = MakeReverse();

// Length of the sequence that starts with `lead` and the smallest code point that may use it.
struct Lead {
  int length;
  std::uint32_t smallest;
  std::uint32_t bits;
};

Lead Classify(std::uint8_t lead) {
  if (lead < 0x80) return {1, 0, lead};
  if ((lead & 0xe0) == 0xc0) return {2, 0x80, lead & 0x1fU};
  if ((lead & 0xf0) == 0xe0) return {3, 0x800, lead & 0x0fU};
  if ((lead & 0xf8) == 0xf0) return {4, 0x10000, lead & 0x07U};
  return {0, 0, 0};
}

}  // namespace

bool IsUtf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    Lead lead = Classify(static_cast<std::uint8_t>(bytes[i]));
    if (lead.length == 0 || bytes.size() - i < static_cast<std::size_t>(lead.length)) return false;
    std::uint32_t point = lead.bits;
    for (int k = 1; k < lead.length; ++k) {
      std::uint8_t next = static_cast<std::uint8_t>(bytes[i + static_cast<std::size_t>(k)]);
      if ((next & 0xc0) != 0x80) return false;
      point = (point << 6) | (next & 0x3fU);
    }
    if (point < lead.smallest || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      return false;
    }
    i += static_cast<std::size_t>(lead.length);
  }
  return true;
}

std::string Base64Encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    std::size_t have = bytes.size() - i < 3 ? bytes.size() - i : 3;
    for (std::size_t k = 0; k < 3; ++k) {
      group = (group << 8) | (k < have ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out.push_back(k <= have ? kAlphabet[(group >> (18 - 6 * k)) & 0x3f] : '=');
    }
  }
  return out;
}

std::optional<std::string> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::size_t have = 4;
    if (i + 4 == text.size()) {
      if (text[i + 3] == '=') have = 3;
      if (have == 3 && text[i + 2] == '=') have = 2;
    }
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      std::int8_t value = k < have ? kReverse[static_cast<std::uint8_t>(text[i + k])] : 0;
      if (value < 0) return std::nullopt;
      group = (group << 6) | static_cast<std::uint32_t>(value);
    }
    for (std::size_t k = 0; k + 1 < have; ++k) {
      out.push_back(static_cast<char>(group >> (16 - 8 * k)));
    }
    // Bits that no byte uses must be zero, so that every value has one spelling.
    if ((have == 3 && (group & 0xff) != 0) || (have == 2 && (group & 0xffff) != 0)) {
      return std::nullopt;
    }
  }
  return out;
}

bool PathContains(std::string_view directory, std::string_view path) {
  if (directory == "/") return !path.empty() && path.front() == '/';
  return path.size() >= directory.size() && path.substr(0, directory.size()) == directory &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

bool PathIsBelow(std::string_view directory, std::string_view path) {
  return directory != path && PathContains(directory, path);
}

std::string JoinPath(std::string_view directory, std::string_view name) {
  std::string path;
  path.reserve(directory.size() + 1 + name.size());
  path.append(directory);
  if (path.empty() || path.back() != '/') path.push_back('/');
  path.append(name);
  return path;
}

PathParts SplitPath(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash == 0 ? 1 : slash), path.substr(slash + 1)};
}

}  // namespace cj
