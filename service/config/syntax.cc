#include "service/config/syntax.h"

namespace cj {
namespace {

constexpr std::string_view kSpaces = " \t\r\f\v";

std::string_view Trim(std::string_view text) {
  std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

// The physical lines of a text, with or without a carriage return at their ends.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}
  bool Next(std::string_view* line) {
    if (rest_.empty()) return false;
    std::size_t end = rest_.find('\n');
    *line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (!line->empty() && line->back() == '\r') line->remove_suffix(1);
    ++number_;
    return true;
  }
  int number() const { return number_; }

 private:
  std::string_view rest_;
  int number_ = 0;
};

bool IsComment(std::string_view line) {
  std::string_view trimmed = Trim(line);
  return !trimmed.empty() && (trimmed.front() == '#' || trimmed.front() == ';');
}

// An odd number of backslashes: values know no escapes, but a path that ends in a backslash must be
// possible to write, so a doubled one at the end does not join (both stay in the value).
bool Continues(std::string_view line) {
  std::size_t last = line.find_last_not_of('\\');
  std::size_t count = line.size() - (last == std::string_view::npos ? 0 : last + 1);
  return count % 2 == 1;
}

ConfigLine Bad(int number, std::string why) {
  return {ConfigLine::Kind::kBad, number, "", std::move(why)};
}

ConfigLine Understand(std::string_view text, int number) {
  if (text.find('\0') != std::string_view::npos) {
    return Bad(number, "the line has a NUL byte; save the file as plain text");
  }
  if (text.front() == '[') {
    if (text.size() < 3 || text.back() != ']') {
      return Bad(number, "a section's line must be of the form [Name]");
    }
    return {ConfigLine::Kind::kSection, number, std::string(text.substr(1, text.size() - 2)), ""};
  }
  std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return Bad(number,
               "the line is neither [Section] nor Key=Value; start it with '#' if it is a comment");
  }
  std::string_view key = Trim(text.substr(0, equals));
  if (key.empty()) return Bad(number, "there is no key before '='; write Key=Value");
  return {ConfigLine::Kind::kAssignment, number, std::string(key),
          std::string(Trim(text.substr(equals + 1)))};
}

}  // namespace

std::vector<ConfigLine> SplitConfig(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    text.remove_prefix(kByteOrderMark.size());
  }
  std::vector<ConfigLine> lines;
  LineReader reader(text);
  std::string_view line;
  while (reader.Next(&line)) {
    if (IsComment(line)) continue;
    const int first = reader.number();
    std::string joined(line);
    // Comments within a joined line are left out of it, as systemd does.
    while (Continues(joined) && reader.Next(&line)) {
      if (IsComment(line)) continue;
      joined.back() = ' ';
      joined += line;
    }
    if (Continues(joined)) joined.back() = ' ';
    std::string_view trimmed = Trim(joined);
    if (!trimmed.empty()) lines.push_back(Understand(trimmed, first));
  }
  return lines;
}

}  // namespace cj
