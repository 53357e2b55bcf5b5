#include "fanotify/proc_text.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>

#include "../kernel/recorder.h"
#include "../support/filesystems.h"

namespace cj {

TEST_CASE("lines of maps: shared ones are parsed, others are told apart") {
  const std::string maps =
      "00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/dbus-daemon\n"
      "7f12a000-7f12b000 rw-s 00001000 fe:01 1234                       /srv/a b\n"
      "7f12b000-7f12c000 r--s 00000000 00:1f 18446744073709551615       /x (deleted)\n"
      "7f12c000-7f12d000 ---s 00000000 103:100 5\n"
      "7ffd0000-7ffd2000 rw-p 00000000 00:00 0           [stack]\n"
      "7f12e000-7f130000 rw-s 00000000 00:0f 1 /[aio] (deleted)";
  std::string_view rest = maps;
  MapsLine line;
  REQUIRE(NextMapsLine(&rest, &line));
  CHECK_FALSE(line.shared);
  REQUIRE(NextMapsLine(&rest, &line));
  CHECK(line.shared);
  CHECK(line.range == "7f12a000-7f12b000");
  CHECK(line.device == makedev(0xfe, 1));
  CHECK(line.inode == 1234);
  CHECK(line.path == "/srv/a b");
  REQUIRE(NextMapsLine(&rest, &line));
  CHECK(line.shared);
  CHECK(line.inode == UINT64_MAX);
  REQUIRE(NextMapsLine(&rest, &line));
  CHECK(line.shared);
  CHECK(line.device == makedev(0x103, 0x100));
  CHECK(line.path.empty());
  REQUIRE(NextMapsLine(&rest, &line));
  CHECK_FALSE(line.shared);
  REQUIRE(NextMapsLine(&rest, &line));
  CHECK(line.path == "/[aio] (deleted)");
  CHECK_FALSE(NextMapsLine(&rest, &line));
}

TEST_CASE("maps text that is cut off anywhere is walked to its end") {
  const std::string maps = "7f12a000-7f12b000 rw-s 00001000 fe:01 1234   /srv/a\n";
  for (std::size_t length = 0; length <= maps.size(); ++length) {
    const std::string cut(maps.data(), length);
    std::string_view rest = cut;
    MapsLine line;
    int lines = 0;
    while (NextMapsLine(&rest, &line)) ++lines;
    CHECK(lines == (length == 0 ? 0 : 1));
  }
}

TEST_CASE("octal escapes are undone, anything else is kept") {
  CHECK(UnescapeOctal("a\\040b") == "a b");
  CHECK(UnescapeOctal("\\134040") == "\\040");
  CHECK(UnescapeOctal("\\377\\000x") == std::string("\377\0x", 3));
  for (const char* kept : {"\\", "\\04", "\\400", "\\08x", "\\x41", "plain", ""}) {
    CHECK(UnescapeOctal(kept) == kept);
  }
}

TEST_CASE("a directory that is not there is kNotFound with its errno") {
  auto names = ListNames(-100, "/proc/self/no-such-directory");
  REQUIRE_FALSE(names);
  CHECK(names.error().code == ErrorCode::kNotFound);
  CHECK(names.error().errno_value == ENOENT);
}

TEST_CASE("the numbers in a directory are listed, however many, and no other names") {
  TemporaryDirectory directory;
  constexpr int kNumbers = 3000;  // more than one call of the kernel brings
  for (int number = 1; number <= kNumbers; ++number) {
    WriteFile(directory.path(std::to_string(number)), "");
    // A bit more, so that those before and after are in the same piece.
    if (number % 7 == 0) WriteFile(directory.path(std::to_string(number) + "x"), "");
  }
  for (const char* other : {"x1", "1.", "99999999999999999999", "self"}) {
    WriteFile(directory.path(other), "");
  }
  auto numbers = ListNumbers(AT_FDCWD, directory.path().c_str());
  REQUIRE(numbers);
  std::sort(numbers->begin(), numbers->end());
  REQUIRE(numbers->size() == kNumbers);
  CHECK(numbers->front() == 1);
  CHECK(numbers->back() == kNumbers);
  CHECK(std::adjacent_find(numbers->begin(), numbers->end()) == numbers->end());
  auto none = ListNumbers(AT_FDCWD, directory.path("gone").c_str());
  REQUIRE_FALSE(none);
  CHECK(none.error().errno_value == ENOENT);
}

}  // namespace cj
