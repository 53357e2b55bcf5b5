// What the daemon's replies say, as plain values, and how they are read from JSON. Unknown members
// are ignored, so that a newer daemon can be asked. Errors are kCorruption: the peer does not keep
// to service/org.changejournal.varlink. In a namespace of their own: the journal has changes,
// records and gaps, too. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace cj::reply {

struct Change {
  std::string change;  // created, modified, renamed, deleted, rescan
  std::string path;    // bytes
  std::string from;    // bytes; only for renamed
  std::string type;    // file, directory, symlink, fifo, socket, char, block; empty: not known
  bool data = false;
  bool metadata = false;
  bool recursive = false;
  bool transient = false;
  bool maybe = false;
  friend bool operator==(const Change&, const Change&) = default;
};

struct Summary {
  std::string since;
  std::string next;
  std::int64_t changes = 0;
  bool excludes = false;
};

// How far a crawl is.
struct Crawl {
  bool running = false;
  std::int64_t directories = 0;
  std::int64_t entries = 0;
  std::int64_t expected = 0;  // entries that the filesystems say they have; 0: not known
  std::int64_t changed = 0;
  std::int64_t completed = 0;  // crawls since the daemon's start
  std::int64_t start_usec = 0;
  std::int64_t took_usec = 0;  // of the last one; 0 while one runs
  std::int64_t unreadable = 0;
};

// A reply of Changes or ChangePaths: some changes, or the summary, or both; or, before them, how
// far the crawl is that they wait for.
struct ChangesReply {
  std::optional<Crawl> crawl;
  std::vector<Change> changes;
  std::optional<Summary> summary;
};

// Who made a record, where that is known.
struct Actor {
  std::int64_t pid = 0;
  std::string comm;                 // empty: it had ended when the daemon looked
  std::optional<std::int64_t> uid;  // likewise
  std::string unit;                 // empty: none of systemd's
};

struct Record {
  std::int64_t sequence = 0;
  std::int64_t period = 0;
  std::int64_t time_usec = 0;
  std::int64_t volume = 0;
  std::int64_t pid = 0;
  std::vector<std::string> operations;
  std::string path;  // bytes; empty when it is not known
  std::string from;  // bytes; only for renames
  std::string object;
  std::optional<Actor> by = {};
};

struct Gap {
  std::string volume;  // empty: all
  std::int64_t from_usec = 0;
  std::int64_t to_usec = 0;
  std::string cause;
  std::int64_t filled_in = 0;  // the period in which a crawl ended that filled it; 0: it is open
  std::string obstacle = {};   // why it cannot be filled now; empty: not known
};

// Where a feed, or a log that is followed, can be resumed.
struct FeedPosition {
  std::string token;  // empty: nowhere yet
  std::int64_t sequence = 0;
};

// Gaps come before the records.
struct LogReply {
  std::vector<Gap> gaps;
  std::vector<Record> records;
  FeedPosition position = {};  // of a log that is followed; older daemons do not tell it
};

// Of Follow.
struct FollowReply {
  LogReply log;
  FeedPosition position;
};

struct Consumer {
  std::string name;
  std::string token;
  std::int64_t sequence = 0;
  std::vector<std::string> paths;  // bytes; empty: all watches
  std::optional<std::int64_t> acknowledged_usec;
  std::int64_t waiting = 0;
  std::int64_t waiting_bytes = 0;
  std::int64_t lag_usec = 0;
  std::string expired;  // why; empty: it has not
  std::string config_hash = {};
  std::int64_t added_usec = 0;
  std::optional<std::int64_t> max_lag_usec = {};
  std::optional<std::int64_t> max_lag_bytes = {};
  std::int64_t expired_usec = 0;
};

// Of ListConsumers: first_sequence and next_sequence are those of the records that are kept.
struct ConsumersReply {
  std::vector<Consumer> consumers;
  std::string oldest;
  std::string newest;
  std::int64_t first_sequence = 0;
  std::int64_t next_sequence = 0;
};

struct AcknowledgeReply {
  std::string token;
  std::int64_t sequence = 0;
  bool moved = false;
};

struct AbsentTree {
  std::string path;
  std::string why;
};

struct CheckpointReply {
  std::string token;
  std::vector<AbsentTree> absent;
};

Result<ChangesReply> ReadChangesReply(const nlohmann::json& parameters);
Result<LogReply> ReadLogReply(const nlohmann::json& parameters);
Result<FollowReply> ReadFollowReply(const nlohmann::json& parameters);
// Of method Crawl.
Result<Crawl> ReadCrawlReply(const nlohmann::json& parameters);
// Of Checkpoint and AddConsumer.
Result<CheckpointReply> ReadCheckpointReply(const nlohmann::json& parameters);
Result<ConsumersReply> ReadConsumersReply(const nlohmann::json& parameters);
Result<AcknowledgeReply> ReadAcknowledgeReply(const nlohmann::json& parameters);

}  // namespace cj::reply
