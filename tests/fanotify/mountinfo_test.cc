#include <sys/sysmacros.h>

#include <catch2/catch.hpp>

#include "fanotify/volume.h"

namespace cj {

TEST_CASE("mountinfo lines are parsed into their fields") {
  struct Row {
    const char* line;
    Mount expected;
  };
  const Row rows[] = {
      {"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
       {36, makedev(98, 0), "/mnt1", "/mnt2", "ext3", "/dev/root", false, "rw,errors=continue"}},
      {"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
       {27, makedev(254, 0), "/", "/", "ext4", "/dev/vda", false, "rw"}},
      {"28 27 0:25 / /a\\040b\\011\\012\\134\\043 ro - tmpfs none ro,size=4k",
       {28, makedev(0, 25), "/", "/a b\t\n\\#", "tmpfs", "none", true, "ro,size=4k"}},
      {"29 27 0:26 / /x rw shared:1 master:2 propagate_from:3 unbindable - fuse.sshfs a:/b rw",
       {29, makedev(0, 26), "/", "/x", "fuse.sshfs", "a:/b", false, "rw"}},
      {"30 27 0:27 / /nothing rw - tmpfs  rw",
       {30, makedev(0, 27), "/", "/nothing", "tmpfs", "", false, "rw"}},
      {"31 27 0:4 net:[4026532000] /run/netns/a rw shared:5 - nsfs nsfs rw",
       {31, makedev(0, 4), "net:[4026532000]", "/run/netns/a", "nsfs", "nsfs", false, "rw"}},
      {"32 27 0:28 / /caf\303\251\377 rw,ro_not - tmpfs t rw",
       {32, makedev(0, 28), "/", "/caf\303\251\377", "tmpfs", "t", false, "rw"}},
  };
  for (const Row& row : rows) {
    INFO(row.line);
    for (const char* end : {"", "\n"}) {
      auto mounts = ParseMountinfo(row.line + std::string(end));
      REQUIRE(mounts);
      REQUIRE(mounts->size() == 1);
      const Mount& mount = mounts->front();
      CHECK(mount.id == row.expected.id);
      CHECK(mount.device == row.expected.device);
      CHECK(mount.root == row.expected.root);
      CHECK(mount.point == row.expected.point);
      CHECK(mount.type == row.expected.type);
      CHECK(mount.source == row.expected.source);
      CHECK(mount.read_only == row.expected.read_only);
      CHECK(mount.super_options == row.expected.super_options);
    }
  }
}

TEST_CASE("a damaged line of mountinfo is an error that names its number") {
  const std::string good = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n";
  for (const char* bad :
       {"", "x 1 254:0 / / rw - ext4 /dev/vda rw", "27 1 254 / / rw - ext4 /dev/vda rw",
        "27 1 254:0 / / rw ext4 /dev/vda rw", "27 1 254:0 / / rw -", "27 1 254:0",
        "27 1 254:x / / rw - ext4 a rw", "27 1 254:0 / / rw - ext4 a rw more"}) {
    INFO(bad);
    auto mounts = ParseMountinfo(good + bad + "\n" + good);
    REQUIRE_FALSE(mounts);
    CHECK(mounts.error().code == ErrorCode::kCorruption);
    CHECK(mounts.error().message.find("line 2") != std::string::npos);
  }
  auto none = ParseMountinfo("");
  REQUIRE(none);
  CHECK(none->empty());
}

TEST_CASE("this machine's mountinfo is understood") {
  auto mounts = ReadMounts();
  REQUIRE(mounts);
  CHECK_FALSE(mounts->empty());
}

TEST_CASE("mount options are found by their key, with escapes undone") {
  const std::string options =
      "rw,lowerdir=/a:/b,upperdir=/u\\040v\\,w,workdir=/x,upperdirs=/no,index=off";
  CHECK(MountOption(options, "lowerdir") == "/a:/b");
  CHECK(MountOption(options, "upperdir") == "/u v\\,w");
  CHECK(MountOption(options, "index") == "off");
  CHECK(MountOption(options, "upper").empty());
  CHECK(MountOption(options, "rw").empty());
  CHECK(MountOption("", "rw").empty());
}

}  // namespace cj
