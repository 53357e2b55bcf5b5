// crawl: asks for one and shows how far it is, on stderr.
#include <cstdio>
#include <optional>

#include "client/answers.h"
#include "client/crawl_progress.h"
#include "client/requests.h"
#include "client/session.h"

namespace cj::client {

Outcome RunCrawl(Session& session, const Options& options) {
  Status sent =
      session.connection.CallMore(MethodName("Crawl"), *CrawlParameters(options.crawl_paths));
  if (!sent) return Fail(ExitStatus::kFailed, sent.error().message);
  std::optional<Crawl> last;
  {
    CrawlProgress progress(session.progress);
    for (NextAnswer next = NextReply(session);; next = NextReply(session)) {
      if (!next.reply && next.outcome.status != ExitStatus::kSuccess) return next.outcome;
      if (!next.reply) break;
      auto crawl = ReadCrawlReply(*next.reply->parameters);
      if (!crawl) return Fail(crawl.error());
      progress.Show(*crawl);
      last = *crawl;
    }
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
