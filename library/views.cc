#include "library/views.h"

#include <string_view>

namespace cj::library {
namespace {

struct Named {
  std::string_view name;
  unsigned value;
};

constexpr Named kChanges[] = {{"created", CJ_CREATED},
                              {"modified", CJ_MODIFIED},
                              {"renamed", CJ_RENAMED},
                              {"deleted", CJ_DELETED},
                              {"rescan", CJ_RESCAN}};
constexpr Named kTypes[] = {
    {"file", CJ_FILE},     {"directory", CJ_DIRECTORY}, {"symlink", CJ_SYMLINK}, {"fifo", CJ_FIFO},
    {"socket", CJ_SOCKET}, {"char", CJ_CHAR},           {"block", CJ_BLOCK}};
constexpr Named kOperations[] = {{"created", CJ_OP_CREATED},
                                 {"deleted", CJ_OP_DELETED},
                                 {"renamed", CJ_OP_RENAMED},
                                 {"replaced", CJ_OP_REPLACED},
                                 {"linked", CJ_OP_LINKED},
                                 {"modified", CJ_OP_MODIFIED},
                                 {"closed-write", CJ_OP_CLOSED_WRITE},
                                 {"attributes", CJ_OP_ATTRIBUTES},
                                 {"silent", CJ_OP_SILENT},
                                 {"intent", CJ_OP_INTENT},
                                 {"directory", CJ_OP_DIRECTORY},
                                 {"crawled", CJ_OP_CRAWLED}};

// 0: a name that is not known.
template <std::size_t size>
unsigned ValueOf(const Named (&table)[size], std::string_view name) {
  for (const Named& each : table) {
    if (each.name == name) return each.value;
  }
  return 0;
}

}  // namespace

cj_change ViewOf(const reply::Change& change) {
  cj_change view{};
  view.change = static_cast<int>(ValueOf(kChanges, change.change));
  view.type = static_cast<int>(ValueOf(kTypes, change.type));
  auto flag = [&](bool applies, unsigned bit) { view.flags |= applies ? bit : 0U; };
  flag(change.data, CJ_DATA);
  flag(change.metadata, CJ_METADATA);
  flag(change.recursive, CJ_RECURSIVE);
  flag(change.transient, CJ_TRANSIENT);
  flag(change.maybe, CJ_MAYBE);
  view.path = change.path.c_str();
  view.path_length = change.path.size();
  view.from = change.from.c_str();
  view.from_length = change.from.size();
  return view;
}

cj_gap ViewOf(const reply::Gap& gap) {
  return {gap.volume.c_str(), gap.from_usec, gap.to_usec,
          gap.cause.c_str(),  gap.filled_in, gap.obstacle.c_str()};
}

cj_crawl ViewOf(const reply::Crawl& crawl) {
  return {crawl.running ? 1 : 0, crawl.directories, crawl.entries,   crawl.expected,  crawl.changed,
          crawl.completed,       crawl.start_usec,  crawl.took_usec, crawl.unreadable};
}

cj_absent ViewOf(const reply::AbsentTree& tree) {
  return {tree.path.c_str(), tree.path.size(), tree.why.c_str()};
}

cj_record ViewOf(const reply::Record& record, RecordParts& parts) {
  std::vector<const char*>& names = parts.names;
  names.clear();
  cj_record view{};
  for (const std::string& operation : record.operations) {
    names.push_back(operation.c_str());
    view.operations |= ValueOf(kOperations, operation);
  }
  names.push_back(nullptr);
  view.sequence = record.sequence;
  view.period = record.period;
  view.time_usec = record.time_usec;
  view.volume = record.volume;
  view.pid = record.pid;
  view.operation_names = names.data();
  view.path = record.path.c_str();
  view.path_length = record.path.size();
  view.from = record.from.c_str();
  view.from_length = record.from.size();
  view.object = record.object.c_str();
  if (record.by) {
    const reply::Actor& by = *record.by;
    parts.by = {by.pid, by.comm.c_str(), by.uid.value_or(-1), by.unit.c_str()};
    view.by = &parts.by;
  }
  return view;
}

}  // namespace cj::library
