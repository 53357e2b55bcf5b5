// What clients are told of an object instead of its handle.
#include "service/object_ids.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/filesystems.h"

namespace cj {
namespace {

const FileHandle kHandle{HandleView{1, std::string_view("\x11\x22\x33\x44\0\0\0\0", 8)}};
const FileHandle kOther{HandleView{1, std::string_view("\x11\x22\x33\x44\0\0\0\1", 8)}};

}  // namespace

TEST_CASE("an object's id is the same for the same object, and says nothing of its handle") {
  const ObjectIds ids(ObjectIds::Key{1, 2, 3});
  const std::string id = ids.Of(VolumeId(1), kHandle);
  CHECK(id.size() == 32);
  CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(id.find("11223344") == std::string::npos);
  CHECK(ids.Of(VolumeId(1), kHandle) == id);
  CHECK(ids.Of(VolumeId(2), kHandle) != id);
  CHECK(ids.Of(VolumeId(1), kOther) != id);
  CHECK(ids.Of(VolumeId(1), FileHandle()).empty());
  CHECK(ObjectIds(ObjectIds::Key{1, 2, 4}).Of(VolumeId(1), kHandle) != id);
}

TEST_CASE("the key of objects' ids is kept, for nobody else to read") {
  const TemporaryDirectory state;
  const auto first = ObjectIds::Open(state.path());
  REQUIRE(first.has_value());
  const std::string id = first->Of(VolumeId(1), kHandle);
  CHECK(ObjectIds::Open(state.path())->Of(VolumeId(1), kHandle) == id);
  using std::filesystem::perms;
  const auto status = std::filesystem::status(state.path("object-key"));
  CHECK(status.permissions() == (perms::owner_read | perms::owner_write));

  SECTION("one that was cut short is made anew") {
    std::filesystem::resize_file(state.path("object-key"), 7);
    const auto second = ObjectIds::Open(state.path());
    REQUIRE(second.has_value());
    CHECK(second->Of(VolumeId(1), kHandle) != id);
    CHECK(std::filesystem::file_size(state.path("object-key")) == ObjectIds::kKeyBytes);
  }
  SECTION("one that is longer is none of ours") {
    std::ofstream(state.path("object-key"), std::ios::app) << "more";
    CHECK(ObjectIds::Open(state.path())->Of(VolumeId(1), kHandle) != id);
  }
}

TEST_CASE("the key of objects' ids: where it cannot be kept, that is said") {
  const TemporaryDirectory state;
  const auto failed = ObjectIds::Open(state.path("missing"));
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().code == ErrorCode::kNotFound);
  CHECK(failed.error().message.find("object-key") != std::string::npos);
}

}  // namespace cj
