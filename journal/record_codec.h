// The values of every column family (docs/format.md has the grammar and a worked example whose
// bytes a test checks). Encoders append to *out. Decoders trust nothing: bytes that an encoder
// could not have meant (unknown operations, a handle that is too long, anything left over) are
// kCorruption, and what the output then holds is unspecified. Pure functions.
//
// A record is kept small because there is one per event: what its key says is not repeated, times
// are relative to the start of the period, and a handle that was just written is not written again.
// Many of them are a row (record_row.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "journal/record.h"
#include "journal/rollup_table.h"

namespace cj {

// The version of the format as a whole: keys, values, column families. A journal of a newer version
// is refused.
// Version 1 knew no gaps that are filled, and no kCrawled; version 2 no PeriodInfo::unscanned_usec
// and no SpoolPosition::complete_usec; version 3 no rows of more than one record; version 4 no
// rollups; version 5 no
// consumers. Else they are the
// same, so that their values are read as they are, and opening such a journal makes it one of this
// version.
inline constexpr std::uint64_t kFormatVersion = 6;

// A record as it stands in its row; refers to the row's bytes.
struct RecordView {
  std::uint32_t operations = 0;
  std::int64_t time_usec = 0;  // since the start of its period
  VolumeId volume;
  std::int32_t pid = 0;
  std::string_view object;  // encoded handles
  std::string_view parent;
  std::string_view name;
  std::string_view old_parent;
  std::string_view old_name;
  std::int64_t ctime_nsec = 0;
};

// No record takes less: operations, time, volume, pid, object, parent, name.
inline constexpr std::size_t kLeastRecordBytes = 7;

// Without period and sequence, which follow from the key. The old place is written for kRenamed
// only. `before` is the record before it in the same row; null: it is the first.
void EncodeRecord(const Record& record, const Record* before, std::int64_t period_start_usec,
                  std::string* out);
// Reads one record and leaves what follows it.
Status TakeRecord(ByteReader& reader, const RecordView* before, RecordView* record);
// Sets all members of *record but period and sequence, reusing its memory.
void CopyRecord(const RecordView& view, std::int64_t period_start_usec, Record* record);

// Without the id, which is the key.
void EncodePeriod(const PeriodInfo& period, std::string* out);
Result<PeriodInfo> DecodePeriod(PeriodId id, std::string_view value);

// Without volume and directory, which are the key.
void EncodeDeadDirectory(const DeadDirectory& directory, std::string* out);
Result<DeadDirectory> DecodeDeadDirectory(VolumeId volume, const FileHandle& directory,
                                          std::string_view value);
// The period alone, for the compaction filter, which sees every entry.
Result<PeriodId> PeekDeadDirectoryPeriod(std::string_view value);

// Without the block, which is the key.
void EncodeRollupState(const RollupState& state, std::string* out);
Result<RollupState> DecodeRollupState(std::string_view value);

void EncodeVolumeId(VolumeId volume, std::string* out);
Result<VolumeId> DecodeVolumeId(std::string_view value);

// The values of `default`.
void EncodeFormatVersion(std::uint64_t version, std::string* out);
Result<std::uint64_t> DecodeFormatVersion(std::string_view value);
void EncodeJournalId(JournalId id, std::string* out);
Result<JournalId> DecodeJournalId(std::string_view value);
void EncodeSpoolPosition(const SpoolPosition& position, std::string* out);
Result<SpoolPosition> DecodeSpoolPosition(std::string_view value);

}  // namespace cj
