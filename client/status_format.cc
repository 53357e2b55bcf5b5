#include <algorithm>
#include <array>
#include <cstdio>

#include "base/units.h"
#include "client/crawl_progress.h"
#include "client/format.h"
#include "client/quote.h"

namespace cj::client {
namespace {

std::string Bold(const std::string& text, const Style& style) {
  return style.colour ? "\x1b[1m" + text + "\x1b[0m" : text;
}

std::string Red(const std::string& text, const Style& style) {
  return style.colour ? "\x1b[1;31m" + text + "\x1b[0m" : text;
}

// Characters, as far as that can be told without the terminal: UTF-8 without its trailing bytes.
std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string Count(std::int64_t count, const std::string& singular) {
  return std::to_string(count) + " " + singular + (count == 1 ? "" : "s");
}

std::string Bytes(std::int64_t bytes) {
  return FormatByteSize(static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)));
}

class Lines {
 public:
  // "   Label: text", labels flush right as in systemctl status.
  void Add(const std::string& label, const std::string& text) {
    constexpr std::size_t kLabelWidth = 12;
    std::string shown = label.empty() ? "" : label + ":";
    if (shown.size() < kLabelWidth) shown.insert(0, kLabelWidth - shown.size(), ' ');
    text_ += shown + " " + text + "\n";
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string VolumeName(const StatusAnswer& status, std::int64_t id) {
  for (const auto& volume : status.volumes) {
    if (volume.id == id) return volume.type + " " + volume.uuid;
  }
  return "volume " + std::to_string(id);
}

std::string GapState(const Gap& gap) {
  if (gap.filled_in != 0) return "; filled by a crawl";
  return gap.obstacle.empty() ? "; open" : "; open, and cannot be filled now: " + gap.obstacle;
}

// All that are open; of the others, which stand in nobody's way, the newest.
void AddGaps(const StatusAnswer& status, const Style& style, const UtcOffset& zone, Lines* lines) {
  constexpr std::int64_t kFilledShown = 5;
  const std::int64_t filled = std::count_if(status.gaps.begin(), status.gaps.end(),
                                            [](const Gap& gap) { return gap.filled_in != 0; });
  std::int64_t skip = std::max<std::int64_t>(filled - kFilledShown, 0);
  const std::int64_t before = skip + status.gaps_left_out;
  std::string label = "Gaps";
  if (before > 0) {
    lines->Add(label, std::to_string(before) + " older, filled by crawls: see 'changectl periods'");
    label.clear();
  }
  for (const Gap& gap : status.gaps) {
    if (gap.filled_in != 0 && skip-- > 0) continue;
    const std::string text = GapText(gap, style, zone) + GapState(gap);
    lines->Add(label, gap.filled_in != 0 ? text : Red(text, style));
    label.clear();
  }
  if (status.gaps.empty()) lines->Add(label, "none");
}

// "name at token, 12 records waiting for 3h"
std::string ConsumerText(const Consumer& consumer, const Style& style) {
  std::string text = consumer.name + " at " + consumer.token + ", ";
  if (!consumer.expired.empty()) return text + Red("expired: " + consumer.expired, style);
  text += consumer.waiting == 0 ? "nothing waits" : Count(consumer.waiting, "record") + " waiting";
  if (consumer.waiting_bytes > 0) text += " (" + Bytes(consumer.waiting_bytes) + ")";
  if (consumer.lag_usec > 0) text += " for " + FormatTimeSpan(consumer.lag_usec);
  return text;
}

std::string GapFlags(const std::vector<Gap>& gaps) {
  const auto open =
      std::count_if(gaps.begin(), gaps.end(), [](const Gap& gap) { return gap.filled_in == 0; });
  const auto filled = static_cast<std::int64_t>(gaps.size()) - open;
  if (gaps.empty()) return "-";
  if (filled == 0) return std::to_string(open);
  return (open == 0 ? "" : std::to_string(open) + ", ") + std::to_string(filled) + " filled";
}

void AddWatches(const StatusAnswer& status, const Style& style, Lines* lines) {
  std::string label = "Watches";
  for (const auto& watch : status.watches) {
    std::string text = style.terminal ? QuoteName(watch.path) : watch.path;
    if (watch.volume != 0) text += " (" + VolumeName(status, watch.volume) + ")";
    const bool strict = !watch.pre_modify.empty() && watch.pre_modify != "off";
    if (strict) text += ", PreModify=" + watch.pre_modify + ", Durability=" + watch.durability;
    if (!watch.excludes.empty()) {
      text += ", " + Count(static_cast<std::int64_t>(watch.excludes.size()), "exclude");
    }
    if (!watch.absent.empty()) text += ", " + Red("absent: " + watch.absent, style);
    lines->Add(label, text);
    label.clear();
  }
  if (status.watches.empty()) lines->Add(label, "none");
}

// "1.5", or without a fraction where it would say nothing.
std::string Rate(std::int64_t count, std::int64_t usec) {
  const double rate = usec <= 0 ? 0 : static_cast<double>(count) * 1e6 / static_cast<double>(usec);
  constexpr double kManyDigits = 100;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), rate >= kManyDigits ? "%.0f" : "%.1f", rate);
  return text.data();
}

