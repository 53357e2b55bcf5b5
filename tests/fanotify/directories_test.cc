#include "fanotify/directories.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "../kernel/recorder.h"
#include "../support/on_every_filesystem.h"

namespace cj {
namespace {

std::unique_ptr<Directories> Open(const std::string& path) {
  auto volume = FindVolume(path);
  REQUIRE(volume);
  auto directories = OpenDirectories(std::vector<VolumeMount>{*volume});
  REQUIRE(directories);
  return *std::move(directories);
}

template <typename T>
ErrorCode CodeOf(const Result<T>& result) {
  REQUIRE_FALSE(result);
  return result.error().code;
}

}  // namespace

TEST_CASE("directories are found at their present path, deleted ones are not found") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("a"));
    MakeDirectory(filesystem.path("a/x (deleted)"));
    auto directories = Open(filesystem.path());
    const FileHandle root = *directories->HandleOf(filesystem.path());
    const FileHandle odd = *directories->HandleOf(filesystem.path("a/x (deleted)"));
    CHECK(directories->Path(0, root)->path == filesystem.path());
    CHECK(directories->Path(0, odd)->path == filesystem.path("a/x (deleted)"));
    REQUIRE(::rename(filesystem.path("a").c_str(), filesystem.path("b\n\xff").c_str()) == 0);
    CHECK(directories->Path(0, odd)->path == filesystem.path("b\n\xff/x (deleted)"));
    const UniqueFd held(::open(filesystem.path("b\n\xff/x (deleted)").c_str(), O_PATH | O_CLOEXEC));
    REQUIRE(::rmdir(filesystem.path("b\n\xff/x (deleted)").c_str()) == 0);
    CHECK(CodeOf(directories->Path(0, odd)) == ErrorCode::kNotFound);
    auto count = directories->LinkCount(0, odd);
    CHECK((count ? *count == 0 : count.error().code == ErrorCode::kNotFound));
    CHECK(CodeOf(directories->Path(1, root)) == ErrorCode::kNotFound);
  });
}

TEST_CASE("the handle of a file is never given out as the path of a directory") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    WriteFile(filesystem.path("f"), "x");
    auto directories = Open(filesystem.path());
    auto look = directories->Look(0, filesystem.path(), "f");
    REQUIRE(look);
    CHECK(CodeOf(directories->Path(0, look->object)) == ErrorCode::kNotFound);
    CHECK(CodeOf(directories->Path(0, FileHandle())) == ErrorCode::kNotFound);
  });
}

TEST_CASE("a directory below another mount is hidden, as long as that is there") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("a"));
    MakeDirectory(filesystem.path("a/b"));
    auto directories = Open(filesystem.path());
    const FileHandle a = *directories->HandleOf(filesystem.path("a"));
    const FileHandle b = *directories->HandleOf(filesystem.path("a/b"));
    REQUIRE(::mount("t", filesystem.path("a").c_str(), "tmpfs", 0, nullptr) == 0);
    const auto hidden_a = directories->Path(0, a);
    const auto hidden_b = directories->Path(0, b);
    const auto look = directories->Look(0, filesystem.path(), "a");
    const auto below = directories->Look(0, filesystem.path("a"), "b");
    CHECK(directories->IsHidden(0, filesystem.path("a/b")));
    CHECK_FALSE(directories->IsHidden(0, filesystem.path()));
    ::umount2(filesystem.path("a").c_str(), MNT_DETACH);
    CHECK_FALSE(directories->IsHidden(0, filesystem.path("a/b")));
    for (const auto& hidden : {hidden_a, hidden_b}) {
      REQUIRE(hidden);
      CHECK(hidden->hidden);
    }
    CHECK(hidden_a->path == filesystem.path("a"));
    CHECK(hidden_b->path == filesystem.path("a/b"));
    REQUIRE_FALSE(below);  // not what the other one has there
    CHECK(below.error().code == ErrorCode::kRescanNeeded);
    REQUIRE(look);
    CHECK(look->exists);
    CHECK(look->object.empty());  // what is seen there lies on another volume
    CHECK(directories->Path(0, b)->path == filesystem.path("a/b"));
  });
}

TEST_CASE("through a mount of a part, what lies outside of the part is not found") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("part"));
    MakeDirectory(filesystem.path("part/in"));
    MakeDirectory(filesystem.path("other"));
    const std::string bind = filesystem.work_directory() + "/bind";
    MakeDirectory(bind);
    REQUIRE(::mount(filesystem.path("part").c_str(), bind.c_str(), nullptr, MS_BIND, nullptr) == 0);
    {
      auto directories = Open(bind);
      const FileHandle in = *directories->HandleOf(filesystem.path("part/in"));
      const FileHandle part = *directories->HandleOf(filesystem.path("part"));
      const FileHandle other = *directories->HandleOf(filesystem.path("other"));
      const FileHandle root = *directories->HandleOf(filesystem.path());
      CHECK(directories->Path(0, in)->path == bind + "/in");
      CHECK(directories->Path(0, part)->path == bind);
      CHECK(CodeOf(directories->Path(0, other)) == ErrorCode::kNotFound);
      CHECK(CodeOf(directories->Path(0, root)) == ErrorCode::kNotFound);
      // A bind mount inside is the same volume.
      auto look = directories->Look(0, bind, "in");
      REQUIRE(look);
      CHECK(look->object == in);
    }
    ::umount2(bind.c_str(), MNT_DETACH);
  });
}

