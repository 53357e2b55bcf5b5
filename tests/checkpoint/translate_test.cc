#include "checkpoint/translate.h"

#include <sys/fanotify.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/checkpoint/harness.h"

namespace cj {
namespace {

constexpr std::int32_t kOwnPid = 4242;

// Translates events one by one, as the writer does.
struct Translating {
  Translating() : translator(scope, std::vector{TestVolume(1), TestVolume(2)}, kOwnPid, {}) {
    translator.Begin(PeriodId(5), SequenceNumber(100));
  }
  void operator()(const EventSpec& spec) {
    const std::string bytes = EventBytes(spec);
    std::span<const std::byte> rest = std::as_bytes(std::span(bytes));
    Event event;
    REQUIRE(ParseEvent(&rest, &event));
    translator.Translate(event, {1000, 2000}, &out);
  }
  const std::vector<Record>& End() {
    translator.EndBatch(3000, &out);
    return out.batch.records;
  }

  TestScope scope;
  EventTranslator translator;
  Translation out;
};

EventSpec Rename(const std::string& object, const std::string& from, const std::string& to) {
  EventSpec event = FileEvent(FAN_RENAME, to);
  event.object = object;
  event.old_parent = "dir";
  event.old_name = from;
  return event;
}

EventSpec Nameless(std::uint64_t mask, const std::string& object) {
  EventSpec event;
  event.mask = mask;
  event.object = object;
  return event;
}

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

TEST_CASE("translate: our own events and empty ones are dropped") {
  Translating translate;
  EventSpec own = FileEvent(FAN_MODIFY, "f");
  own.pid = kOwnPid;
  translate(own);
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
      {"/v2", 1000, 2000, "the filesystem reported error 117"},
      {"", 1000, 2000, "events came from a filesystem that the journal does not know"}};
  CHECK(translate.out.gaps == expected);
  CHECK(translate.translator.counters().overflows == 2);
  CHECK(translate.End().empty());
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

TEST_CASE("translate: link: the nameless ATTRIB is no record, the CREATE is a link name, too") {
  Translating translate;
  translate(Nameless(FAN_ATTRIB, "o-b"));
  translate(FileEvent(FAN_CREATE, "b"));
  translate(FileEvent(FAN_CREATE, "other"));
  REQUIRE(translate.End().size() == 2);
  CHECK(translate.End()[0].operations == (kCreated | kLinked));
  CHECK(translate.End()[1].operations == kCreated);
  REQUIRE(translate.out.batch.link_names.size() == 1);
  const LinkName expected{VolumeId(1), TestHandle("o-b"), TestHandle("dir"), "b"};
  CHECK(translate.out.batch.link_names[0] == expected);
  // A later rename of it is known as well, in a later period, too.
  translate.translator.Begin(PeriodId(6), translate.translator.next_sequence());
  translate(Rename("o-b", "b", "c"));
  REQUIRE(translate.out.batch.link_names.size() == 2);
  CHECK(translate.out.batch.link_names[1].name == "c");
}

TEST_CASE(
    "translate: a rename of a file with several names is a link name, whoever linked it when") {
  Translating translate;
  translate.scope.several_names = {"linked"};
  translate(Rename("linked", "a", "b"));
  translate(Rename("single", "c", "d"));
  REQUIRE(translate.End().size() == 2);
  CHECK(translate.End()[0].operations == kRenamed);
  REQUIRE(translate.out.batch.link_names.size() == 1);
  CHECK(translate.out.batch.link_names[0].name == "b");
}

TEST_CASE("translate: nameless content is kept") {
  Translating translate;
  translate(Nameless(FAN_MODIFY, "o"));
  translate(Nameless(FAN_MODIFY, "o"));
  translate(Nameless(FAN_MODIFY | FAN_ATTRIB, "p"));
  REQUIRE(translate.End().size() == 2);
  CHECK(translate.End()[0].parent.empty());
  CHECK(translate.End()[1].operations == (kModified | kAttributes));
}

TEST_CASE("translate: a nameless ATTRIB that nothing explains is a change of attributes") {
  struct Row {
    const char* what;
    std::vector<EventSpec> events;
    std::size_t records;  // nameless ones
  };
  const EventSpec attributes = Nameless(FAN_ATTRIB, "o-f");
  const EventSpec came_and_went = FileEvent(FAN_CREATE | FAN_DELETE, "f");
  const Row rows[] = {
      {"alone, once or twice", {attributes, attributes}, 1},
      {"unlink", {attributes, FileEvent(FAN_DELETE, "f")}, 0},
      {"link", {attributes, FileEvent(FAN_CREATE, "f")}, 0},
      {"created and deleted, merged", {came_and_went, attributes}, 0},
      {"the same, then a change", {came_and_went, attributes, attributes}, 1},
      {"created before", {FileEvent(FAN_CREATE, "f"), attributes}, 1},
      {"another file deleted", {attributes, FileEvent(FAN_DELETE, "g")}, 1},
      {"two unlinks at once",
       {attributes, Nameless(FAN_ATTRIB, "o-g"), FileEvent(FAN_DELETE, "f"),
        FileEvent(FAN_DELETE, "g")},
       0},
  };
  for (const Row& row : rows) {
    Translating translate;
    for (const EventSpec& event : row.events) translate(event);
    CAPTURE(row.what);
    std::size_t nameless = 0;
    for (const Record& record : translate.End()) {
      if (!record.parent.empty()) continue;
      ++nameless;
      CHECK(record.operations == kAttributes);
      CHECK(record.object == TestHandle("o-f"));
    }
    CHECK(nameless == row.records);
  }
}

TEST_CASE("translate: more unexplained attributes than may wait become records at once") {
  Translating translate;
  for (std::size_t i = 0; i < NamelessAttributes::kWaiting + 10; ++i) {
    translate(Nameless(FAN_ATTRIB, std::to_string(i)));
  }
  CHECK(translate.out.batch.records.size() == 10);
  CHECK(translate.End().size() == NamelessAttributes::kWaiting + 10);
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

TEST_CASE("translate: the victim of a rename is told from an unlinked or a linked file") {
  struct Row {
    const char* what;
    std::vector<EventSpec> events;
    bool replaced;
  };
  EventSpec other_process = Nameless(FAN_ATTRIB, "victim");
  other_process.pid = 200;
  EventSpec unlinked = FileEvent(FAN_DELETE, "x");
  unlinked.object = "victim";
  EventSpec linked = FileEvent(FAN_CREATE, "x");
  linked.object = "victim";
  const EventSpec rename = Rename("o", "tmp", "f");
  const EventSpec attributes = Nameless(FAN_ATTRIB, "victim");
  const Row rows[] = {
      {"rename over", {rename, attributes}, true},
      {"rename over, then another event", {rename, attributes, FileEvent(FAN_CREATE, "y")}, true},
      {"rename, unlink", {rename, attributes, unlinked}, false},
      {"rename, link", {rename, attributes, linked}, false},
      {"rename, event between", {rename, FileEvent(FAN_MODIFY, "y"), attributes}, false},
      {"rename, another process", {rename, other_process}, false},
      {"rename, its own link count", {rename, Nameless(FAN_ATTRIB, "o")}, false},
      {"no rename", {attributes}, false},
  };
  for (const Row& row : rows) {
    Translating translate;
    for (const EventSpec& event : row.events) translate(event);
    CAPTURE(row.what);
    std::vector<Record> replaced;
    for (const Record& record : translate.End()) {
      if (record.operations == kReplaced) replaced.push_back(record);
    }
    REQUIRE(replaced.size() == (row.replaced ? 1 : 0));
    if (!row.replaced) continue;
    CHECK(replaced[0].object == TestHandle("victim"));
    CHECK(replaced[0].parent == TestHandle("dir"));
    CHECK(replaced[0].name == "f");
    CHECK(replaced[0].pid == 100);
  }
}

TEST_CASE("translate: victims are found in more processes at once than are remembered, or not") {
  Translating translate;
  const int processes = static_cast<int>(RecentRenames::kRemembered) + 4;
  for (int pid = 1; pid <= processes; ++pid) {
    EventSpec rename = Rename("o", "tmp", "f" + std::to_string(pid));
    rename.pid = pid;
    translate(rename);
  }
  for (int pid = 1; pid <= processes; ++pid) {
    EventSpec attributes = Nameless(FAN_ATTRIB, "v" + std::to_string(pid));
    attributes.pid = pid;
    translate(attributes);
  }
  std::size_t replaced = 0;
  for (const Record& record : translate.End()) {
    if (record.operations == kReplaced) ++replaced;
  }
  CHECK(replaced == RecentRenames::kRemembered);
}

}  // namespace
}  // namespace cj
