// LoadState: what is on disk becomes what the store keeps in memory, or is refused.
#include <rocksdb/iterator.h>

#include <memory>

#include "journal/keys.h"
#include "journal/record_codec.h"
#include "journal/record_row.h"
#include "journal/rocks_database.h"
#include "journal/rocks_status.h"

namespace cj {
namespace {

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

Error Inconsistent(const std::string& what) { return Error{ErrorCode::kCorruption, what}; }

using Iterator = std::unique_ptr<rocksdb::Iterator>;

Iterator Iterate(const Database& database, Column column) {
  return Iterator(database.db().NewIterator(rocksdb::ReadOptions(), database.column(column)));
}

// Columns may be missing after an interrupted creation; a missing one is empty.
Result<bool> AllEmpty(const Database& database) {
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    auto column = static_cast<Column>(i);
    if (database.column(column) == nullptr) continue;
    Iterator it = Iterate(database, column);
    it->SeekToFirst();
    if (it->Valid()) return false;
    CJ_RETURN_IF_ERROR(FromRocks(it->status(), "reading the journal"));
  }
  return true;
}

Result<std::uint64_t> CheckVersion(std::string_view value) {
  CJ_ASSIGN_OR_RETURN(std::uint64_t version, DecodeFormatVersion(value));
  if (version > kFormatVersion) {
    return Error{ErrorCode::kUnsupported,
                 "it was written by a newer changejournald (format " + std::to_string(version) +
                     ", this one knows up to " + std::to_string(kFormatVersion) +
                     "); install the newer version, or name another state directory"};
  }
  return version;
}

Status LoadPeriods(const Database& database, StoreState* state) {
  Iterator it = Iterate(database, Column::kPeriods);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    CJ_ASSIGN_OR_RETURN(PeriodId id, ParsePeriodKey(View(it->key())));
    CJ_ASSIGN_OR_RETURN(PeriodInfo period, DecodePeriod(id, View(it->value())));
    if (!state->periods.empty()) {
      const PeriodInfo& before = state->periods.back();
      std::uint64_t end = before.first_sequence.value + before.record_count;
      if (before.open() || id != before.id.Next() || period.first_sequence.value != end) {
        return Inconsistent("period " + std::to_string(id.value) +
                            " does not follow the one before");
      }
    }
    state->periods.push_back(std::move(period));
  }
  CJ_RETURN_IF_ERROR(FromRocks(it->status(), "reading the periods"));
  if (state->periods.empty() || !state->periods.back().open() ||
      state->periods.front().id.value == 0 || state->periods.front().first_sequence.value == 0) {
    return Inconsistent("the list of periods is not complete");
  }
  return {};
}

// The open period is counted by its last row, so that an append needs no counter of its own.
Status LoadSequence(const Database& database, StoreState* state) {
  PeriodInfo& open = state->periods.back();
  state->next_sequence = open.first_sequence;
  Iterator it = Iterate(database, Column::kRecords);
  it->SeekToLast();
  CJ_RETURN_IF_ERROR(FromRocks(it->status(), "reading the last record"));
  if (it->Valid()) {
    CJ_ASSIGN_OR_RETURN(RecordPosition last, ParseRecordKey(View(it->key())));
    if (last.period > open.id || (last.period == open.id && last.sequence < open.first_sequence)) {
      return Inconsistent("there are records outside of every period");
    }
    // Read as a whole: how many there are is believed only where they are all there.
    RowReader row;
    CJ_RETURN_IF_ERROR(row.Parse(View(it->value())));
    const SequenceNumber end(last.sequence.value + row.size());
    if (end < last.sequence || (last.period != open.id && end > open.first_sequence)) {
      return Inconsistent("its last row of records reaches over the end of its period");
    }
    if (last.period == open.id) state->next_sequence = end;
  }
  open.record_count = state->next_sequence.value - open.first_sequence.value;
  return {};
}

Status LoadVolumes(const Database& database, StoreState* state) {
  Iterator it = Iterate(database, Column::kVolumes);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    CJ_ASSIGN_OR_RETURN(VolumeIdentity identity, ParseVolumeKey(View(it->key())));
    CJ_ASSIGN_OR_RETURN(VolumeId id, DecodeVolumeId(View(it->value())));
    state->volumes.emplace(std::move(identity), id);
  }
  return FromRocks(it->status(), "reading the volumes");
}

