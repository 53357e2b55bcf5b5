// What the command line asks for, checked, with times turned into moments and paths made absolute.
// Plain values; command_line.h fills them, requests.h turns them into calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cj::client {

inline constexpr const char* kDefaultSocket = "/run/changejournal/org.changejournal";

// A token, or a time that stands for the newest checkpoint at or before it (in LogOptions: for that
// very moment). Exactly one.
struct Position {
  std::string token;
  std::optional<std::int64_t> time_usec;
};

enum class ChangesFormat { kText, kJson, kPaths };

struct ChangesOptions {
  std::optional<Position> since;  // none: token_file or consumer says it
  std::string consumer;           // empty: none
  std::string config_hash;        // of the consumer; empty: not said
  std::optional<Position> until;
  std::string token_file;                  // empty: none
  std::vector<std::string> paths;          // absolute; empty: all watches
  std::vector<std::string> kinds;          // entry, data, metadata; empty: all
  std::string presence = "all";            // all, existing, deleted
  std::string label;                       // of the checkpoint that is made
  std::optional<std::string> relative_to;  // absolute
  ChangesFormat format = ChangesFormat::kText;
  bool checkpoint = true;
  bool null = false;  // NUL after each path instead of a newline
  bool expand = false;
  bool wait = true;
  bool transient = false;  // show what came and went, too
  bool quiet = false;
};

enum class LogFormat {
  kShort,
  kShortIso,
  kShortIsoPrecise,
  kShortUnix,
  kVerbose,
  kJson,
  kJsonSeq,  // RFC 7464
  kCat
};

struct LogOptions {
  std::optional<Position> since;
  std::optional<Position> until;
  std::vector<std::string> paths;  // absolute; empty: all watches
  std::vector<std::string> kinds;  // entry, data, metadata; empty: all
  std::vector<std::string> types;  // file, directory, ...; empty: all
  std::optional<std::int64_t> lines;
  LogFormat format = LogFormat::kShort;
  bool reverse = false;
  bool follow = false;
  bool utc = false;
  bool quiet = false;        // nothing but records and gaps
  bool pager = true;         // where stdout is a terminal, and follow is not set
  bool jump_to_end = false;  // of what the pager shows
};

struct FollowOptions {
  std::optional<Position> since;  // none: from now on, or where the consumer stands
  std::string consumer;           // empty: none
  std::string config_hash;
  std::vector<std::string> paths;  // absolute; empty: all watches, or the consumer's
  std::vector<std::string> kinds;  // entry, data, metadata; empty: all
  std::vector<std::string> types;  // file, directory, ...; empty: all
  std::int64_t settle_usec = 0;    // 0: tell at once
  LogFormat format = LogFormat::kShort;
};

struct ExplainOptions {
  std::string path;               // absolute
  std::optional<Position> since;  // none: token_file, consumer, or the oldest checkpoint
  std::optional<Position> until;
  std::string token_file;  // empty: none
  std::string consumer;    // empty: none
};

// consumer add
struct NewConsumer {
  std::string name;
  std::optional<Position> since;   // none: a checkpoint that is made now
  std::vector<std::string> paths;  // absolute; empty: all watches
  std::string config_hash;
  std::int64_t max_lag_usec = 0;  // 0: none
  std::int64_t max_lag_bytes = 0;
};

struct AcknowledgeOptions {
  std::string name;
  std::string token;
  std::optional<std::int64_t> sequence;  // of the token's period
  std::string config_hash;               // empty: as it was
};

enum class Verb {
  kStatus,
  kCheckpoint,
  kChanges,
  kLog,
  kPeriods,
  kFollow,
  kConsumerAdd,
  kConsumerList,
  kConsumerRemove,
  kAck,
  kExplain,
  kCrawl,
  kDoctor,
  kMetrics,
  kTop,
  kGitFsmonitor
};

struct TopOptions {
  std::int64_t delay_usec = 2'000'000;
  std::optional<std::int64_t> iterations;  // none: until it is ended
  bool batch = false;                      // frames one below the other, no keys
  std::vector<std::string> paths;          // absolute; empty: all watches
};

// As git calls it.
struct GitFsmonitorOptions {
  std::string version;
  std::string token;
};

struct Options {
  std::string socket = kDefaultSocket;
  Verb verb = Verb::kStatus;
  bool json = false;  // status, checkpoint, periods, consumer add and list, doctor
  std::string label;  // checkpoint
  ChangesOptions changes;
  LogOptions log;
  FollowOptions follow;
  ExplainOptions explain;
  NewConsumer consumer;  // remove: its name
  AcknowledgeOptions acknowledge;
  std::string metrics_file;  // empty: stdout
  TopOptions top;
  GitFsmonitorOptions git;
  std::vector<std::string> crawl_paths;  // absolute; empty: for the gaps that are open
};

}  // namespace cj::client
