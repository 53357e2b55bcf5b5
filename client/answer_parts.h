// Parts that several of the replies in answers.h have. For the .cc files that read them.
#pragma once

#include "client/answers.h"
#include "protocol/reply_parts.h"

namespace cj::client {

Period ReadPeriod(reply::Members& members);

}  // namespace cj::client
