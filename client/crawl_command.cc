// crawl: asks for one and shows how far it is, on stderr.
#include <cstdio>
#include <optional>
#include <string>

#include "client/answers.h"
#include "client/crawl_progress.h"
#include "client/requests.h"
#include "client/session.h"
#include "protocol/message.h"

namespace cj::client {

Outcome RunCrawl(Session& session, const Options& options) {
  const std::string parameters = DumpJson(*CrawlParameters(options.crawl_paths));
  cj_replies* opened = nullptr;
  if (cj_call_more(session.connection.get(), "Crawl", parameters.c_str(), &opened) < 0) {
    return FailOf(session);
  }
  const Replies replies(opened);
  std::optional<Crawl> last;
  {
    CrawlProgress progress(session.progress);
    const char* text = nullptr;
    int result = 0;
    while ((result = cj_replies_next(replies.get(), &text)) > 0) {
      auto reply = ParseReplyText(text);
      if (!reply) return Fail(reply.error());
      auto crawl = ReadCrawlReply(**reply);
      if (!crawl) return Fail(crawl.error());
      progress.Show(*crawl);
      last = *crawl;
    }
    if (result < 0) return FailOf(session);
  }
  if (!last) return Fail(ExitStatus::kFailed, "the daemon did not say how the crawl went");
  if (options.crawl_paths.empty()) {
    std::fprintf(stderr, "no gap is open; the last crawl: %s\n", FormatCrawl(*last).c_str());
  } else {
    std::fprintf(stderr, "done: %s\n", FormatCrawl(*last).c_str());
  }
  return {};
}

}  // namespace cj::client
