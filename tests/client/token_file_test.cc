// The token file: read strictly, replaced whole.
#include "client/token_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

using namespace cj;
using namespace cj::client;
namespace fs = std::filesystem;

namespace {

class Directory {
 public:
  Directory() {
    std::string pattern = fs::temp_directory_path() / "cj-token-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string At(const std::string& name) const { return path_ + "/" + name; }
  std::size_t Count() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  std::string path_;
};

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

TEST_CASE("token text") {
  for (const char* good : {"cj1-0123abcd-1", "cj1-ffffffff-18446744073709551615"}) {
    INFO(good);
    CHECK(LooksLikeToken(good));
  }
  for (const char* bad :
       {"", "cj1-", "cj1-0123abcd", "cj1-0123abcd-", "cj1-0123abcd-0", "cj1-0123abcd-01",
        "cj1-0123ABCD-1", "cj1-0123abc-1", "cj2-0123abcd-1", "cj1-0123abcd-1x", "cj1-0123abcd--1",
        " cj1-0123abcd-1", "cj1-0123abcd-184467440737095516150", "cj1-0123abcdx1"}) {
    INFO(bad);
    CHECK_FALSE(LooksLikeToken(bad));
  }
}

TEST_CASE("a token file is read, a missing one is none") {
  Directory directory;
  auto missing = ReadTokenFile(directory.At("none"));
  REQUIRE(missing);
  CHECK_FALSE(*missing);
  Write(directory.At("t"), "  cj1-0123abcd-7 \r\n");
  auto token = ReadTokenFile(directory.At("t"));
  REQUIRE(token);
  CHECK(*token == "cj1-0123abcd-7");
}

TEST_CASE("a token file with anything else needs a rescan") {
  Directory directory;
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("cj1-0123abcd-"), std::string("hello"),
        std::string("cj1-0123abcd-7\ncj1-0123abcd-8\n"), std::string("cj1-0123abcd-7\0", 15),
        "cj1-0123abcd-7" + std::string(1000, '\n')}) {
    INFO(text);
    Write(directory.At("t"), text);
    auto token = ReadTokenFile(directory.At("t"));
    REQUIRE_FALSE(token);
    CHECK(token.error().code == ErrorCode::kRescanNeeded);
    CHECK(token.error().message.find(directory.At("t") + " does not hold a token") == 0);
  }
}

TEST_CASE("what cannot be replaced is refused before it is asked for") {
  auto device = ReadTokenFile("/dev/null");
  REQUIRE_FALSE(device);
  CHECK(device.error().code == ErrorCode::kInvalidArgument);
  Directory directory;
  REQUIRE(::mkfifo(directory.At("fifo").c_str(), 0600) == 0);
  auto fifo = ReadTokenFile(directory.At("fifo"));  // and does not block
  REQUIRE_FALSE(fifo);
  CHECK(fifo.error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("writing replaces as a whole and leaves nothing beside") {
  Directory directory;
  REQUIRE(WriteTokenFile(directory.At("t"), "cj1-0123abcd-1"));
  CHECK(Content(directory.At("t")) == "cj1-0123abcd-1\n");
  struct stat before {};
  REQUIRE(::stat(directory.At("t").c_str(), &before) == 0);
  REQUIRE(WriteTokenFile(directory.At("t"), "cj1-0123abcd-2"));
  struct stat after {};
  REQUIRE(::stat(directory.At("t").c_str(), &after) == 0);
  CHECK(Content(directory.At("t")) == "cj1-0123abcd-2\n");
  CHECK(before.st_ino != after.st_ino);
  CHECK(directory.Count() == 1);
}

TEST_CASE("modes are kept, links stay") {
  Directory directory;
  mode_t mask = ::umask(027);
  REQUIRE(WriteTokenFile(directory.At("new"), "cj1-0123abcd-1"));
  ::umask(mask);
  struct stat status {};
  REQUIRE(::stat(directory.At("new").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);
  REQUIRE(::chmod(directory.At("new").c_str(), 0600) == 0);
  REQUIRE(::symlink("new", directory.At("link").c_str()) == 0);
  REQUIRE(WriteTokenFile(directory.At("link"), "cj1-0123abcd-2"));
  CHECK(fs::is_symlink(directory.At("link")));
  CHECK(Content(directory.At("new")) == "cj1-0123abcd-2\n");
  REQUIRE(::stat(directory.At("new").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE("a failed replacement leaves the old token") {
  Directory directory;
  CHECK_FALSE(WriteTokenFile(directory.At("no/such/t"), "cj1-0123abcd-1"));
  // Renaming a file over a directory fails after the new file was written.
  fs::create_directory(directory.At("d"));
  CHECK_FALSE(WriteTokenFile(directory.At("d"), "cj1-0123abcd-1"));
  CHECK(directory.Count() == 1);
}