Status ReadRollups(const Database& database, StoreState* state) {
  // States come before all rows.
  const std::string end = RollupKey({{1, PeriodId()}, SequenceNumber()});
  const rocksdb::Slice upper = end;
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  Iterator it(database.db().NewIterator(options, database.column(Column::kRollups)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    CJ_ASSIGN_OR_RETURN(const RollupBlock block, ParseRollupStateKey(View(it->key())));
    CJ_ASSIGN_OR_RETURN(const RollupState rollup, DecodeRollupState(View(it->value())));
    if (block.until() > state->periods.back().id) {
      return Inconsistent("it has a rollup of periods that have not ended");
    }
    state->rollups.Add(block, rollup);
  }
  state->rollups.DropBefore(state->periods.front().id);
  return FromRocks(it->status(), "reading the rollups");
}

// kNotFound, alone, is an answer and not an error.
Result<std::optional<std::string>> GetMeta(const Database& database, const char* key) {
  std::string value;
  rocksdb::Status status =
      database.db().Get(rocksdb::ReadOptions(), database.column(Column::kMeta), key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  CJ_RETURN_IF_ERROR(FromRocks(status, "reading the format version"));
  return std::optional<std::string>(std::move(value));
}

// Of a quiet stretch that reaches up to the oldest period; without one that is the oldest itself.
Status LoadQuiet(const Database& database, StoreState* state) {
  const PeriodId oldest = state->periods.front().id;
  state->quiet_since = oldest;
  CJ_ASSIGN_OR_RETURN(std::optional<std::string> quiet, GetMeta(database, kQuietKey));
  if (!quiet) return {};
  CJ_ASSIGN_OR_RETURN(const PeriodId since, ParsePeriodKey(*quiet));
  if (since.value == 0 || since > oldest) {
    return Inconsistent("its quiet periods are not before its oldest");
  }
  state->quiet_since = since;
  return {};
}

Status LoadConsumers(const Database& database, StoreState* state) {
  const std::string_view prefix = kConsumerPrefix;
  const std::string end = PrefixEnd(prefix);
  const rocksdb::Slice upper = end;
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  Iterator it(database.db().NewIterator(options, database.column(Column::kMeta)));
  for (it->Seek(rocksdb::Slice(prefix.data(), prefix.size())); it->Valid(); it->Next()) {
    const std::string_view name = View(it->key()).substr(prefix.size());
    if (!CheckConsumerName(name)) continue;  // nobody can ask for it
    auto decoded = DecodeConsumer(name, View(it->value()));
    const bool good = decoded.has_value();
    Consumer consumer = good ? *std::move(decoded) : Consumer();
    consumer.name = name;
    if (!good) {
      consumer.expired = "its position was damaged on disk";
    } else if (consumer.period > state->periods.back().id ||
               consumer.handled >= state->next_sequence) {
      // No write leaves that behind. Whoever begins anew misses nothing.
      consumer.expired = "its position was ahead of the records that the journal has";
      consumer.expired_usec = consumer.moved_usec;
    }
    state->consumers.emplace(consumer.name, std::move(consumer));
  }
  return FromRocks(it->status(), "reading the consumers");
}

// All that is in them is in the records as well: what cannot be read is made anew.
void LoadRollups(const Database& database, StoreState* state) {
  if (database.column(Column::kRollups) == nullptr) return;
  auto noted = GetMeta(database, kBadRollupsKey);
  const bool is_noted = noted.has_value() && noted->has_value();
  state->rollups_damaged = is_noted || !ReadRollups(database, state).has_value();
  if (state->rollups_damaged) state->rollups = RollupTable();
}

}  // namespace

Result<std::optional<StoreState>> LoadState(const Database& database) {
  CJ_ASSIGN_OR_RETURN(std::optional<std::string> format, GetMeta(database, kFormatKey));
  if (!format) {
    CJ_ASSIGN_OR_RETURN(bool empty, AllEmpty(database));
    if (empty && !database.has_unknown_columns()) return std::optional<StoreState>();
    return Error{ErrorCode::kInvalidArgument,
                 "it holds a RocksDB database of another program; name another state directory"};
  }
  CJ_ASSIGN_OR_RETURN(const std::uint64_t version, CheckVersion(*format));
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    const auto column = static_cast<Column>(i);
    // Older versions did not have it; and nothing is lost with it.
    if (database.column(column) == nullptr && column != Column::kRollups) {
      return Inconsistent(std::string("its column family ") + kColumnNames[i] + " is missing");
    }
  }
  if (database.has_unknown_columns()) return Inconsistent("it has unknown column families");
  StoreState state;
  state.format = version;
  CJ_ASSIGN_OR_RETURN(std::optional<std::string> id, GetMeta(database, kJournalKey));
  if (!id) return Inconsistent("its journal id is missing");
  CJ_ASSIGN_OR_RETURN(state.journal, DecodeJournalId(*id));
  CJ_ASSIGN_OR_RETURN(std::optional<std::string> spool, GetMeta(database, kSpoolKey));
  if (spool) {
    CJ_ASSIGN_OR_RETURN(state.spool, DecodeSpoolPosition(*spool));
  }
  CJ_RETURN_IF_ERROR(LoadPeriods(database, &state));
  CJ_RETURN_IF_ERROR(LoadSequence(database, &state));
  CJ_RETURN_IF_ERROR(LoadVolumes(database, &state));
  CJ_RETURN_IF_ERROR(LoadQuiet(database, &state));
  CJ_RETURN_IF_ERROR(LoadConsumers(database, &state));
  LoadRollups(database, &state);
  return std::optional<StoreState>(std::move(state));
}

}  // namespace cj
