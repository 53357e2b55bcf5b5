#include "protocol/json_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/text.h"

namespace cj {

namespace {

bool IsPlain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte != 0x7f && c != '"' && c != '\\';
}

void AppendEscaped(char c, std::string* out) {
  if (c == '"' || c == '\\') {
    *out += '\\';
    *out += c;
  } else if (c == '\n') {
    *out += "\\n";
  } else if (c == '\t') {
    *out += "\\t";
  } else {
    std::array<char, 7> escaped{};
    std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned char>(c));
    *out += escaped.data();
  }
}

// Most text is plain from end to end.
void AppendString(std::string_view text, std::string* out) {
  *out += '"';
  while (!text.empty()) {
    const auto special = std::find_if_not(text.begin(), text.end(), IsPlain);
    const auto plain = static_cast<std::size_t>(special - text.begin());
    out->append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    AppendEscaped(text.front(), out);
    text.remove_prefix(1);
  }
  *out += '"';
}

}  // namespace

std::string JsonString(std::string_view text) {
  std::string out;
  AppendString(text, &out);
  return out;
}

void JsonLine::Key(std::string_view key) {
  text_ += text_.empty() ? "{\"" : ",\"";
  text_ += key;
  text_ += "\":";
}

void JsonLine::String(std::string_view key, std::string_view text) {
  Key(key);
  AppendString(text, &text_);
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

}  // namespace cj
