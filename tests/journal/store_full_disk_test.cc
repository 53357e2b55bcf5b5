// A state directory on a filesystem that is really full.
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "fixture.h"

namespace cj {
namespace {

// A small tmpfs, gone with the test.
class SmallDisk {
 public:
  SmallDisk() {
    mounted_ = mount("tmpfs", scratch_.path().c_str(), "tmpfs", 0, "size=64m,mode=0700") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(scratch_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }
  std::string operator/(const std::string& name) const { return scratch_ / name; }

 private:
  ScratchDirectory scratch_;
  bool mounted_ = false;
};

// Takes all the room there is.
void Fill(const std::string& file) {
  std::ofstream out(file, std::ios::binary);
  std::string block(4096, 'x');
  while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
  }
}

TEST_CASE("full disk: refused with kLimit, nothing lost, and on it goes when there is room") {
  SmallDisk disk;
  if (!disk.mounted()) {
    WARN("SKIPPED: cannot mount a tmpfs: " << std::strerror(errno));
    return;
  }
  auto store = OpenStore(disk / "journal");
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    AppendRecords(*store, 100);
    Fill(disk / "ballast");
    // Space that RocksDB has set aside holds for a while.
    Status status;
    for (int i = 0; i < 20'000 && status.has_value(); ++i) {
      status = store->Append(NextBatch(*store, 100));
    }
    Error error = FailureOf(status);
    CHECK(error.code == ErrorCode::kLimit);
    CHECK(error.message.find("disk is full") != std::string::npos);
    SequenceNumber next = store->next_sequence();
    CHECK(store->next_sequence() == next);
    CHECK(ScanAll(*store, Everything()).size() == next.value - 1);
    REQUIRE(unlink((disk / "ballast").c_str()) == 0);
    AppendRecords(*store, 100);
    AdvanceStore(*store, 100);
    if (round == 1) {
      store.reset();
      store = OpenStore(disk / "journal");
    }
    CHECK(ScanAll(*store, Everything()).size() == store->next_sequence().value - 1);
  }
}

TEST_CASE("full disk: a journal that does not fit is refused, and made when there is room") {
  SmallDisk disk;
  if (!disk.mounted()) {
    WARN("SKIPPED: cannot mount a tmpfs: " << std::strerror(errno));
    return;
  }
  Fill(disk / "ballast");
  Error error = FailureOf(OpenRocksStore(disk / "journal"));
  INFO(error.message);
  CHECK(error.code == ErrorCode::kLimit);
  REQUIRE(unlink((disk / "ballast").c_str()) == 0);
  CHECK(OpenStore(disk / "journal")->Periods().size() == 1);
}

}  // namespace
}  // namespace cj
