// From events to records: what is worth storing of an event, and under which name. Pure but for the
// Scope that it asks.
//
// The rules, in the order in which they are tried:
//   queue overflow         a gap of all volumes
//   filesystem error       a gap of that volume: what is on it may differ without any event
//   unknown filesystem     a gap of all volumes: it is not ours, or our table is wrong
//   nameless ATTRIB        of a file: mostly no record, a link count changed. It marks the object:
//                          its next CREATE or RENAME is a link name, too. After a RENAME of the
//                          same process it is a kReplaced record (recent_renames.h). What nothing
//                          explains is a change of attributes (nameless_attributes.h)
//   RENAME                 kept when either parent is in scope
//   other entry events     kept when parent and name are in scope
//   data and metadata      the same, or when the object has a further name, which may be in scope;
//                          kept without any name. Then dropped if dedupe.h knows them. What merged
//                          with an entry event that is not kept is treated so, too
// A deleted directory leaves a DeadDirectory; a renamed one makes the scope forget its paths.
//
// Not thread-safe: the writer's.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "checkpoint/dedupe.h"
#include "checkpoint/intent_ring.h"
#include "checkpoint/nameless_attributes.h"
#include "checkpoint/recent_links.h"
#include "checkpoint/recent_renames.h"
#include "fanotify/event.h"
#include "fanotify/kernel.h"
#include "journal/scope.h"
#include "journal/store.h"

namespace cj {

// What is to be stored next, in one write.
struct Translation {
  Batch batch;
  std::vector<Gap> gaps;
};

// When the events of a buffer happened, in microseconds of CLOCK_REALTIME: after `since_usec`, when
// the queue was last known to be empty, and before `read_usec`, when they were read.
struct ReadTimes {
  std::int64_t since_usec = 0;
  std::int64_t read_usec = 0;
};

struct TranslationCounters {
  std::uint64_t out_of_scope = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t overflows = 0;
};

class EventTranslator {
 public:
  // `scope` outlives the translator.
  EventTranslator(Scope& scope, std::span<const VolumeMount> volumes, const HashKey& key);

  // What several processes do to one file is recorded for each of them. To be called first.
  void TellProcessesApart() { apart_ = true; }

  // Events of these volumes may come from now on, too.
  void AddVolumes(std::span<const VolumeMount> volumes);

  // The period that records belong to from now on, and the number of the next one.
  void Begin(PeriodId period, SequenceNumber next) { period_ = period, next_sequence_ = next; }
  SequenceNumber next_sequence() const { return next_sequence_; }

  // The events to come follow others that nobody here has seen: until the end of the first batch
  // with events each new file is asked whether it is a link, whose mark may have been among those.
  void ExpectLostLinks() {
    links_may_be_lost_ = true;
    any_event_ = false;
  }

  // What was recorded may not be stored any more: nothing is dropped as a repeat of it.
  void ForgetRecorded() { dedupe_.Clear(); }
  // Events are missing here: what those before have taught may be wrong now.
  void ForgetLearned();

  // The event behind the next one: what is known of its object is fetched meanwhile.
  void Expect(const Event& event);
  // Appends what the event means to *out. True: that was nothing, because it tells of content that
  // is on record in this period already.
  bool Translate(const Event& event, const ReadTimes& times, Translation* out);
  // A file that may be changed from now on; `places` says where it is, and whether anybody wants to
  // know. One record for each object and period.
  void TranslateIntent(const Intent& intent, Scope& places, Translation* out);
  // A file that may have changed without an event.
  void TranslateSilent(const SilentWriter& writer, std::int64_t now_usec, Translation* out);
  // What a crawl has found. Not dropped if it is known: a crawl comes by only once.
  void TranslateCrawled(const Record& found, Translation* out);
  // Whose event it is; it has been translated.
  VolumeId VolumeOf(const Event& event) const;
  // The path that gaps of this volume have; empty: all volumes.
  std::string PathOf(VolumeId volume) const;
  // Appends a gap of all volumes: something was lost on the way here. Gaps of one batch and one
  // cause are joined.
  void AddGap(std::string_view volume, std::string_view cause, const ReadTimes& times,
              Translation* out);
  // Appends what waited for a later event. To be called before *out is stored.
  void EndBatch(std::int64_t now_usec, Translation* out);

  const TranslationCounters& counters() const { return counters_; }

 private:
  struct KnownVolume {
    FsId fsid;
    VolumeId id;
    std::string path;
  };

  const KnownVolume* FindVolume(FsId fsid) const;
  const KnownVolume* FindVolume(VolumeId id) const;
  bool TranslateTrouble(const Event& event, const ReadTimes& times, Translation* out);
  void TranslateEntry(const Event& event, VolumeId volume, std::uint32_t operations,
                      const ReadTimes& times, Translation* out);
  bool TranslateContent(const Event& event, VolumeId volume, std::uint32_t operations,
                        const ReadTimes& times, Translation* out);
  void TranslateNameless(const Event& event, VolumeId volume, std::int64_t now_usec,
                         Translation* out);
  void AddNameless(const NamelessChange& change, std::int64_t now_usec, Translation* out);
  void ExplainNameless(const Event& event, VolumeId volume, std::uint32_t operations);
  bool IsOnRecord(const DedupeKey& key, std::uint8_t classes, std::int32_t pid);
  bool ContentInScope(const DedupeKey& key, bool directory);
  bool HasFurtherNames(const Event& event, VolumeId volume, std::uint32_t operations);
  void RememberEntry(const Event& event, VolumeId volume, std::uint32_t operations);
  void AddReplacement(const Replacement& replacement, std::int64_t now_usec, Translation* out);
  Record& AddRecord(Translation* out);
  DedupeKey KeyOf(VolumeId volume, HandleView object, HandleView parent,
                  std::string_view name) const {
    return {period_, volume, object, parent, name};
  }

  Scope& scope_;
  std::vector<KnownVolume> volumes_;
  PeriodId period_;
  SequenceNumber next_sequence_;
  DedupeTable dedupe_;
  RecentLinks links_;
  RecentRenames renames_;
  NamelessAttributes attributes_;
  TranslationCounters counters_;
  bool apart_ = false;
  bool links_may_be_lost_ = false;
  bool any_event_ = false;  // since ExpectLostLinks()
};

}  // namespace cj
