// Which files are read, and in what order: UAPI.6 on a real directory tree.
#include "service/config/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace cj;
namespace fs = std::filesystem;

namespace {

// A root directory with the four places below it.
class Root {
 public:
  Root() {
    std::string pattern = fs::temp_directory_path() / "cj-config-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Root() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  std::string At(const std::string& name) const { return path_ + name; }
  void Write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(At(name)).parent_path());
    std::ofstream(At(name), std::ios::binary) << text;
  }
  void Link(const std::string& name, const std::string& target) const {
    fs::create_directories(fs::path(At(name)).parent_path());
    REQUIRE(::symlink(target.c_str(), At(name).c_str()) == 0);
  }
  // What is read, without the root: "name=text" in order.
  std::vector<std::string> Read() const {
    auto fragments = ReadConfigFiles(ConfigDirectories(path_));
    REQUIRE(fragments);
    return Strip(*fragments);
  }
  std::vector<std::string> Strip(const std::vector<ConfigFragment>& fragments) const {
    std::vector<std::string> names;
    for (const auto& fragment : fragments) {
      names.push_back(fragment.name.substr(path_.size()) + "=" + fragment.text);
    }
    return names;
  }
  std::string Refused() const {
    auto fragments = ReadConfigFiles(ConfigDirectories(path_));
    REQUIRE_FALSE(fragments);
    return fragments.error().message;
  }

 private:
  std::string path_;
};

const std::string kEtc = "/etc/changejournal/changejournal.conf";
const std::string kRun = "/run/changejournal/changejournal.conf";
const std::string kLocal = "/usr/local/lib/changejournal/changejournal.conf";
const std::string kUsr = "/usr/lib/changejournal/changejournal.conf";

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("no file at all is an empty configuration") { CHECK(Root().Read().empty()); }

TEST_CASE("only the main file of the first directory counts") {
  Root root;
  root.Write(kUsr, "1");
  CHECK(root.Read() == Names{kUsr + "=1"});
  root.Write(kLocal, "2");
  CHECK(root.Read() == Names{kLocal + "=2"});
  root.Write(kRun, "3");
  CHECK(root.Read() == Names{kRun + "=3"});
  root.Write(kEtc, "4");
  CHECK(root.Read() == Names{kEtc + "=4"});
}

TEST_CASE("drop-ins of all directories follow, by file name; the same name masks") {
  Root root;
  root.Write(kUsr, "main");
  root.Write(kUsr + ".d/10-a.conf", "a");
  root.Write(kUsr + ".d/30-c.conf", "usr c");
  root.Write(kLocal + ".d/30-c.conf", "local c");
  root.Write(kRun + ".d/40-d.conf", "d");
  root.Write(kEtc + ".d/20-b.conf", "b");
  root.Write(kEtc + ".d/40-d.conf~", "backup");
  root.Write(kEtc + ".d/.hidden.conf", "hidden");
  root.Write(kEtc + ".d/note.txt", "text");
  CHECK(root.Read() == Names{kUsr + "=main", kUsr + ".d/10-a.conf=a", kEtc + ".d/20-b.conf=b",
                             kLocal + ".d/30-c.conf=local c", kRun + ".d/40-d.conf=d"});
}

TEST_CASE("an empty file and a link to /dev/null mask, the drop-ins stay") {
  Root root;
  root.Write(kUsr, "main");
  root.Write(kUsr + ".d/10-a.conf", "a");
  root.Write(kUsr + ".d/20-b.conf", "b");
  root.Write(kUsr + ".d/30-c.conf", "c");
  root.Write(kEtc, "");
  root.Write(kEtc + ".d/10-a.conf", "");
  root.Link(kRun + ".d/20-b.conf", "/dev/null");
  CHECK(root.Read() == Names{kUsr + ".d/30-c.conf=c"});
  fs::remove(root.At(kEtc));
  root.Link(kRun, "/dev/null");
  CHECK(root.Read() == Names{kUsr + ".d/30-c.conf=c"});
}

TEST_CASE("what is there and cannot be read is an error with its path") {
  Root root;
  SECTION("a dangling link") {
    root.Link(kEtc + ".d/10-a.conf", "nowhere");
    CHECK(root.Refused().find("10-a.conf: No such file") != std::string::npos);
  }
  SECTION("a directory") {
    fs::create_directories(root.At(kEtc + ".d/10-a.conf"));
    CHECK(root.Refused().find("10-a.conf is not a regular file") != std::string::npos);
  }
  SECTION("a FIFO does not block") {
    fs::create_directories(root.At("/etc/changejournal"));
    REQUIRE(::mkfifo(root.At(kEtc).c_str(), 0600) == 0);
    CHECK(root.Refused().find("is not a regular file") != std::string::npos);
  }
  SECTION("a file over the limit") {
    root.Write(kEtc, std::string(kMaxConfigFileBytes + 1, '#'));
    CHECK(root.Refused().find("larger than 1 MiB") != std::string::npos);
  }
  SECTION("too many drop-ins") {
    for (std::size_t i = 0; i <= kMaxConfigFiles; ++i) {
      root.Write(kEtc + ".d/" + std::to_string(i) + ".conf", "#");
    }
    CHECK(root.Refused().find("more than 256 drop-ins") != std::string::npos);
  }
}

TEST_CASE("an explicit file: it and its own drop-ins, nothing else") {
  Root root;
  root.Write(kEtc, "etc");
  root.Write("/x/my.cfg", "mine");
  root.Write("/x/my.cfg.d/10-a.conf", "a");
  auto fragments = ReadConfigFile(root.At("/x/my.cfg"));
  REQUIRE(fragments);
  CHECK(root.Strip(*fragments) == Names{"/x/my.cfg=mine", "/x/my.cfg.d/10-a.conf=a"});
}

TEST_CASE("an explicit file must exist; /dev/null is an empty one") {
  Root root;
  auto missing = ReadConfigFile(root.At("/none"));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::kNotFound);
  auto null = ReadConfigFile("/dev/null");
  REQUIRE(null);
  CHECK(null->empty());
  ParsedConfig parsed = LoadConfig(root.At("/none"));
  REQUIRE(parsed.errors.size() == 1);
  CHECK(FormatDiagnostic(parsed.errors[0]).find("configuration: cannot read ") == 0);
}

TEST_CASE("complaints name the file and line of the drop-in") {
  Root root;
  root.Write("/x/my.cfg", "[Watch]\nPath=/srv\n");
  root.Write("/x/my.cfg.d/10-a.conf", "# bad\n[Journal]\nMaxUse=lots\n");
  ParsedConfig parsed = LoadConfig(root.At("/x/my.cfg"));
  REQUIRE(parsed.errors.size() == 1);
  CHECK(FormatDiagnostic(parsed.errors[0]).find(root.At("/x/my.cfg.d/10-a.conf:3: MaxUse=")) == 0);
}
