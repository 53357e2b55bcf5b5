// What is inside of a watch, asked of real directories.
#include "journal/directory_scope.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/unique_fd.h"
#include "tests/service/journal_fixture.h"
#include "tests/support/on_every_filesystem.h"

namespace cj {
namespace {

FileHandle HandleOf(const VolumeMount& volume, const std::string& path) {
  auto directories = OpenDirectories(std::vector<VolumeMount>{volume});
  REQUIRE(directories);
  auto handle = (*directories)->HandleOf(path);
  REQUIRE(handle);
  return *handle;
}

}  // namespace

TEST_CASE("scope: a deleted directory may have been inside, also while somebody has it open") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    const std::string tree = filesystem.path("tree");
    const std::string inside = tree + "/inside";
    const std::string outside = filesystem.path("outside");
    for (const std::string& path : {tree, inside, outside}) MakeDirectory(path);
    Watch watch;
    watch.volume = *FindVolume(tree);
    watch.volume.id = VolumeId(1);
    const FileHandle in = HandleOf(watch.volume, inside);
    const FileHandle out = HandleOf(watch.volume, outside);
    const bool held = GENERATE(false, true);
    CAPTURE(held);
    UniqueFd holder;
    if (held) holder.reset(::open(inside.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(::rmdir(inside.c_str()) == 0);
    DirectoryScope scope({watch}, OpenDirectories);
    CHECK(scope.InScope(VolumeId(1), in.view(), "deleted before it"));
    CHECK_FALSE(scope.InScope(VolumeId(1), out.view(), "elsewhere"));
    CHECK_FALSE(scope.InScope(VolumeId(2), in.view(), "of a volume that is not watched"));
    scope.EndBatch();
    REQUIRE(::rmdir(outside.c_str()) == 0);
    REQUIRE(::rmdir(tree.c_str()) == 0);
  });
}

}  // namespace cj
