#include "tests/service/recorded_tree.h"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include "fanotify/handles.h"
#include "tests/service/journal_fixture.h"

namespace cj {

FileHandle HandleOf(const std::string& path) {
  auto handle = GetHandle(AT_FDCWD, path.c_str(), 0);
  REQUIRE(handle);
  return handle->handle;
}

Paths PathsOf(const std::string& root, Answer& answer, std::size_t batch) {
  Paths paths;
  auto add = [&](const std::string& path) {
    if (!path.empty()) paths.insert(path.substr(root.size()));
  };
  for (const Change& change : TellAll(answer, batch)) {
    add(change.path);
    add(change.from);
  }
  return paths;
}

RecordedTree::RecordedTree(TestFilesystem made) : filesystem(std::move(made)) {
  auto found = FindVolume(filesystem.path());
  REQUIRE(found);
  watch.volume = *found;
  watch.volume.id = VolumeId(1);
}

std::unique_ptr<RecordedTree> RecordedTree::On(const std::string& type) {
  auto made = TestFilesystem::Create(type);
  if (made) return std::make_unique<RecordedTree>(std::move(*made));
  WARN("SKIPPED: " << type << ": " << made.error().message);
  return nullptr;
}

Record RecordedTree::RecordOf(const std::string& name, std::uint32_t operations) const {
  Record record;
  record.volume = VolumeId(1);
  record.operations = operations;
  record.object = HandleOf(filesystem.path(name));
  const std::size_t slash = name.rfind('/');
  record.parent = HandleOf(slash == std::string::npos ? filesystem.path()
                                                      : filesystem.path(name.substr(0, slash)));
  record.name = slash == std::string::npos ? name : name.substr(slash + 1);
  return record;
}

void RecordedTree::Add(Record record) {
  Batch batch;
  batch.period = record.period = store.Periods().back().id;
  record.sequence = store.next_sequence();
  batch.records.push_back(std::move(record));
  REQUIRE(store.Append(batch));
}

void RecordedTree::NextPeriod() {
  PeriodInfo sealed = store.Periods().back();
  sealed.end_usec = 2;
  PeriodInfo opened;
  opened.id = sealed.id.Next();
  opened.first_sequence = store.next_sequence();
  Batch nothing;
  nothing.period = sealed.id;
  REQUIRE(store.Advance(nothing, sealed, opened));
}

AnswerRequest RecordedTree::RequestSince(PeriodId from) const {
  AnswerRequest request;
  request.from = from;
  request.until = store.Periods().back().id.Next();
  return request;
}

AnswerRequest RecordedTree::ListRequest() const {
  AnswerRequest request = RequestSince(PeriodId(1));
  request.list = true;
  return request;
}

Result<std::unique_ptr<Answer>> RecordedTree::Ask(const AnswerRequest& request,
                                                  AnswerLimits limits) {
  Answer::Environment environment;
  environment.store = &store;
  environment.watches = {watch};
  environment.open_directories = OpenDirectories;
  environment.cancelled = cancelled;
  environment.settled_files = &settled_files;
  environment.limits = limits;
  return Answer::Build(std::move(environment), request);
}

}  // namespace cj
