#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/checkpoint/translating.h"

namespace cj {
namespace {

TEST_CASE("translate: masks become operations, and the rest of the record is there") {
  struct Row {
    std::uint64_t mask;
    std::uint32_t operations;
  };
  const Row rows[] = {
      {FAN_CREATE, kCreated},
      {FAN_CREATE | FAN_ONDIR, kCreated | kDirectory},
      {FAN_DELETE, kDeleted},
      {FAN_MODIFY, kModified},
      {FAN_CLOSE_WRITE, kClosedWrite},
      {FAN_ATTRIB, kAttributes},
      {FAN_ATTRIB | FAN_ONDIR, kAttributes | kDirectory},
      {FAN_CREATE | FAN_MODIFY | FAN_CLOSE_WRITE, kCreated | kModified | kClosedWrite},
      {FAN_CREATE | FAN_DELETE, kCreated | kDeleted},
  };
  for (const Row& row : rows) {
    Translating translate;
    translate(FileEvent(row.mask, "f"));
    REQUIRE(translate.End().size() == 1);
    Record expected;
    expected.sequence = SequenceNumber(100);
    expected.period = PeriodId(5);
    expected.time_usec = 2000;
    expected.volume = VolumeId(1);
    expected.operations = row.operations;
    expected.pid = 100;
    expected.object = TestHandle("o-f");
    expected.parent = TestHandle("dir");
    expected.name = "f";
    CHECK(translate.End()[0] == expected);
    CHECK(translate.out.batch.period == PeriodId(5));
    CHECK(translate.translator.next_sequence() == SequenceNumber(101));
  }
}

TEST_CASE("translate: what two processes do to one file is two records where that is asked for") {
  for (const bool apart : {false, true}) {
    CAPTURE(apart);
    Translating translate;
    if (apart) translate.translator.TellProcessesApart();
    auto write = [&](std::int32_t pid) {
      EventSpec event = FileEvent(FAN_MODIFY, "f");
      event.pid = pid;
      translate(event);
    };
    for (const std::int32_t pid : {1, 2, 1, 2}) write(pid);
    CHECK(translate.End().size() == (apart ? 2U : 1U));
    // An entry event makes the file's name be recorded anew, whoever is next.
    translate(FileEvent(FAN_DELETE, "f"));
    write(2);
    CHECK(translate.End().size() == (apart ? 4U : 3U));
  }
}

TEST_CASE("translate: a rename has both names") {
  Translating translate;
  translate(Rename("o", "from", "to"));
  REQUIRE(translate.End().size() == 1);
  const Record& record = translate.End()[0];
  CHECK(record.operations == kRenamed);
  CHECK(record.name == "to");
  CHECK(record.old_parent == TestHandle("dir"));
  CHECK(record.old_name == "from");
}

TEST_CASE("translate: what is out of scope is left out, a rename only when both parents are") {
  struct Row {
    const char* parent;
    const char* old_parent;
    std::uint64_t mask;
    std::size_t records;
  };
  const Row rows[] = {
      {"in", "", FAN_CREATE, 1},
      {"out", "", FAN_CREATE, 0},
      {"in", "", FAN_MODIFY, 1},
      {"out", "", FAN_MODIFY, 0},
      {"in", "in", FAN_RENAME, 1},
      {"out", "in", FAN_RENAME, 1},
      {"in", "out", FAN_RENAME, 1},
      {"out", "out", FAN_RENAME, 0},
      {"out", "", FAN_DELETE | FAN_ONDIR, 0},
  };
  for (const Row& row : rows) {
    Translating translate;
    translate.scope.outside = {"out"};
    EventSpec event = FileEvent(row.mask, "f");
    event.parent = row.parent;
    event.old_parent = row.old_parent;
    event.old_name = "old";
    translate(event);
    CAPTURE(row.parent, row.old_parent, row.mask);
    CHECK(translate.End().size() == row.records);
    CHECK(translate.translator.counters().out_of_scope == 1 - row.records);
    // Where a directory was that is gone is kept in any case.
    CHECK(translate.out.batch.dead_directories.empty() == ((row.mask & FAN_DELETE) == 0));
  }
}

TEST_CASE("translate: content of a file with another name is kept, and asked for once") {
  Translating translate;
  translate.scope.outside = {"dir"};
  translate.scope.several_names = {"o-linked"};
  for (int i = 0; i < 3; ++i) {
    translate(FileEvent(FAN_MODIFY, "linked"));
    translate(FileEvent(FAN_MODIFY, "single"));
  }
  REQUIRE(translate.End().size() == 1);
  CHECK(translate.End()[0].name == "linked");
  CHECK(translate.scope.asked_names == 2);
  CHECK(translate.translator.counters().out_of_scope == 3);
  CHECK(translate.translator.counters().duplicates == 2);
}

TEST_CASE("translate: content that merged with the deletion of a name outside is kept without it") {
  Translating translate;
  translate.scope.outside = {"dir"};
  translate.scope.several_names = {"o-linked"};
  translate(FileEvent(FAN_MODIFY | FAN_DELETE, "linked"));
  translate(FileEvent(FAN_MODIFY | FAN_DELETE, "single"));
  translate(FileEvent(FAN_DELETE, "linked"));
  REQUIRE(translate.End().size() == 1);
  CHECK(translate.End()[0].operations == kModified);
}

TEST_CASE("translate: an event without any operation is dropped") {
  Translating translate;
  translate(FileEvent(FAN_OPEN, "f"));
  CHECK(translate.End().empty());
}

TEST_CASE("translate: trouble becomes gaps") {
  Translating translate;
  EventSpec overflow;
  overflow.mask = FAN_Q_OVERFLOW;
  translate(overflow);
  translate(overflow);
  EventSpec error = FileEvent(FAN_FS_ERROR, "");
  error.parent.clear();
  error.fsid = 2;
  error.fs_error = 117;
  translate(error);
  EventSpec foreign = FileEvent(FAN_MODIFY, "f");
  foreign.fsid = 77;
  translate(foreign);
  const std::vector<Gap> expected{
      {"", 1000, 2000, "the kernel dropped events: its queue was full"},
      {"/v2", 0, 2000, "the filesystem reported error 117"},
      {"", 1000, 2000, "events came from a filesystem that the journal does not know"}};
  CHECK(translate.out.gaps == expected);
  CHECK(translate.translator.counters().overflows == 2);
  CHECK(translate.End().empty());
}

TEST_CASE("translate: where events are missing, nothing is as it was known to be") {
  Translating translate;
  translate(FileEvent(FAN_MODIFY, "f"));
  translate.scope.outside = {"dir"};
  translate(FileEvent(FAN_MODIFY, "g"));  // outside, which is remembered
  translate.scope.outside.clear();
  EventSpec overflow;
  overflow.mask = FAN_Q_OVERFLOW;
  translate(overflow);
  CHECK(translate.scope.moved == 1);
  translate(FileEvent(FAN_MODIFY, "f"));
  translate(FileEvent(FAN_MODIFY, "g"));
  REQUIRE(translate.End().size() == 3);
  CHECK(translate.End()[1].name == "f");
  CHECK(translate.End()[2].name == "g");
}

TEST_CASE("translate: directories that go leave a row, those that move make the scope forget") {
  Translating translate;
  translate(FileEvent(FAN_DELETE | FAN_ONDIR, "gone"));
  CHECK(translate.scope.moved == 0);
  translate(FileEvent(FAN_DELETE, "file"));
  EventSpec moved = Rename("o", "from", "to");
  moved.mask |= FAN_ONDIR;
  translate(moved);
  CHECK(translate.scope.moved == 1);
  translate.End();
  REQUIRE(translate.out.batch.dead_directories.size() == 1);
  const DeadDirectory expected{VolumeId(1), TestHandle("o-gone"), TestHandle("dir"), "gone",
                               PeriodId(5)};
  CHECK(translate.out.batch.dead_directories[0] == expected);
}

// Its DELETE merged with its CREATE, and so is read before what it had in between.
TEST_CASE("translate: a directory whose deletion is known is not taken for a rename's victim") {
  Translating translate;
  translate(FileEvent(FAN_CREATE | FAN_DELETE | FAN_ONDIR, "brief"));
  EventSpec moved = Rename("o", "from", "to");
  moved.mask |= FAN_ONDIR;
  translate(moved);
  EventSpec changed = FileEvent(FAN_ATTRIB | FAN_ONDIR, ".");
  changed.object = "o-brief";
  changed.parent = "o-brief";
  translate(changed);
  translate.End();
  REQUIRE(translate.out.batch.dead_directories.size() == 1);
  CHECK(translate.out.batch.dead_directories[0].name == "brief");
}

TEST_CASE(
    "translate: repeats of content are dropped, entry records and what follows them are not") {
  struct Row {
    const char* what;
    std::vector<EventSpec> events;
    std::vector<std::uint32_t> operations;
  };
  const EventSpec create = FileEvent(FAN_CREATE, "a");
  const EventSpec modify = FileEvent(FAN_MODIFY, "a");
  const EventSpec closed = FileEvent(FAN_CLOSE_WRITE, "a");
  const EventSpec attributes = FileEvent(FAN_ATTRIB, "a");
  const EventSpec deleted = FileEvent(FAN_DELETE, "a");
  const EventSpec away = Rename("o-a", "a", "b");
  const EventSpec back = Rename("o-a", "b", "a");
  EventSpec modify_b = modify;
  modify_b.name = "b";
  const Row rows[] = {
      {"write, write", {modify, modify}, {kModified}},
      {"write, close", {modify, closed}, {kModified}},
      {"write, chmod, chmod", {modify, attributes, attributes}, {kModified, kAttributes}},
      {"create, write", {create, modify, modify}, {kCreated, kModified}},
      {"create with write, write",
       {FileEvent(FAN_CREATE | FAN_MODIFY, "a"), modify},
       {kCreated | kModified}},
      {"create twice", {create, create}, {kCreated, kCreated}},
      {"write, delete, write", {modify, deleted, modify}, {kModified, kDeleted, kModified}},
      {"delete with write, write",
       {FileEvent(FAN_DELETE | FAN_MODIFY, "a"), modify},
       {kDeleted | kModified, kModified}},
      {"write, away, write", {modify, away, modify_b, modify_b}, {kModified, kRenamed, kModified}},
      {"write, away, write, back, write",
       {modify, away, modify_b, back, modify, modify_b},
       {kModified, kRenamed, kModified, kRenamed, kModified, kModified}},
  };
  for (const Row& row : rows) {
    Translating translate;
    for (const EventSpec& event : row.events) translate(event);
    std::vector<std::uint32_t> operations;
    for (const Record& record : translate.End()) operations.push_back(record.operations);
    CAPTURE(row.what);
    CHECK(operations == row.operations);
  }
}

TEST_CASE("translate: a new period knows nothing of the one before") {
  Translating translate;
  translate(FileEvent(FAN_MODIFY, "f"));
  translate.translator.Begin(PeriodId(6), translate.translator.next_sequence());
  translate(FileEvent(FAN_MODIFY, "f"));
  CHECK(translate.End().size() == 2);
}

TEST_CASE("translate: silent writers are data of the file, once in a period") {
  Translating translate;
  translate.scope.outside = {"out"};
  const SilentWriter writer{VolumeId(1), TestHandle("o-f"), TestHandle("dir"), "f", 9};
  SilentWriter nameless{VolumeId(2), TestHandle("o-g"), FileHandle(), "", 9};
  const SilentWriter outside{VolumeId(1), TestHandle("o-h"), TestHandle("out"), "h", 9};
  for (int i = 0; i < 2; ++i) {
    translate.translator.TranslateSilent(writer, 7, &translate.out);
    translate.translator.TranslateSilent(nameless, 7, &translate.out);
    translate.translator.TranslateSilent(outside, 7, &translate.out);
  }
  translate(FileEvent(FAN_MODIFY, "f"));  // the record is there: this one adds nothing
  REQUIRE(translate.End().size() == 2);
  CHECK(translate.End()[0].operations == kSilent);
  CHECK(translate.End()[0].pid == 9);
  CHECK(translate.End()[0].time_usec == 7);
  CHECK(translate.End()[1].parent.empty());
}

TEST_CASE("translate: a silent writer is more than a change that is on record") {
  Translating translate;
  translate(FileEvent(FAN_MODIFY, "f"));
  const SilentWriter writer{VolumeId(1), TestHandle("o-f"), TestHandle("dir"), "f", 9};
  for (int i = 0; i < 2; ++i) translate.translator.TranslateSilent(writer, 7, &translate.out);
  REQUIRE(translate.End().size() == 2);
  CHECK(translate.End()[1].operations == kSilent);
}

}  // namespace
}  // namespace cj
