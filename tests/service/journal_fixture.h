// A journal of a real filesystem without the socket: what the daemon's methods call, on the real
// kernel and a real store.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "service/journal_service.h"
#include "tests/support/filesystems.h"

namespace cj {

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

  // Ends the interval here: the next Changes() starts from now.
  void Mark();
  // The changes since Mark(), a line each, sorted, paths below the filesystem's root:
  // "created a/b", "renamed a -> b recursive", "modified d metadata", "deleted x transient".
  std::vector<std::string> Changes(Question question = {});

 private:
  std::string Shown(const std::string& path) const;

  TemporaryDirectory state_;
  std::unique_ptr<TestFilesystem> filesystem_;
  std::unique_ptr<JournalService> service_;
  std::string token_;
};

// Small operations that fail the test when they fail.
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
