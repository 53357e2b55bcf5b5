// Changes and records as text.
#include "client/format.h"

#include <catch2/catch.hpp>
#include <string>

using namespace cj;
using namespace cj::client;

namespace {

constexpr Style kPipe{false, false};
constexpr Style kTerminal{true, false};
constexpr Style kColour{true, true};

Change Make(std::string change, std::string path, std::string type = "file") {
  Change made;
  made.change = std::move(change);
  made.path = std::move(path);
  made.type = std::move(type);
  return made;
}

Change Renamed(std::string from, std::string path, bool recursive = false) {
  Change made = Make("renamed", std::move(path), recursive ? "directory" : "file");
  made.from = std::move(from);
  made.recursive = recursive;
  return made;
}

std::int64_t Utc(std::int64_t) { return 0; }

Record MakeRecord() {
  Record record;
  record.sequence = 17;
  record.period = 3;
  record.time_usec = 1795255200'123456;
  record.volume = 1;
  record.pid = 99;
  record.operations = {"created", "closed-write"};
  record.path = "/srv/a b";
  record.object = "0badcafe";
  return record;
}

}  // namespace

TEST_CASE("changes as text in a pipe: names as they are") {
  Change modified = Make("modified", "/srv/a\nb\xff");
  modified.data = modified.metadata = true;
  CHECK(FormatChangeText(modified, kPipe) == "~ file data,meta /srv/a\nb\xff\n");
  CHECK(FormatChangeText(Make("created", "/a", "symlink"), kPipe) == "+ link - /a\n");
  CHECK(FormatChangeText(Make("deleted", "/a", "socket"), kPipe) == "- sock - /a\n");
  CHECK(FormatChangeText(Renamed("/old name", "/new", true), kPipe) ==
        "> dir tree /old name -> /new\n");
  Change rescan = Make("rescan", "/a", "directory");
  rescan.recursive = true;
  CHECK(FormatChangeText(rescan, kPipe) == "? dir tree /a\n");
  Change transient = Make("deleted", "/t", "");
  transient.transient = true;
  CHECK(FormatChangeText(transient, kPipe) == "- - transient /t\n");
}

TEST_CASE("changes as text on a terminal: aligned and quoted") {
  Change modified = Make("modified", "/srv/a\nb");
  modified.data = modified.metadata = true;
  CHECK(FormatChangeText(modified, kTerminal) == "~ file  data,meta $'/srv/a\\nb'\n");
  CHECK(FormatChangeText(Make("created", "/a b", "directory"), kTerminal) ==
        "+ dir             '/a b'\n");
  CHECK(FormatChangeText(Renamed("/o o", "/n"), kTerminal) == "> file            '/o o' -> /n\n");
  CHECK(FormatChangeText(Make("deleted", "/a"), kColour) ==
        "\x1b[31m- file            /a\x1b[0m\n");
}

TEST_CASE("changes as JSON: the members in their order, only what is true") {
  CHECK(FormatChangeJson(Make("created", "/a")) ==
        "{\"change\":\"created\",\"path\":\"/a\",\"type\":\"file\"}\n");
  Change all = Renamed("/\xff", "/\"q\"", true);
  all.data = all.metadata = all.transient = true;
  CHECK(FormatChangeJson(all) ==
        "{\"change\":\"renamed\",\"path\":\"/\\\"q\\\"\",\"from_base64\":\"L/8=\",\"type\":"
        "\"directory\",\"data\":true,\"metadata\":true,\"recursive\":true,\"transient\":true}\n");
  CHECK(FormatSummaryJson({"cj1-00000000-1", "cj1-00000000-2", 3}) ==
        "{\"summary\":{\"since\":\"cj1-00000000-1\",\"next\":\"cj1-00000000-2\",\"changes\":3,"
        "\"complete\":true}}\n");
}

