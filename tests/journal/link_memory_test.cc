// For which files nobody needs to search again.
#include "journal/link_memory.h"

#include <catch2/catch.hpp>

namespace cj {
namespace {

const VolumeId kVolume(1);

FileHandle Handle(const std::string& bytes) { return FileHandle(HandleView{1, bytes}); }

constexpr LinkMemory::Outcome kTwoOneFound = {2, 1, 7};

void NoteIn(LinkMemory* memory, const FileHandle& object) {
  LinkMemory::Search(memory).Note(kVolume, object, kTwoOneFound);
}

TEST_CASE("link memory: a search counts as long as no more names are there, and no fewer known") {
  LinkMemory memory;
  CHECK_FALSE(memory.Searched(kVolume, Handle("f"), kTwoOneFound));
  NoteIn(&memory, Handle("f"));
  struct Row {
    LinkMemory::Outcome now;
    bool searched;
  };
  const Row rows[] = {{{2, 1, 7}, true},  {{1, 1, 7}, true},  {{2, 2, 7}, true},
                      {{3, 1, 7}, false}, {{2, 0, 7}, false}, {{2, 1, 8}, false}};
  for (const Row& row : rows) {
    CAPTURE(row.now.link_count, row.now.found, row.now.gaps);
    CHECK(memory.Searched(kVolume, Handle("f"), row.now) == row.searched);
  }
  CHECK_FALSE(memory.Searched(VolumeId(2), Handle("f"), kTwoOneFound));
  CHECK_FALSE(memory.Searched(kVolume, Handle("g"), kTwoOneFound));
}

TEST_CASE("link memory: a name that came outdates the searches before it, and those under way") {
  LinkMemory memory;
  NoteIn(&memory, Handle("f"));
  NoteIn(&memory, Handle("g"));
  memory.Forget(kVolume, Handle("f"));
  CHECK_FALSE(memory.Searched(kVolume, Handle("f"), kTwoOneFound));
  CHECK(memory.Searched(kVolume, Handle("g"), kTwoOneFound));
  memory.ForgetAll();
  CHECK_FALSE(memory.Searched(kVolume, Handle("g"), kTwoOneFound));
  {
    LinkMemory::Search search(&memory);
    {
      LinkMemory::Search another(&memory);
      memory.Forget(kVolume, Handle("f"));
    }
    search.Note(kVolume, Handle("f"), kTwoOneFound);
    search.Note(kVolume, Handle("g"), kTwoOneFound);
    CHECK_FALSE(memory.Searched(kVolume, Handle("f"), kTwoOneFound));
    CHECK(memory.Searched(kVolume, Handle("g"), kTwoOneFound));
    memory.ForgetAll();
    search.Note(kVolume, Handle("g"), kTwoOneFound);
    CHECK_FALSE(memory.Searched(kVolume, Handle("g"), kTwoOneFound));
  }
  NoteIn(&memory, Handle("f"));
  CHECK(memory.Searched(kVolume, Handle("f"), kTwoOneFound));
}

TEST_CASE("link memory: more names than it holds cost searches") {
  LinkMemory memory;
  LinkMemory::Search search(&memory);
  for (std::size_t i = 0; i <= LinkMemory::kMaxObjects; ++i) {
    memory.Forget(kVolume, Handle(std::to_string(i)));
  }
  search.Note(kVolume, Handle("f"), kTwoOneFound);
  CHECK_FALSE(memory.Searched(kVolume, Handle("f"), kTwoOneFound));
}

}  // namespace
}  // namespace cj
