// What a mark that ignores FAN_MODIFY of one file keeps from its group, and what not.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "../support/on_every_filesystem.h"
#include "base/unique_fd.h"
#include "recorder.h"

namespace cj {
namespace {

using Texts = std::vector<std::string>;

// A group that does not hear of writes into `f`, which is open.
struct Ignoring {
  explicit Ignoring(TestFilesystem& filesystem)
      : path(filesystem.path("f")), recorder((WriteFile(path, "x"), filesystem.path())) {
    recorder.Label(filesystem.path(), "top");
    recorder.Label(path, "f");
    open.reset(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(open.valid());
    const FileHandle handle = recorder.HandleAtPath(path);
    const UniqueFd file = LinuxKernel().OpenFile(recorder.volume(), handle.view());
    REQUIRE(file.valid());
    REQUIRE(recorder.group().IgnoreModify(file.get()));
  }
  void Write() { REQUIRE(::pwrite(open.get(), "y", 1, 0) == 1); }

  std::string path;
  Recorder recorder;
  UniqueFd open;
};

}  // namespace

TEST_CASE("an ignored file: writes are not reported, everything else is") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    Ignoring ignoring(filesystem);
    Recorder& recorder = ignoring.recorder;
    ignoring.Write();
    REQUIRE(::ftruncate(ignoring.open.get(), 0) == 0);
    CHECK(recorder.DrainText() == Texts{});
    REQUIRE(::fchmod(ignoring.open.get(), 0600) == 0);
    CHECK(recorder.DrainText() == Texts{"ATTRIB top/f f"});
    ignoring.Write();
    ignoring.open.reset();
    CHECK(recorder.DrainText() == Texts{"CLOSE_WRITE top/f f"});
    // Another file, and another group.
    WriteFile(filesystem.path("g"), "x");
    CHECK(recorder.Drain().size() == 1);
    Recorder other(filesystem.path());
    WriteFile(ignoring.path, "y");
    CHECK((other.Drain().at(0).mask & FAN_MODIFY) != 0);
    const auto events = recorder.Drain();
    REQUIRE(events.size() == 1);
    CHECK((events[0].mask & FAN_MODIFY) == 0);
    REQUIRE(::rename(ignoring.path.c_str(), filesystem.path("h").c_str()) == 0);
    CHECK(recorder.Drain().size() == 1);
  });
}

TEST_CASE("an ignored file is heard again when the marks are flushed, and the filesystem's stays") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    Ignoring ignoring(filesystem);
    ignoring.recorder.group().ForgetIgnored();
    ignoring.Write();
    CHECK(ignoring.recorder.DrainText() == Texts{"MODIFY top/f f"});
    CHECK(*ignoring.recorder.group().HasMark(ignoring.recorder.volume()));
  });
}

TEST_CASE("an ignored file under a further name, and a new file under its name") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    Ignoring ignoring(filesystem);
    Recorder& recorder = ignoring.recorder;
    REQUIRE(::link(ignoring.path.c_str(), filesystem.path("link").c_str()) == 0);
    (void)recorder.Drain();
    const UniqueFd link(::open(filesystem.path("link").c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::pwrite(link.get(), "z", 1, 0) == 1);
    CHECK(recorder.Drain().empty());
    REQUIRE(::unlink(ignoring.path.c_str()) == 0);
    (void)recorder.Drain();
    WriteFile(ignoring.path, "new");
    const auto events = recorder.Drain();
    REQUIRE(events.size() == 1);
    CHECK((events[0].mask & FAN_MODIFY) != 0);
  });
}

TEST_CASE("only regular files that are there can be opened to be ignored") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("d"));
    WriteFile(filesystem.path("gone"), "x");
    Recorder recorder(filesystem.path());
    const FileHandle directory = recorder.HandleAtPath(filesystem.path("d"));
    const FileHandle gone = recorder.HandleAtPath(filesystem.path("gone"));
    REQUIRE(::unlink(filesystem.path("gone").c_str()) == 0);
    CHECK_FALSE(LinuxKernel().OpenFile(recorder.volume(), directory.view()).valid());
    CHECK_FALSE(LinuxKernel().OpenFile(recorder.volume(), gone.view()).valid());
    VolumeMount elsewhere = recorder.volume();
    elsewhere.path = elsewhere.mount_point = "/proc";
    CHECK_FALSE(LinuxKernel().OpenFile(elsewhere, directory.view()).valid());
  });
}

}  // namespace cj
