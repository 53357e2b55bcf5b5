#include "client/top_frame.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/units.h"
#include "client/quote.h"

namespace cj::client {
namespace {

std::string Number(double value) {
  constexpr double kManyDigits = 1000;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), value >= kManyDigits ? "%.0f" : "%.1f", value);
  return text.data();
}

std::string Right(std::string text, std::size_t width) {
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
  return text;
}

std::string Bytes(std::int64_t bytes) {
  return FormatByteSize(static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)));
}

// The first `columns` characters of UTF-8 text.
std::string Cut(const std::string& text, std::size_t columns) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
    if (begins && characters++ == columns) return text.substr(0, i);
  }
  return text;
}

std::string RatesLine(const TopPicture& picture) {
  const StatusAnswer::Counters& now = picture.status.counters;
  const StatusAnswer::Counters& before = picture.before;
  auto rate = [&](std::int64_t count, std::int64_t was) {
    const double seconds = static_cast<double>(picture.interval_usec) / 1e6;
    return (seconds > 0 ? Number(static_cast<double>(count - was) / seconds) : "-") + "/s";
  };
  return "Events:  " + rate(now.events_read, before.events_read) + " read, " +
         rate(now.records_stored, before.records_stored) + " recorded, " +
         rate(now.duplicates, before.duplicates) + " repeats dropped, " +
         rate(now.out_of_scope, before.out_of_scope) + " elsewhere";
}

std::string BehindLine(const StatusAnswer& status) {
  if (!status.storage_error.empty()) return "NOT STORING: " + QuoteName(status.storage_error);
  const StatusAnswer::Backlog backlog = status.backlog.value_or(StatusAnswer::Backlog());
  std::string text =
      "Behind:  " + Bytes(backlog.bytes) + " of events, " + FormatTimeSpan(backlog.lag_usec) + "; ";
  const auto furthest =
      std::max_element(status.consumers.begin(), status.consumers.end(),
                       [](const Consumer& a, const Consumer& b) { return a.waiting < b.waiting; });
  if (furthest == status.consumers.end()) return text + "no consumers";
  return text + std::to_string(status.consumers.size()) + " consumers, the furthest " +
         QuoteName(furthest->name) + ": " + std::to_string(furthest->waiting) + " records";
}

std::string StoreLine(const StatusAnswer& status) {
  const auto open = std::count_if(status.gaps.begin(), status.gaps.end(),
                                  [](const Gap& gap) { return gap.filled_in == 0; });
  return "Store:   " + Bytes(status.store_bytes) + ", " + std::to_string(status.periods) +
         " periods, " + std::to_string(open) + " open gaps; " + std::to_string(status.connections) +
         " connections, " + std::to_string(status.answers) + " answers; memory " +
         Bytes(status.resident_bytes);
}

}  // namespace

std::vector<std::string> FormatTop(const TopPicture& picture, const TopSize& size,
                                   const UtcOffset& zone) {
  constexpr std::size_t kRateWidth = 9;
  constexpr std::size_t kRecordsWidth = 10;
  const StatusAnswer& status = picture.status;
  std::vector<std::string> lines;
  std::string title =
      "changectl top - " + FormatLongTime(picture.now_usec, zone) + ", journal " + status.journal;
  if (status.rates) {
    title += ", up " + FormatTimeSpan(status.rates->uptime_usec / 1'000'000 * 1'000'000);
  }
  lines.push_back(title);
  lines.push_back(RatesLine(picture));
  lines.push_back(BehindLine(status));
  lines.push_back(StoreLine(status));
  lines.emplace_back();
  lines.push_back(Right("RECORDS/S", kRateWidth) + Right("RECORDS", kRecordsWidth) + "  DIRECTORY");
  for (const BusyDirectories::Busy& busy : picture.busiest) {
    lines.push_back(Right(Number(busy.per_second), kRateWidth) +
                    Right(std::to_string(busy.records), kRecordsWidth) + "  " +
                    (busy.path.empty() ? "(unknown)" : QuoteName(busy.path)));
  }
  if (lines.size() > size.rows) lines.resize(size.rows);
  for (std::string& line : lines) line = Cut(line, size.columns);
  return lines;
}

}  // namespace cj::client
