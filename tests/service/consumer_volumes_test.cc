#include "service/consumer_volumes.h"

#include <catch2/catch.hpp>

namespace cj {
namespace {

using Volumes = std::vector<VolumeId>;

Watch At(const std::string& path, std::uint32_t volume) {
  Watch watch;
  watch.wanted = path;
  watch.volume.path = path;
  watch.volume.id = VolumeId(volume);
  return watch;
}

TEST_CASE("a consumer's filesystems are those of all watches that hold its paths or lie below") {
  Binding binding;
  binding.watches = {At("/var", 1), At("/var/disk", 2), At("/srv", 3), At("/data", 4)};
  binding.watches[3].wanted = "/link";
  Consumer consumer;
  auto volumes = [&](std::vector<std::string> paths) {
    consumer.paths = std::move(paths);
    return VolumesOfConsumer(consumer, binding);
  };
  CHECK(volumes({"/srv"}) == Volumes{VolumeId(3)});
  CHECK(volumes({"/srv/a/b"}) == Volumes{VolumeId(3)});
  CHECK(volumes({"/var"}) == Volumes{VolumeId(1), VolumeId(2)});
  CHECK(volumes({"/var/disk/x"}) == Volumes{VolumeId(1), VolumeId(2)});
  CHECK(volumes({"/srv", "/data"}) == Volumes{VolumeId(3), VolumeId(4)});
  // Everything, above all watches, of no watch, of one that is known by another name.
  CHECK_FALSE(volumes({}));
  CHECK_FALSE(volumes({"/"}));
  CHECK_FALSE(volumes({"/srv", "/srvx"}));
  CHECK_FALSE(volumes({"/link"}));
  // What is not there now may be anywhere.
  binding.watches[1].absent = "it is not mounted";
  CHECK_FALSE(volumes({"/var"}));
  CHECK(volumes({"/srv"}));
  binding.watches[2].volume.id = VolumeId();
  CHECK_FALSE(volumes({"/srv"}));
}

}  // namespace
}  // namespace cj
