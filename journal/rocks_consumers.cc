// The part of RocksStore that keeps consumers.
#include <rocksdb/write_batch.h>

#include <utility>

#include "base/check.h"
#include "journal/database_keeper.h"
#include "journal/keys.h"
#include "journal/rocks_database.h"
#include "journal/rocks_status.h"
#include "journal/rocks_store.h"

namespace cj {

std::vector<Consumer> RocksStore::Consumers() const {
  MutexLock lock(mutex_);
  std::vector<Consumer> all;
  all.reserve(consumers_.size());
  for (const auto& [name, consumer] : consumers_) all.push_back(consumer);
  return all;
}

std::optional<Consumer> RocksStore::FindConsumer(const std::string& name) const {
  MutexLock lock(mutex_);
  const auto found = consumers_.find(name);
  if (found == consumers_.end()) return std::nullopt;
  return found->second;
}

Status RocksStore::EditConsumer(const std::string& name, const ConsumerEdit& edit, bool sync) {
  MutexLock write_lock(write_mutex_);
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Writable());
  const std::optional<Consumer> before = FindConsumer(name);
  std::optional<Consumer> after = before;
  CJ_RETURN_IF_ERROR(edit(&after));
  if (after == before) return {};
  CJ_CHECK(!after.has_value() || after->name == name, "a consumer under another's name");
  rocksdb::WriteBatch writes;
  const std::string key = kConsumerPrefix + name;
  rocksdb::ColumnFamilyHandle* meta = database->column(Column::kMeta);
  if (after.has_value()) {
    std::string value;
    EncodeConsumer(*after, &value);
    MustAdd(writes.Put(meta, key, value));
  } else {
    MustAdd(writes.Delete(meta, key));
  }
  CJ_RETURN_IF_ERROR(Write(*database, &writes, sync, "keeping a consumer's position in"));
  MutexLock lock(mutex_);
  if (after.has_value()) {
    consumers_.insert_or_assign(name, *std::move(after));
  } else {
    consumers_.erase(name);
  }
  return {};
}

}  // namespace cj
