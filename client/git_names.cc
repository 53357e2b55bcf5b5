#include "client/git_names.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"
#include "client/paths.h"
#include "client/token_file.h"

namespace cj::client {
namespace {

constexpr std::string_view kUnsettled = "+untracked";
constexpr char kPlaceMark = '@';
constexpr std::string_view kGitDirectory = ".git";

// Where the component that begins at `begin` ends.
std::size_t EndOf(std::string_view path, std::size_t begin) {
  return std::min(path.find('/', begin), path.size());
}

// The directory that holds it; empty: the top.
std::string HolderOf(const std::string& below) {
  const std::size_t slash = below.rfind('/');
  return slash == std::string::npos ? "" : below.substr(0, slash);
}

// Lower case ASCII alone: some filesystems see no difference, or ignore what is not.
std::string Folded(std::string_view name) {
  std::string folded;
  for (const char c : name) {
    if (static_cast<unsigned char>(c) >= 0x80) continue;
    folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return folded;
}

bool LooksLikeGit(std::string_view part) {
  constexpr std::array<std::string_view, 2> kNames = {".git", "git~1"};
  constexpr std::string_view kEnds = ". :";
  const std::string folded = Folded(part);
  return std::any_of(kNames.begin(), kNames.end(), [&](std::string_view name) {
    if (folded.compare(0, name.size(), name) != 0) return false;
    return folded.size() == name.size() || kEnds.find(folded[name.size()]) != kEnds.npos;
  });
}

}  // namespace

std::optional<GitToken> ReadGitToken(std::string_view text) {
  GitToken token;
  if (text.size() > kUnsettled.size() &&
      text.substr(text.size() - kUnsettled.size()) == kUnsettled) {
    token.settled = false;
    text.remove_suffix(kUnsettled.size());
  }
  const std::size_t mark = text.find(kPlaceMark);
  if (mark == std::string_view::npos || !LooksLikeToken(text.substr(0, mark))) return std::nullopt;
  token.token = std::string(text.substr(0, mark));
  token.place = std::string(text.substr(mark + 1));
  return token;
}

std::string FormatGitToken(const GitToken& token) {
  return token.token + kPlaceMark + token.place +
         std::string(token.settled ? std::string_view() : kUnsettled);
}

// FNV-1a: to tell trees apart that nobody chose for being alike.
std::string PlaceOf(std::string_view top, std::uint64_t device, std::uint64_t inode) {
  constexpr std::uint64_t kOffset = 0xcbf29ce484222325;
  constexpr std::uint64_t kPrime = 0x100000001b3;
  const std::string facts =
      std::to_string(device) + ":" + std::to_string(inode) + ":" + std::string(top);
  std::uint64_t hash = kOffset;
  for (const char c : facts) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

bool GitMayRefuse(std::string_view name) {
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('\\', begin), name.size());
    if (LooksLikeGit(name.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

void GitNames::Tell(std::string name) {
  if (!everything()) names_.insert(std::move(name));
}

void GitNames::AddDirectory(const std::string& below) {
  Tell(below.empty() ? std::string(kSomeName) : below + "/" + std::string(kSomeName));
}

void GitNames::AddTree(const std::string& below) {
  // Without the slash: a file of that name, which may have been there before.
  Tell(below);
  Tell(below + "/");
  AddDirectory(below);
}

void GitNames::Add(const Change& change) {
  const bool recursive = change.recursive || change.change == "rescan";
  AddPath(change.path, change, recursive);
  if (!change.from.empty()) AddPath(change.from, change, recursive);
}

void GitNames::AddPath(const std::string& path, const Change& change, bool recursive) {
  if (PathContains(path, top_)) {
    if (recursive) GiveUp();
    if (path == top_) {
      AddDirectory("");
      touched_.emplace_back();
    }
    return;
  }
  const auto below = RelativePath(top_, path);
  if (below) AddBelow(*below, change, recursive);
}

void GitNames::AddBelow(const std::string& below, const Change& change, bool recursive) {
  for (std::size_t begin = 0; begin < below.size();) {
    const std::size_t end = EndOf(below, begin);
    const std::string_view name = std::string_view(below).substr(begin, end - begin);
    if (name == kGitDirectory) {
      // The repository's own says nothing of its work tree. Another one's decides what the
      // directory that holds it is: an untracked repository, or untracked files.
      if (begin != 0) AddTree(below.substr(0, begin - 1));
      return;
    }
    const bool last = end == below.size();
    const bool file = !recursive && !change.type.empty() && change.type != "directory";
    if (GitMayRefuse(name)) {
      if (!last || !file) return GiveUp();
      AddDirectory(HolderOf(below));
    }
    begin = end + 1;
  }
  if (recursive) {
    AddTree(below);
    trees_.insert(below);
  } else if (change.type == "directory" && change.change == "modified") {
    // What changed in it is told by itself.
    AddDirectory(below);
    touched_.push_back(below);
  } else {
    Tell(below);
    if (change.type.empty() || change.type == "directory") AddDirectory(below);
  }
}

std::string FormatGitAnswer(const std::string& token, const GitNames& names) {
  std::string text = token;
  text += '\0';
  for (const std::string& name : names.names()) {
    text += name;
    text += '\0';
  }
  return text;
}

std::string FormatGitEverything(const std::string& token) {
  std::string text = token;
  text += '\0';
  text += "/";
  text += '\0';
  return text;
}

}  // namespace cj::client
