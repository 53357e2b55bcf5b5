#include "tests/oracle/strangers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <vector>

#include "tests/oracle/objects.h"
#include "tests/oracle/tree.h"

namespace cj::oracle {
namespace {

// Names by the inode that they have in the mirror, and by the one they have in the source.
using Names = std::map<InodeId, std::map<InodeId, std::vector<std::string>>>;

bool Look(int directory, const std::string& name, struct stat* status) {
  return fstatat(directory, name.c_str(), status, AT_SYMLINK_NOFOLLOW) == 0;
}

void Collect(int source, int mirror, const std::string& prefix, Names* names) {
  for (const std::string& name : ListDirectory(mirror)) {
    const UniqueFd source_directory = OpenBelow(source, name);
    const UniqueFd mirror_directory = OpenBelow(mirror, name);
    if (mirror_directory && source_directory) {
      Collect(source_directory.get(), mirror_directory.get(), prefix + name + "/", names);
      continue;
    }
    struct stat present {};
    struct stat wanted {};
    if (mirror_directory || !Look(mirror, name, &present) || present.st_nlink < 2) continue;
    if (!Look(source, name, &wanted)) continue;
    (*names)[IdOf(present)][IdOf(wanted)].push_back(prefix + name);
  }
}

// The first name gets an inode of its own, the others are linked to it.
void Part(int mirror, const std::vector<std::string>& names) {
  const SplitPath first = Split(names.front());
  const UniqueFd first_directory = OpenBelow(mirror, first.directory);
  Object object;
  if (!first_directory || !ReadObject(first_directory.get(), first.name, &object)) return;
  for (const std::string& name : names) {
    const SplitPath split = Split(name);
    const UniqueFd directory = OpenBelow(mirror, split.directory);
    if (!directory) continue;
    const TimesGuard guard(directory.get());
    unlinkat(directory.get(), split.name.c_str(), 0);
    if (name == names.front()) {
      MakeObject(directory.get(), split.name, object);
    } else {
      linkat(first_directory.get(), first.name.c_str(), directory.get(), split.name.c_str(), 0);
    }
  }
}

}  // namespace

void PartStrangers(const std::string& source, const std::string& mirror) {
  const UniqueFd source_root = OpenDirectory(source);
  const UniqueFd mirror_root = OpenDirectory(mirror);
  if (!source_root || !mirror_root) return;
  Names names;
  Collect(source_root.get(), mirror_root.get(), "", &names);
  for (const auto& [inode, groups] : names) {
    for (auto group = groups.begin(); group != groups.end(); ++group) {
      if (group != groups.begin()) Part(mirror_root.get(), group->second);
    }
  }
}

}  // namespace cj::oracle
