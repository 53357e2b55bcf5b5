// What a crawl hands over to be stored at once, in the open period. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "journal/record.h"

namespace cj {

struct CrawlBatch {
  std::vector<Record> found;        // period and sequence are set when they are stored
  std::optional<std::string> note;  // how far the crawl is, once `found` is stored
  std::vector<GapFill> fills;       // the crawl is complete: once all that it found is stored
  bool complete = false;            // with or without fills; the note goes
  std::uint64_t losses = 0;         // Store::losses() when the crawl began
};

}  // namespace cj
