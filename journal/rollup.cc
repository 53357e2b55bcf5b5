#include "journal/rollup.h"

#include <utility>

#include "base/check.h"

namespace cj {
namespace {

enum Telling : std::uint8_t {
  kData = 1,
  kMetadata = 2,
  kOpened = 4,
  kIsDirectory = 8,
};

constexpr std::uint32_t kRepeatable = kDataOperations | kMetadataOperations | kIntent | kDirectory;
// What is not said of a file that passes.
constexpr std::uint32_t kLasting = kDirectory | kLinked | kIntent | kSilent | kCrawled;

// What a fold takes from a record of such operations: beside an intent nothing.
std::uint8_t TellingOf(std::uint32_t operations) {
  if ((operations & kIntent) != 0) return kOpened;
  std::uint8_t telling = 0;
  if ((operations & kDataOperations) != 0) telling |= kData;
  if ((operations & kMetadataOperations) != 0) telling |= kMetadata;
  if ((operations & kDirectory) != 0) telling |= kIsDirectory;
  return telling;
}

bool IsRepeatable(const Record& record) {
  return (record.operations & ~kRepeatable) == 0 && !record.object.empty();
}

template <typename T>
T& At(std::vector<T>& all, std::uint32_t index) {
  if (index >= all.size()) all.resize(index + 1);
  return all[index];
}

}  // namespace

std::uint32_t RollupBuilder::ObjectOf(const Record& record) {
  if (record.object.empty()) return kNone;
  return handles_.Intern(record.volume.value, record.object.encoded);
}

std::uint32_t RollupBuilder::NameOf(VolumeId volume, const FileHandle& parent,
                                    std::string_view name) {
  const std::uint32_t directory = handles_.Intern(volume.value, parent.encoded);
  return name_numbers_.Intern(directory, name);
}

// Objects without a name each have a place of their own.
std::uint32_t RollupBuilder::NameOf(const Record& record) {
  return NameOf(record.volume, record.parent,
                record.parent.empty() ? record.object.encoded : record.name);
}

bool RollupBuilder::IsRepeated(const Record& record, std::uint32_t object, std::uint32_t name) {
  Name& at = At(names_, name);
  if (!IsRepeatable(record)) {
    at.object = kNone;
    return false;
  }
  const std::uint8_t telling = TellingOf(record.operations);
  const bool is_same = at.object == object && ((at.told ^ telling) & kIsDirectory) == 0;
  if (!is_same) {
    at.object = object;
    at.told = 0;
  }
  const bool repeated = is_same && (telling & ~at.told) == 0;
  at.told |= telling;
  return repeated;
}

void RollupBuilder::Live(const Record& record, std::uint32_t object) {
  if (object == kNone) return;
  constexpr std::uint32_t kMove = kRenamed | kDirectory;
  directories_move_ |= (record.operations & kMove) == kMove;
  Life& life = At(lives_, object);
  if (!life.known) life.merged = (record.operations & kDeleted) != 0;
  life.told |= TellingOf(record.operations);
  const bool made = !life.known && (record.operations & kCreated) != 0;
  const bool passes = (record.operations & kLasting) == 0 && !record.parent.empty();
  life.passes = passes && (made || life.passes);
  life.gone = (record.operations & (kDeleted | kReplaced)) != 0;
  life.known = true;
}

void RollupBuilder::NoteEntry(std::uint32_t name, std::uint32_t object) {
  Name& at = At(names_, name);
  if (!std::exchange(at.has_entries, true)) at.first = object;
  at.before_last = std::exchange(at.last, object);
}

void RollupBuilder::NoteEntries(const Record& record, std::uint32_t object, std::uint32_t name) {
  if ((record.operations & kEntryOperations) == 0) return;
  if (!record.old_parent.empty()) {
    const std::uint32_t old = NameOf(record.volume, record.old_parent, record.old_name);
    NoteEntry(old, object);
    names_[old].object = kNone;
  }
  NoteEntry(name, object);
}

void RollupBuilder::Keep(const Record& record) {
  rows_.Add(record);
  ++records_;
}

bool RollupBuilder::Add(const Record& record) {
  const std::uint32_t object = ObjectOf(record);
  const std::uint32_t name = NameOf(record);
  Live(record, object);
  NoteEntries(record, object, name);
  if (IsRepeated(record, object, name)) {
    left_out_ = record;
    return true;
  }
  left_out_.reset();
  Keep(record);
  return handles_.size() + name_numbers_.size() <= kMostRollupNames &&
         rows_.bytes() <= kMostRollupBytes;
}

template <typename Take>
void RollupBuilder::ForEach(const std::vector<RollupRow>& rows, const Take& take) {
  RollupRowReader reader;
  Record record;
  for (const RollupRow& row : rows) {
    // Written a moment ago.
    CJ_CHECK(reader.Parse(first_, row.first, row.value).has_value(), "a row that is none");
    for (std::size_t i = 0; i < reader.size(); ++i) {
      reader.Get(i, start_usec_, &record);
      const std::uint32_t object = ObjectOf(record);
      take(record, object, object == kNone || lives_[object].kept);
    }
  }
}

// Whether there is any. The range's last record is of none: it says that its object went, and then
// nothing came to the name or went from it later.
bool RollupBuilder::FindPassing() {
  for (Life& life : lives_) {
    const bool is_older = life.merged && directories_move_;
    life.kept = gaps_ || is_older || !(life.passes && life.gone);
  }
  auto keep = [this](std::uint32_t object) {
    if (object != kNone) lives_[object].kept = true;
  };
  for (const Name& name : names_) {
    if (!name.has_entries) continue;
    keep(name.first);
    keep(name.before_last);
    keep(name.last);
  }
  for (const Life& life : lives_) {
    if (life.known && !life.kept) return true;
  }
  return false;
}

// Keeps what tells a class of change of a name that no other record tells.
void RollupBuilder::KeepTellers() {
  ForEach(written_, [this](const Record& record, std::uint32_t object, bool kept) {
    if (kept) NoteKept(record, object);
  });
  ForEach(written_, [this](const Record& record, std::uint32_t object, bool kept) {
    if (!kept && !TellsMore(record, object)) return;
    if (!kept) lives_[object].kept = true;
    NoteKept(record, object);
  });
}

// The names that the record's object came to, or went from.
template <typename Take>
void RollupBuilder::ForEachEntry(const Record& record, const Take& take) {
  if ((record.operations & kEntryOperations) == 0) return;
  take(names_[NameOf(record)]);
  if (record.old_parent.empty()) return;
  take(names_[NameOf(record.volume, record.old_parent, record.old_name)]);
}

void RollupBuilder::NoteKept(const Record& record, std::uint32_t object) {
  names_[NameOf(record)].kept |= TellingOf(record.operations);
  const std::uint8_t told = object == kNone ? std::uint8_t{0} : lives_[object].told;
  ForEachEntry(record, [told](Name& name) { name.kept_objects |= told; });
}

bool RollupBuilder::TellsMore(const Record& record, std::uint32_t object) {
  const std::uint8_t told = lives_[object].told;
  bool more = (TellingOf(record.operations) & ~names_[NameOf(record)].kept) != 0;
  ForEachEntry(record, [&](Name& name) { more |= (told & ~name.kept_objects) != 0; });
  return more;
}

std::vector<RollupRow> RollupBuilder::Finish() {
  if (left_out_.has_value()) Keep(*left_out_);
  written_ = rows_.Finish();
  if (!FindPassing()) return std::move(written_);
  KeepTellers();
  RollupRowWriter rest(first_, start_usec_);
  records_ = 0;
  ForEach(written_, [&](const Record& record, std::uint32_t, bool kept) {
    if (!kept) return;
    rest.Add(record);
    ++records_;
  });
  return rest.Finish();
}

}  // namespace cj
