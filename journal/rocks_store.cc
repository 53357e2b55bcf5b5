#include "journal/rocks_store.h"

#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "journal/database_keeper.h"
#include "journal/gaps.h"
#include "journal/keys.h"
#include "journal/record_codec.h"
#include "journal/rocks_cursor.h"
#include "journal/rocks_database.h"
#include "journal/rocks_status.h"
#include "journal/state_directory.h"

namespace cj {
namespace {

void PutPeriod(const Database& database, const PeriodInfo& period, rocksdb::WriteBatch* writes) {
  std::string value;
  EncodePeriod(period, &value);
  MustAdd(writes->Put(database.column(Column::kPeriods), PeriodKey(period.id), value));
}

void PutLinks(const Database& database, const std::vector<LinkName>& names,
              rocksdb::WriteBatch* writes) {
  for (const LinkName& name : names) {
    MustAdd(writes->Put(database.column(Column::kLinks), LinkKey(name), rocksdb::Slice()));
  }
}

// The records of a period that is still open are counted by the next number.
void Count(SequenceNumber next, PeriodInfo* period) {
  if (period->open()) period->record_count = next.value - period->first_sequence.value;
}

}  // namespace

RocksStore::RocksStore(std::string directory, std::unique_ptr<DatabaseKeeper> keeper,
                       StoreState state)
    : directory_(std::move(directory)),
      keeper_(std::move(keeper)),
      journal_(state.journal),
      volumes_(std::move(state.volumes)),
      periods_(state.periods),
      quiet_since_(state.quiet_since),
      consumers_(std::move(state.consumers)),
      rollups_(std::move(state.rollups)),
      next_sequence_(state.next_sequence),
      spool_(state.spool) {}

RocksStore::~RocksStore() = default;

Result<std::shared_ptr<Database>> RocksStore::Writable() {
  if (!keeper_->failed()) return keeper_->Get();
  StoreState promised;
  promised.journal = journal_;
  promised.periods = Periods();
  promised.next_sequence = next_sequence();
  promised.spool = spool_position();
  for (Consumer& consumer : Consumers()) {
    promised.consumers.emplace(consumer.name, std::move(consumer));
  }
  CJ_ASSIGN_OR_RETURN(StoreState found, keeper_->Reopen(promised));
  // A number that was given in a write that failed may be there, and then stays given.
  volumes_ = std::move(found.volumes);
  {
    MutexLock lock(mutex_);
    const PeriodId oldest = found.periods.front().id;
    if (periods_.oldest() < oldest) periods_.DropBefore(oldest);
    // What is on its way out is off our list and may still be on the disk's: see WriteDrop.
    if (oldest >= periods_.oldest()) quiet_since_ = found.quiet_since;
    rollups_ = std::move(found.rollups);  // those that nothing had synced may be gone
    rollups_.DropBefore(periods_.oldest());
    rollups_of_ = keeper_->openings();
    PeriodInfo open = periods_.Get(periods_.newest());
    open.gaps = found.periods.back().gaps;
    periods_.Set(open);
    if (found.records_lost) {
      ++losses_;
      ++gap_changes_;
    }
  }
  return keeper_->Get();
}

Status RocksStore::Write(const Database& database, rocksdb::WriteBatch* writes, bool sync,
                         const char* what) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  rocksdb::Status status = database.db().Write(options, writes);
  if (status.ok()) return {};
  Error error = RocksError(status, std::string(what) + " the journal in " + directory_);
  keeper_->Fail(error);
  return error;
}

PeriodInfo RocksStore::StoredOpenPeriod() const {
  MutexLock lock(mutex_);
  return periods_.Get(periods_.newest());
}

SequenceNumber RocksStore::next_sequence() const {
  MutexLock lock(mutex_);
  return next_sequence_;
}

std::uint64_t RocksStore::losses() const {
  MutexLock lock(mutex_);
  return losses_;
}

SpoolPosition RocksStore::spool_position() const {
  MutexLock lock(mutex_);
  return spool_;
}

std::vector<PeriodInfo> RocksStore::Periods() const {
  MutexLock lock(mutex_);
  std::vector<PeriodInfo> periods = periods_.All();
  Count(next_sequence_, &periods.back());
  return periods;
}

PeriodInfo RocksStore::OpenPeriod() const {
  MutexLock lock(mutex_);
  PeriodInfo open = periods_.Get(periods_.newest());
  Count(next_sequence_, &open);
  return open;
}

PeriodInfo RocksStore::OldestPeriod() const {
  MutexLock lock(mutex_);
  PeriodInfo oldest = periods_.Get(periods_.oldest());
  Count(next_sequence_, &oldest);
  return oldest;
}

