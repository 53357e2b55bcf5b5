#include "client/crawl_progress.h"

#include <unistd.h>

#include <algorithm>

namespace cj::client {
namespace {

// ECMA-48: to the line's beginning, and erase it.
constexpr const char* kEraseLine = "\r\x1b[K";

void Write(const std::string& text) {
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

std::string FormatCrawl(const Crawl& crawl) {
  std::string text = std::to_string(crawl.entries);
  // The filesystem's count is of all of it, and may be old.
  if (crawl.expected > crawl.entries) text += " of about " + std::to_string(crawl.expected);
  return text + " files looked at, " + std::to_string(crawl.changed) + " told as changed";
}

void CrawlProgress::Show(const Crawl& crawl) {
  if (!visible_) return;
  const std::string what = crawl.running ? FormatCrawl(crawl) : "waiting for it to begin";
  Write(kEraseLine + ("changectl: crawling: " + what));
  shown_ = true;
}

void CrawlProgress::Clear() {
  if (shown_) Write(kEraseLine);
  shown_ = false;
}

}  // namespace cj::client
