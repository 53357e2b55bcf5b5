#include "tests/oracle/answer.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"

namespace cj::oracle {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 5> kChanges = {"created", "modified", "renamed", "deleted",
                                                      "rescan"};

Error Damaged(const std::string& why, std::string_view line) {
  return {ErrorCode::kCorruption, why + " in the answer's line: " + std::string(line)};
}

std::optional<std::string> PathOf(const Json& line, const std::string& key) {
  if (const auto plain = line.find(key); plain != line.end() && plain->is_string()) {
    return plain->get<std::string>();
  }
  const auto coded = line.find(key + "_base64");
  if (coded == line.end() || !coded->is_string()) return std::nullopt;
  return Base64Decode(coded->get<std::string>());
}

bool Flag(const Json& line, const char* key) {
  const auto value = line.find(key);
  return value != line.end() && value->is_boolean() && value->get<bool>();
}

Status AddChange(const Json& line, std::string_view text, Answer* answer) {
  const std::string change = line.value("change", "");
  bool known = false;
  for (const std::string_view word : kChanges) known = known || word == change;
  if (!known) return Damaged("unknown change", text);
  const std::optional<std::string> path = PathOf(line, "path");
  if (!path || path->empty() || path->front() != '/') return Damaged("no path", text);
  const bool recursive = Flag(line, "recursive") || change == "rescan";
  if (change == "renamed") {
    const std::optional<std::string> from = PathOf(line, "from");
    if (!from) return Damaged("renamed without from", text);
    answer->paths.push_back({*from, recursive, "renamed-from"});
  }
  answer->paths.push_back({*path, recursive, change});
  return {};
}

}  // namespace

Result<Answer> ParseJsonAnswer(std::string_view text) {
  Answer answer;
  std::uint64_t changes = 0;
  bool ended = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return Damaged("no line feed", text);
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object() || ended) return Damaged("not one object per line", line);
    if (const auto summary = json.find("summary"); summary != json.end()) {
      ended = true;
      answer.next = summary->value("next", "");
      if (!summary->value("complete", false)) return Damaged("not complete", line);
      if (summary->value("changes", std::uint64_t{0}) != changes) return Damaged("a count", line);
      continue;
    }
    CJ_RETURN_IF_ERROR(AddChange(json, line, &answer));
    ++changes;
  }
  if (!ended || answer.next.empty()) return Damaged("no summary", "(end)");
  return answer;
}

Result<Answer> ParseNullAnswer(std::string_view output, std::string_view errors) {
  Answer answer;
  while (!output.empty()) {
    const std::size_t end = output.find('\0');
    if (end == std::string_view::npos || end == 0) return Damaged("no path", output);
    answer.paths.push_back({std::string(output.substr(0, end)), false, "path"});
    output.remove_prefix(end + 1);
  }
  constexpr std::string_view kNext = "next: ";
  const std::size_t next = errors.find(kNext);
  if (next == std::string_view::npos) return Damaged("no next token", errors);
  const std::string_view rest = errors.substr(next + kNext.size());
  answer.next = std::string(rest.substr(0, rest.find('\n')));
  return answer;
}

}  // namespace cj::oracle
