// What an answer makes of files that were opened for writing: told unless their change time proves
// that nothing came of it.
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "journal/answer.h"
#include "journal/intent_proof.h"
#include "service/strict_watches.h"
#include "tests/service/journal_fixture.h"
#include "tests/service/recorded_tree.h"

namespace cj {
namespace {

constexpr std::int64_t kLongAgoUsec = 3'600'000'000;

std::int64_t CtimeOf(const std::string& path) {
  struct stat info;
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info.st_ctim.tv_sec * 1'000'000'000LL + info.st_ctim.tv_nsec;
}

class Tree : public RecordedTree {
 public:
  using RecordedTree::RecordedTree;
  // As if the file had been opened for writing long after its last change.
  Record Intent(const std::string& name) const {
    Record record = RecordOf(name, kIntent);
    record.ctime_nsec = CtimeOf(filesystem.path(name));
    record.time_usec = record.ctime_nsec / 1000 + kLongAgoUsec;
    return record;
  }
  // "modified name data", sorted.
  std::vector<std::string> Changes(PeriodId from = PeriodId(1), bool expand = false) {
    AnswerRequest request = RequestSince(from);
    request.expand = expand;
    auto answer = Ask(request);
    REQUIRE(answer);
    std::vector<std::string> lines;
    for (const Change& change : TellAll(**answer, 100)) {
      lines.push_back(change.path.substr(filesystem.path().size()) + (change.data ? " data" : "") +
                      (change.maybe ? " maybe" : ""));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }
};

void OnFilesystems(const std::function<void(Tree& tree)>& body) {
  for (const std::string& type : TestedFilesystemTypes()) {
    auto made = TestFilesystem::Create(type);
    if (!made) {
      WARN("SKIPPED: " << type << ": " << made.error().message);
      continue;
    }
    CAPTURE(type);
    Tree tree(std::move(*made));
    body(tree);
  }
}

TEST_CASE("intents: what is unchanged is not told, what may have changed is") {
  OnFilesystems([](Tree& tree) {
    for (const char* name : {"same", "other", "unknown", "young", "both"}) {
      WriteFile(tree.filesystem.path(name), "x");
    }
    tree.Add(tree.Intent("same"));
    Record other = tree.Intent("other");
    other.ctime_nsec -= 1;  // it was another, so something happened
    tree.Add(other);
    Record unknown = tree.Intent("unknown");
    unknown.ctime_nsec = 0;
    tree.Add(unknown);
    Record young = tree.Intent("young");
    young.time_usec = young.ctime_nsec / 1000 + kCtimeTickNsec / 1000 - 1;
    tree.Add(young);
    tree.Add(tree.Intent("both"));
    Record told = tree.Intent("both");
    told.operations = kModified;
    tree.Add(told);
    CHECK(tree.Changes() ==
          Lines{"/both data", "/other data maybe", "/unknown data maybe", "/young data maybe"});
  });
}

TEST_CASE("intents: a file whose name was not known is told where it is") {
  OnFilesystems([](Tree& tree) {
    WriteFile(tree.filesystem.path("same"), "x");
    WriteFile(tree.filesystem.path("other"), "x");
    for (const char* name : {"same", "other"}) {
      Record record = tree.Intent(name);
      record.parent = FileHandle();
      record.name.clear();
      if (record.object == HandleOf(tree.filesystem.path("other"))) record.ctime_nsec -= 1;
      tree.Add(record);
    }
    CHECK(tree.Changes() == Lines{"/other data maybe"});
  });
}

TEST_CASE("intents: the first of the interval counts, and a file that went is no trouble") {
  OnFilesystems([](Tree& tree) {
    WriteFile(tree.filesystem.path("file"), "x");
    WriteFile(tree.filesystem.path("gone"), "x");
    Record first = tree.Intent("file");
    first.ctime_nsec -= 1;
    tree.Add(first);
    tree.Add(tree.Intent("gone"));
    tree.NextPeriod();
    tree.Add(tree.Intent("file"));
    Unlink(tree.filesystem.path("gone"));
    CHECK(tree.Changes() == Lines{"/file data maybe"});
    CHECK(tree.Changes(PeriodId(2)).empty());
  });
}

TEST_CASE("intents: what an event says otherwise is certain") {
  OnFilesystems([](Tree& tree) {
    WriteFile(tree.filesystem.path("attributes"), "x");
    WriteFile(tree.filesystem.path("linked"), "x");
    Link(tree.filesystem.path("linked"), tree.filesystem.path("second"));
    for (const char* name : {"attributes", "linked", "second"}) {
      Record intent = tree.Intent(name);
      intent.ctime_nsec -= 1;
      tree.Add(intent);
    }
    Record attributes = tree.Intent("attributes");
    attributes.operations = kAttributes;
    tree.Add(attributes);
    CHECK(tree.Changes() == Lines{"/attributes data", "/linked data maybe", "/second data maybe"});
  });
}

// An intent's name is the one that the file has when the intent is taken, which may come of a
// rename that the next period has.
TEST_CASE("intents: a name that no entry record speaks of is not where a file was renamed to") {
  OnFilesystems([](Tree& tree) {
    WriteFile(tree.filesystem.path("third"), "x");
    Record renamed = tree.Intent("third");
    renamed.operations = kRenamed;
    renamed.old_parent = renamed.parent;
    renamed.old_name = "first";
    renamed.name = "second";
    tree.Add(renamed);
    tree.Add(tree.Intent("third"));
    const Lines told = tree.Changes();
    CHECK(std::count(told.begin(), told.end(), "/first") == 1);
  });
}

TEST_CASE("intents: a member of a renamed directory is listed, changed or not") {
  OnFilesystems([](Tree& tree) {
    MakeDirectory(tree.filesystem.path("new"));
    WriteFile(tree.filesystem.path("new/member"), "x");
    tree.Add(tree.Intent("new/member"));
    Record renamed = tree.Intent("new");
    renamed.operations = kRenamed | kDirectory;
    renamed.old_parent = renamed.parent;
    renamed.old_name = "old";
    tree.Add(renamed);
    const Lines told = tree.Changes(PeriodId(1), /*expand=*/true);
    CHECK(std::count(told.begin(), told.end(), "/new/member") == 1);
  });
}

TEST_CASE("intents: the proof") {
  struct Row {
    std::int64_t before;
    std::int64_t time_usec;
    std::optional<std::int64_t> now;
    bool unchanged;
  };
  constexpr std::int64_t kCtime = 1'700'000'000'000'000'000;
  constexpr std::int64_t kLater = kCtime / 1000 + kCtimeTickNsec / 1000;
  const Row kRows[] = {
      {kCtime, kLater, kCtime, true},
      {kCtime, kLater, kCtime + 1, false},
      {kCtime, kLater, kCtime - 1, false},
      {kCtime, kLater - 1, kCtime, false},
      {kCtime, kLater, std::nullopt, false},
      {0, kLater, 0, false},
      {kCtime, kCtime / 1000 - 1, kCtime, false},
  };
  for (const Row& row : kRows) {
    FoldedIntent intent;
    intent.ctime_nsec = row.before;
    intent.time_usec = row.time_usec;
    CHECK(IsUnchanged(intent, row.now) == row.unchanged);
  }
}

TEST_CASE("strict watches: of several on a volume the stronger settings count") {
  auto watch = [](std::uint32_t volume, const char* path) {
    Watch made;
    made.volume.id = VolumeId(volume);
    made.volume.path = path;
    return made;
  };
  auto config = [](PreModify mode, Durability durability) {
    WatchConfig made;
    made.pre_modify = mode;
    made.durability = durability;
    return made;
  };
  const std::vector<Watch> watches = {watch(1, "/a"), watch(2, "/b"), watch(1, "/c"),
                                      watch(3, "/d")};
  const std::vector<WatchConfig> configs = {
      config(PreModify::kOpen, Durability::kSync), config(PreModify::kOff, Durability::kSync),
      config(PreModify::kAccess, Durability::kWal), config(PreModify::kOpen, Durability::kWal)};
  const auto strict = StrictWatches(watches, configs);
  REQUIRE(strict.size() == 3);
  CHECK(strict[1].volume.path == "/c");
  const auto volumes = StrictVolumes(watches, configs);
  REQUIRE(volumes.size() == 2);
  CHECK(volumes[0].volume.id == VolumeId(1));
  CHECK(volumes[0].mode == PreMode::kAccess);
  CHECK(volumes[0].sync);
  CHECK(volumes[1].volume.id == VolumeId(3));
  CHECK(volumes[1].mode == PreMode::kOpen);
  CHECK_FALSE(volumes[1].sync);
}

TEST_CASE("strict watches: too few descriptors are refused") {
  CHECK(CheckDescriptors(kMinStrictDescriptors));
  CHECK(CheckDescriptors(kMinStrictDescriptors - 1).error().code == ErrorCode::kLimit);
}

}  // namespace
}  // namespace cj
