// The keys of every column family (docs/format.md). Integers in keys are big-endian, so that the
// store's order is the order of numbers: a period is a range, a query a scan, retention a range
// delete. Parsers trust nothing: damage is kCorruption. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "fanotify/file_handle.h"
#include "fanotify/volume.h"
#include "journal/ids.h"
#include "journal/record.h"
#include "journal/rollup_table.h"

namespace cj {

// FileHandle::encoded is one byte of type and at most MAX_HANDLE_SZ (128) bytes of handle.
inline constexpr std::size_t kMaxEncodedHandle = 129;

// `default`
inline constexpr const char* kFormatKey = "format";
inline constexpr const char* kJournalKey = "journal";
inline constexpr const char* kSpoolKey = "spool";
inline constexpr const char* kCrawlKey = "crawl";
inline constexpr const char* kWatchedKey = "watched";
inline constexpr const char* kBadRollupsKey = "bad-rollups";
inline constexpr const char* kQuietKey = "quiet";
inline constexpr const char* kConsumerPrefix = "consumer/";  // then the name
inline constexpr const char* kActorPrefix = "actor/";        // then period, process, number

// Where a record is: the key of the column family `records`.
struct RecordPosition {
  PeriodId period;
  SequenceNumber sequence;
  friend auto operator<=>(const RecordPosition&, const RecordPosition&) = default;
};
// Overwrites *key; the caller reuses it, because this runs once per event.
void EncodeRecordKey(const RecordPosition& position, std::string* key);
std::string RecordKey(const RecordPosition& position);
Result<RecordPosition> ParseRecordKey(std::string_view key);

// `periods`
std::string PeriodKey(PeriodId period);
Result<PeriodId> ParsePeriodKey(std::string_view key);

// `rollups`: what has become of the blocks, then the rows of those that have a rollup.
struct RollupRowKey {
  RollupBlock block;
  SequenceNumber first;  // of the row's first record
};
std::string RollupStateKey(const RollupBlock& block);
Result<RollupBlock> ParseRollupStateKey(std::string_view key);
std::string RollupKey(const RollupRowKey& row);
Result<RollupRowKey> ParseRollupKey(std::string_view key);

// `directories`: volume, then the handle up to the end.
std::string DirectoryKey(VolumeId volume, const FileHandle& directory);

// `links`: volume, object, parent, name. Everything is in the key, so learning a name twice costs
// nothing; the first two fields are a prefix that no other object's names begin with.
std::string LinkPrefix(VolumeId volume, const FileHandle& object);
std::string LinkKey(const LinkName& link);
Result<LinkName> ParseLinkKey(std::string_view key);

// `volumes`
std::string VolumeKey(const VolumeIdentity& identity);
Result<VolumeIdentity> ParseVolumeKey(std::string_view key);

// The smallest key greater than every key that begins with `prefix`; empty when there is none.
std::string PrefixEnd(std::string_view prefix);

}  // namespace cj
