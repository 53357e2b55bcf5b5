// A real filesystem with records that a test writes itself, as the kernel may have told them: what
// an answer makes of them.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "fanotify/file_handle.h"
#include "journal/answer.h"
#include "tests/support/filesystems.h"
#include "tests/support/recording_store.h"

namespace cj {

FileHandle HandleOf(const std::string& path);

// All that the answer tells, `batch` at a time, below the root; a change of which `changectl -0`
// prints two paths has two here.
using Paths = std::set<std::string>;
Paths PathsOf(const std::string& root, Answer& answer, std::size_t batch);

class RecordedTree {
 public:
  explicit RecordedTree(TestFilesystem made);
  // Nothing: the machine cannot; said with WARN.
  static std::unique_ptr<RecordedTree> On(const std::string& type);

  // Of the object that is at this name now, with the directory that it is in now.
  Record RecordOf(const std::string& name, std::uint32_t operations) const;
  // To the open period.
  void Add(Record record);
  void NextPeriod();

  // A question up to now.
  AnswerRequest RequestSince(PeriodId from) const;
  AnswerRequest ListRequest() const;  // a list of everything
  Result<std::unique_ptr<Answer>> Ask(const AnswerRequest& request, AnswerLimits limits = {});

  TestFilesystem filesystem;
  Watch watch;
  RecordingStore store;
  SettledFiles settled_files;
  std::function<bool()> cancelled;  // of the answers that are asked for
};

}  // namespace cj
