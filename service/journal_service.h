// The journal as the daemon offers it: what the Varlink methods call, without JSON and sockets.
//
// Every method may be called from any thread at any time between Start() and Stop(), and may block
// on the kernel or the disk for some tens of milliseconds (OpenAnswer: for as long as the
// interval's records take to fold): never call them from the thread that serves the socket.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "checkpoint/engine.h"
#include "fanotify/capabilities.h"
#include "journal/answer.h"
#include "journal/directory_scope.h"
#include "journal/link_memory.h"
#include "journal/position.h"
#include "journal/retention.h"
#include "journal/store.h"
#include "service/config/config.h"

namespace cj {

struct Question {
  Position since;
  std::optional<Position> until;
  std::vector<std::string> paths;  // absolute
  bool checkpoint = true;          // without `until`: end the interval with a new checkpoint
  std::string label;
  std::uint8_t classes = 0;
  Presence presence = Presence::kAll;
  bool expand = false;
  std::function<bool()> cancelled;
};

struct OpenedAnswer {
  std::unique_ptr<Answer> answer;
  std::string since;  // tokens
  std::string next;
};

struct LogQuestion {
  std::optional<Position> since;  // none: the oldest period
  std::optional<Position> until;
  std::vector<std::string> paths;
  bool reverse = false;
  SequenceNumber after;  // only records with a greater number
  PeriodId from_period;  // for going on behind `after`: where to look first; 0: from `since`
  bool flush = true;     // store what the kernel has queued first
};

struct LogEntry {
  Record record;
  std::string path;
  std::string from;
};

// Reads records a batch at a time. Not thread-safe, no thread is bound to it. Sees the journal as
// it was when it was opened.
class LogReader {
 public:
  virtual ~LogReader() = default;
  // Appends up to `max` entries that a watch shows (and that lie under the question's paths).
  // False: that was the end.
  virtual Result<bool> Next(std::size_t max, std::vector<LogEntry>* entries) = 0;
  // Of the last record that was read, shown or not; 0 before the first.
  virtual SequenceNumber last_sequence() const = 0;
  virtual PeriodId last_period() const = 0;
};

struct ServiceStatus {
  std::string journal;  // id, 8 hex digits
  std::string state_directory;
  std::uint64_t store_bytes = 0;
  std::vector<PeriodInfo> periods;
  SequenceNumber next_sequence;
  std::vector<Watch> watches;
  std::vector<VolumeMount> volumes;
  EngineCounters counters;
  std::int64_t start_usec = 0;
};

struct Diagnosis {
  std::string subject;  // "kernel", or a watched path
  Finding finding;
};

class JournalService {
 public:
  // Opens the store, finds and marks the volumes, starts the engine. Messages say which setting is
  // at fault.
  static Result<std::unique_ptr<JournalService>> Start(const Config& config, Kernel& kernel,
                                                       Clock& clock);
  ~JournalService();

  Result<std::string> Checkpoint(const std::string& label);  // its token
  Result<OpenedAnswer> OpenAnswer(const Question& question);
  Result<std::unique_ptr<LogReader>> OpenLog(const LogQuestion& question);
  ServiceStatus GetStatus();
  std::vector<Diagnosis> Diagnose();
  std::string TokenOf(PeriodId period) const;
  // The token to go on from after a full scan that begins now.
  std::string RescanToken() const;

  // Makes a checkpoint if the open period is older than `max_age_usec` and has records, and drops
  // what the configuration's limits say. Call it now and then.
  struct Upkeep {
    bool checkpoint_made = false;
    PeriodId oldest;
    bool dropped = false;
  };
  Result<Upkeep> Maintain(std::int64_t max_age_usec);

  // `listener` is called on the writer's thread after every append; it must not block.
  void SetAppendListener(std::function<void(SequenceNumber)> listener);
  SequenceNumber next_sequence() const { return store_->next_sequence(); }
  EngineCounters counters() const { return engine_->counters(); }

  Status Stop();

 private:
  JournalService(Config config, Clock& clock) : config_(std::move(config)), clock_(clock) {}
  Status FindWatches();
  std::vector<VolumeMount> Volumes() const;

  Config config_;
  Clock& clock_;
  std::int64_t start_usec_ = 0;
  std::unique_ptr<Store> store_;
  std::vector<Watch> watches_;
  std::vector<View> views_;
  std::unique_ptr<DirectoryScope> scope_;
  std::unique_ptr<Engine> engine_;
  LinkMemory link_memory_;
};

}  // namespace cj
