#include "client/explanation.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "client/quote.h"
#include "protocol/json_text.h"
#include "protocol/reply_parts.h"

namespace cj::client {
namespace {

using nlohmann::json;
using reply::Members;
using reply::ReadChange;
using reply::ReadGap;
using reply::ReadRecord;

Evidence ReadEvidence(Members& members) {
  return {members.OptionalString("role"), members.OptionalString("token"),
          members.Object<Record>("record", ReadRecord)};
}

Verdict ReadVerdict(Members& members) {
  Verdict verdict;
  verdict.since = members.OptionalString("since");
  verdict.told = members.Flag("told");
  verdict.below = members.OptionalInt("below").value_or(0);
  verdict.left_out = members.OptionalInt("left_out").value_or(0);
  verdict.incomplete = members.Flag("incomplete");
  verdict.refused = members.OptionalString("refused");
  verdict.why_not = members.OptionalString("why_not");
  return verdict;
}

template <typename T>
void Append(std::vector<T>& all, std::vector<T> more) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
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
  Members members(parameters, "explain");
  Append(explanation->changes, members.Objects<Change>("changes", ReadChange));
  Append(explanation->gaps, members.Objects<Gap>("gaps", ReadGap));
  Append(explanation->evidence, members.Objects<Evidence>("evidence", ReadEvidence));
  if (members.Has("verdict")) {
    explanation->verdict = members.Object<Verdict>("verdict", ReadVerdict);
  }
  if (members.error()) return *members.error();
  return {};
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