TEST_CASE("a mount that is moved while it is looked at says nothing of where anything is") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("part"));
    MakeDirectory(filesystem.path("part/in"));
    const std::string one = filesystem.work_directory() + "/one";
    const std::string two = filesystem.work_directory() + "/two";
    MakeDirectory(one);
    MakeDirectory(two);
    const std::string part = filesystem.path("part");
    REQUIRE(::mount(part.c_str(), one.c_str(), nullptr, MS_BIND, nullptr) == 0);
    {
      auto directories = Open(one);
      const FileHandle in = *directories->HandleOf(one + "/in");
      REQUIRE(::mount(one.c_str(), two.c_str(), nullptr, MS_MOVE, nullptr) == 0);
      const auto path = directories->Path(0, in);
      REQUIRE_FALSE(path);
      CHECK(path.error().code == ErrorCode::kNotFound);
      CHECK(path.error().errno_value == EXDEV);
      CHECK(directories->IsHidden(0, one));
    }
    ::umount2(two.c_str(), MNT_DETACH);
    REQUIRE(::rmdir(one.c_str()) == 0);
    REQUIRE(::rmdir(two.c_str()) == 0);
  });
}

TEST_CASE("a glance tells what a look tells") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    for (const char* name : {"d", "d/below", "e"}) MakeDirectory(filesystem.path(name));
    WriteFile(filesystem.path("d/f"), "x");
    WriteFile(filesystem.path("e/f"), "x");
    REQUIRE(::symlink("f", filesystem.path("d/s").c_str()) == 0);
    REQUIRE(::link(filesystem.path("d/f").c_str(), filesystem.path("d/g").c_str()) == 0);
    const std::string over = filesystem.path("d/below");
    REQUIRE(::mount("none", over.c_str(), "tmpfs", 0, nullptr) == 0);
    {
      auto directories = Open(filesystem.path());
      const FileHandle another = directories->Look(0, filesystem.path("e"), "f")->object;
      for (const char* name : {"f", "g", "s", "below", "missing", ".", "f/no"}) {
        CAPTURE(name);
        for (const char* directory : {"d", "e", "missing"}) {
          const auto look = directories->Look(0, filesystem.path(directory), name);
          const FileHandle right = look.has_value() ? look->object : FileHandle();
          for (const FileHandle& expected : {FileHandle(), another, right}) {
            const auto glance =
                directories->Glance(0, filesystem.path(directory), name, expected.view());
            REQUIRE(glance.has_value() == look.has_value());
            if (!look.has_value()) continue;
            CHECK(glance->exists == look->exists);
            CHECK(glance->mode == look->mode);
            CHECK(glance->link_count == look->link_count);
            CHECK(glance->inode == look->inode);
            CHECK(glance->object == look->object);
          }
        }
      }
    }
    REQUIRE(::umount2(over.c_str(), 0) == 0);
  });
}

TEST_CASE("a glance into a directory is of no other that is at its path") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    for (const char* name : {"d", "e"}) {
      MakeDirectory(filesystem.path(name));
      WriteFile(filesystem.path(std::string(name) + "/f"), name);
    }
    const std::string d = filesystem.path("d");
    const std::string e = filesystem.path("e");
    auto directories = Open(filesystem.path());
    const FileHandle handle = *directories->HandleOf(d);
    const FileHandle f = directories->Look(0, d, "f")->object;
    auto glance = [&](const char* name) {
      return directories->GlanceIn(0, handle.view(), d, name, f.view());
    };
    REQUIRE(glance("f").has_value());
    CHECK(glance("f")->object == f);
    REQUIRE(glance("missing").has_value());
    CHECK_FALSE(glance("missing")->exists);
    // A directory that was opened stays the same when it is renamed; one that is opened then is
    // not.
    REQUIRE(::renameat2(AT_FDCWD, d.c_str(), AT_FDCWD, e.c_str(), RENAME_EXCHANGE) == 0);
    REQUIRE(glance("f").has_value());
    CHECK(glance("f")->object == f);
    directories->Forget();
    REQUIRE_FALSE(glance("f").has_value());
    CHECK(glance("f").error().code == ErrorCode::kNotFound);
    CHECK(directories->GlanceIn(0, handle.view(), e, "f", f.view())->object == f);
    const auto missing = directories->GlanceIn(0, handle.view(), filesystem.path("no"), "f", {});
    CHECK_FALSE(missing.has_value());
  });
}

