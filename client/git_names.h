// Changes of the journal as git's fsmonitor protocol, version 2, has them: names relative to the
// top of the work tree, "/" alone for "anything may have changed". Pure.
//
// git looks each name up in its index (a name that is not there counts as a directory: all below
// it) and takes the directory that holds it out of its cache of untracked files. For the second it
// wants a name in *each* directory whose list of members may differ: kSomeName stands for one that
// we do not know, or that git refuses to look at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "client/answers.h"

namespace cj::client {

// A name like any other; if there is such a file it is looked at once more.
inline constexpr std::string_view kSomeName = "~";

// More than git is told one by one. For each of them git searches its index and asks the kernel;
// beyond this, looking at the whole tree is no slower, and git keeps all we write in its memory.
inline constexpr std::size_t kMaxGitNames = 262'144;

// What git keeps for us. After "/" git has looked at all files that it tracks, but it may still
// trust lists of untracked files that it made before: it drops these only directory by directory.
// So the token says whether that has been done (`settled`).
struct GitToken {
  std::string token;
  std::string place;  // see PlaceOf
  bool settled = true;
};
// Nothing where another program made it, or git itself, which begins with a time.
std::optional<GitToken> ReadGitToken(std::string_view text);
std::string FormatGitToken(const GitToken& token);

// A work tree, as far as it can be told from another one. An index that was copied along with a
// tree (by cp, or a snapshot) goes by what has happened to the first one: its token must not be
// trusted.
std::string PlaceOf(std::string_view top, std::uint64_t device, std::uint64_t inode);

// True for a name below which git may be unable to drop what it has cached: one that a filesystem
// of another system could take for ".git" (".GIT", "git~1", ".git ."). Errs towards true.
bool GitMayRefuse(std::string_view name);

// Collects what git is to be told of one answer.
class GitNames {
 public:
  // `top`: the work tree, absolute, without links.
  explicit GitNames(std::string top) : top_(std::move(top)) {}

  void Add(const Change& change);
  // The directory `below` (relative; empty: the top) is there, and git is to read it again.
  void AddDirectory(const std::string& below);
  void AddTree(const std::string& below);  // and all that git tracks below it
  void GiveUp() { everything_ = true; }

  bool everything() const { return everything_ || names_.size() > limit_; }
  const std::set<std::string>& names() const { return names_; }
  // Directories below which everything may have changed: AddDirectory() wants each one in them.
  const std::set<std::string>& trees() const { return trees_; }
  // Directories with new attributes, or new members. Where we may not look into one any more, git
  // can not look at what it tracks there, and would say so: AddTree().
  const std::vector<std::string>& touched() const { return touched_; }

  // For tests.
  void set_limit(std::size_t limit) { limit_ = limit; }

 private:
  void AddPath(const std::string& path, const Change& change, bool recursive);
  void AddBelow(const std::string& below, const Change& change, bool recursive);
  void Tell(std::string name);

  const std::string top_;
  std::size_t limit_ = kMaxGitNames;
  bool everything_ = false;
  std::set<std::string> names_;
  std::set<std::string> trees_;
  std::vector<std::string> touched_;
};

// What the hook writes: the token, then the names.
std::string FormatGitAnswer(const std::string& token, const GitNames& names);
std::string FormatGitEverything(const std::string& token);

}  // namespace cj::client
