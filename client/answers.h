// What the daemon's replies say, as plain values, and how they are read from JSON. Unknown members
// are ignored, so that a newer daemon can be asked. Errors are kCorruption: the peer does not keep
// to service/org.changejournal.varlink. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace cj::client {

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
};

// How far a crawl is.
struct Crawl {
  bool running = false;
  std::int64_t directories = 0;
  std::int64_t entries = 0;
  std::int64_t expected = 0;  // entries that the filesystems say they have; 0: not known
  std::int64_t changed = 0;
  std::int64_t completed = 0;  // crawls since the daemon's start
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

// Gaps come before the records.
struct LogReply {
  std::vector<Gap> gaps;
  std::vector<Record> records;
};

// Where a feed can be resumed.
struct FeedPosition {
  std::string token;  // empty: nowhere yet
  std::int64_t sequence = 0;
};

// Of Follow.
struct FollowReply {
  LogReply log;
  FeedPosition position;
};

struct Period {
  std::string token;
  std::int64_t start_usec = 0;
  std::optional<std::int64_t> end_usec;  // none: the open period
  std::string label;
  std::int64_t records = 0;
  std::vector<Gap> gaps;
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

struct StatusAnswer {
  std::string version;
  std::int64_t pid = 0;
  std::int64_t start_usec = 0;
  std::string journal;
  std::string state_directory;
  std::int64_t store_bytes = 0;
  Period open_period;
  std::string oldest;
  std::int64_t periods = 0;
  struct Watch {
    std::string path;
    std::int64_t volume = 0;
    std::vector<std::string> excludes;
    std::string absent = {};      // why it is not there; empty: it is
    std::string pre_modify = {};  // "open", "access"; empty or "off": it is not in strict mode
    std::string durability = {};
  };
  std::vector<Watch> watches;
  struct Volume {
    std::int64_t id = 0;
    std::string type;
    std::string uuid;
    std::string mount_point;
  };
  std::vector<Volume> volumes;
  struct Strict {  // of the watches in strict mode
    std::int64_t intents = 0;
    std::int64_t missed = 0;
    bool waits = true;
    std::int64_t answered = 0;
  };
  std::optional<Strict> strict;
  std::vector<Gap> gaps;
  Crawl crawl;
  std::vector<Consumer> consumers;
  std::int64_t events_read = 0;
  std::int64_t records_stored = 0;
  struct Counters {
    std::int64_t events_read = 0;
    std::int64_t records_stored = 0;
    std::int64_t out_of_scope = 0;
    std::int64_t duplicates = 0;
    std::int64_t ignored = 0;
    std::int64_t drains = 0;
    std::int64_t appends = 0;
    std::int64_t checkpoints = 0;
    std::int64_t overflows = 0;
  };
  Counters counters;
  struct Backlog {
    std::int64_t bytes = 0;
    std::int64_t capacity_bytes = 0;
    std::int64_t lag_usec = 0;
  };
  std::optional<Backlog> backlog;
  struct Rates {  // events and records of the last interval_usec
    std::int64_t uptime_usec = 0;
    std::int64_t interval_usec = 0;
    std::int64_t events = 0;
    std::int64_t records = 0;
  };
  std::optional<Rates> rates;
  std::string storage_error;
  bool survives_kill = false;
  std::int64_t resident_bytes = 0;
  std::int64_t connections = 0;
  std::int64_t answers = 0;  // being made
};

struct Finding {
  std::string name;
  std::string subject;
  bool available = false;
  bool required = false;
  std::string meaning;
  std::string remedy;
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
Result<std::vector<Period>> ReadPeriodsReply(const nlohmann::json& parameters);
Result<StatusAnswer> ReadStatusReply(const nlohmann::json& parameters);
Result<std::vector<Finding>> ReadDiagnoseReply(const nlohmann::json& parameters);
// Of method Crawl.
Result<Crawl> ReadCrawlReply(const nlohmann::json& parameters);
// Of Checkpoint.
Result<CheckpointReply> ReadCheckpointReply(const nlohmann::json& parameters);
Result<ConsumersReply> ReadConsumersReply(const nlohmann::json& parameters);
Result<AcknowledgeReply> ReadAcknowledgeReply(const nlohmann::json& parameters);
// The token that RescanNeeded says to go on from; empty when it names none.
std::string NextOfRescanNeeded(const nlohmann::json& parameters);

}  // namespace cj::client
