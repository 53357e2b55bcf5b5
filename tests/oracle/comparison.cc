#include "tests/oracle/comparison.h"

#include <algorithm>
#include <map>

#include "tests/oracle/operation_log.h"
#include "tests/oracle/tree.h"

namespace cj::oracle {
namespace {

class Comparison {
 public:
  explicit Comparison(const std::function<bool(const std::string&)>& ignored) : ignored_(ignored) {}

  void Directories(int source, int mirror, const std::string& relative);
  void Links(LinkRule rule);
  std::vector<Difference> Take() { return std::move(found_); }

 private:
  // The inode behind a name in either tree.
  struct Pair {
    InodeId source;
    InodeId mirror;
  };
  void Entry(int source, int mirror, const std::string& name, const std::string& relative);
  void Own(int source, int mirror, const std::string& relative);

  const std::function<bool(const std::string&)>& ignored_;
  std::map<std::string, Pair> names_;  // of all that is in both trees and no directory
  std::vector<Difference> found_;
};

std::string Words(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

void Comparison::Own(int source, int mirror, const std::string& relative) {
  Object wanted;
  Object present;
  if (!ReadObject(source, ".", &wanted) || !ReadObject(mirror, ".", &present)) {
    found_.push_back({relative, "unreadable"});
    return;
  }
  const std::vector<std::string> words = Differences(wanted, present);
  if (!words.empty()) found_.push_back({relative, Words(words)});
}

void Comparison::Directories(int source, int mirror, const std::string& relative) {
  Own(source, mirror, relative);
  const std::vector<std::string> wanted = ListDirectory(source);
  const std::vector<std::string> present = ListDirectory(mirror);
  const std::string prefix = relative.empty() ? "" : relative + "/";
  for (const std::string& name : present) {
    if (ignored_(prefix + name)) continue;
    if (!std::binary_search(wanted.begin(), wanted.end(), name)) {
      found_.push_back({prefix + name, "not deleted"});
    }
  }
  for (const std::string& name : wanted) {
    if (ignored_(prefix + name)) continue;
    if (!std::binary_search(present.begin(), present.end(), name)) {
      found_.push_back({prefix + name, "missing"});
    } else {
      Entry(source, mirror, name, prefix + name);
    }
  }
}

void Comparison::Entry(int source, int mirror, const std::string& name,
                       const std::string& relative) {
  const UniqueFd source_directory = OpenBelow(source, name);
  const UniqueFd mirror_directory = OpenBelow(mirror, name);
  if (source_directory && mirror_directory) {
    Directories(source_directory.get(), mirror_directory.get(), relative);
    return;
  }
  Object wanted;
  Object present;
  if (!ReadObject(source, name, &wanted) || !ReadObject(mirror, name, &present)) {
    found_.push_back({relative, "unreadable"});
    return;
  }
  const std::vector<std::string> words = Differences(wanted, present);
  if (!words.empty()) found_.push_back({relative, Words(words)});
  names_[relative] = {IdOf(wanted.status), IdOf(present.status)};
}

// Every group of names in either tree is known by its first name.
void Comparison::Links(LinkRule rule) {
  std::map<InodeId, std::string> source_first;
  std::map<InodeId, std::string> mirror_first;
  for (const auto& [relative, pair] : names_) {
    source_first.try_emplace(pair.source, relative);
    mirror_first.try_emplace(pair.mirror, relative);
  }
  for (const auto& [relative, pair] : names_) {
    const std::string& wanted = source_first[pair.source];
    if (rule == LinkRule::kNoLinkIsMissing) {
      if (names_[wanted].mirror == pair.mirror) continue;
    } else if (wanted == mirror_first[pair.mirror]) {
      continue;
    }
    found_.push_back({relative, "hard links: in the source one inode with " + EscapePath(wanted) +
                                    ", in the mirror one with " +
                                    EscapePath(mirror_first[pair.mirror])});
  }
}

}  // namespace

std::vector<Difference> Compare(const std::string& source, const std::string& mirror, LinkRule rule,
                                const std::function<bool(const std::string&)>& ignored) {
  const UniqueFd source_root = OpenDirectory(source);
  const UniqueFd mirror_root = OpenDirectory(mirror);
  if (!source_root || !mirror_root) return {{"", "cannot be opened"}};
  Comparison comparison(ignored);
  comparison.Directories(source_root.get(), mirror_root.get(), "");
  comparison.Links(rule);
  return comparison.Take();
}

}  // namespace cj::oracle
