// Dead directories, names of hard links, volumes.
#include <algorithm>

#include "fixture.h"

namespace cj {
namespace {

TEST_CASE("directories: the latest place counts; volumes and handles are kept apart") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  Batch batch;
  batch.period = PeriodId(1);
  DeadDirectory first{VolumeId(1), HandleNumber(5), HandleNumber(2), "a", PeriodId(1)};
  DeadDirectory other{VolumeId(2), HandleNumber(5), HandleNumber(9), "b", PeriodId(1)};
  DeadDirectory root{VolumeId(2), HandleNumber(6), {}, std::string("\xff\0\n", 3), PeriodId(1)};
  batch.dead_directories = {first, other, root};
  REQUIRE(store->Append(batch).has_value());
  DeadDirectory later = first;
  later.name = "c";
  batch.dead_directories = {later};
  REQUIRE(store->Append(batch).has_value());
  CHECK(store->FindDeadDirectory(VolumeId(1), HandleNumber(5)).value() == later);
  CHECK(store->FindDeadDirectory(VolumeId(2), HandleNumber(5)).value() == other);
  CHECK(store->FindDeadDirectory(VolumeId(2), HandleNumber(6)).value() == root);
  CHECK_FALSE(store->FindDeadDirectory(VolumeId(3), HandleNumber(5)).value().has_value());
  CHECK_FALSE(store->FindDeadDirectory(VolumeId(1), HandleNumber(6)).value().has_value());
}

TEST_CASE("spool: its position is stored with the records, and stays") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  CHECK(store->spool_position() == SpoolPosition());
  auto reopen = [&] {
    store.reset();
    store = OpenStore(scratch / "journal");
    return store->spool_position();
  };
  CHECK(reopen() == SpoolPosition());
  Batch batch;
  batch.period = PeriodId(1);
  batch.link_names = {{VolumeId(1), HandleNumber(5), HandleNumber(2), "a"}};
  batch.spool = SpoolPosition{0xfedcba9876543210, 7, -5};
  REQUIRE(store->Append(batch).has_value());
  CHECK(store->spool_position() == *batch.spool);
  CHECK(reopen() == *batch.spool);
  AdvanceStore(*store, 1);  // says nothing of it
  CHECK(reopen() == *batch.spool);
  PeriodInfo sealed = store->Periods().back();
  sealed.end_usec = sealed.start_usec + 1;
  PeriodInfo opened;
  opened.id = sealed.id.Next();
  opened.start_usec = sealed.end_usec;
  Batch last;
  last.period = sealed.id;
  last.spool = SpoolPosition{1, 2, 3};
  REQUIRE(store->Advance(last, sealed, opened).has_value());
  CHECK(store->spool_position() == *last.spool);
  CHECK(reopen() == *last.spool);
}

TEST_CASE("directories: those of dropped periods are forgotten, on disk by the next compaction") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  auto add = [&store](std::uint64_t handle) {
    Batch batch;
    batch.period = store->Periods().back().id;
    batch.dead_directories = {{VolumeId(1), HandleNumber(handle), HandleNumber(2),
                               "marker-" + std::to_string(handle), batch.period}};
    REQUIRE(store->Append(batch).has_value());
  };
  add(1);
  AdvanceStore(*store, 3);
  add(2);
  AdvanceStore(*store, 3);
  REQUIRE(store->DropPeriodsBefore(PeriodId(2)).has_value());
  CHECK_FALSE(store->FindDeadDirectory(VolumeId(1), HandleNumber(1)).value().has_value());
  CHECK(store->FindDeadDirectory(VolumeId(1), HandleNumber(2)).value().has_value());

  // Closing makes the compaction's result the only copy that is left in tables.
  REQUIRE(store->Compact().has_value());
  store.reset();
  OpenStore(scratch / "journal").reset();
  bool first = false;
  bool second = false;
  for (const auto& [name, bytes] : Snapshot(scratch / "journal")) {
    if (!name.ends_with(".sst")) continue;
    first = first || bytes.find("marker-1") != std::string::npos;
    second = second || bytes.find("marker-2") != std::string::npos;
  }
  CHECK_FALSE(first);
  CHECK(second);
}

TEST_CASE("links: every name ever learned, once, of this object and no other") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  VolumeId volume(7);
  std::vector<LinkName> names = {
      {volume, HandleNumber(1), HandleNumber(2), "a"},
      {volume, HandleNumber(1), HandleNumber(2), "ab"},
      {volume, HandleNumber(1), HandleNumber(3), "a"},
      {volume, HandleNumber(1), HandleNumber(3), std::string("\0\xff", 2)},
  };
  std::vector<LinkName> others = {
      {volume, HandleNumber(256 + 1), HandleNumber(2), "a"},
      {VolumeId(8), HandleNumber(1), HandleNumber(2), "a"},
  };
  FileHandle longer;
  longer.encoded = HandleNumber(1).encoded + "x";
  others.push_back({volume, longer, HandleNumber(2), "a"});
  REQUIRE(store->AddLinkNames(names).has_value());
  REQUIRE(store->AddLinkNames(others).has_value());
  REQUIRE(store->AddLinkNames(names).has_value());
  REQUIRE(store->AddLinkNames({}).has_value());
  auto by_key = [](const LinkName& a, const LinkName& b) {
    return std::tie(a.parent, a.name) < std::tie(b.parent, b.name);
  };
  for (int opening = 0; opening < 2; ++opening) {
    std::vector<LinkName> found = store->FindLinkNames(volume, HandleNumber(1)).value();
    std::sort(found.begin(), found.end(), by_key);
    std::sort(names.begin(), names.end(), by_key);
    CHECK(found == names);
    CHECK(store->FindLinkNames(volume, longer).value().size() == 1);
    CHECK(store->FindLinkNames(VolumeId(9), HandleNumber(1)).value().empty());
    store.reset();
    store = OpenStore(scratch / "journal");
  }
}

TEST_CASE("volumes: numbers are given once and kept") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  VolumeIdentity ext4{"ext4", "1111"};
  VolumeIdentity xfs{"xfs", "1111"};
  CHECK(store->InternVolume(ext4).value() == VolumeId(1));
  CHECK(store->InternVolume(xfs).value() == VolumeId(2));
  CHECK(store->InternVolume(ext4).value() == VolumeId(1));
  store.reset();
  store = OpenStore(scratch / "journal");
  CHECK(store->InternVolume({"btrfs", ""}).value() == VolumeId(3));
  CHECK(store->InternVolume(xfs).value() == VolumeId(2));
  CHECK(store->InternVolume(ext4).value() == VolumeId(1));
}

}  // namespace
}  // namespace cj