TEST_CASE("looks tell what is at a name") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("d"));
    WriteFile(filesystem.path("f"), "x");
    REQUIRE(::symlink("f", filesystem.path("s").c_str()) == 0);
    REQUIRE(::link(filesystem.path("f").c_str(), filesystem.path("g").c_str()) == 0);
    auto directories = Open(filesystem.path());
    auto look = [&](const std::string& directory, const std::string& name) {
      auto state = directories->Look(0, directory, name);
      REQUIRE(state);
      return *state;
    };
    const NameState file = look(filesystem.path(), "f");
    struct stat info;
    REQUIRE(::stat(filesystem.path("f").c_str(), &info) == 0);
    CHECK(file.exists);
    CHECK(S_ISREG(file.mode));
    CHECK(file.link_count == 2);
    CHECK(file.inode == info.st_ino);
    CHECK(file.object == look(filesystem.path(), "g").object);
    CHECK(*directories->LinkCount(0, file.object) == 2);
    const NameState link = look(filesystem.path(), "s");
    CHECK(S_ISLNK(link.mode));
    CHECK_FALSE(link.object.empty());
    CHECK(S_ISDIR(look(filesystem.path("d"), ".").mode));
    CHECK(look(filesystem.path("d"), ".").object == look(filesystem.path(), "d").object);
    CHECK_FALSE(look(filesystem.path(), "missing").exists);
    CHECK_FALSE(look(filesystem.path("missing"), "x").exists);
    CHECK_FALSE(look(filesystem.path("f"), "x").exists);
    // A link in a directory's place is none.
    WriteFile(filesystem.path("d/x"), "x");
    REQUIRE(::symlink("d", filesystem.path("l").c_str()) == 0);
    CHECK(look(filesystem.path("d"), "x").exists);
    CHECK_FALSE(look(filesystem.path("l"), "x").exists);
    CHECK_FALSE(look(filesystem.path(), std::string(300, 'n')).exists);
  });
}

TEST_CASE("a file whose name is cached is located, one that was deleted is not") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("d"));
    WriteFile(filesystem.path("d/f"), "x");
    auto directories = Open(filesystem.path());
    const FileHandle file = directories->Look(0, filesystem.path("d"), "f")->object;
    const UniqueFd held(::open(filesystem.path("d/f").c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(::rename(filesystem.path("d/f").c_str(), filesystem.path("d/g").c_str()) == 0);
    const auto place = directories->Locate(0, file);
    REQUIRE(place);
    CHECK(place->name == "g");
    CHECK(place->parent == *directories->HandleOf(filesystem.path("d")));
    REQUIRE(::unlink(filesystem.path("d/g").c_str()) == 0);
    CHECK_FALSE(directories->Locate(0, file));
  });
}

TEST_CASE("a mount that is gone, or another filesystem in its place, is not found") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    auto volume = FindVolume(filesystem.path());
    REQUIRE(volume);
    const FileHandle root = *Open(filesystem.path())->HandleOf(filesystem.path());
    REQUIRE(filesystem.Unmount());
    auto directories = OpenDirectories(std::vector<VolumeMount>{*volume});
    REQUIRE(directories);
    CHECK(CodeOf((*directories)->Path(0, root)) == ErrorCode::kNotFound);
    CHECK_FALSE((*directories)->Look(0, filesystem.path(), "x"));
    CHECK_FALSE((*directories)->LinkCount(0, root));
    CHECK_FALSE((*directories)->Locate(0, root));
    CHECK((*directories)->mounts().size() == 1);
  });
}

TEST_CASE("a directory that is renamed all the time is found, at a path where it was") {
  auto filesystem = TestFilesystem::Create("tmpfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  MakeDirectory(filesystem->path("a"));
  auto directories = Open(filesystem->path());
  const FileHandle handle = *directories->HandleOf(filesystem->path("a"));
  std::atomic<bool> stop{false};
  std::thread renamer([&] {
    const std::string a = filesystem->path("a");
    const std::string b = filesystem->path("b");
    while (!stop) {
      (void)::rename(a.c_str(), b.c_str());
      (void)::rename(b.c_str(), a.c_str());
    }
  });
  int wrong = 0;
  std::string said;
  for (int i = 0; i < 20'000; ++i) {
    auto path = directories->Path(0, handle);
    if (path && !path->hidden &&
        (path->path == filesystem->path("a") || path->path == filesystem->path("b"))) {
      continue;
    }
    ++wrong;
    said = path ? path->path : path.error().message;
  }
  stop = true;
  renamer.join();
  INFO("the last wrong answer: " << said);
  CHECK(wrong == 0);
}

}  // namespace cj
