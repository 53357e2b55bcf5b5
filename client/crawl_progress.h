// A line on a terminal's stderr that says how far a crawl is, again and again. One thread.
#pragma once

#include <string>

#include "client/answers.h"

namespace cj::client {

// "1234 of about 5678 files looked at, 9 changed"; no newline. Pure.
std::string FormatCrawl(const Crawl& crawl);

class CrawlProgress {
 public:
  // `visible` false: nothing is written.
  explicit CrawlProgress(bool visible) : visible_(visible) {}
  ~CrawlProgress() { Clear(); }
  CrawlProgress(const CrawlProgress&) = delete;
  CrawlProgress& operator=(const CrawlProgress&) = delete;

  void Show(const Crawl& crawl);
  // Takes the line away.
  void Clear();

 private:
  bool visible_;
  bool shown_ = false;
};

}  // namespace cj::client
