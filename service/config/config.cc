#include "service/config/config.h"

#include <array>

#include "service/config/diagnostics.h"
#include "service/config/keys.h"
#include "service/config/syntax.h"

namespace cj {
namespace {

// A comment's close relative: systemd ignores what starts so, and so do we, for other programs'
// use.
bool IsPrivate(std::string_view name) { return name.substr(0, 2) == "X-"; }

class Parser {
 public:
  Parser() : warnings_("warnings"), errors_("errors") {}

  void Fragment(const ConfigFragment& fragment) {
    EndWatch();
    section_ = Section::kNone;
    file_ = fragment.name;
    if (fragment.text.size() > kMaxConfigFileBytes) {
      errors_.Add({file_, 0, "the file is larger than 1 MiB; split it or make it smaller"});
      return;
    }
    for (const ConfigLine& line : SplitConfig(fragment.text)) {
      switch (line.kind) {
        case ConfigLine::Kind::kBad:
          errors_.Add({file_, line.line, line.value});
          break;
        case ConfigLine::Kind::kSection:
          BeginSection(line);
          break;
        case ConfigLine::Kind::kAssignment:
          Assign(line);
          break;
      }
    }
  }

  ParsedConfig Finish() {
    EndWatch();
    return {std::move(config_), warnings_.Take(), errors_.Take()};
  }

 private:
  enum class Section { kNone, kJournal, kWatch, kIgnored };

  void BeginSection(const ConfigLine& line) {
    EndWatch();
    if (line.key == "Journal") {
      section_ = Section::kJournal;
    } else if (line.key == "Watch") {
      section_ = Section::kWatch;
      watch_line_ = line.line;
    } else {
      section_ = Section::kIgnored;
      if (!IsPrivate(line.key)) {
        warnings_.Add({file_, line.line,
                       "unknown section [" + Printable(line.key) +
                           "], ignored with all its keys; there are [Journal] and [Watch]"});
      }
    }
  }

  void Assign(const ConfigLine& line) {
    switch (section_) {
      case Section::kNone:
        errors_.Add({file_, line.line,
                     Printable(line.key) +
                         "= stands before any section; put [Journal] or [Watch] above it"});
        break;
      case Section::kJournal:
        Report(line, "Journal", AssignJournalKey(line, &config_), JournalKeyNames());
        break;
      case Section::kWatch:
        if (line.key == "Path") {
          AssignPath(line);
        } else {
          Report(line, "Watch", AssignWatchKey(line, &watch_), WatchKeyNames());
        }
        break;
      case Section::kIgnored:
        break;
    }
  }

  void AssignPath(const ConfigLine& line) {
    if (path_line_ != 0) {
      errors_.Add({file_, line.line,
                   "Path= is already set on line " + std::to_string(path_line_) +
                       "; start another [Watch] section for another tree"});
      return;
    }
    path_line_ = line.line;
    auto path = NormalPath(line.value);
    if (!path) {
      errors_.Add({file_, line.line, "Path=: " + path.error().message});
      return;
    }
    watch_.path = std::move(path).value();
  }

  void Report(const ConfigLine& line, std::string_view section, const KeyOutcome& outcome,
              std::span<const std::string_view> known) {
    if (outcome.error) {
      errors_.Add({file_, line.line, line.key + "=" + *outcome.error});
    } else if (!outcome.known && !IsPrivate(line.key)) {
      warnings_.Add({file_, line.line,
                     "unknown key " + Printable(line.key) + "= in [" + std::string(section) +
                         "], ignored; " + Suggest(line.key, known)});
    }
  }

  // The section that is open is over: keep its watch, if it is one and a good one.
  void EndWatch() {
    if (section_ == Section::kWatch) KeepWatch();
    watch_ = WatchConfig();
    path_line_ = 0;
  }

  void KeepWatch() {
    if (path_line_ == 0) {
      errors_.Add(
          {file_, watch_line_, "the [Watch] section has no Path=; add one, for example Path=/srv"});
    }
    if (watch_.path.empty()) return;  // said already
    for (std::size_t i = 0; i < config_.watches.size(); ++i) {
      if (config_.watches[i].path != watch_.path) continue;
      errors_.Add({file_, path_line_,
                   "Path=" + Printable(watch_.path) + " is watched already (" + places_[i] +
                       "); keep one of the two"});
      return;
    }
    if (config_.watches.size() == kMaxWatches) {
      errors_.Add({file_, watch_line_,
                   "more than " + std::to_string(kMaxWatches) +
                       " [Watch] sections; watch a common parent directory instead"});
      return;
    }
    config_.watches.push_back(std::move(watch_));
    places_.push_back(file_ + ":" + std::to_string(path_line_));
  }

  Config config_;
  std::vector<std::string> places_;  // of config_.watches, "file:line"
  DiagnosticList warnings_;
  DiagnosticList errors_;
  std::string file_;
  Section section_ = Section::kNone;
  WatchConfig watch_;  // of the open [Watch] section
  int watch_line_ = 0;
  int path_line_ = 0;
};

}  // namespace

ParsedConfig ParseConfig(const std::vector<ConfigFragment>& fragments) {
  Parser parser;
  for (const ConfigFragment& fragment : fragments) parser.Fragment(fragment);
  return parser.Finish();
}

}  // namespace cj