TEST_CASE("changes as seen from a directory") {
  struct Row {
    Change change;
    std::optional<Change> seen;
  };
  auto tree = [](Change change) {
    change.recursive = true;
    return change;
  };
  const Row rows[] = {
      {Make("modified", "/srv/a/b"), Make("modified", "a/b")},
      {Make("modified", "/srv"), Make("modified", ".")},
      {Make("modified", "/srvx"), std::nullopt},
      {Make("modified", "/"), std::nullopt},
      {tree(Make("rescan", "/")), tree(Make("rescan", "."))},
      {tree(Make("deleted", "/other")), std::nullopt},
      {Renamed("/srv/a", "/srv/b"), Renamed("a", "b")},
      {Renamed("/x/a", "/srv/b"), Make("created", "b")},
      {Renamed("/srv/a", "/x/b"), Make("deleted", "a")},
      {Renamed("/x/a", "/x/b"), std::nullopt},
      {Renamed("/old", "/srv", true), tree(Make("created", ".", "directory"))},
  };
  for (const Row& row : rows) {
    INFO(row.change.change << " " << row.change.path);
    CHECK(RelativeChange(row.change, "/srv") == row.seen);
  }
  // Above the directory, a rename takes all of it along.
  CHECK(RelativeChange(Renamed("/old", "/srv", true), "/srv/deep") ==
        tree(Make("created", ".", "directory")));
  CHECK(RelativeChange(Renamed("/srv", "/new", true), "/srv/deep") ==
        tree(Make("deleted", ".", "directory")));
}

TEST_CASE("records: short") {
  Record record = MakeRecord();
  CHECK(FormatRecordShort(record, kPipe, Utc) ==
        "Nov 21 10:00:00.123456 17 created,closed-write /srv/a b\n");
  record.operations = {"renamed"};
  record.from = "/srv/x";
  CHECK(FormatRecordShort(record, kTerminal, Utc) ==
        "Nov 21 10:00:00.123456 17 renamed        /srv/x -> '/srv/a b'\n");
  record.path.clear();
  record.from.clear();
  CHECK(FormatRecordShort(record, kPipe, Utc) == "Nov 21 10:00:00.123456 17 renamed (0badcafe)\n");
  CHECK(FormatRecordShort(Record(), kPipe, Utc) == "Jan 01 00:00:00.000000 0 - (unknown)\n");
}

TEST_CASE("records: verbose") {
  CHECK(FormatRecordVerbose(MakeRecord(), kPipe, Utc) ==
        "Nov 21 10:00:00.123456 [sequence=17]\n"
        "    path=/srv/a b\n"
        "    operations=created,closed-write\n"
        "    period=3\n"
        "    time_usec=1795255200123456\n"
        "    volume=1\n"
        "    pid=99\n"
        "    object=0badcafe\n");
}

TEST_CASE("records: a gap between them") {
  Gap gap{"/srv/a b", 1795255200000000, 1795255260000000, "it was unmounted", 0};
  CHECK(FormatGapShort(gap, kPipe, Utc) ==
        "-- gap: 2026-11-21 10:00:00 to 2026-11-21 10:01:00: it was unmounted (/srv/a b) --\n");
  CHECK(FormatGapShort(gap, kTerminal, Utc).find("('/srv/a b')") != std::string::npos);
  CHECK(FormatGapJson(gap) ==
        "{\"gap\":{\"volume\":\"/srv/a b\",\"from_usec\":1795255200000000,"
        "\"to_usec\":1795255260000000,\"cause\":\"it was unmounted\"}}\n");
  gap.volume.clear();
  gap.filled_in = 7;
  CHECK(FormatGapShort(gap, kPipe, Utc) ==
        "-- gap: 2026-11-21 10:00:00 to 2026-11-21 10:01:00: it was unmounted; filled by a crawl"
        " --\n");
  CHECK(FormatGapJson(gap).find("\"filled_in\":7") != std::string::npos);
}

TEST_CASE("records: JSON and cat") {
  Record record = MakeRecord();
  CHECK(FormatRecordJson(record) ==
        "{\"sequence\":17,\"period\":3,\"time_usec\":1795255200123456,\"volume\":1,\"pid\":99,"
        "\"operations\":[\"created\",\"closed-write\"],\"path\":\"/srv/a "
        "b\",\"object\":\"0badcafe\"}\n");
  CHECK(FormatRecordCat(record) == "/srv/a b\n");
  record.path.clear();
  CHECK(FormatRecordCat(record).empty());
}
