#include "fanotify/mapping_readings.h"

#include <algorithm>
#include <iterator>

namespace cj {
namespace {

constexpr int kReadingsThatMatter = 2;

}  // namespace

void MappingReadings::Listed(const File& file, bool found) {
  const auto [entry, first] = listed_.emplace(file, found);
  if (!first) entry->second = entry->second && found;
}

bool MappingReadings::missing() const {
  return std::any_of(listed_.begin(), listed_.end(),
                     [](const auto& listed) { return !listed.second; });
}

bool MappingReadings::End(bool disturbed) {
  for (const auto& [file, found] : listed_) {
    if (found) {
      open_questions_.erase(file);
    } else if (reading_ <= kReadingsThatMatter || open_questions_.count(file) > 0) {
      open_questions_[file] = 0;
    }
  }
  for (auto question = open_questions_.begin(); question != open_questions_.end();) {
    const bool unmapped = listed_.count(question->first) == 0 && ++question->second == 2;
    question = unmapped ? open_questions_.erase(question) : std::next(question);
  }
  listed_.clear();
  if (disturbed && ++disturbed_ <= kMaxDisturbed) return false;
  return reading_++ >= kReadingsThatMatter && open_questions_.empty();
}

}  // namespace cj
