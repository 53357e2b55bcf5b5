// One picture of `top`, as lines. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "client/answers.h"
#include "client/busy_directories.h"
#include "client/time_expression.h"

namespace cj::client {

struct TopPicture {
  std::int64_t now_usec = 0;
  StatusAnswer status;
  StatusAnswer::Counters before;   // of the picture before
  std::int64_t interval_usec = 0;  // since then; 0: this is the first one
  std::vector<BusyDirectories::Busy> busiest;
};

struct TopSize {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

// How many lines stand above the directories.
inline constexpr std::size_t kTopHeadLines = 6;

// At most `rows` lines of at most `columns` characters (a character that is two columns wide counts
// as one). Names are quoted: whatever a file is called, nothing but text comes out.
std::vector<std::string> FormatTop(const TopPicture& picture, const TopSize& size,
                                   const UtcOffset& zone);

}  // namespace cj::client
