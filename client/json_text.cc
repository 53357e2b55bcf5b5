#include "client/json_text.h"

#include <array>
#include <cstdio>
#include <utility>

#include "base/text.h"

namespace cj::client {

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 7> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", byte);
      out += escaped.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

void JsonLine::Key(std::string_view key) {
  text_ += text_.empty() ? "{\"" : ",\"";
  text_ += key;
  text_ += "\":";
}

void JsonLine::String(std::string_view key, std::string_view text) {
  Key(key);
  text_ += JsonString(text);
}

void JsonLine::Path(std::string_view key, std::string_view bytes) {
  if (IsUtf8(bytes)) {
    String(key, bytes);
  } else {
    Key(std::string(key) + "_base64");
    text_ += "\"" + Base64Encode(bytes) + "\"";
  }
}

void JsonLine::Int(std::string_view key, std::int64_t value) {
  Key(key);
  text_ += std::to_string(value);
}

void JsonLine::True(std::string_view key) { Raw(key, "true"); }

void JsonLine::Raw(std::string_view key, std::string_view json) {
  Key(key);
  text_ += json;
}

std::string JsonLine::Take() {
  if (text_.empty()) text_ = "{";
  return std::exchange(text_, std::string()) + "}";
}

}  // namespace cj::client
