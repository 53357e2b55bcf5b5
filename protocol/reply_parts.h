// Parts that several replies have. For the .cc files that read replies.
#pragma once

#include "protocol/members.h"
#include "protocol/replies.h"

namespace cj::reply {

Change ReadChange(Members& members);
Record ReadRecord(Members& members);
Gap ReadGap(Members& members);
Crawl ReadCrawl(Members& members);
Consumer ReadConsumer(Members& members);

}  // namespace cj::reply
