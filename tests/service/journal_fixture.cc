#include "tests/service/journal_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "base/unique_fd.h"

namespace cj {
namespace {

std::string Describe(const Change& change) {
  static constexpr const char* kKinds[] = {"created", "modified", "renamed", "deleted", "rescan"};
  std::string line = kKinds[static_cast<std::size_t>(change.kind)];
  line += " ";
  if (change.kind == ChangeKind::kRenamed) line += change.from + " -> ";
  line += change.path;
  const bool same = change.kind == ChangeKind::kModified || change.kind == ChangeKind::kRenamed;
  if (same && change.data) line += " data";
  if (same && change.metadata) line += " metadata";
  if (change.recursive) line += " recursive";
  if (change.transient) line += " transient";
  return line;
}

}  // namespace

TestJournal::TestJournal(const std::string& type, const std::string& watch,
                         std::vector<std::string> excludes) {
  auto made = TestFilesystem::Create(type);
  if (!made.has_value()) {
    WARN("SKIPPED: " << made.error().message);
    return;
  }
  filesystem_ = std::make_unique<TestFilesystem>(std::move(made).value());
  if (!watch.empty()) MakeDirectory(path(watch));
  config_.state_directory = state_.path("state");
  config_.crawl_margin_usec = kTestMarginUsec;
  WatchConfig wanted;
  wanted.path = watch.empty() ? root() : path(watch);
  wanted.excludes = std::move(excludes);
  config_.watches.push_back(wanted);
  Start();
  Mark();
}

void TestJournal::Start(Kernel& kernel) {
  auto service = JournalService::Start(config_, kernel, Clock::System());
  if (!service.has_value()) FAIL(service.error().message);
  service_ = std::move(service).value();
}

void TestJournal::NewJournal() {
  Stop();
  RemoveTree(config_.state_directory);
  Start();
}

void TestJournal::Restart(const std::function<void()>& meanwhile) {
  Stop();
  meanwhile();
  Start();
}

void TestJournal::Age() {
  // Change times are of a clock that lags behind, by more than a tick when the machine is busy.
  const auto coarse_usec = [] {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
  };
  const std::int64_t until_usec = Clock::System().RealtimeUsec() + 2 * kTestMarginUsec;
  while (coarse_usec() < until_usec) std::this_thread::yield();
}

void TestJournal::AwaitCrawl() {
  Question question;
  question.since.token = token_;
  while (service_->LookForCrawl(question).wait) std::this_thread::yield();
}

void TestJournal::Remount() {
  REQUIRE(filesystem_->Unmount());
  REQUIRE(filesystem_->Mount());
}

void TestJournal::Mark() {
  auto token = service_->Checkpoint("");
  REQUIRE(token.has_value());
  token_ = token->token;
}

Question TestJournal::UntilHere() {
  auto token = service_->Checkpoint("");
  REQUIRE(token.has_value());
  Question question;
  question.until = Position{token->token, {}};
  return question;
}

std::string TestJournal::Shown(const std::string& path) const {
  if (path == root()) return ".";
  return path.substr(root().size() + 1);
}

bool Has(const Lines& lines, const std::string& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

Lines TestJournal::Changes(Question question, const std::function<void()>& meanwhile) {
  question.since.token = token_;
  return ChangesSince(question, meanwhile);
}

std::vector<Change> TellAll(Answer& answer, std::size_t batch) {
  std::vector<Change> changes;
  for (bool more = true; more;) {
    auto next = answer.Next(batch, &changes);
    if (!next.has_value()) FAIL(next.error().message);
    more = *next;
  }
  return changes;
}

OpenedAnswer TestJournal::Open(Question question) {
  question.since.token = token_;
  question.checkpoint = false;
  auto opened = service_->OpenAnswer(question);
  if (!opened.has_value()) FAIL(opened.error().message);
  return *std::move(opened);
}

Lines TestJournal::ChangesSince(const Question& question, const std::function<void()>& meanwhile) {
  auto opened = service_->OpenAnswer(question);
  if (!opened.has_value()) return {"error: " + opened.error().message};
  if (meanwhile) meanwhile();
  std::vector<Change> changes;
  for (bool more = true; more;) {
    auto next = opened->answer->Next(3, &changes);  // small batches cross their own borders
    if (!next.has_value()) return {"error: " + next.error().message};
    more = *next;
  }
  unlistable_ = opened->answer->unlistable();
  Lines lines;
  for (Change& change : changes) {
    change.path = Shown(change.path);
    if (!change.from.empty()) change.from = Shown(change.from);
    lines.push_back(Describe(change));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

namespace {

void WriteWith(const std::string& path, const std::string& content, int flags) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644));
  REQUIRE(fd.valid());
  REQUIRE(::write(fd.get(), content.data(), content.size()) ==
          static_cast<ssize_t>(content.size()));
}

}  // namespace

std::uint64_t InodeOf(const std::string& path) {
  struct stat info;
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info.st_ino;
}

bool IsThere(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

void WriteFile(const std::string& path, const std::string& content) {
  WriteWith(path, content, O_TRUNC);
}
void AppendFile(const std::string& path, const std::string& content) {
  WriteWith(path, content, O_APPEND);
}
void MakeDirectory(const std::string& path) { REQUIRE(::mkdir(path.c_str(), 0755) == 0); }
void Rename(const std::string& from, const std::string& to) {
  REQUIRE(::rename(from.c_str(), to.c_str()) == 0);
}
void Exchange(const std::string& a, const std::string& b) {
  REQUIRE(::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0);
}
void Link(const std::string& from, const std::string& to) {
  REQUIRE(::link(from.c_str(), to.c_str()) == 0);
}
void Unlink(const std::string& path) { REQUIRE(::unlink(path.c_str()) == 0); }
void RemoveTree(const std::string& path) { std::filesystem::remove_all(path); }
void Chmod(const std::string& path, unsigned mode) { REQUIRE(::chmod(path.c_str(), mode) == 0); }

}  // namespace cj
