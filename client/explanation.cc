#include "client/explanation.h"

#include <nlohmann/json.hpp>

#include "client/quote.h"
#include "protocol/json_text.h"

namespace cj::client {
namespace {

using nlohmann::json;

Error Damaged(const std::string& what) {
  return {ErrorCode::kCorruption, "the daemon's reply is damaged: explain: " + what};
}

template <typename T>
Status Take(const json& object, const char* name, T* value) {
  auto member = object.find(name);
  if (member == object.end() || member->is_null()) return {};
  const bool fits = std::is_same_v<T, std::string> ? member->is_string()
                    : std::is_same_v<T, bool>      ? member->is_boolean()
                                                   : member->is_number_integer();
  if (!fits) return Damaged(std::string("'") + name + "' is not of its type");
  *value = member->get<T>();
  return {};
}

Status ReadEvidence(const json& one, Explanation* explanation) {
  if (!one.is_object() || !one.contains("record")) return Damaged("evidence without a record");
  Evidence evidence;
  CJ_RETURN_IF_ERROR(Take(one, "role", &evidence.role));
  CJ_RETURN_IF_ERROR(Take(one, "token", &evidence.token));
  json log = {{"records", json::array({one.at("record")})}};
  CJ_ASSIGN_OR_RETURN(LogReply reply, ReadLogReply(log));
  evidence.record = std::move(reply.records.at(0));
  explanation->evidence.push_back(std::move(evidence));
  return {};
}

Status ReadVerdict(const json& said, Explanation* explanation) {
  if (!said.is_object()) return Damaged("'verdict' is not an object");
  Verdict& verdict = explanation->verdict.emplace();
  CJ_RETURN_IF_ERROR(Take(said, "since", &verdict.since));
  CJ_RETURN_IF_ERROR(Take(said, "told", &verdict.told));
  CJ_RETURN_IF_ERROR(Take(said, "below", &verdict.below));
  CJ_RETURN_IF_ERROR(Take(said, "left_out", &verdict.left_out));
  CJ_RETURN_IF_ERROR(Take(said, "incomplete", &verdict.incomplete));
  CJ_RETURN_IF_ERROR(Take(said, "refused", &verdict.refused));
  return Take(said, "why_not", &verdict.why_not);
}

std::string_view RoleWords(const std::string& role) {
  if (role == "former") return "another name of it, before or after";
  if (role == "link") return "the same file";
  if (role == "above") return "a directory above it";
  if (role == "member") return "in it";
  return "";
}

std::string EvidenceLine(const Evidence& evidence, const Style& style, const UtcOffset& zone) {
  std::string line = "  " + evidence.token + " " + FormatRecordShort(evidence.record, style, zone);
  const std::string_view words = RoleWords(evidence.role);
  if (words.empty()) return line;
  line.pop_back();
  return line + "  (" + std::string(words) + ")\n";
}

std::string VerdictLine(const std::string& path, const Verdict& verdict, const Style& style) {
  const std::string name = style.terminal ? QuoteName(path) : path;
  const std::string since = "since " + verdict.since;
  if (!verdict.refused.empty()) {
    return "There is no answer " + since + ": " + verdict.refused + "\n";
  }
  if (!verdict.told) {
    const std::string where = verdict.since.empty() ? "" : " " + since;
    return name + " is not in the answer" + where + ": " + verdict.why_not + "\n";
  }
  return name + " is in the answer " + since + ":\n";
}

}  // namespace

Status AddExplanation(const json& parameters, Explanation* explanation) {
  CJ_ASSIGN_OR_RETURN(ChangesReply reply, ReadChangesReply(parameters));
  for (Change& change : reply.changes) explanation->changes.push_back(std::move(change));
  CJ_ASSIGN_OR_RETURN(LogReply log, ReadLogReply(parameters));
  for (Gap& gap : log.gaps) explanation->gaps.push_back(std::move(gap));
  auto evidence = parameters.find("evidence");
  if (evidence != parameters.end() && evidence->is_array()) {
    for (const json& one : *evidence) CJ_RETURN_IF_ERROR(ReadEvidence(one, explanation));
  }
  auto verdict = parameters.find("verdict");
  if (verdict == parameters.end() || verdict->is_null()) return {};
  return ReadVerdict(*verdict, explanation);
}

std::string FormatExplanation(const std::string& path, const Explanation& explanation,
                              const Style& style, const UtcOffset& zone) {
  const Verdict& verdict = *explanation.verdict;
  std::string text = VerdictLine(path, verdict, style);
  bool hidden = !explanation.changes.empty();
  for (const Change& change : explanation.changes) {
    text += "  " + FormatChangeText(change, style);
    hidden = hidden && change.transient;
  }
  if (hidden) text += "It came and went: 'changes' shows that as text with --transient only.\n";
  if (verdict.below > 0) {
    text += std::to_string(verdict.below) + " further lines are about what is below it.\n";
  }
  if (!explanation.evidence.empty()) text += "Records:\n";
  for (const Evidence& one : explanation.evidence) text += EvidenceLine(one, style, zone);
  if (verdict.left_out > 0) {
    text += "  and " + std::to_string(verdict.left_out) + " further records\n";
  }
  if (verdict.incomplete) {
    text += "  There may be others: it was too many files, or they had too many names.\n";
  }
  for (const Gap& gap : explanation.gaps) text += FormatGapShort(gap, style, zone);
  return text;
}

std::string FormatExplanationJson(const Explanation& explanation) {
  std::string text;
  for (const Change& change : explanation.changes) text += FormatChangeJson(change);
  for (const Gap& gap : explanation.gaps) text += FormatGapJson(gap);
  for (const Evidence& one : explanation.evidence) {
    JsonLine line;
    line.String("role", one.role);
    line.String("token", one.token);
    std::string record = FormatRecordJson(one.record);
    record.pop_back();
    line.Raw("record", record);
    text += line.Take() + "\n";
  }
  const Verdict& verdict = *explanation.verdict;
  JsonLine inner;
  inner.String("since", verdict.since);
  inner.Raw("told", verdict.told ? "true" : "false");
  inner.Int("below", verdict.below);
  inner.Int("left_out", verdict.left_out);
  if (verdict.incomplete) inner.True("incomplete");
  if (!verdict.refused.empty()) inner.String("refused", verdict.refused);
  if (!verdict.why_not.empty()) inner.String("why_not", verdict.why_not);
  JsonLine line;
  line.Raw("verdict", inner.Take());
  return text + line.Take() + "\n";
}

}  // namespace cj::client
