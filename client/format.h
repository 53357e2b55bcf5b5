// One change or record as text, and tables. Pure: what the terminal can do is an argument. All
// results end with a newline unless said otherwise.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/answers.h"
#include "client/time_expression.h"

namespace cj::client {

// How text for people looks. Both false in a pipe: stable bytes, names as they are.
struct Style {
  bool terminal = false;  // align columns, quote odd names
  bool colour = false;
};

// "<sign> <type> <what> <path>": sign + created, ~ modified, > renamed ("from -> path"), - deleted,
// ? rescan; type file, dir, link, fifo, sock, char or block; what: data, meta, tree (with all below
// it) and transient, joined by commas, or '-' when none of them applies (a space on a terminal).
std::string FormatChangeText(const Change& change, const Style& style);
// The object of CONTRACT's order: change, path, from, type, data, metadata, recursive, transient,
// maybe.
std::string FormatChangeJson(const Change& change);
std::string FormatSummaryJson(const Summary& summary);

// The change as seen from `directory`; nullopt when it does not concern it. A rename across the
// border is a creation or a deletion; a recursive change above the directory is one of ".".
std::optional<Change> RelativeChange(const Change& change, std::string_view directory);

// How a record's time looks.
enum class TimeStyle { kMonth, kIso, kIsoPrecise, kUnix };

std::string FormatRecordShort(const Record& record, const Style& style, const UtcOffset& zone,
                              TimeStyle time = TimeStyle::kMonth);
std::string FormatRecordVerbose(const Record& record, const Style& style, const UtcOffset& zone);
std::string FormatRecordJson(const Record& record);
// The path alone, as it is; nothing for a record whose path is not known.
std::string FormatRecordCat(const Record& record);
// A gap among records: one line for people, one object for programs ({"gap": {...}}).
std::string FormatGapShort(const Gap& gap, const Style& style, const UtcOffset& zone);
std::string FormatGapJson(const Gap& gap);
// Among records: up to where they have been told ({"position": {"token": ..., "sequence": ...}}).
std::string FormatPositionJson(const FeedPosition& position);
// "from to to: cause (volume)"; a gap from 0 on is "since the beginning, until to: ..."
std::string GapText(const Gap& gap, const Style& style, const UtcOffset& zone);

// Rows of equal length; every column as wide as its widest cell, two spaces between, nothing after
// the last. The first row is the heading.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows, const Style& style);

std::string FormatStatus(const StatusAnswer& status, const Style& style, const UtcOffset& zone);
std::string FormatConsumers(const ConsumersReply& reply, const Style& style, const UtcOffset& zone);
std::string FormatPeriods(const std::vector<Period>& periods, const Style& style,
                          const UtcOffset& zone);
std::string FormatFindings(const std::vector<Finding>& findings, const Style& style);

}  // namespace cj::client