void AddRates(const StatusAnswer::Rates& rates, const StatusAnswer& status, Lines* lines) {
  constexpr std::int64_t kSecond = 1'000'000;
  // Right after the start there is too little to make a rate of.
  if (rates.interval_usec < kSecond) return;
  lines->Add("Rates", Rate(rates.events, rates.interval_usec) + " events/s, " +
                          Rate(rates.records, rates.interval_usec) + " records/s in the last " +
                          FormatTimeSpan(rates.interval_usec / kSecond * kSecond) + "; " +
                          Rate(status.events_read, rates.uptime_usec) + " and " +
                          Rate(status.records_stored, rates.uptime_usec) + " since the start");
}

void AddBacklog(const StatusAnswer::Backlog& backlog, const Style& style, Lines* lines) {
  // Longer than a busy disk takes.
  constexpr std::int64_t kWorthALookUsec = 10'000'000;
  const std::string text = backlog.bytes == 0 ? "none"
                                              : Bytes(backlog.bytes) + " of events wait since " +
                                                    FormatTimeSpan(backlog.lag_usec) + ", of " +
                                                    Bytes(backlog.capacity_bytes);
  lines->Add("Backlog", backlog.lag_usec > kWorthALookUsec ? Red(text, style) : text);
}

void AddStrict(const StatusAnswer& status, const Style& style, Lines* lines) {
  if (!status.strict.has_value()) return;
  const StatusAnswer::Strict& strict = *status.strict;
  std::string text = Count(strict.intents, "intent") + " recorded";
  if (strict.missed > 0) text += ", " + Count(strict.missed, "program") + " went on before that";
  lines->Add("Strict mode", text);
  if (strict.waits) return;
  lines->Add("", Red("programs are let through unrecorded until the store keeps up", style));
}

}  // namespace

std::string FormatTable(const std::vector<std::vector<std::string>>& rows, const Style& style) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      line += rows[r][i];
      if (i + 1 < rows[r].size()) line.append(widths[i] - Width(rows[r][i]) + 2, ' ');
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    text += (r == 0 ? Bold(line, style) : line) + "\n";
  }
  return text;
}

