// Events without names, and what they say of links and of the victims of renames.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/checkpoint/translating.h"

namespace cj {
namespace {

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

TEST_CASE("translate: a link whose mark the process before has read is found all the same") {
  Translating translate;
  translate.scope.several_names = {"o-b", "o-c"};
  translate.translator.ExpectLostLinks();
  translate.End();  // of intents, without an event
  translate(FileEvent(FAN_CREATE, "b"));
  REQUIRE(translate.End().size() == 1);
  CHECK(translate.out.batch.link_names.size() == 1);
  // From here on the marks are our own.
  translate(FileEvent(FAN_CREATE, "c"));
  translate.End();
  CHECK(translate.out.batch.link_names.size() == 1);
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

// Programs make a file and rename it, over and over: asking costs three system calls each time.
TEST_CASE("translate: of a file that was made in the period nobody asks how many names it has") {
  Translating translate;
  translate.scope.several_names = {"o-a"};  // what the answer would be
  translate(FileEvent(FAN_CREATE | FAN_MODIFY, "a"));
  SECTION("renamed again and again") {
    translate(Rename("o-a", "a", "b"));
    translate(Rename("o-a", "b", "c"));
    CHECK(translate.scope.asked_names == 0);
    CHECK(translate.out.batch.link_names.empty());
  }
  SECTION("but when it was linked, however long ago") {
    translate(Nameless(FAN_ATTRIB, "o-a"));
    translate(FileEvent(FAN_CREATE, "other"));
    for (std::size_t i = 0; i < 3 * RecentLinks::kPerGeneration; ++i) {
      translate(Nameless(FAN_ATTRIB, std::to_string(i % 1000)));
    }
    translate(Rename("o-a", "a", "b"));
    CHECK(translate.scope.asked_names == 1);
  }
  SECTION("but in the next period") {
    translate.translator.Begin(PeriodId(6), translate.translator.next_sequence());
    translate(Rename("o-a", "a", "b"));
    CHECK(translate.scope.asked_names == 1);
  }
  SECTION("but when events were lost") {
    EventSpec overflow;
    overflow.mask = FAN_Q_OVERFLOW;
    translate(overflow);
    translate(Rename("o-a", "a", "b"));
    CHECK(translate.scope.asked_names == 1);
  }
  SECTION("but when it was deleted by the event that made it: that name had gone") {
    translate(FileEvent(FAN_CREATE | FAN_DELETE, "d"));
    translate(Rename("o-d", "d", "e"));
    CHECK(translate.scope.asked_names == 1);
  }
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

// unlink(b) and unlink(c), whose marks the kernel has merged, then a change by handle at a third
// name.
TEST_CASE("translate: a deletion without a mark of its own explains none that comes later") {
  Translating translate;
  EventSpec other = FileEvent(FAN_DELETE, "c");
  other.object = "o-b";
  translate(Nameless(FAN_ATTRIB, "o-b"));
  translate(FileEvent(FAN_DELETE, "b"));
  translate(other);
  translate(Nameless(FAN_ATTRIB, "o-b"));
  REQUIRE(translate.End().size() == 3);
  CHECK(translate.End().back().operations == kAttributes);
  CHECK(translate.End().back().object == TestHandle("o-b"));
}

// link(a, t) and unlink(t), whose marks the kernel has merged, when the first one was used up.
TEST_CASE("translate: a deletion that merged with a link explains no mark that comes later") {
  Translating translate;
  EventSpec came = FileEvent(FAN_CREATE, "x");
  EventSpec came_and_went = FileEvent(FAN_CREATE | FAN_DELETE, "t");
  came.object = came_and_went.object = "o-a";
  translate(Nameless(FAN_ATTRIB, "o-a"));
  translate(came);
  translate(came_and_went);
  translate(Nameless(FAN_ATTRIB, "o-a"));
  REQUIRE(translate.End().size() == 3);
  CHECK(translate.End().back().operations == kAttributes);
}

// A file server renames a file, and much later changes the attributes of another one.
TEST_CASE("translate: what is a victim only perhaps has its attributes recorded, too") {
  Translating translate;
  translate(Rename("o-a", "a", "b"));
  SECTION("later") {
    translate.End();
    translate(Nameless(FAN_ATTRIB, "other"));
    REQUIRE(translate.End().size() == 3);
    CHECK(translate.End()[1].operations == kAttributes);
    CHECK(translate.End()[1].object == TestHandle("other"));
  }
  SECTION("at once") {
    translate(Nameless(FAN_ATTRIB, "other"));
    REQUIRE(translate.End().size() == 2);
  }
  CHECK(translate.End().back().operations == kReplaced);
}

TEST_CASE("translate: names of which no link name tells are told to the scope") {
  Translating translate;
  translate.scope.outside = {"outside"};
  translate.scope.several_names = {"linked"};
  EventSpec directory = Rename("directory", "d", "e");
  directory.mask |= FAN_ONDIR;
  directory.old_parent = "outside";
  EventSpec away = Rename("elsewhere", "f", "g");
  away.parent = away.old_parent = "outside";
  translate(Rename("single", "a", "b"));
  translate(Rename("linked", "a", "b"));
  translate(directory);
  translate(away);
  CHECK(translate.scope.names_came == std::vector<std::string>{"single", "directory/"});
}

TEST_CASE("translate: more unexplained attributes than may wait become records at once") {
  Translating translate;
  for (std::size_t i = 0; i < NamelessAttributes::kWaiting + 10; ++i) {
    translate(Nameless(FAN_ATTRIB, std::to_string(i)));
  }
  CHECK(translate.out.batch.records.size() == 10);
  CHECK(translate.End().size() == NamelessAttributes::kWaiting + 10);
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
