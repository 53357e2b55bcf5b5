// A journal of a real filesystem without the socket: what the daemon's methods call, on the real
// kernel and a real store.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "service/journal_service.h"
#include "tests/support/filesystems.h"

namespace cj {

// Far more than the kernel's clock for change times lags behind, and little enough to let pass.
inline constexpr std::int64_t kTestMarginUsec = 50'000;

// Most rules do not depend on the filesystem; one with and one without a disk shows that.
inline constexpr const char* kTypes[] = {"ext4", "tmpfs"};

using Lines = std::vector<std::string>;  // of an answer, see TestJournal::Changes
bool Has(const Lines& lines, const std::string& line);

class TestJournal {
 public:
  // `watch` is below the filesystem; empty: all of it. The state directory lies elsewhere.
  explicit TestJournal(const std::string& type, const std::string& watch = "",
                       std::vector<std::string> excludes = {});

  // False: the machine cannot; said with WARN.
  bool usable() const { return service_ != nullptr; }
  JournalService& service() { return *service_; }
  std::string path(const std::string& name) const { return filesystem_->path(name); }
  const std::string& root() const { return filesystem_->path(); }

  // Stops the journal, does something behind its back, and starts it again. The margin of crawls is
  // kTestMarginUsec.
  void Restart(const std::function<void()>& meanwhile);
  void Stop() { service_.reset(); }
  void Start(Kernel& kernel = LinuxKernel());
  // Waits until a crawl has filled every gap of the interval that can be filled.
  void AwaitCrawl();
  // Lets so much time pass that what was done before is older than the crawls' margin.
  static void Age();
  // Starts with an empty state directory.
  void NewJournal();
  void GoOnFromOldest() { token_ = service_->TokenOf(service_->Periods().front().id); }
  Config& config() { return config_; }
  const std::string& token() const { return token_; }
  TestFilesystem& filesystem() { return *filesystem_; }

  // Unmounts the filesystem and mounts it again.
  void Remount();

  // Ends the interval here: the next Changes() starts from now.
  void Mark();
  // What Changes() is asked for an interval that ends here, whatever comes.
  Question UntilHere();
  // The next Changes() starts from the token that a refusal names.
  void GoOnAfterRescan() { token_ = service_->RescanToken(); }
  // The changes since Mark(), a line each, sorted, paths below the filesystem's root:
  // "created a/b", "renamed a -> b recursive", "modified d metadata", "deleted x transient".
  // `meanwhile` runs when the answer has begun and nothing of it is told.
  Lines Changes(Question question = {}, const std::function<void()>& meanwhile = {});
  // The same, with a beginning of the question's own.
  Lines ChangesSince(const Question& question, const std::function<void()>& meanwhile = {});
  // An answer since Mark(), up to now without a checkpoint where the question says no end.
  OpenedAnswer Open(Question question);
  // Of the last Changes(): why a list of plain paths would have been refused, or empty.
  const std::string& unlistable() const { return unlistable_; }

 private:
  std::string Shown(const std::string& path) const;

  TemporaryDirectory state_;
  Config config_;
  std::unique_ptr<TestFilesystem> filesystem_;
  std::unique_ptr<JournalService> service_;
  std::string token_;
  std::string unlistable_;
};

// All that the answer tells, `batch` at a time, in its order.
std::vector<Change> TellAll(Answer& answer, std::size_t batch);

// Small operations that fail the test when they fail.
std::uint64_t InodeOf(const std::string& path);
bool IsThere(const std::string& path);
void WriteFile(const std::string& path, const std::string& content);  // creates or truncates
void AppendFile(const std::string& path, const std::string& content);
void MakeDirectory(const std::string& path);
void Rename(const std::string& from, const std::string& to);
void Exchange(const std::string& a, const std::string& b);
void Link(const std::string& from, const std::string& to);
void Unlink(const std::string& path);
void RemoveTree(const std::string& path);
void Chmod(const std::string& path, unsigned mode);

}  // namespace cj