std::string FormatStatus(const StatusAnswer& status, const Style& style, const UtcOffset& zone) {
  Lines lines;
  lines.Add("Daemon", "changejournald " + status.version + ", pid " + std::to_string(status.pid) +
                          ", since " + FormatLongTime(status.start_usec, zone));
  lines.Add("Journal",
            status.journal + " in " + status.state_directory + ", " + Bytes(status.store_bytes));
  lines.Add("If killed", status.survives_kill
                             ? "the next daemon goes on without a gap"
                             : "a gap: only systemd can keep what the next daemon would need");
  if (!status.storage_error.empty()) {
    lines.Add("Storage", Red("failing: " + status.storage_error, style));
  }
  AddWatches(status, style, &lines);
  AddStrict(status, style, &lines);
  lines.Add("Open period", status.open_period.token + ", since " +
                               FormatLongTime(status.open_period.start_usec, zone) + ", " +
                               Count(status.open_period.records, "record"));
  lines.Add("Periods", std::to_string(status.periods) + " kept, the oldest is " + status.oldest);
  AddGaps(status, style, zone, &lines);
  if (status.crawl.running) {
    lines.Add("Crawl", FormatCrawl(status.crawl));
  } else if (status.crawl.completed != 0) {
    lines.Add("Crawl", Count(status.crawl.completed, "crawl") +
                           " completed; the last: " + FormatCrawl(status.crawl));
  }
  std::string label = "Consumers";
  for (const Consumer& consumer : status.consumers) {
    lines.Add(label, ConsumerText(consumer, style));
    label.clear();
  }
  lines.Add("Traffic", Count(status.events_read, "event") + " read, " +
                           Count(status.records_stored, "record") + " stored, " +
                           Count(status.connections, "connection"));
  if (status.rates) AddRates(*status.rates, status, &lines);
  if (status.backlog) AddBacklog(*status.backlog, style, &lines);
  lines.Add("Memory", Bytes(status.resident_bytes));
  return lines.Take();
}

std::string FormatConsumers(const ConsumersReply& reply, const Style& style,
                            const UtcOffset& zone) {
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "POSITION", "RECORD", "WAITING", "BEHIND", "ACKNOWLEDGED", "STATE", "PATHS"}};
  for (const Consumer& consumer : reply.consumers) {
    std::string paths;
    for (const std::string& path : consumer.paths) {
      paths += (paths.empty() ? "" : " ") + (style.terminal ? QuoteName(path) : path);
    }
    const auto when = consumer.acknowledged_usec;
    rows.push_back({consumer.name, consumer.token, std::to_string(consumer.sequence),
                    std::to_string(consumer.waiting), FormatTimeSpan(consumer.lag_usec),
                    when ? FormatLongTime(*when, zone) : "never",
                    consumer.expired.empty() ? "live" : "expired", paths.empty() ? "-" : paths});
  }
  if (reply.first_sequence == reply.next_sequence) {
    return FormatTable(rows, style) + "No record is kept.\n";
  }
  return FormatTable(rows, style) + "Records " + std::to_string(reply.first_sequence) + " to " +
         std::to_string(reply.next_sequence - 1) + " are kept, checkpoints from " + reply.oldest +
         " to " + reply.newest + ".\n";
}

std::string FormatPeriods(const std::vector<Period>& periods, const Style& style,
                          const UtcOffset& zone) {
  std::vector<std::vector<std::string>> rows = {
      {"TOKEN", "START", "END", "RECORDS", "GAPS", "LABEL"}};
  for (const Period& period : periods) {
    std::string label = period.label.empty() ? "-" : period.label;
    rows.push_back({period.token, FormatLongTime(period.start_usec, zone),
                    period.end_usec ? FormatLongTime(*period.end_usec, zone) : "open",
                    std::to_string(period.records), GapFlags(period.gaps),
                    style.terminal && !period.label.empty() ? QuoteName(label) : label});
  }
  return FormatTable(rows, style);
}

std::string FormatFindings(const std::vector<Finding>& findings, const Style& style) {
  std::string text;
  for (const Finding& finding : findings) {
    std::string mark = finding.available ? "yes    " : finding.required ? "MISSING" : "no     ";
    if (!finding.available && finding.required) mark = Red(mark, style);
    text += mark + " " + Bold(finding.name, style);
    if (!finding.subject.empty()) {
      text += " (" + (style.terminal ? QuoteName(finding.subject) : finding.subject) + ")";
    }
    text += "\n        " + finding.meaning + "\n";
    if (!finding.available && !finding.remedy.empty())
      text += "        -> " + finding.remedy + "\n";
  }
  return text;
}

}  // namespace cj::client
