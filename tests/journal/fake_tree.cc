#include "fake_tree.h"

#include <algorithm>

#include "fixture.h"

namespace cj {
namespace {

constexpr std::uint64_t kDirectories = 2;
constexpr std::uint64_t kFirstObject = 1000;

}  // namespace

FakeTree::Place FakeTree::AnyPlace() {
  return {OneOf(kDirectories), std::string(1, static_cast<char>('a' + OneOf(3)))};
}

Record FakeTree::RecordOf(const Place& place, const Object& object,
                          std::uint32_t operations) const {
  Record record;
  record.volume = VolumeId(1);
  record.operations = operations | (object.directory ? kDirectory : 0U);
  record.object = HandleNumber(kFirstObject + object.number);
  record.parent = HandleNumber(place.directory);
  record.name = place.name;
  return record;
}

// The kernel merges what has the same object and names, and keeps the place of the first.
void FakeTree::Tell(Record record) {
  const bool merges = (record.operations & (kRenamed | kReplaced)) == 0 && OneOf(3) != 0;
  for (std::size_t i = queued_; merges && i < records_.size(); ++i) {
    Record& earlier = records_[i];
    if ((earlier.operations & (kRenamed | kReplaced)) != 0 || earlier.object != record.object ||
        earlier.parent != record.parent || earlier.name != record.name) {
      continue;
    }
    // Nobody can tell then that it was a link.
    const bool hides = OneOf(2) == 0;
    earlier.operations |= record.operations & ~(hides ? std::uint32_t{kLinked} : 0U);
    return;
  }
  record.sequence = SequenceNumber(records_.size() + 1);
  record.period = period_;
  record.time_usec = static_cast<std::int64_t>(records_.size());
  records_.push_back(std::move(record));
  if (OneOf(8) == 0) queued_ = records_.size();
}

void FakeTree::NextPeriod() {
  period_ = period_.Next();
  queued_ = records_.size();
}

bool FakeTree::IsAlive(const FileHandle& object) const {
  return std::any_of(tree_.begin(), tree_.end(), [&](const auto& each) {
    return HandleNumber(kFirstObject + each.second.number) == object;
  });
}

void FakeTree::Make(const Place& place) {
  const Object object{++objects_, OneOf(10) == 0};
  tree_[place] = object;
  Tell(RecordOf(place, object, kCreated));
}

void FakeTree::Remove(const Place& place) {
  Tell(RecordOf(place, tree_.at(place), kDeleted));
  tree_.erase(place);
}

void FakeTree::Change(const Place& place) {
  constexpr std::uint32_t kChanges[] = {kModified, kClosedWrite, kAttributes,
                                        kModified | kClosedWrite};
  const Object object = tree_.at(place);
  Tell(RecordOf(place, object, object.directory ? kAttributes : kChanges[OneOf(4)]));
}

void FakeTree::Link(const Place& from, const Place& to) {
  const Object object = tree_.at(from);
  if (object.directory) return;
  tree_[to] = object;
  Tell(RecordOf(to, object, kCreated | kLinked));
}

void FakeTree::Move(const Place& from, const Place& to) {
  const Object object = tree_.at(from);
  const auto victim = tree_.find(to);
  std::optional<Object> replaced;
  if (victim != tree_.end()) {
    // Two names of one file: rename(2) does nothing.
    if (victim->second.number == object.number) return;
    if (victim->second.directory != object.directory) return;
    replaced = victim->second;
  }
  tree_.erase(from);
  tree_[to] = object;
  TellMove(from, to, object);
  if (replaced.has_value()) Tell(RecordOf(to, *replaced, kReplaced));
}

void FakeTree::TellMove(const Place& from, const Place& to, const Object& object) {
  Record record = RecordOf(to, object, kRenamed);
  record.old_parent = HandleNumber(from.directory);
  record.old_name = from.name;
  Tell(std::move(record));
}

void FakeTree::Exchange(const Place& a, const Place& b) {
  if (tree_.count(b) == 0 || tree_.at(a).number == tree_.at(b).number) return;
  TellMove(a, b, tree_.at(a));
  TellMove(b, a, tree_.at(b));
  std::swap(tree_.at(a), tree_.at(b));
}

// As careful programs save.
void FakeTree::Save(const Place& place) {
  const Place temporary{place.directory, "~"};
  if (tree_.count(temporary) != 0) Remove(temporary);
  const Object object{++objects_, false};
  tree_[temporary] = object;
  Tell(RecordOf(temporary, object, kCreated));
  Tell(RecordOf(temporary, object, kModified | kClosedWrite));
  const auto known = tree_.find(place);
  if (known == tree_.end() || !known->second.directory) Move(temporary, place);
}

void FakeTree::Step() {
  const Place place = AnyPlace();
  const Place other = AnyPlace();
  if (OneOf(4) == 0) return Save({0, "saved"});
  if (OneOf(6) == 0) {
    const Place lock{1, "lock"};
    return tree_.count(lock) == 0 ? Make(lock) : Remove(lock);
  }
  if (tree_.count(place) == 0) return Make(place);
  switch (OneOf(8)) {
    case 0:
    case 1:
      return Remove(place);
    case 2:
      return place == other ? Change(place) : Move(place, other);
    case 3:
      if (tree_.count(other) == 0) Link(place, other);
      return;
    case 4:
      return Save(place);
    case 5:
      return Exchange(place, other);
    default:
      return Change(place);
  }
}

}  // namespace cj
