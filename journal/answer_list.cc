// The part of Answer that tells most of a list of plain paths while it reads the records: a list
// says of a name only that it was touched, which each of its records says by itself. What is told
// is remembered in a table that is less than half of a fold, so that the first path comes after the
// first records, and a million of them take little memory.
//
// What is told so is the *plain* names: files whose directory is where it can be told, and that
// were made, deleted or changed there. Of a file that was changed one thing more has to be known:
// whether it has other names. It is looked at when its name is told; it is settled when it is there
// under this one name, or gone. (It may have come there after the interval: then it has no name
// that anybody could miss.)
//
// All others are *folded*, after the last record has been read, from a second reading: directories,
// renames, links, what cannot be placed, and files that are not settled. A name is folded with all
// of its records or with none, so that what the fold says of a name is true; and each file that a
// record of a plain name changes is settled, so that nobody misses what the fold does not know.
#include <algorithm>

#include "base/text.h"
#include "journal/answer.h"
#include "journal/rollup_table.h"

namespace cj {
namespace {

// How many records one step reads at most: where they repeat each other, few names come of many.
constexpr std::size_t kRecordsPerStep = 64 * 1024;
// Few records are in the rollups of many periods.
constexpr int kScansPerStep = 16;
static_assert(AnswerLimits{}.periods_per_scan ==
              kRollupFanOut * kRollupFanOut * kRollupFanOut * kRollupFanOut * kRollupFanOut);
constexpr std::size_t kCancelInterval = 4096;
// An answer of more files than this would make all others look again, and is long enough itself.
constexpr std::size_t kMostShared = SettledFiles::kMaxFiles / 2;

enum ListFlag : std::uint8_t {
  kTold = 1,
  kLookedAt = 2,
  kFolded = 4,
};

constexpr std::uint32_t kPlainOperations =
    kCreated | kDeleted | kModified | kClosedWrite | kAttributes | kSilent;

bool IsPlain(const Record& record) {
  return (record.operations & ~kPlainOperations) == 0 && record.operations != 0 &&
         !record.object.empty() && !record.parent.empty() && !record.name.empty() &&
         record.name != "." && record.name.size() <= NameTable::kMaxName;
}

// What is told of the file at one name has to be told at its other names, too; of a file that was
// only made they are counted.
bool MayConcernOtherNames(const Record& record) {
  return (record.operations & (kDataOperations | kMetadataOperations | kCreated)) != 0;
}

}  // namespace

// What a list of everything says of a name does not depend on what happened to it. In a gap a crawl
// has found what no record of a name tells.
bool Answer::MayList() const {
  return request_.list && environment_.viewer == nullptr && !request_.known_first &&
         request_.classes == 0 && request_.presence == Presence::kAll && !has_gaps_;
}

void Answer::BeginList() {
  list_ = std::make_unique<List>();
  // One that has just been dropped is for the scan to refuse.
  list_->begin = request_.from.value == 0 ? environment_.store->OldestPeriod().id : request_.from;
  list_->from = list_->begin;
  list_->until = std::min(request_.until, environment_.store->OpenPeriod().id.Next());
  list_->end = environment_.store->next_sequence();
}

// The files of the step before are looked at while this one's records are read. The end of the
// records is not the end of the answer.
Status Answer::TellList(Directories& directories, std::size_t max) {
  Status read;
  CJ_RETURN_IF_ERROR(LookAtListed(directories, [&] {
    if (list_->reading) read = ReadRecords(directories, max);
  }));
  CJ_ASSIGN_OR_RETURN(const bool listable, RescanBeyondLimits(std::move(read)));
  // A few are not worth a step of their own.
  if (!list_->reading && list_->listed.size() < environment_.limits.names_for_two) {
    CJ_RETURN_IF_ERROR(LookAtListed(directories, [] {}));
  }
  if (listable && (list_->reading || !list_->listed.empty())) return {};
  list_->told = true;
  if (!listable) return {};
  for (Place& place : list_->places) places_.push_back(place);
  CJ_ASSIGN_OR_RETURN(const bool folded, RescanBeyondLimits(FoldList()));
  return folded ? Prepare(directories) : Status();
}

Status Answer::LookAtListed(Directories& directories, const std::function<void()>& meanwhile) {
  std::vector<Listed> listed = std::move(list_->listed);
  list_->listed.clear();
  list_->listed.reserve(listed.size());  // the next step has as many, mostly
  RemoveSettled(&listed);
  auto see = [&](Directories& through, std::size_t i) { SeeListed(through, &listed[i]); };
  SeeAll(directories, listed.size(), see, meanwhile);
  CJ_RETURN_IF_ERROR(Cancelled());
  for (const Listed& each : listed) {
    if (!each.settled) {
      LeaveToFold(each.ref);
    } else if (each.key.has_value()) {
      list_->settled.push_back(*each.key);
    }
  }
  return {};
}

// Cursors of each step's own: a reader that is slow must not keep what it has read on the disk.
Status Answer::ReadRecords(Directories& directories, std::size_t max) {
  const std::size_t target = out_->size() + max;
  std::size_t left = kRecordsPerStep;
  for (int scans = 0; scans < kScansPerStep && left > 0; ++scans) {
    if (!list_->reading || IsStepFull(target)) break;
    CJ_RETURN_IF_ERROR(ReadSomePeriods(directories, target, &left));
  }
  return {};
}

Status Answer::ReadSomePeriods(Directories& directories, std::size_t target, std::size_t* left) {
  ScanRange range;
  range.from = list_->from;
  // A rollup that was read may have lost its first period since; what follows is there all the
  // same.
  const PeriodId oldest = environment_.store->OldestPeriod().id;
  if (range.from < oldest && oldest <= interval_end_.period) range.from = interval_end_.period;
  const std::uint64_t periods = environment_.limits.periods_per_scan;
  const PeriodId end((range.from.value / periods + 1) * periods);
  range.until = std::min(list_->until, end);
  range.after = interval_end_.sequence;
  range.distinct = !environment_.limits.every_record;
  CJ_RETURN_IF_ERROR(Cancelled());
  CJ_ASSIGN_OR_RETURN(auto cursor, ScanInterval(range));
  Record record;
  for (; *left > 0 && !IsStepFull(target); --*left) {
    if (*left % kCancelInterval == 0) CJ_RETURN_IF_ERROR(Cancelled());
    CJ_ASSIGN_OR_RETURN(const bool more, cursor->Next(&record));
    if (!more) list_->from = range.until;
    list_->reading = more ? record.sequence < list_->end : range.until < list_->until;
    if (!more || !list_->reading) return {};
    list_->from = cursor->Resume(record);
    interval_end_ = {record.period, record.sequence};
    if (!IsForAGap(record)) CJ_RETURN_IF_ERROR(ListRecord(directories, record));
  }
  return {};
}

Status Answer::ListRecord(Directories& directories, const Record& record) {
  if (!IsPlain(record)) return LeaveToFold(record);
  const DirectoryIndex directory =
      fold_.NoteDirectory(record.volume, record.parent, record.operations);
  CJ_ASSIGN_OR_RETURN(const Place* place, PlaceListed(directories, directory));
  if (place == nullptr) {
    list_->folds = true;
    return CheckListLimit();
  }
  NameTable& names = list_->names;
  CJ_ASSIGN_OR_RETURN(const NameTable::Found found,
                      AddListed({directory, record.name, record.object.encoded}));
  const NameTable::Ref name = found.ref;
  if ((names.flags(name) & kFolded) != 0) return {};
  if (found.is_new) {
    Change change;
    change.path = JoinPath(place->path, record.name);
    // Where no watch covers the name, the file may have others.
    if (!Covers(views_[place->view], change.path)) {
      LeaveToFold(name);
      return {};
    }
    names.AddFlags(name, kTold);
    Tell(place->view, std::move(change));
  } else if (names.Get(name).object != record.object.encoded) {
    LeaveToFold(name);
    return {};
  }
  if (MayConcernOtherNames(record) && (names.flags(name) & kLookedAt) == 0) {
    names.AddFlags(name, kLookedAt);
    AddToListed(place, name);
  }
  return {};
}

// With a key where other answers may have looked, or may want to know. Intervals that ended long
// ago are nobody else's.
void Answer::AddToListed(const Place* place, NameTable::Ref name) {
  const FoldedDirectory& directory = fold_.directories()[place->directory];
  Listed& listed = list_->listed.emplace_back();
  listed.place = place;
  listed.directory = ViewOfEncoded(directory.handle);
  listed.ref = name;
  listed.name = list_->names.Get(name);
  if (environment_.settled_files == nullptr || !request_.until_now) return;
  if (list_->shared == kMostShared) return;
  ++list_->shared;
  listed.key = SettledFiles::KeyOf(
      {directory.volume, directory.handle, listed.name.name, listed.name.object});
}

// Those that somebody else has looked at.
void Answer::RemoveSettled(std::vector<Listed>* listed) const {
  constexpr std::size_t kAhead = 8;  // as many as are fetched while one is looked up
  const SettledFiles* files = environment_.settled_files;
  if (files == nullptr) return;
  std::size_t left = 0;
  for (std::size_t i = 0; i < listed->size(); ++i) {
    const std::size_t ahead = std::min(i + kAhead, listed->size() - 1);
    if ((*listed)[ahead].key.has_value()) files->Prefetch(*(*listed)[ahead].key);
    const auto& key = (*listed)[i].key;
    if (key.has_value() && files->IsSettledSince(*key, list_->begin)) continue;
    (*listed)[left++] = (*listed)[i];
  }
  listed->resize(left);
}

// What was seen through mounts that were there before and after; `open` was the open period before.
void Answer::ShareSettled(PeriodId open) {
  for (const SettledFiles::Key& key : list_->settled) environment_.settled_files->Add(key, open);
  list_->settled.clear();
}

Result<NameTable::Found> Answer::AddListed(const NameTable::Name& name) {
  const NameTable::Found found = list_->names.FindOrAdd(name);
  if (found.ref == kNone) {
    return Error{ErrorCode::kLimit, "the changed names of the interval are longer than 4 GiB"};
  }
  CJ_RETURN_IF_ERROR(CheckListLimit());
  return found;
}

// Of everything that the first reading remembers: the second one has the fold's limit.
Status Answer::CheckListLimit() const {
  const std::size_t most = environment_.limits.max_names;
  if (list_->names.size() + fold_.directories().size() <= most) return {};
  return Error{ErrorCode::kLimit, "the interval has more than " + std::to_string(most) +
                                      " changed names and directories"};
}

void Answer::LeaveToFold(NameTable::Ref name) {
  list_->names.AddFlags(name, kFolded);
  list_->folds = true;
}

// With all that there is of the names that it touches. Former members of a directory that was
// renamed are told by what the fold has of them.
Status Answer::LeaveToFold(const Record& record) {
  list_->folds = true;
  const bool is_move = (record.operations & kRenamed) != 0 && (record.operations & kDirectory) != 0;
  list_->folds_all |= is_move && request_.expand;
  CJ_RETURN_IF_ERROR(LeaveToFold(record.volume, record.parent, record.name));
  return LeaveToFold(record.volume, record.old_parent, record.old_name);
}

Status Answer::LeaveToFold(VolumeId volume, const FileHandle& parent, const std::string& name) {
  if (parent.empty() || name.size() > NameTable::kMaxName) return CheckListLimit();
  // What has happened in it is said by the fold.
  const DirectoryIndex directory = fold_.NoteDirectory(volume, parent, 0);
  CJ_ASSIGN_OR_RETURN(const auto found, AddListed({directory, name, {}}));
  LeaveToFold(found.ref);
  return {};
}

Result<const Answer::Place*> Answer::PlaceListed(Directories& directories, DirectoryIndex index) {
  auto& places = list_->place_of;
  if (index >= places.size()) places.resize(index + 1);
  if (!places[index].has_value()) {
    CJ_ASSIGN_OR_RETURN(places[index], FindListedPlace(directories, index));
  }
  return *places[index];
}

// A living directory that one view shows, and covers. What is to be done about all others is said
// in ResolveOne().
Result<const Answer::Place*> Answer::FindListedPlace(Directories& directories,
                                                     DirectoryIndex index) {
  const FoldedDirectory& folded = fold_.directories()[index];
  auto shows = [&](const View& view) { return view.mount.id == folded.volume; };
  const auto view = std::find_if(views_.begin(), views_.end(), shows);
  if (view == views_.end() || std::any_of(view + 1, views_.end(), shows)) return nullptr;
  const auto number = static_cast<std::uint32_t>(view - views_.begin());
  auto location = directories.Path(number, FileHandle::FromEncoded(folded.handle));
  if (!location.has_value()) {
    const ErrorCode code = location.error().code;
    if (code == ErrorCode::kNotFound || code == ErrorCode::kLimit) return nullptr;
    return std::move(location).error();
  }
  if (location->hidden || !Covers(*view, location->path)) return nullptr;
  list_->places.push_back({std::move(location->path), index, number, false});
  return &list_->places.back();
}

void Answer::SeeListed(Directories& directories, Listed* listed) {
  const Place& place = *listed->place;
  const NameTable::Name& name = listed->name;
  const HandleView object = ViewOfEncoded(name.object);
  auto now = directories.GlanceIn(place.view, listed->directory, place.path, std::string(name.name),
                                  object);
  // Not to be seen, for one reason or another. Where the directory is not there any more the file
  // may be gone as well.
  if (!now.has_value() && now.error().code != ErrorCode::kNotFound) return;
  if (now.has_value() && now->exists && now->object.encoded == name.object) {
    listed->settled = now->link_count == 1;
    return;
  }
  auto count = directories.LinkCount(place.view, FileHandle(object));
  listed->settled = count.has_value() ? *count == 0
                                      : count.error().code == ErrorCode::kNotFound &&
                                            count.error().errno_value != EXDEV;
}

// There is nothing but plain names, all of which have been told.
bool Answer::IsAllListed() const {
  return list_->told && !list_->folds && rescans_.empty() && unlistable_.empty();
}

// The directory's names are told, and where it is, is known.
bool Answer::IsListed(DirectoryIndex index) const {
  return list_ != nullptr && index < list_->place_of.size() &&
         list_->place_of[index].value_or(nullptr) != nullptr;
}

bool Answer::IsFolded(const Record& record) const {
  if (IsForAGap(record)) return false;
  if (list_->folds_all || !IsPlain(record)) return true;
  const DirectoryIndex directory = fold_.FindDirectory(record.volume, record.parent);
  if (directory == kNone || !IsListed(directory)) return true;
  const NameTable::Ref name = list_->names.Find(directory, record.name);
  return name == kNone || (list_->names.flags(name) & kFolded) != 0;
}

Status Answer::FoldList() {
  if (!list_->folds) return {};
  ScanRange range;
  range.from = request_.from;
  range.until = list_->until;
  range.distinct = !environment_.limits.every_record;
  CJ_ASSIGN_OR_RETURN(auto cursor, ScanInterval(range));
  Record record;
  for (std::size_t read = 0;; ++read) {
    if (read % kCancelInterval == 0) CJ_RETURN_IF_ERROR(Cancelled());
    CJ_ASSIGN_OR_RETURN(bool more, cursor->Next(&record));
    if (!more || record.sequence > interval_end_.sequence) return {};
    if (IsFolded(record)) CJ_RETURN_IF_ERROR(fold_.Add(record));
  }
}

bool Answer::IsTold(DirectoryIndex directory, std::string_view name) const {
  if (list_ == nullptr) return false;
  const NameTable::Ref ref = list_->names.Find(directory, name);
  return ref != kNone && (list_->names.flags(ref) & kTold) != 0;
}

bool Answer::WasListed(const PathFacts& merged) const {
  return std::any_of(merged.names.begin(), merged.names.end(), [&](NameIndex index) {
    return IsTold(fold_.names()[index].directory, fold_.names()[index].name);
  });
}

}  // namespace cj