std::vector<PeriodInfo> RocksStore::PeriodsWithGaps(PeriodId from, PeriodId until) const {
  MutexLock lock(mutex_);
  std::vector<PeriodInfo> periods = periods_.WithGaps(from, until);
  for (PeriodInfo& period : periods) Count(next_sequence_, &period);
  return periods;
}

std::vector<PeriodStart> RocksStore::PeriodStarts() const {
  MutexLock lock(mutex_);
  return periods_.Starts();
}

StoreEnds RocksStore::Ends() const {
  MutexLock lock(mutex_);
  const PeriodId oldest = periods_.oldest();
  const PeriodId newest = periods_.newest();
  return {{oldest, periods_.Get(oldest).start_usec},
          {newest, periods_.Get(newest).start_usec},
          quiet_since_};
}

std::optional<PeriodInfo> RocksStore::FindPeriod(PeriodId id) const {
  MutexLock lock(mutex_);
  if (!periods_.Has(id)) return std::nullopt;
  PeriodInfo period = periods_.Get(id);
  Count(next_sequence_, &period);
  return period;
}

PeriodInfo RocksStore::PeriodOf(SequenceNumber sequence) const {
  MutexLock lock(mutex_);
  PeriodInfo period = periods_.Get(periods_.Of(sequence));
  Count(next_sequence_, &period);
  return period;
}

void RocksStore::PutRow(const Database& database, const RecordPosition& first,
                        rocksdb::WriteBatch* writes) {
  EncodeRecordKey(first, &key_);
  const rocksdb::Slice key[] = {key_};
  const std::string_view head = row_.Head();
  const rocksdb::Slice value[] = {{head.data(), head.size()},
                                  {row_.body().data(), row_.body().size()}};
  MustAdd(writes->Put(database.column(Column::kRecords), rocksdb::SliceParts(key, 1),
                      rocksdb::SliceParts(value, 2)));
}

void RocksStore::AddRows(const Database& database, const std::vector<Record>& records,
                         const PeriodInfo& period, rocksdb::WriteBatch* writes) {
  SequenceNumber expected = next_sequence();
  RecordPosition first{period.id, expected};
  row_.Begin(period.start_usec);
  for (const Record& record : records) {
    CJ_CHECK(record.period == period.id, "a record of another period than its batch");
    CJ_CHECK(record.sequence == expected, "records are not numbered without gaps");
    expected = expected.Next();
    row_.Add(record);
    if (!row_.full()) continue;
    PutRow(database, first, writes);
    first.sequence = expected;
    row_.Begin(period.start_usec);
  }
  if (!row_.empty()) PutRow(database, first, writes);
}

void RocksStore::AddBatch(const Database& database, const Batch& batch, const PeriodInfo& period,
                          rocksdb::WriteBatch* writes) {
  CJ_CHECK(batch.empty() || batch.period == period.id, "a batch of a period that is not open");
  AddRows(database, batch.records, period, writes);
  for (const DeadDirectory& dead : batch.dead_directories) {
    value_.clear();
    EncodeDeadDirectory(dead, &value_);
    MustAdd(writes->Put(database.column(Column::kDirectories),
                        DirectoryKey(dead.volume, dead.directory), value_));
  }
  PutLinks(database, batch.link_names, writes);
  AddActors(database, batch, period.id, writes);
  if (batch.spool.has_value()) {
    value_.clear();
    EncodeSpoolPosition(*batch.spool, &value_);
    MustAdd(writes->Put(database.column(Column::kMeta), kSpoolKey, value_));
  }
}

Status RocksStore::Append(const Batch& batch) {
  if (batch.empty()) return {};
  MutexLock write_lock(write_mutex_);
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Writable());
  rocksdb::WriteBatch writes;
  AddBatch(*database, batch, StoredOpenPeriod(), &writes);
  CJ_RETURN_IF_ERROR(Write(*database, &writes, false, "appending to"));
  if (!batch.records.empty()) attributed_ = batch.attributed;
  MutexLock lock(mutex_);
  next_sequence_.value += batch.records.size();
  if (batch.spool.has_value()) spool_ = *batch.spool;
  return {};
}

