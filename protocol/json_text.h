// Writing JSON objects member by member, in an order of our own (nlohmann's sorts) and fast enough
// for a million lines, for both ends. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cj {

class JsonLine {
 public:
  // `text` must be UTF-8; see Path for bytes.
  void String(std::string_view key, std::string_view text);
  // As `key` when the bytes are UTF-8, else as base64 in `key`_base64.
  void Path(std::string_view key, std::string_view bytes);
  void Int(std::string_view key, std::int64_t value);
  void True(std::string_view key);
  // `json` is put in as it is.
  void Raw(std::string_view key, std::string_view json);
  // "{...}" without a newline.
  std::string Take();

 private:
  void Key(std::string_view key);
  std::string text_;
};

// The text in quotes, escaped.
std::string JsonString(std::string_view text);

}  // namespace cj
