#include "journal/rollup.h"

namespace cj {
namespace {

enum Telling : std::uint8_t {
  kData = 1,
  kMetadata = 2,
  kOpened = 4,
  kIsDirectory = 8,
};

constexpr std::uint32_t kRepeatable = kDataOperations | kMetadataOperations | kIntent | kDirectory;

// What a fold takes from a record of such operations: beside an intent nothing.
std::uint8_t TellingOf(std::uint32_t operations) {
  if ((operations & kIntent) != 0) return kOpened;
  std::uint8_t telling = 0;
  if ((operations & kDataOperations) != 0) telling |= kData;
  if ((operations & kMetadataOperations) != 0) telling |= kMetadata;
  if ((operations & kDirectory) != 0) telling |= kIsDirectory;
  return telling;
}

}  // namespace

RollupBuilder::Told& RollupBuilder::ToldAt(VolumeId volume, const FileHandle& parent,
                                           const std::string& name) {
  const std::uint32_t directory = handles_.Intern(volume.value, parent.encoded);
  const std::uint32_t index = names_.Intern(directory, name);
  if (index >= told_.size()) told_.resize(index + 1);
  return told_[index];
}

void RollupBuilder::Forget(VolumeId volume, const FileHandle& parent, const std::string& name) {
  ToldAt(volume, parent, name) = {};
}

bool RollupBuilder::IsRepeated(const Record& record) {
  if ((record.operations & ~kRepeatable) != 0 || record.object.empty()) {
    Forget(record.volume, record.parent, record.name);
    if (!record.old_parent.empty()) Forget(record.volume, record.old_parent, record.old_name);
    return false;
  }
  const std::uint32_t object = handles_.Intern(record.volume.value, record.object.encoded);
  const std::uint8_t telling = TellingOf(record.operations);
  // Objects without a name each have a place of their own.
  Told& told = ToldAt(record.volume, record.parent,
                      record.parent.empty() ? record.object.encoded : record.name);
  const bool is_same = told.object == object && ((told.what ^ telling) & kIsDirectory) == 0;
  if (!is_same) told = {object, 0};
  const bool repeated = is_same && (telling & ~told.what) == 0;
  told.what |= telling;
  return repeated;
}

void RollupBuilder::Keep(const Record& record) {
  rows_.Add(record);
  ++kept_;
}

bool RollupBuilder::Add(const Record& record) {
  if (IsRepeated(record)) {
    left_out_ = record;
    return true;
  }
  left_out_.reset();
  Keep(record);
  return handles_.size() + names_.size() <= kMostRollupNames && rows_.bytes() <= kMostRollupBytes;
}

std::vector<RollupRow> RollupBuilder::Finish() {
  if (left_out_.has_value()) Keep(*left_out_);
  return rows_.Finish();
}

}  // namespace cj
