// The part of EventTranslator that no event tells: silent writers, intents, what a crawl has found.
#include <utility>

#include "checkpoint/translate.h"

namespace cj {

void EventTranslator::TranslateSilent(const SilentWriter& writer, std::int64_t now_usec,
                                      Translation* out) {
  const DedupeKey key =
      KeyOf(writer.volume, writer.object.view(), writer.parent.view(), writer.name);
  if (!ContentInScope(key, false)) {
    ++counters_.out_of_scope;
    return;
  }
  if (dedupe_.SeenOrAdd(key, DedupeTable::kSilently | DedupeTable::kData)) {
    ++counters_.duplicates;
    return;
  }
  Record& record = AddRecord(out);
  record.time_usec = now_usec;
  record.volume = writer.volume;
  record.operations = kSilent;
  record.pid = writer.pid;
  record.object = writer.object;
  record.parent = writer.parent;
  record.name = writer.name;
}

void EventTranslator::TranslateCrawled(const Record& found, Translation* out) {
  const SequenceNumber sequence = next_sequence_;
  Record& record = AddRecord(out);
  record = found;
  record.sequence = sequence;
  record.period = period_;
}

void EventTranslator::TranslateIntent(const Intent& intent, Scope& places, Translation* out) {
  if (FindVolume(intent.volume) == nullptr || intent.object.empty()) return;
  const HandleView object = intent.object.view();
  if (dedupe_.SeenOrAdd(KeyOf(intent.volume, object, {}, {}), DedupeTable::kIntended)) {
    ++counters_.duplicates;
    return;
  }
  Scope::Whereabouts where = places.Find(intent.volume, object);
  if (!where.inside) {
    ++counters_.out_of_scope;
    return;
  }
  Record& record = AddRecord(out);
  record.time_usec = intent.time_usec;
  record.volume = intent.volume;
  record.operations = kIntent;
  record.pid = intent.pid;
  record.object = intent.object;
  record.parent = std::move(where.parent);
  record.name = std::move(where.name);
  record.ctime_nsec = intent.ctime_nsec;
}

}  // namespace cj
