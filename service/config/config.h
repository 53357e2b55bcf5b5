// The daemon's configuration: what changejournal.conf(5) says, as plain values. ParseConfig is
// pure; files.h finds and reads the files. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cj {

// Limits on what a configuration can cause, each far above what an administrator would write.
inline constexpr std::size_t kMaxConfigFileBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxConfigFiles = 256;
inline constexpr std::size_t kMaxWatches = 1024;
inline constexpr std::size_t kMaxExcludesPerWatch = 256;
inline constexpr std::size_t kMaxConfigPathBytes = 4095;  // PATH_MAX without its NUL
// Further complaints are counted, not kept: a binary file must not become a million messages.
inline constexpr std::size_t kMaxDiagnostics = 100;
// Below, every append would be a sync of its own; above, "the last durable moment" of a gap after
// power loss would be too old to be useful.
inline constexpr std::int64_t kMinSyncIntervalUsec = 10'000;
inline constexpr std::int64_t kMaxSyncIntervalUsec = 60'000'000;

// Below, a kernel's clock for change times (it moves with the timer) might lag behind; above, every
// gap would be told as a change of everything.
inline constexpr std::int64_t kMinCrawlMarginUsec = 20'000;
inline constexpr std::int64_t kMaxCrawlMarginUsec = std::int64_t{86'400} * 1'000'000;
// No machine looks at so many; a rate beyond is a mistake.
inline constexpr std::uint64_t kMaxCrawlRate = 1'000'000'000;

inline constexpr std::string_view kDefaultStateDirectory = "/var/lib/changejournal";

// Without a watch the daemon does not start, and --check-config says so.
inline constexpr const char* kNothingToWatch =
    "nothing to watch: name a tree with --watch=PATH or in a [Watch] section";

enum class PreModify { kOff, kOpen, kAccess };
enum class Durability { kWal, kSync };

struct WatchConfig {
  std::string path;  // absolute and normal: no "//", ".", "..", no slash at the end
  std::vector<std::string> excludes;  // fnmatch(3) patterns on the path below `path`
  PreModify pre_modify = PreModify::kOff;
  Durability durability = Durability::kWal;
  // Somebody has just typed it: not there is wrong. A configuration may name what comes later.
  bool must_be_there = false;
};

// A smaller MaxUse= is refused: the store's log (32 MiB) and tables of two periods fill it alone.
inline constexpr std::uint64_t kMinMaxUse = std::uint64_t{128} << 20;
// Where nothing is said: a journal must not fill the disk because somebody never comes back for it.
// A tenth of its filesystem, and 4 GiB at the most, as journald.conf(5) has it for SystemMaxUse=:
// some hundred million records.
inline constexpr std::uint64_t kDefaultMaxUse = std::uint64_t{4} << 30;
inline constexpr std::uint64_t kDefaultMaxUsePart = 10;
std::uint64_t DefaultMaxUse(std::uint64_t filesystem_bytes);

struct Config {
  std::string state_directory{kDefaultStateDirectory};  // absolute and normal
  std::optional<std::uint64_t> max_use;      // bytes of the store; 0: no limit; none: the default
  std::optional<std::int64_t> max_age_usec;  // age of the oldest period; none: no limit
  std::optional<std::uint64_t>
      keep_free;  // bytes left free on the store's filesystem; none: no rule
  // Age at which a period goes that all consumers have; none: it stays while the limits allow.
  std::optional<std::int64_t> keep_acknowledged_usec;
  std::int64_t sync_interval_usec = 1'000'000;
  bool queue_limited = false;                   // QueueLimit=kernel
  std::int64_t crawl_margin_usec = 60'000'000;  // as kCrawlMarginUsec (checkpoint/crawl_plan.h)
  std::uint64_t crawl_rate = 0;                 // entries per second; 0: no limit
  bool user_checkpoints = false;                // AllowUserCheckpoints=
  bool attribution = false;                     // records say who did it
  std::vector<WatchConfig> watches;             // in the order written; paths are unique
};

// A piece of configuration with the name that complaints give it. Later ones override earlier ones.
struct ConfigFragment {
  std::string name;
  std::string text;
};

struct Diagnostic {
  std::string file;
  int line = 0;  // 0: the file as a whole
  std::string message;
};

// "file:line: message", or "file: message".
std::string FormatDiagnostic(const Diagnostic& diagnostic);

// With errors, `config` must not be used. Both lists are in the order of the fragments, at most
// kMaxDiagnostics long, the last entry then saying how many were left out.
struct ParsedConfig {
  Config config;
  std::vector<Diagnostic> warnings;
  std::vector<Diagnostic> errors;
};

ParsedConfig ParseConfig(const std::vector<ConfigFragment>& fragments);

// The normal form of an absolute path, made without looking at any file: doubled slashes, "." and a
// slash at the end go. kInvalidArgument for anything relative, with "..", with a NUL or too long.
// The rule for Path=, StateDirectory= and the options --watch and --state-directory.
Result<std::string> NormalPath(std::string_view path);

}  // namespace cj
