// Replies as C callers read them: structs that point into the values they are made of, which must
// stay where they are. Pure.
#pragma once

#include <vector>

#include "library/changejournal.h"
#include "protocol/replies.h"

namespace cj::library {

cj_change ViewOf(const reply::Change& change);
cj_gap ViewOf(const reply::Gap& gap);
cj_crawl ViewOf(const reply::Crawl& crawl);
cj_absent ViewOf(const reply::AbsentTree& tree);
// What a view of a record points at beside the record; must outlive the view, in its place.
struct RecordParts {
  std::vector<const char*> names = {};
  cj_actor by = {};
};
cj_record ViewOf(const reply::Record& record, RecordParts& parts);

}  // namespace cj::library
