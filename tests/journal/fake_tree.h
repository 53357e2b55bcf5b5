// A tree that is no more than names and objects, and the records that a kernel might tell of what
// happens in it, merged as it merges.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "journal/record.h"

namespace cj {

class FakeTree {
 public:
  explicit FakeTree(std::mt19937_64& random) : random_(random) {}

  // Something happens. Numbers are given as the records come.
  void Step();
  // Ends the period: nothing is merged with what is before.
  void NextPeriod();
  // All records so far.
  const std::vector<Record>& records() const { return records_; }
  PeriodId period() const { return period_; }
  bool IsAlive(const FileHandle& object) const;

 private:
  struct Place {
    std::uint64_t directory = 0;
    std::string name;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct Object {
    std::uint64_t number = 0;
    bool directory = false;
  };

  std::uint64_t OneOf(std::uint64_t count) { return random_() % count; }
  Place AnyPlace();
  void Make(const Place& place);
  void Remove(const Place& place);
  void Change(const Place& place);
  void Link(const Place& from, const Place& to);
  void Move(const Place& from, const Place& to);
  void Exchange(const Place& a, const Place& b);
  void TellMove(const Place& from, const Place& to, const Object& object);
  void Save(const Place& place);
  Record RecordOf(const Place& place, const Object& object, std::uint32_t operations) const;
  void Tell(Record record);

  std::mt19937_64& random_;
  std::map<Place, Object> tree_;
  std::uint64_t objects_ = 0;
  PeriodId period_{8};
  std::vector<Record> records_;
  std::size_t queued_ = 0;  // records from here on can be merged with
};

}  // namespace cj
