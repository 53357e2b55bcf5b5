#include <catch2/catch.hpp>
#include <cstdint>
#include <random>

#include "event_bytes.h"
#include "fanotify/event.h"

namespace cj {
namespace {

constexpr std::uint64_t kFsid = 0x1122'3344'5566'7788;
constexpr std::uint8_t kFid = FAN_EVENT_INFO_TYPE_FID;
constexpr std::uint8_t kDfid = FAN_EVENT_INFO_TYPE_DFID;
constexpr std::uint8_t kName = FAN_EVENT_INFO_TYPE_DFID_NAME;
constexpr std::uint8_t kOld = FAN_EVENT_INFO_TYPE_OLD_DFID_NAME;
constexpr std::uint8_t kNew = FAN_EVENT_INFO_TYPE_NEW_DFID_NAME;

const std::string kTop("top-dir!");
const std::string kDir("\0\1\2other", 8);
const std::string kFile("a-file-of-20-bytes--");

struct Row {
  const char* what;
  std::string bytes;
  Event expected;
};

HandleView Handle(std::int32_t type, const std::string& bytes) { return {type, bytes}; }

Event Expect(std::uint64_t mask, HandleView object, HandleView parent, std::string_view name) {
  Event event;
  event.mask = mask;
  event.pid = 42;
  event.fsid.value = kFsid;
  event.object = object;
  event.parent = parent;
  event.name = name;
  return event;
}

std::string Entry(std::uint64_t mask, const std::string& name) {
  return EventBytes(mask, 42).Named(kName, kFsid, 1, kTop, name).Fid(kFid, kFsid, 77, kFile).Take();
}

Row EntryRow(const char* what, std::uint64_t mask, const std::string& name) {
  static std::vector<std::unique_ptr<std::string>> names;
  names.push_back(std::make_unique<std::string>(name));
  return {what, Entry(mask, name), Expect(mask, Handle(77, kFile), Handle(1, kTop), *names.back())};
}

Event ExpectRename(std::uint64_t mask) {
  Event event = Expect(mask, Handle(77, kFile), Handle(2, kDir), "new");
  event.old_parent = Handle(1, kTop);
  event.old_name = "old";
  return event;
}

std::string Rename(std::uint64_t mask) {
  return EventBytes(mask, 42)
      .Named(kOld, kFsid, 1, kTop, "old")
      .Named(kNew, kFsid, 2, kDir, "new")
      .Fid(kFid, kFsid, 77, kFile)
      .Take();
}

// Every row of what programs do to what the kernel sends.
std::vector<Row> Rows() {
  std::vector<Row> rows{
      EntryRow("creat, symlink, mkfifo", FAN_CREATE, "f"),
      EntryRow("mkdir", FAN_CREATE | FAN_ONDIR, "d"),
      EntryRow("write, fallocate, truncate", FAN_MODIFY, "f"),
      EntryRow("close after writing; last reference of a mapping", FAN_CLOSE_WRITE, "f"),
      EntryRow("chmod, chown, utimensat, setxattr", FAN_ATTRIB, "f"),
      EntryRow("unlink", FAN_DELETE, "f"),
      EntryRow("rmdir", FAN_DELETE | FAN_ONDIR, "d"),
      EntryRow("merged", FAN_CREATE | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_DELETE, "f"),
      EntryRow("O_TMPFILE", FAN_MODIFY, "#4711"),
      EntryRow("a name that is not UTF-8, with a newline", FAN_CREATE, "\xff\n\x80"),
      EntryRow("the longest name", FAN_CREATE, std::string(255, 'n')),
  };
  rows.push_back({"link: the inode's new link count",
                  EventBytes(FAN_ATTRIB, 42).Fid(kFid, kFsid, 77, kFile).Take(),
                  Expect(FAN_ATTRIB, Handle(77, kFile), {}, "")});
  rows.push_back({"attributes of a directory",
                  EventBytes(FAN_ATTRIB | FAN_ONDIR, 42).Named(kName, kFsid, 1, kTop, ".").Take(),
                  Expect(FAN_ATTRIB | FAN_ONDIR, Handle(1, kTop), Handle(1, kTop), ".")});
  rows.push_back({"rename", Rename(FAN_RENAME), ExpectRename(FAN_RENAME)});
  rows.push_back({"rename of a directory; half an exchange", Rename(FAN_RENAME | FAN_ONDIR),
                  ExpectRename(FAN_RENAME | FAN_ONDIR)});
  rows.push_back({"a directory without a name",
                  EventBytes(FAN_DELETE_SELF, 42).Fid(kDfid, kFsid, 1, kTop).Take(),
                  Expect(FAN_DELETE_SELF, {}, Handle(1, kTop), "")});
  Event overflow;
  overflow.mask = FAN_Q_OVERFLOW;
  rows.push_back({"overflow", EventBytes(FAN_Q_OVERFLOW, 0).Take(), overflow});
  Event error = Expect(FAN_FS_ERROR, Handle(77, kFile), {}, "");
  error.fs_error = 117;
  error.fs_error_count = 3;
  rows.push_back({"filesystem error",
                  EventBytes(FAN_FS_ERROR, 42).Error(117, 3).Fid(kFid, kFsid, 77, kFile).Take(),
                  error});
  error.object = {};
  rows.push_back({"filesystem error of no inode",
                  EventBytes(FAN_FS_ERROR, 42).Error(117, 3).Fid(kFid, kFsid, 0, "").Take(),
                  error});
  rows.push_back({"a record of a kind that is not known yet",
                  EventBytes(FAN_MODIFY, 42)
                      .Record(200, "whatever")
                      .Named(kName, kFsid, 1, kTop, "f")
                      .Fid(kFid, kFsid, 77, kFile)
                      .Take(),
                  Expect(FAN_MODIFY, Handle(77, kFile), Handle(1, kTop), "f")});
  return rows;
}

void CheckEqual(const Event& event, const Event& expected) {
  CHECK(event.mask == expected.mask);
  CHECK(event.pid == expected.pid);
  CHECK(event.fsid == expected.fsid);
  CHECK(event.object == expected.object);
  CHECK(event.parent == expected.parent);
  CHECK(event.name == expected.name);
  CHECK(event.old_parent == expected.old_parent);
  CHECK(event.old_name == expected.old_name);
  CHECK(event.fs_error == expected.fs_error);
  CHECK(event.fs_error_count == expected.fs_error_count);
}

Status ParseOne(std::string_view bytes, Event* event) {
  auto buffer = AsBytes(bytes);
  return ParseEvent(&buffer, event);
}

// `bytes` with a 16- or 32-bit field overwritten.
template <typename T>
std::string With(std::string bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
  return bytes;
}

}  // namespace

TEST_CASE("every kind of event is parsed into its parts") {
  for (const Row& row : Rows()) {
    INFO(row.what);
    auto buffer = AsBytes(row.bytes);
    Event event;
    REQUIRE(ParseEvent(&buffer, &event));
    CHECK(buffer.empty());
    CheckEqual(event, row.expected);
    CHECK(event.on_directory() == ((row.expected.mask & FAN_ONDIR) != 0));
    CHECK(event.overflow() == ((row.expected.mask & FAN_Q_OVERFLOW) != 0));
  }
}

TEST_CASE("events are taken off a buffer one after the other") {
  const std::vector<Row> rows = Rows();
  std::string all;
  for (const Row& row : rows) all += row.bytes;
  auto buffer = AsBytes(all);
  for (const Row& row : rows) {
    INFO(row.what);
    Event event;
    REQUIRE(ParseEvent(&buffer, &event));
    CheckEqual(event, row.expected);
  }
  CHECK(buffer.empty());
}

TEST_CASE("an event that is cut off anywhere is damaged, and buffer and event stay as they were") {
  for (const Row& row : Rows()) {
    INFO(row.what);
    for (std::size_t length = 1; length < row.bytes.size(); ++length) {
      // In memory of exactly that length, so that a read beyond it is found by the sanitizer.
      const std::string cut(row.bytes.data(), length);
      auto buffer = AsBytes(cut);
      Event event;
      event.pid = 7;
      const Status parsed = ParseEvent(&buffer, &event);
      REQUIRE_FALSE(parsed);
      CHECK(parsed.error().code == ErrorCode::kCorruption);
      CHECK(buffer.size() == length);
      CHECK(event.pid == 7);
      // Also when the event claims that this is all of it; at a boundary of records it then is.
      if (length < 24) continue;
      const std::string claimed = With(cut, 0, static_cast<std::uint32_t>(length));
      (void)ParseOne(claimed, &event);
    }
  }
}

TEST_CASE("impossible fields are damaged") {
  const std::string good = Entry(FAN_CREATE, "f");
  Event event;
  REQUIRE(ParseOne(good, &event));
  const std::size_t first = 24;        // the named record
  const std::size_t second = 24 + 32;  // the plain one: 20 + 8 + "f" and NUL, padded to 32
  const std::pair<const char*, std::string> rows[] = {
      {"event of no length", With<std::uint32_t>(good, 0, 0)},
      {"event shorter than its header", With<std::uint32_t>(good, 0, 23)},
      {"event longer than the data", With<std::uint32_t>(good, 0, 1 << 20)},
      {"another version", With<std::uint8_t>(good, 4, 4)},
      {"header shorter than possible", With<std::uint16_t>(good, 6, 8)},
      {"header longer than the event", With<std::uint16_t>(good, 6, 0xffff)},
      {"record of no length", With<std::uint16_t>(good, first + 2, 0)},
      {"record shorter than its header", With<std::uint16_t>(good, first + 2, 3)},
      {"record longer than the event", With<std::uint16_t>(good, first + 2, 0xfff0)},
      {"record too short for a handle", With<std::uint16_t>(good, second + 2, 16)},
      {"handle longer than its record", With<std::uint32_t>(good, second + 12, 21)},
      {"handle longer than any", With<std::uint32_t>(good, second + 12, 0xffff'ffff)},
      {"handle type out of range", With<std::int32_t>(good, second + 16, 256)},
      {"handle type negative", With<std::int32_t>(good, second + 16, -1)},
      {"name without an end", EventBytes(FAN_CREATE, 42).Fid(kName, kFsid, 1, kTop).Take()},
      {"error record too short",
       EventBytes(FAN_FS_ERROR, 42).Record(FAN_EVENT_INFO_TYPE_ERROR, "1234").Take()},
      {"handle of 129 bytes",
       EventBytes(FAN_MODIFY, 42).Fid(kFid, kFsid, 1, std::string(129, 'h')).Take()},
  };
  for (const auto& [what, bytes] : rows) {
    INFO(what);
    const Status parsed = ParseOne(bytes, &event);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ErrorCode::kCorruption);
  }
  CHECK(ParseOne(EventBytes(FAN_MODIFY, 42).Fid(kFid, kFsid, 1, std::string(128, 'h')).Take(),
                 &event));
}

TEST_CASE("random damage never reads outside of the buffer and never fails to end") {
  const char* replay = std::getenv("CJ_SEED");
  const std::uint64_t seed =
      replay != nullptr ? std::strtoull(replay, nullptr, 0) : std::random_device()();
  INFO("CJ_SEED=" << seed);
  std::mt19937_64 random(seed);
  const std::vector<Row> rows = Rows();
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = rows[random() % rows.size()].bytes;
    for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    auto buffer = AsBytes(bytes);
    Event event;
    while (!buffer.empty()) {
      const std::size_t before = buffer.size();
      if (!ParseEvent(&buffer, &event)) break;
      REQUIRE(buffer.size() < before);
    }
  }
}

}  // namespace cj
