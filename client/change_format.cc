#include <array>

#include "base/text.h"
#include "client/format.h"
#include "client/paths.h"
#include "client/quote.h"
#include "protocol/json_text.h"

namespace cj::client {
namespace {

struct Look {
  std::string_view change;
  char sign;
  std::string_view colour;  // SGR parameters
};
constexpr std::array kLooks = {Look{"created", '+', "32"}, Look{"modified", '~', "33"},
                               Look{"renamed", '>', "36"}, Look{"deleted", '-', "31"},
                               Look{"rescan", '?', "35"}};

const Look& LookOf(std::string_view change) {
  for (const Look& look : kLooks) {
    if (look.change == change) return look;
  }
  return kLooks.back();
}

std::string_view ShortType(std::string_view type) {
  if (type == "directory") return "dir";
  if (type == "symlink") return "link";
  if (type == "socket") return "sock";
  return type.empty() ? "-" : type;
}

std::string What(const Change& change) {
  std::string what;
  auto add = [&](bool applies, std::string_view word) {
    if (!applies) return;
    if (!what.empty()) what += ',';
    what += word;
  };
  add(change.data, "data");
  add(change.metadata, "meta");
  add(change.recursive, "tree");
  add(change.transient, "transient");
  add(change.maybe, "maybe");
  return what;
}

std::string Padded(std::string_view text, std::size_t width) {
  std::string padded(text);
  if (padded.size() < width) padded.resize(width, ' ');
  return padded;
}

}  // namespace

std::string FormatChangeText(const Change& change, const Style& style) {
  // As wide as the widest usual cells: the answer is shown while it arrives, so the widths of what
  // is to come are not known.
  constexpr std::size_t kTypeWidth = 5;
  constexpr std::size_t kWhatWidth = 9;
  const Look& look = LookOf(change.change);
  auto name = [&](const std::string& path) { return style.terminal ? QuoteName(path) : path; };
  std::string what = What(change);
  if (what.empty() && !style.terminal) what = "-";
  std::string_view type = ShortType(change.type);
  std::string line(1, look.sign);
  line += ' ';
  line += style.terminal ? Padded(type, kTypeWidth) : std::string(type);
  line += ' ';
  line += style.terminal ? Padded(what, kWhatWidth) : what;
  line += ' ';
  if (!change.from.empty()) line += name(change.from) + " -> ";
  line += name(change.path);
  if (style.colour) return "\x1b[" + std::string(look.colour) + "m" + line + "\x1b[0m\n";
  return line + "\n";
}

std::string FormatChangeJson(const Change& change) {
  JsonLine line;
  line.String("change", change.change);
  line.Path("path", change.path);
  if (!change.from.empty()) line.Path("from", change.from);
  if (!change.type.empty()) line.String("type", change.type);
  if (change.data) line.True("data");
  if (change.metadata) line.True("metadata");
  if (change.recursive) line.True("recursive");
  if (change.transient) line.True("transient");
  if (change.maybe) line.True("maybe");
  return line.Take() + "\n";
}

std::string FormatSummaryJson(const Summary& summary) {
  JsonLine inner;
  inner.String("since", summary.since);
  inner.String("next", summary.next);
  inner.Int("changes", summary.changes);
  inner.True("complete");
  if (summary.excludes) inner.True("excludes");
  JsonLine line;
  line.Raw("summary", inner.Take());
  return line.Take() + "\n";
}

std::optional<Change> RelativeChange(const Change& change, std::string_view directory) {
  // How much of the directory a path concerns: its place in it, "." when it covers all of it.
  auto place = [&](const std::string& path) -> std::optional<std::string> {
    if (path.empty()) return std::nullopt;
    if (auto relative = RelativePath(directory, path)) return relative;
    if (change.recursive && PathContains(path, directory)) return ".";
    return std::nullopt;
  };
  std::optional<std::string> path = place(change.path);
  std::optional<std::string> from = place(change.from);
  if (!path && !from) return std::nullopt;
  Change seen = change;
  seen.from.clear();
  if (change.change != "renamed") {
    if (!path) return std::nullopt;
    seen.path = *path;
  } else if (path && from) {
    seen.path = *path;
    seen.from = *from;
  } else {
    seen.change = path ? "created" : "deleted";
    seen.path = path ? *path : *from;
  }
  return seen;
}

}  // namespace cj::client
