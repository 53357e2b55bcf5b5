// What is left out changes nothing; what is left out, and what is kept.
#include "journal/rollup.h"

#include <algorithm>

#include "fake_tree.h"
#include "fixture.h"
#include "fold_text.h"

namespace cj {
namespace {

using Records = std::vector<Record>;

constexpr PeriodId kFirst(8);
constexpr std::int64_t kStartUsec = 1'000'000;

// Numbered from 1 on, in periods from kFirst on.
Records Numbered(Records records, std::mt19937_64& random) {
  std::uint64_t sequence = 0;
  PeriodId period = kFirst;
  for (Record& record : records) {
    record.sequence = SequenceNumber(++sequence);
    if (random() % 4 == 0) period = period.Next();
    record.period = period;
  }
  return records;
}

// What the rollup of these has.
Records RolledUp(const Records& records, bool gaps, PeriodId first = kFirst) {
  RollupBuilder builder(first, kStartUsec, gaps);
  for (const Record& record : records) REQUIRE(builder.Add(record));
  Records kept;
  RollupRowReader reader;
  for (const RollupRow& row : builder.Finish()) {
    REQUIRE(reader.Parse(first, row.first, row.value));
    for (std::size_t i = 0; i < reader.size(); ++i) {
      kept.emplace_back();
      reader.Get(i, kStartUsec, &kept.back());
    }
  }
  CHECK(kept.size() == builder.records());
  return kept;
}

std::vector<std::string> Folded(const std::vector<const Records*>& parts) {
  Fold fold(1'000'000);
  for (const Records* records : parts) {
    for (const Record& record : *records) REQUIRE(fold.Add(record));
  }
  return TextOf(fold);
}

Records RandomRecordsOf(std::size_t count, std::mt19937_64& random) {
  Records records;
  for (std::size_t i = 0; i < count; ++i) records.push_back(RandomChange(random, 2));
  return records;
}

// Whether each is one of `all`, as it was there.
bool IsPartOf(const Records& kept, const Records& all) {
  std::size_t at = 0;
  for (const Record& record : kept) {
    while (at < all.size() && !(all[at] == record)) ++at;
    if (at++ == all.size()) return false;
  }
  return true;
}

TEST_CASE("rollups: leaving records out changes no fold, whatever comes before and after") {
  const std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  std::mt19937_64 random(seed);
  std::size_t left_out = 0;
  for (int i = 0; i < 3'000; ++i) {
    const Records before = RandomRecordsOf(random() % 10, random);
    const Records records = Numbered(RandomRecordsOf(1 + random() % 60, random), random);
    const Records after = RandomRecordsOf(random() % 10, random);
    const Records kept = RolledUp(records, /*gaps=*/true);
    REQUIRE(IsPartOf(kept, records));
    REQUIRE(kept.back() == records.back());
    REQUIRE(Folded({&before, &records, &after}) == Folded({&before, &kept, &after}));
    // What was read of it is as good as the same much of the records.
    const std::size_t some = random() % kept.size();
    const Records begun(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(some));
    Records rest;
    for (const Record& record : records) {
      if (begun.empty() || record.sequence > begun.back().sequence) rest.push_back(record);
    }
    REQUIRE(Folded({&before, &records, &after}) == Folded({&before, &begun, &rest, &after}));
    left_out += records.size() - kept.size();
  }
  CHECK(left_out > 3'000);
}

// The lines of `whole` that are not in `part`; REQUIREs that the others are all that `part` has.
std::vector<std::string> LinesBeyond(const std::vector<std::string>& whole,
                                     const std::vector<std::string>& part) {
  std::vector<std::string> beyond;
  std::set_difference(whole.begin(), whole.end(), part.begin(), part.end(),
                      std::back_inserter(beyond));
  REQUIRE(std::includes(whole.begin(), whole.end(), part.begin(), part.end()));
  return beyond;
}

TEST_CASE("rollups: a fold lacks files that passed, and nothing else") {
  const std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  std::mt19937_64 random(seed);
  std::size_t passed = 0;
  for (int i = 0; i < 3'000; ++i) {
    CAPTURE(i);
    FakeTree tree(random);
    for (std::uint64_t left = random() % 20; left > 0; --left) tree.Step();
    tree.NextPeriod();
    const std::size_t begin = tree.records().size();
    const PeriodId first = tree.period();
    for (std::uint64_t left = 1 + random() % 100; left > 0; --left) {
      tree.Step();
      if (random() % 8 == 0) tree.NextPeriod();
    }
    tree.NextPeriod();
    const std::size_t end = tree.records().size();
    const FakeTree then = tree;
    for (std::uint64_t left = random() % 20; left > 0; --left) tree.Step();
    const auto at = tree.records().begin();
    const Records before(at, at + static_cast<std::ptrdiff_t>(begin));
    const Records records(at + static_cast<std::ptrdiff_t>(begin),
                          at + static_cast<std::ptrdiff_t>(end));
    const Records after(at + static_cast<std::ptrdiff_t>(end), tree.records().end());
    if (records.empty()) continue;
    const Records kept = RolledUp(records, false, first);
    REQUIRE(IsPartOf(kept, records));
    REQUIRE(kept.back() == records.back());
    const auto beyond =
        LinesBeyond(Folded({&before, &records, &after}), Folded({&before, &kept, &after}));
    for (const std::string& line : beyond) REQUIRE(line.starts_with("object "));
    std::set<std::string> objects;
    for (const Record& record : kept) objects.insert(record.object.encoded);
    for (const Record& record : records) {
      if (objects.count(record.object.encoded) == 0) REQUIRE_FALSE(then.IsAlive(record.object));
    }
    passed += beyond.size();
  }
  CHECK(passed > 3'000);
}

Record Change(std::uint32_t operations, std::uint64_t object, const std::string& name) {
  Record record;
  record.volume = VolumeId(1);
  record.operations = operations;
  record.object = HandleNumber(object);
  record.parent = HandleNumber(100);
  record.name = name;
  return record;
}

// The numbers of those that are kept; a last one that says nothing new is added first.
std::vector<std::uint64_t> Kept(Records records) {
  records.push_back(Change(kCreated, 99, "last"));
  std::mt19937_64 random;
  std::vector<std::uint64_t> numbers;
  for (const Record& record : RolledUp(Numbered(std::move(records), random), false)) {
    numbers.push_back(record.sequence.value);
  }
  numbers.pop_back();
  return numbers;
}

using Numbers = std::vector<std::uint64_t>;

TEST_CASE("rollups: what is kept of a name") {
  const Record data = Change(kModified, 1, "a");
  const Record metadata = Change(kAttributes, 1, "a");
  CHECK(Kept({data, data, data}) == Numbers{1});
  CHECK(Kept({data, Change(kClosedWrite, 1, "a"), Change(kSilent, 1, "a")}) == Numbers{1});
  CHECK(Kept({data, metadata, data, metadata}) == Numbers{1, 2});
  CHECK(Kept({Change(kModified | kAttributes, 1, "a"), data, metadata}) == Numbers{1});
  CHECK(Kept({data, Change(kModified, 1, "b"), data}) == Numbers{1, 2});
  CHECK(Kept({data, Change(kModified, 2, "a"), Change(kModified, 2, "a")}) == Numbers{1, 2});
  // Something came or went in between.
  CHECK(Kept({data, Change(kDeleted, 1, "a"), data}) == Numbers{1, 2, 3});
  CHECK(Kept({data, Change(kCreated, 2, "b"), data}) == Numbers{1, 2});
  Record renamed = Change(kRenamed, 2, "b");
  renamed.old_parent = renamed.parent;
  renamed.old_name = "a";
  CHECK(Kept({data, renamed, data}) == Numbers{1, 2, 3});
}

TEST_CASE("rollups: of locks that came and went the first and the last are kept") {
  Records records;
  for (std::uint64_t lock = 1; lock <= 10; ++lock) {
    records.push_back(Change(kCreated, lock, "lock"));
    records.push_back(Change(kDeleted, lock, "lock"));
  }
  CHECK(Kept(records) == Numbers{1, 2, 19, 20});
  // One in between that another name was given to, or that is there no more at the start.
  records[9].operations = kCreated | kLinked;
  records[13].operations = kAttributes;
  CHECK(Kept(records) == Numbers{1, 2, 9, 10, 13, 14, 19, 20});
}

TEST_CASE("rollups: of the versions of a file that is replaced the first and the last are kept") {
  Records records;
  for (std::uint64_t version = 1; version <= 10; ++version) {
    records.push_back(Change(kCreated | kModified, version, "new"));
    records.push_back(Change(kRenamed, version, "name"));
    records.back().old_parent = records.back().parent;
    records.back().old_name = "new";
    records.push_back(Change(kReplaced, version - 1, "name"));
  }
  // The first replaces what was there before; the last but one is what the last record is of.
  CHECK(Kept(records) == Numbers{1, 2, 3, 6, 25, 26, 28, 29, 30});
}

TEST_CASE("rollups: who came and went in one record may be older where directories move") {
  Records records;
  for (std::uint64_t lock = 1; lock <= 5; ++lock) {
    records.push_back(Change(kCreated | kDeleted, lock, "lock"));
  }
  CHECK(Kept(records) == Numbers{1, 4, 5});
  Record moved = Change(kRenamed | kDirectory, 50, "to");
  moved.old_parent = moved.parent;
  moved.old_name = "from";
  records.push_back(moved);
  CHECK(Kept(records) == Numbers{1, 2, 3, 4, 5, 6});
}

TEST_CASE("rollups: what a file that passed two names was told of is told of both") {
  auto rename = [](std::uint64_t object, const std::string& from, const std::string& to) {
    Record record = Change(kRenamed, object, to);
    record.old_parent = record.parent;
    record.old_name = from;
    return record;
  };
  Records records = {Change(kCreated, 1, "a"),  Change(kDeleted, 1, "a"),  Change(kCreated, 2, "b"),
                     Change(kModified, 2, "b"), Change(kDeleted, 2, "b"),  Change(kCreated, 3, "a"),
                     rename(3, "a", "b"),       Change(kModified, 3, "b"), Change(kDeleted, 3, "b"),
                     Change(kCreated, 4, "a"),  Change(kDeleted, 4, "a"),  Change(kCreated, 5, "b"),
                     Change(kModified, 5, "b"), Change(kDeleted, 5, "b")};
  // Of "a" no other tells that what was there has changed.
  CHECK(Kept(records).size() == records.size());
  records[0].operations |= kModified;
  CHECK(Kept(records).size() == records.size() - 4);
}

TEST_CASE("rollups: what a name has been told of once is told still") {
  Records records = {Change(kCreated, 1, "lock"),  Change(kDeleted, 1, "lock"),
                     Change(kCreated, 2, "lock"),  Change(kModified, 2, "lock"),
                     Change(kDeleted, 2, "lock"),  Change(kCreated, 3, "lock"),
                     Change(kModified, 3, "lock"), Change(kDeleted, 3, "lock"),
                     Change(kCreated, 4, "lock"),  Change(kDeleted, 4, "lock")};
  CHECK(Kept(records) == Numbers{1, 2, 3, 4, 5, 9, 10});
}

TEST_CASE("rollups: an opening for writing says nothing of data") {
  const Record opened = Change(kIntent, 1, "a");
  CHECK(Kept({opened, opened, Change(kModified, 1, "a"), opened}) == Numbers{1, 3});
  CHECK(Kept({Change(kIntent | kModified, 1, "a"), Change(kModified, 1, "a")}) == Numbers{1, 2});
}

TEST_CASE("rollups: directories, objects without a name, and what a crawl found") {
  Record self = Change(kAttributes | kDirectory, 100, ".");
  CHECK(Kept({self, self}) == Numbers{1});
  CHECK(Kept({self, Change(kAttributes, 100, "."), self}) == Numbers{1, 2, 3});
  Record nameless = Change(kModified, 1, "");
  nameless.parent = {};
  Record other = nameless;
  other.object = HandleNumber(2);
  CHECK(Kept({nameless, other, nameless, other}) == Numbers{1, 2});
  const Record crawled = Change(kCrawled, 1, "a");
  CHECK(Kept({crawled, crawled}) == Numbers{1, 2});
  // Of nothing at all the name is known.
  CHECK(Kept({Change(0, 1, "a"), Change(0, 1, "a")}) == Numbers{1});
}

TEST_CASE("rollups: the last record says how far it goes") {
  std::mt19937_64 random;
  const Record data = Change(kModified, 1, "a");
  const Records kept = RolledUp(Numbered({data, data, data}, random), false);
  REQUIRE(kept.size() == 2);
  CHECK(kept.back().sequence == SequenceNumber(3));
}

TEST_CASE("rollups: too many names, and too many bytes") {
  RollupBuilder names(kFirst, kStartUsec, false);
  std::uint64_t sequence = 0;
  bool room = true;
  while (room) {
    Record record = Change(kModified, 1, std::to_string(sequence));
    record.sequence = SequenceNumber(++sequence);
    record.period = kFirst;
    room = names.Add(record);
  }
  // The directory and the object are names as well.
  CHECK(sequence == kMostRollupNames - 1);

  RollupBuilder bytes(kFirst, kStartUsec, false);
  std::uint64_t made = 0;
  room = true;
  while (room) {
    // What cannot be left out, of two names.
    Record record = Change(made % 2 == 0 ? kCreated : kDeleted, 1, std::string(255, 'a'));
    record.sequence = SequenceNumber(++made);
    record.period = kFirst;
    room = bytes.Add(record);
  }
  CHECK(made > kMostRollupBytes / 300);
  CHECK(made < kMostRollupBytes / 255);
}

}  // namespace
}  // namespace cj
