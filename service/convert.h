// From our values to the JSON of org.changejournal (service/org.changejournal.varlink). Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "journal/change.h"
#include "service/journal_service.h"
#include "service/object_ids.h"

namespace cj {

// A reply that has become so long gets no more changes or records: even where each byte of its
// paths is escaped in six, it stays below the limit of a message (kMaxReplyBytes).
inline constexpr std::size_t kFullReply = std::size_t{1} << 20;

// The type of this name, which is one of those of a Change.
FileType FileTypeOf(std::string_view name);

// As text, because a million of them as values take longer than finding them out. Appends.
void AppendJson(const Change& change, std::string* text);
nlohmann::json ToJson(const PeriodInfo& period, const std::string& token);
nlohmann::json ToJson(const LogEntry& entry, const ObjectIds& ids);
nlohmann::json ToJson(const Gap& gap);
nlohmann::json ToJson(const Diagnosis& diagnosis);
nlohmann::json ToJson(const CrawlStatus& crawl);
nlohmann::json ToJson(const JournalService::Started& started);
nlohmann::json SummaryToJson(const OpenedAnswer& answered);
// All of them, and the ends of what can be read.
nlohmann::json ToJson(const ConsumerList& list, const JournalService& service);
nlohmann::json ToJson(const ServiceStatus& status, const JournalService& service);

// Gaps that GetStatus tells: more make a reply that is too long for a message at last.
inline constexpr std::size_t kMaxGapsTold = 10'000;
// `gaps`: all that are open, and the newest of those that are filled. `gaps_left_out`: the others.
void PutGaps(const ServiceStatus& status, nlohmann::json* object);

}  // namespace cj
