#include "tests/service/recorded_tree.h"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include "fanotify/handles.h"

namespace cj {

FileHandle HandleOf(const std::string& path) {
  auto handle = GetHandle(AT_FDCWD, path.c_str(), 0);
  REQUIRE(handle);
  return handle->handle;
}

Paths PathsOf(const std::string& root, Answer& answer, std::size_t batch) {
  std::vector<Change> changes;
  for (bool more = true; more;) {
    auto next = answer.Next(batch, &changes);
    if (!next.has_value()) FAIL(next.error().message);
    more = *next;
  }
  Paths paths;
  auto add = [&](const std::string& path) {
    if (!path.empty()) paths.insert(path.substr(root.size()));
  };
  for (const Change& change : changes) {
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

Result<std::unique_ptr<Answer>> RecordedTree::Ask(const AnswerRequest& request,
                                                  AnswerLimits limits) {
  Answer::Environment environment;
  environment.store = &store;
  environment.watches = {watch};
  environment.open_directories = OpenDirectories;
  environment.limits = limits;
  return Answer::Build(std::move(environment), request);
}

}  // namespace cj