Status RocksStore::Advance(const Batch& last, const PeriodInfo& sealed, const PeriodInfo& opened) {
  PeriodInfo open = StoredOpenPeriod();
  CJ_CHECK(sealed.id == open.id && !sealed.open(), "only the open period can be sealed");
  CJ_CHECK(opened.id == sealed.id.Next() && opened.open(), "periods follow one another");
  CJ_CHECK(sealed.start_usec == open.start_usec, "a period's start is what its records count from");
  PeriodInfo ended = sealed;
  PeriodInfo begun = opened;
  ended.first_sequence = open.first_sequence;
  begun.first_sequence = SequenceNumber(next_sequence().value + last.records.size());
  ended.record_count = begun.first_sequence.value - ended.first_sequence.value;
  begun.record_count = 0;

  MutexLock write_lock(write_mutex_);
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Writable());
  // There may be one more since the database was opened again.
  for (const Gap& gap : StoredOpenPeriod().gaps) {
    if (std::find(ended.gaps.begin(), ended.gaps.end(), gap) == ended.gaps.end()) {
      cj::AddGap(gap, &ended.gaps);
    }
  }
  rocksdb::WriteBatch writes;
  AddBatch(*database, last, open, &writes);
  PutPeriod(*database, ended, &writes);
  PutPeriod(*database, begun, &writes);
  CJ_RETURN_IF_ERROR(Write(*database, &writes, true, "starting a period in"));
  if (!last.records.empty()) attributed_ = last.attributed;
  MutexLock lock(mutex_);
  next_sequence_ = begun.first_sequence;
  if (last.spool.has_value()) spool_ = *last.spool;
  periods_.Set(ended);
  periods_.Add(begun);
  return {};
}

Status RocksStore::Sync() {
  MutexLock write_lock(write_mutex_);
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Writable());
  rocksdb::Status status = database->db().SyncWAL();
  if (status.ok()) return {};
  Error error = RocksError(status, "syncing the journal in " + directory_);
  keeper_->Fail(error);
  return error;
}

Result<std::optional<DeadDirectory>> RocksStore::FindDeadDirectory(
    VolumeId volume, const FileHandle& directory) const {
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, keeper_->Get());
  std::string value;
  rocksdb::Status status =
      database->db().Get(rocksdb::ReadOptions(), database->column(Column::kDirectories),
                         DirectoryKey(volume, directory), &value);
  if (status.IsNotFound()) return std::optional<DeadDirectory>();
  CJ_RETURN_IF_ERROR(FromRocks(status, "looking up a deleted directory"));
  CJ_ASSIGN_OR_RETURN(DeadDirectory dead, DecodeDeadDirectory(volume, directory, value));
  MutexLock lock(mutex_);
  // Of a dropped period: a compaction will forget it, and until then it makes no difference.
  if (dead.period < periods_.oldest()) return std::optional<DeadDirectory>();
  return std::optional<DeadDirectory>(std::move(dead));
}

Result<std::vector<LinkName>> RocksStore::FindLinkNames(VolumeId volume,
                                                        const FileHandle& object) const {
  std::string prefix = LinkPrefix(volume, object);
  std::string end = PrefixEnd(prefix);
  rocksdb::Slice upper = end;
  rocksdb::ReadOptions options;
  if (!end.empty()) options.iterate_upper_bound = &upper;
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, keeper_->Get());
  std::unique_ptr<rocksdb::Iterator> it(
      database->db().NewIterator(options, database->column(Column::kLinks)));
  std::vector<LinkName> names;
  for (it->Seek(prefix); it->Valid(); it->Next()) {
    CJ_ASSIGN_OR_RETURN(LinkName name, ParseLinkKey({it->key().data(), it->key().size()}));
    names.push_back(std::move(name));
  }
  CJ_RETURN_IF_ERROR(FromRocks(it->status(), "looking up the names of a file"));
  return names;
}

Status RocksStore::AddLinkNames(const std::vector<LinkName>& names) {
  if (names.empty()) return {};
  MutexLock lock(write_mutex_);
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Writable());
  rocksdb::WriteBatch writes;
  PutLinks(*database, names, &writes);
  return Write(*database, &writes, false, "adding names of files to");
}

Result<VolumeId> RocksStore::InternVolume(const VolumeIdentity& identity) {
  MutexLock lock(write_mutex_);
  auto known = volumes_.find(identity);
  if (known != volumes_.end()) return known->second;
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Writable());
  VolumeId id(1);
  for (const auto& [other, taken] : volumes_) id = std::max(id, taken.Next());
  std::string value;
  EncodeVolumeId(id, &value);
  rocksdb::WriteBatch writes;
  MustAdd(writes.Put(database->column(Column::kVolumes), VolumeKey(identity), value));
  CJ_RETURN_IF_ERROR(Write(*database, &writes, true, "numbering a volume in"));
  volumes_[identity] = id;
  return id;
}

Result<std::unique_ptr<RocksStore>> OpenRocksStore(const std::string& directory,
                                                   const RocksStoreOptions& options) {
  rocksdb::Env* env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  StoreState state;
  CJ_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                      OpenDatabase(directory, options.create, *options.clock, env, &state));
  auto keeper =
      std::make_unique<DatabaseKeeper>(directory, env, *options.clock, std::move(database));
  return std::make_unique<RocksStore>(directory, std::move(keeper), std::move(state));
}

}  // namespace cj
