#include "fold_text.h"

#include <algorithm>
#include <array>

#include "fixture.h"

namespace cj {
namespace {

std::string Number(std::uint64_t number) { return std::to_string(number) + " "; }

std::string ObjectText(const Fold& fold, ObjectIndex index) {
  if (index == kNone) return "none ";
  const FoldedObject& object = fold.objects()[index];
  return Number(object.volume.value) + std::string(object.handle) + " ";
}

std::string NameText(const Fold& fold, NameIndex index) {
  if (index == kNone) return "none ";
  const FoldedName& name = fold.names()[index];
  const FoldedDirectory& directory = fold.directories()[name.directory];
  return Number(directory.volume.value) + std::string(directory.handle) + "/" +
         std::string(name.name) + " ";
}

std::string Whole(const Fold& fold, const FoldedName& name) {
  return Number(static_cast<unsigned>(name.before)) + Number(static_cast<unsigned>(name.after)) +
         Number(name.directory_before) + Number(name.directory_after) +
         Number(name.directory_left) + Number(name.classes) + ObjectText(fold, name.object_before) +
         ObjectText(fold, name.object_after);
}

std::string Whole(const Fold& fold, const FoldedObject& object) {
  return NameText(fold, object.name_before) + Number(object.classes) + Number(object.is_directory) +
         Number(object.renamed) + Number(object.moved) + Number(object.moved_again) +
         Number(object.created) + Number(object.linked) + Number(object.unlinked) +
         Number(object.nameless);
}

std::string Whole(const FoldedDirectory& directory) {
  return Number(directory.entries_changed) + Number(directory.self_metadata) +
         Number(directory.crawled) + Number(directory.names.size());
}

}  // namespace

std::vector<std::string> TextOf(const Fold& fold) {
  std::vector<std::string> lines;
  for (NameIndex i = 0; i < fold.names().size(); ++i) {
    lines.push_back("name " + NameText(fold, i) + Whole(fold, fold.names()[i]));
  }
  for (ObjectIndex i = 0; i < fold.objects().size(); ++i) {
    lines.push_back("object " + ObjectText(fold, i) + Whole(fold, fold.objects()[i]));
  }
  for (const FoldedDirectory& directory : fold.directories()) {
    lines.push_back("directory " + Number(directory.volume.value) + std::string(directory.handle) +
                    " " + Whole(directory));
  }
  for (const DirectoryMove& move : fold.moves()) {
    lines.push_back("move " + ObjectText(fold, move.object) + NameText(fold, move.from) +
                    NameText(fold, move.to));
  }
  for (const FoldedIntent& intent : fold.intents()) {
    lines.push_back("intent " + ObjectText(fold, intent.object) + NameText(fold, intent.name) +
                    std::to_string(intent.time_usec) + " " + std::to_string(intent.ctime_nsec));
  }
  std::sort(lines.begin(), lines.end());
  // The same intent twice is as good as once.
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  return lines;
}

Record RandomChange(std::mt19937_64& random, std::uint64_t others) {
  static constexpr std::array<std::uint32_t, 16> kUsual = {kModified,
                                                           kModified | kClosedWrite,
                                                           kClosedWrite,
                                                           kAttributes,
                                                           kSilent,
                                                           kModified | kAttributes,
                                                           kAttributes,
                                                           kIntent,
                                                           kCreated,
                                                           kDeleted,
                                                           kRenamed,
                                                           kReplaced,
                                                           kCrawled,
                                                           kCreated | kDeleted,
                                                           kCreated | kLinked,
                                                           kCreated | kModified};
  auto one_of = [&random](std::uint64_t count) { return random() % count; };
  Record record;
  record.volume = VolumeId(one_of(8) == 0 ? 2 : 1);
  record.operations = kUsual.at(one_of(one_of(others) != 0 ? 8 : kUsual.size()));
  if (one_of(8 * others) == 0)
    record.operations = static_cast<std::uint32_t>(random()) & kAllOperations;
  if (one_of(16) == 0) record.operations |= kDirectory;
  if (one_of(16) != 0) {
    record.parent = HandleNumber(one_of(3));
    record.name = std::string(1, static_cast<char>('a' + one_of(3)));
    if (one_of(16) == 0) record.name = ".";
  }
  // Mostly a file that stays at its name.
  const std::uint64_t own = record.name.empty() ? one_of(3) : 3 + (record.name[0] - 'a') % 3U;
  if (one_of(16) != 0) record.object = HandleNumber(one_of(8) == 0 ? one_of(6) : own);
  if ((record.operations & kRenamed) != 0 && one_of(8) != 0) {
    record.old_parent = HandleNumber(one_of(3));
    record.old_name = std::string(1, static_cast<char>('a' + one_of(3)));
  }
  record.time_usec = static_cast<std::int64_t>(one_of(1'000'000));
  if ((record.operations & kIntent) != 0) {
    record.ctime_nsec = static_cast<std::int64_t>(one_of(1'000'000));
  }
  record.pid = static_cast<std::int32_t>(one_of(1000));
  return record;
}

}  // namespace cj
