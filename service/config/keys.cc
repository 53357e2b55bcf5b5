#include "service/config/keys.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/units.h"
#include "service/config/diagnostics.h"

namespace cj {
namespace {

constexpr std::array<std::string_view, 11> kJournalKeys = {
    "StateDirectory",  "MaxUse",     "MaxAge",         "KeepFree",  "KeepAcknowledged",
    "SyncIntervalSec", "QueueLimit", "CrawlMarginSec", "CrawlRate", "AllowUserCheckpoints",
    "Attribution"};
constexpr std::array<std::string_view, 4> kWatchKeys = {"Path", "Exclude", "PreModify",
                                                        "Durability"};

KeyOutcome Good() { return {}; }
KeyOutcome Unknown() { return {.known = false, .error = {}}; }
KeyOutcome Bad(std::string why) { return {.known = true, .error = std::move(why)}; }
KeyOutcome BadChoice(std::string_view value, std::string_view choices) {
  return Bad(": '" + Printable(value) + "' is not known; use " + std::string(choices));
}

// For limits: an empty value, 0 and "infinity" all say "no limit", as in journald.conf(5).
bool IsNoLimit(std::string_view value) { return value.empty() || value == "infinity"; }

KeyOutcome AssignSize(std::string_view value, std::optional<std::uint64_t>* target) {
  if (IsNoLimit(value)) {
    target->reset();
    return Good();
  }
  auto size = ParseByteSize(value);
  if (!size) return Bad(": " + Printable(size.error().message));
  *target = *size == 0 ? std::nullopt : std::optional(*size);
  return Good();
}

// Here 0 is a span like others.
KeyOutcome AssignOptionalSpan(std::string_view value, std::optional<std::int64_t>* target) {
  if (IsNoLimit(value)) {
    target->reset();
    return Good();
  }
  auto span = ParseTimeSpan(value);
  if (!span) return Bad(": " + Printable(span.error().message));
  *target = *span;
  return Good();
}

KeyOutcome AssignAge(std::string_view value, std::optional<std::int64_t>* target) {
  KeyOutcome outcome = AssignOptionalSpan(value, target);
  if (!outcome.error && *target == 0) target->reset();
  return outcome;
}

struct SpanRange {
  std::int64_t least_usec;
  std::int64_t most_usec;
};

KeyOutcome AssignSpan(std::string_view value, std::int64_t standard_usec, const SpanRange& range,
                      std::int64_t* target) {
  if (value.empty()) {
    *target = standard_usec;
    return Good();
  }
  auto span = ParseTimeSpan(value);
  if (!span) return Bad(": " + Printable(span.error().message));
  if (*span < range.least_usec || *span > range.most_usec) {
    return Bad(Printable(value) + " is out of range; use " + FormatTimeSpan(range.least_usec) +
               " to " + FormatTimeSpan(range.most_usec));
  }
  *target = *span;
  return Good();
}

KeyOutcome AssignCrawlRate(std::string_view value, std::uint64_t* target) {
  if (IsNoLimit(value)) {
    *target = 0;
    return Good();
  }
  std::uint64_t rate = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), rate);
  if (error != std::errc() || end != value.data() + value.size() || rate > kMaxCrawlRate) {
    return Bad(": '" + Printable(value) +
               "' is not a number of files per second from 0 (no limit) to " +
               std::to_string(kMaxCrawlRate));
  }
  *target = rate;
  return Good();
}

KeyOutcome AssignStateDirectory(std::string_view value, std::string* target) {
  if (value.empty()) {
    *target = kDefaultStateDirectory;
    return Good();
  }
  auto path = NormalPath(value);
  if (!path) return Bad(": " + path.error().message);
  *target = std::move(path).value();
  return Good();
}

KeyOutcome AssignExclude(std::string_view value, std::vector<std::string>* excludes) {
  if (value.empty()) {
    excludes->clear();
    return Good();
  }
  const std::string shown = Printable(value);
  if (value.front() == '/') {
    return Bad(shown +
               " would never match: patterns are matched with the path below Path=; leave out "
               "the slash at the front and the watch's own path");
  }
  if (value.back() == '/') {
    return Bad(shown + " would never match; leave out the slash at the end");
  }
  if (value.size() > kMaxConfigPathBytes) return Bad(": the pattern is longer than any path");
  if (std::find(excludes->begin(), excludes->end(), value) != excludes->end()) return Good();
  if (excludes->size() == kMaxExcludesPerWatch) {
    return Bad(shown + " is one too many: a watch has at most " +
               std::to_string(kMaxExcludesPerWatch) + "; use wildcards to join some");
  }
  excludes->emplace_back(value);
  return Good();
}

// The store's own needs would leave no room for a past, and every client would be told to scan.
KeyOutcome AssignMaxUse(std::string_view value, std::optional<std::uint64_t>* max_use) {
  std::optional<std::uint64_t> size;
  KeyOutcome outcome = AssignSize(value, &size);
  if (size && *size < kMinMaxUse) {
    return Bad(Printable(value) +
               " is less than the journal's log and tables need for themselves; "
               "write 128M or more");
  }
  if (outcome.error) return outcome;
  *max_use = size;
  if (!value.empty() && !size) *max_use = 0;
  return outcome;
}

