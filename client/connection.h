// The library's handles with owners, and its structs as the plain values that are formatted. One
// thread.
#pragma once

#include <memory>

#include "client/answers.h"
#include "library/changejournal.h"

namespace cj::client {

struct Closer {
  void operator()(cj_connection* handle) const { cj_close(handle); }
  void operator()(cj_replies* handle) const { cj_replies_close(handle); }
  void operator()(cj_answer* handle) const { cj_answer_close(handle); }
  void operator()(cj_log* handle) const { cj_log_close(handle); }
  void operator()(cj_feed* handle) const { cj_feed_close(handle); }
};
using Connection = std::unique_ptr<cj_connection, Closer>;
using Replies = std::unique_ptr<cj_replies, Closer>;
using AnswerHandle = std::unique_ptr<cj_answer, Closer>;
using Log = std::unique_ptr<cj_log, Closer>;
using Feed = std::unique_ptr<cj_feed, Closer>;

Change ChangeOf(const cj_change& change);
Summary SummaryOf(const cj_summary& summary);
Crawl CrawlOf(const cj_crawl& crawl);
Record RecordOf(const cj_record& record);
Gap GapOf(const cj_gap& gap);

}  // namespace cj::client
