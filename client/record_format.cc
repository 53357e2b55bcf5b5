#include "client/format.h"
#include "client/quote.h"
#include "protocol/json_text.h"

namespace cj::client {
namespace {

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ',';
    text += word;
  }
  return text.empty() ? "-" : text;
}

// "from -> path", and for a path that nobody knows any more the object's id.
std::string Place(const Record& record, const Style& style) {
  auto name = [&](const std::string& path) { return style.terminal ? QuoteName(path) : path; };
  std::string place;
  if (!record.from.empty()) place = name(record.from) + " -> ";
  if (!record.path.empty()) return place + name(record.path);
  return place + "(" + (record.object.empty() ? "unknown" : record.object) + ")";
}

std::string FormatTime(std::int64_t usec, const UtcOffset& zone, TimeStyle style) {
  switch (style) {
    case TimeStyle::kMonth:
      return FormatShortTime(usec, zone);
    case TimeStyle::kIso:
    case TimeStyle::kIsoPrecise:
      return FormatIsoTime(usec, zone, style == TimeStyle::kIsoPrecise);
    case TimeStyle::kUnix:
      return FormatUnixTime(usec);
  }
  return {};
}

// "comm[pid]", as journalctl has it; the number alone where the process had ended. A program names
// itself as it likes.
std::string By(const Actor& by, const Style& style) {
  const std::string comm = style.terminal ? QuoteName(by.comm) : by.comm;
  return comm + "[" + std::to_string(by.pid) + "]";
}

std::string ActorJson(const Actor& by) {
  JsonLine line;
  line.Int("pid", by.pid);
  if (!by.comm.empty()) line.String("comm", by.comm);
  if (by.uid) line.Int("uid", *by.uid);
  if (!by.unit.empty()) line.String("unit", by.unit);
  return line.Take();
}

std::string Dim(const std::string& text, const Style& style) {
  return style.colour ? "\x1b[2m" + text + "\x1b[0m" : text;
}

}  // namespace

std::string FormatRecordShort(const Record& record, const Style& style, const UtcOffset& zone,
                              TimeStyle time) {
  constexpr std::size_t kOperationsWidth = 14;  // "modified" and one more; longer ones push on
  std::string operations = Joined(record.operations);
  if (style.terminal && operations.size() < kOperationsWidth) {
    operations.resize(kOperationsWidth, ' ');
  }
  return Dim(FormatTime(record.time_usec, zone, time) + " " + std::to_string(record.sequence),
             style) +
         (record.by ? " " + By(*record.by, style) : "") + " " + operations + " " +
         Place(record, style) + "\n";
}

std::string FormatRecordVerbose(const Record& record, const Style& style, const UtcOffset& zone) {
  auto name = [&](const std::string& path) { return style.terminal ? QuoteName(path) : path; };
  std::string text = FormatShortTime(record.time_usec, zone) +
                     " [sequence=" + std::to_string(record.sequence) + "]\n";
  auto field = [&](std::string_view key, const std::string& value) {
    text += "    " + Dim(std::string(key) + "=", style) + value + "\n";
  };
  if (!record.path.empty()) field("path", name(record.path));
  if (!record.from.empty()) field("from", name(record.from));
  field("operations", Joined(record.operations));
  field("period", std::to_string(record.period));
  field("time_usec", std::to_string(record.time_usec));
  field("volume", std::to_string(record.volume));
  field("pid", std::to_string(record.pid));
  if (record.by && !record.by->comm.empty()) field("comm", name(record.by->comm));
  if (record.by && record.by->uid) field("uid", std::to_string(*record.by->uid));
  if (record.by && !record.by->unit.empty()) field("unit", name(record.by->unit));
  if (!record.object.empty()) field("object", record.object);
  return text;
}

std::string FormatRecordJson(const Record& record) {
  JsonLine line;
  line.Int("sequence", record.sequence);
  line.Int("period", record.period);
  line.Int("time_usec", record.time_usec);
  line.Int("volume", record.volume);
  line.Int("pid", record.pid);
  std::string operations = "[";
  for (const std::string& operation : record.operations) {
    if (operations.size() > 1) operations += ',';
    operations += JsonString(operation);
  }
  line.Raw("operations", operations + "]");
  if (!record.path.empty()) line.Path("path", record.path);
  if (!record.from.empty()) line.Path("from", record.from);
  if (!record.object.empty()) line.String("object", record.object);
  if (record.by) line.Raw("by", ActorJson(*record.by));
  return line.Take() + "\n";
}

std::string GapText(const Gap& gap, const Style& style, const UtcOffset& zone) {
  const std::string volume = style.terminal ? QuoteName(gap.volume) : gap.volume;
  // Of a tree that was never watched nothing is known.
  const std::string from = gap.from_usec == 0 ? "since the beginning, until "
                                              : FormatLongTime(gap.from_usec, zone) + " to ";
  return from + FormatLongTime(gap.to_usec, zone) + ": " + gap.cause +
         (gap.volume.empty() ? "" : " (" + volume + ")");
}

// As journalctl sets boots apart.
std::string FormatGapShort(const Gap& gap, const Style& style, const UtcOffset& zone) {
  const std::string state = gap.filled_in != 0 ? "; filled by a crawl" : "";
  return Dim("-- gap: " + GapText(gap, style, zone) + state + " --", style) + "\n";
}

std::string FormatGapJson(const Gap& gap) {
  JsonLine inner;
  if (!gap.volume.empty()) inner.Path("volume", gap.volume);
  inner.Int("from_usec", gap.from_usec);
  inner.Int("to_usec", gap.to_usec);
  inner.String("cause", gap.cause);
  if (gap.filled_in != 0) inner.Int("filled_in", gap.filled_in);
  JsonLine line;
  line.Raw("gap", inner.Take());
  return line.Take() + "\n";
}

std::string FormatPositionJson(const FeedPosition& position) {
  JsonLine inner;
  inner.String("token", position.token);
  inner.Int("sequence", position.sequence);
  JsonLine line;
  line.Raw("position", inner.Take());
  return line.Take() + "\n";
}

std::string FormatRecordCat(const Record& record) {
  return record.path.empty() ? std::string() : record.path + "\n";
}

}  // namespace cj::client
