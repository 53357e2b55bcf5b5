#include "client/connection.h"

#include <array>

namespace cj::client {
namespace {

// By CJ_CREATED and so on.
constexpr std::array kChanges = {"", "created", "modified", "renamed", "deleted", "rescan"};

const char* TypeName(int type) {
  switch (type) {
    case CJ_FILE:
      return "file";
    case CJ_DIRECTORY:
      return "directory";
    case CJ_SYMLINK:
      return "symlink";
    case CJ_FIFO:
      return "fifo";
    case CJ_SOCKET:
      return "socket";
    case CJ_CHAR:
      return "char";
    case CJ_BLOCK:
      return "block";
    default:
      return "";
  }
}

}  // namespace

Change ChangeOf(const cj_change& change) {
  Change result;
  result.change = kChanges.at(static_cast<std::size_t>(change.change));
  result.path.assign(change.path, change.path_length);
  result.from.assign(change.from, change.from_length);
  result.type = TypeName(change.type);
  result.data = (change.flags & CJ_DATA) != 0;
  result.metadata = (change.flags & CJ_METADATA) != 0;
  result.recursive = (change.flags & CJ_RECURSIVE) != 0;
  result.transient = (change.flags & CJ_TRANSIENT) != 0;
  result.maybe = (change.flags & CJ_MAYBE) != 0;
  return result;
}

Summary SummaryOf(const cj_summary& summary) {
  return {summary.since, summary.next, summary.changes, summary.excludes != 0};
}

Crawl CrawlOf(const cj_crawl& crawl) {
  return {crawl.running != 0, crawl.directories, crawl.entries,   crawl.expected,  crawl.changed,
          crawl.completed,    crawl.start_usec,  crawl.took_usec, crawl.unreadable};
}

Record RecordOf(const cj_record& record) {
  Record result;
  result.sequence = record.sequence;
  result.period = record.period;
  result.time_usec = record.time_usec;
  result.volume = record.volume;
  result.pid = record.pid;
  for (const char* const* name = record.operation_names; *name != nullptr; ++name) {
    result.operations.emplace_back(*name);
  }
  result.path.assign(record.path, record.path_length);
  result.from.assign(record.from, record.from_length);
  result.object = record.object;
  if (record.by != nullptr) {
    const cj_actor& by = *record.by;
    result.by = {by.pid, by.comm, by.uid < 0 ? std::nullopt : std::optional(by.uid), by.unit};
  }
  return result;
}

Gap GapOf(const cj_gap& gap) {
  return {gap.volume, gap.from_usec, gap.to_usec, gap.cause, gap.filled_in, gap.obstacle};
}

}  // namespace cj::client
