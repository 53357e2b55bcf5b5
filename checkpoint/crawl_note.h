// How far a crawl is, kept in the store, so that a process that comes after this one goes on where
// it was. Directories directly below a watch's root are what is remembered; a crawl that goes on
// walks those again that were not finished, and of the finished ones only what later gaps need.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fanotify/file_handle.h"
#include "journal/gaps.h"
#include "journal/scope.h"

namespace cj {

// Finished directories that a note names; further ones are walked again. Half a MiB at most.
inline constexpr std::size_t kMaxNotedDirectories = 4096;

struct CrawlNote {
  std::uint64_t watched = 0;    // WatchedHash() of the watches: others were walked otherwise
  std::vector<PeriodGap> gaps;  // that the crawl was for
  struct Walked {
    std::uint32_t watch = 0;  // its number
    FileHandle directory;
    friend bool operator==(const Walked&, const Walked&) = default;
  };
  std::vector<Walked> walked;
  friend bool operator==(const CrawlNote&, const CrawlNote&) = default;
};

std::uint64_t WatchedHash(const std::vector<Watch>& watches);

// Empty where the note would be too long for the store: then a crawl begins anew.
std::string EncodeCrawlNote(const CrawlNote& note);
// An empty text is an empty note. kCorruption: damaged.
Result<CrawlNote> DecodeCrawlNote(std::string_view text);

}  // namespace cj