KeyOutcome AssignPreModify(std::string_view value, PreModify* target) {
  if (value.empty() || value == "off") {
    *target = PreModify::kOff;
  } else if (value == "open") {
    *target = PreModify::kOpen;
  } else if (value == "access") {
    *target = PreModify::kAccess;
  } else {
    return BadChoice(value, "off, open or access");
  }
  return Good();
}

KeyOutcome AssignDurability(std::string_view value, Durability* target) {
  if (value.empty() || value == "wal") {
    *target = Durability::kWal;
  } else if (value == "sync") {
    *target = Durability::kSync;
  } else {
    return BadChoice(value, "wal or sync");
  }
  return Good();
}

// systemd's words for it.
KeyOutcome AssignBool(std::string_view value, bool standard, bool* target) {
  if (value.empty()) {
    *target = standard;
  } else if (value == "yes" || value == "true" || value == "on" || value == "1") {
    *target = true;
  } else if (value == "no" || value == "false" || value == "off" || value == "0") {
    *target = false;
  } else {
    return BadChoice(value, "yes or no");
  }
  return Good();
}

KeyOutcome AssignQueueLimit(std::string_view value, bool* limited) {
  if (value.empty() || value == "unlimited") {
    *limited = false;
  } else if (value == "kernel") {
    *limited = true;
  } else {
    return BadChoice(value, "unlimited or kernel");
  }
  return Good();
}

Error BadPath(std::string_view path, const std::string& why) {
  return {ErrorCode::kInvalidArgument, "'" + Printable(path) + "' " + why};
}

}  // namespace

KeyOutcome AssignJournalKey(const ConfigLine& line, Config* config) {
  if (line.key == "StateDirectory")
    return AssignStateDirectory(line.value, &config->state_directory);
  if (line.key == "MaxUse") return AssignMaxUse(line.value, &config->max_use);
  if (line.key == "MaxAge") return AssignAge(line.value, &config->max_age_usec);
  if (line.key == "KeepFree") return AssignSize(line.value, &config->keep_free);
  if (line.key == "KeepAcknowledged") {
    return AssignOptionalSpan(line.value, &config->keep_acknowledged_usec);
  }
  if (line.key == "SyncIntervalSec") {
    return AssignSpan(line.value, Config().sync_interval_usec,
                      {kMinSyncIntervalUsec, kMaxSyncIntervalUsec}, &config->sync_interval_usec);
  }
  if (line.key == "CrawlMarginSec") {
    return AssignSpan(line.value, Config().crawl_margin_usec,
                      {kMinCrawlMarginUsec, kMaxCrawlMarginUsec}, &config->crawl_margin_usec);
  }
  if (line.key == "CrawlRate") return AssignCrawlRate(line.value, &config->crawl_rate);
  if (line.key == "AllowUserCheckpoints") {
    return AssignBool(line.value, /*standard=*/false, &config->user_checkpoints);
  }
  if (line.key == "QueueLimit") return AssignQueueLimit(line.value, &config->queue_limited);
  if (line.key == "Attribution") return AssignBool(line.value, false, &config->attribution);
  return Unknown();
}

KeyOutcome AssignWatchKey(const ConfigLine& line, WatchConfig* watch) {
  if (line.key == "Exclude") return AssignExclude(line.value, &watch->excludes);
  if (line.key == "PreModify") return AssignPreModify(line.value, &watch->pre_modify);
  if (line.key == "Durability") return AssignDurability(line.value, &watch->durability);
  return Unknown();
}

std::span<const std::string_view> JournalKeyNames() { return kJournalKeys; }
std::span<const std::string_view> WatchKeyNames() { return kWatchKeys; }

Result<std::string> NormalPath(std::string_view path) {
  if (path.empty())
    return Error{ErrorCode::kInvalidArgument, "the path is empty; write an absolute one"};
  if (path.front() != '/') return BadPath(path, "is not absolute; write the path from / on");
  if (path.find('\0') != std::string_view::npos) return BadPath(path, "has a NUL byte");
  std::string normal;
  for (std::size_t at = 0; at < path.size();) {
    std::size_t end = std::min(path.find('/', at), path.size());
    std::string_view part = path.substr(at, end - at);
    if (part == "..")
      return BadPath(path, "has '..' in it; write the path that is meant without it");
    if (!part.empty() && part != ".") normal.append("/").append(part);
    at = end + 1;
  }
  if (normal.size() > kMaxConfigPathBytes) return BadPath(path, "is longer than any path may be");
  return normal.empty() ? "/" : normal;
}

std::uint64_t DefaultMaxUse(std::uint64_t filesystem_bytes) {
  return std::clamp(filesystem_bytes / kDefaultMaxUsePart, kMinMaxUse, kDefaultMaxUse);
}

}  // namespace cj
