#include "service/feed.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "service/journal_service.h"

namespace cj {
namespace {

std::vector<PeriodGap> GapsOf(const std::vector<PeriodInfo>& periods) {
  std::vector<PeriodGap> gaps;
  for (const PeriodInfo& period : periods) {
    for (const Gap& gap : period.gaps) gaps.push_back({period.id, gap});
  }
  return gaps;
}

// Records of this period that had been told may have gone with a loss of power, and their numbers
// have been given anew since: those are of later periods, because a period ends there.
SequenceNumber Within(const PeriodInfo& period, SequenceNumber after) {
  const SequenceNumber last(period.first_sequence.value + period.record_count - 1);
  return period.open() ? after : std::min(after, last);
}

// Where the request says; none: from now on. Of a consumer also its paths, unless others are asked
// for.
Result<std::optional<FeedPosition>> Begin(JournalService& service, const FeedRequest& request,
                                          std::vector<std::string>* paths) {
  std::optional<FeedPosition> begin;
  if (request.reader.consumer.has_value()) {
    CJ_ASSIGN_OR_RETURN(const Consumer consumer, service.consumers().Resolve(request.reader));
    begin = FeedPosition{consumer.period, consumer.handled};
    if (paths->empty()) *paths = consumer.paths;
  }
  const Position& place = request.reader.place;
  if (request.resume) {
    CJ_ASSIGN_OR_RETURN(begin, FindResume(service, *request.resume));
  } else if (place.token || place.time_usec) {
    CJ_ASSIGN_OR_RETURN(const PeriodId period, service.Find(place));
    begin = FeedPosition{period, SequenceNumber()};
  }
  return begin;
}

// Appends a step's entries. False: that was the end.
Result<bool> ReadStep(LogReader& reader, const FeedStep& step, std::vector<LogEntry>* entries) {
  // So many that a step is seldom far beyond its bytes.
  constexpr std::size_t kPiece = 100;
  std::size_t read = 0;
  std::size_t bytes = 0;
  bool more = true;
  while (more && read < step.entries && bytes < step.bytes) {
    std::vector<LogEntry> piece;
    CJ_ASSIGN_OR_RETURN(more, reader.Next(std::min(kPiece, step.entries - read), &piece));
    read += piece.size();
    std::move(piece.begin(), piece.end(), std::back_inserter(*entries));
    if (step.without_repeats) *entries = WithoutRepeats(std::move(*entries));
    bytes = 0;
    for (const LogEntry& entry : *entries) bytes += BytesOf(entry);
  }
  return more;
}

}  // namespace

Result<FeedPosition> FindResume(JournalService& service, const FeedRequest::Resume& resume) {
  FeedPosition position;
  CJ_ASSIGN_OR_RETURN(position.period, service.Find({resume.token, std::nullopt}));
  const auto period = service.FindPeriod(position.period);
  position.sequence = period.has_value() ? Within(*period, resume.sequence) : resume.sequence;
  // The token's own period is gone, and was quiet: the number is not of the one after it.
  const bool own = service.TokenOf(position.period) == resume.token;
  if (!own && period.has_value()) {
    position.sequence = SequenceNumber(period->first_sequence.value - 1);
  }
  const SequenceNumber next = service.next_sequence();
  if (position.sequence < next) return position;
  return Error{ErrorCode::kInvalidArgument, "record " + std::to_string(position.sequence.value) +
                                                " is not there yet; the next one will be " +
                                                std::to_string(next.value)};
}

Feed Feed::GoOn(LogQuestion question, const FeedPosition& position) {
  Feed feed(std::move(question));
  feed.question_.flush = false;
  if (!feed.question_.told) feed.question_.told.emplace();
  feed.MoveTo(position);
  return feed;
}

Result<Feed> Feed::Open(JournalService& service, const FeedRequest& request) {
  // What has been recorded in this period may lie before the position.
  service.RecordsTold();
  Feed feed(request.question);
  feed.question_.flush = false;
  feed.question_.feed = true;
  CJ_ASSIGN_OR_RETURN(const auto begin, Begin(service, request, &feed.question_.paths));
  if (begin) {
    feed.question_.told.emplace();  // at least once
    feed.MoveTo(*begin);
    return feed;
  }
  CJ_RETURN_IF_ERROR(service.Flush());
  const PeriodId open = service.OpenPeriodId();
  feed.question_.told = GapsOf(service.PeriodsWithGaps(open));
  feed.MoveTo({open, SequenceNumber(service.next_sequence().value - 1)});
  return feed;
}

void Feed::MoveTo(const FeedPosition& position) {
  position_ = position;
  question_.from_period = position.period;
  question_.after = position.sequence;
  // Of earlier periods none will be looked at again.
  std::erase_if(*question_.told,
                [&](const PeriodGap& gap) { return gap.period < position.period; });
}

bool Feed::HasMore(JournalService& service) {
  // In this order: records that come in between are of this period, or of later ones.
  const PeriodId open = service.OpenPeriodId();
  const bool records = service.next_sequence() > position_.sequence.Next();
  if (behind_ || records || service.gap_changes() != gaps_seen_) return true;
  MoveTo({std::max(position_.period, open), position_.sequence});
  return false;
}

// What has been told to its end may be dropped before more comes.
void Feed::LeaveDropped(JournalService& service) {
  if (behind_ || service.gap_changes() != gaps_seen_) return;
  const PeriodInfo oldest = service.OldestPeriod();
  const bool all_told = oldest.first_sequence <= position_.sequence.Next();
  if (position_.period < oldest.id && all_told) MoveTo({oldest.id, position_.sequence});
}

Result<FeedBatch> Feed::Next(JournalService& service, const FeedStep& step) {
  LeaveDropped(service);
  const std::uint64_t gaps = service.gap_changes();
  const PeriodId open = service.OpenPeriodId();
  const SequenceNumber next = service.next_sequence();
  question_.since = Position{service.TokenOf(position_.period), std::nullopt};
  CJ_ASSIGN_OR_RETURN(auto reader, service.OpenLog(question_));
  FeedBatch batch;
  CJ_ASSIGN_OR_RETURN(batch.more, ReadStep(*reader, step, &batch.entries));
  // Whoever looks at the log does not make it longer.
  if (question_.feed) service.RecordsTold();
  for (const LogEntry& entry : batch.entries) {
    if (entry.gap) Remember(*entry.gap);
  }
  FeedPosition position = position_;
  if (reader->last_sequence().value != 0) {
    position = {reader->last_period(), reader->last_sequence()};
  }
  if (!batch.more) {
    // All that was there then has been read, or was lost with a disk.
    position.period = std::max(position.period, open);
    position.sequence = std::max(position.sequence, SequenceNumber(next.value - 1));
    gaps_seen_ = gaps;
  }
  behind_ = batch.more;
  MoveTo(position);
  batch.position = position_;
  return batch;
}

void Feed::Remember(const PeriodGap& gap) {
  std::erase_if(*question_.told, [&](const PeriodGap& told) { return IsSameGap(told, gap); });
  question_.told->push_back(gap);
}

std::vector<LogEntry> WithoutRepeats(std::vector<LogEntry> entries) {
  std::set<std::string> later;
  std::vector<LogEntry> kept;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->gap) {
      later.clear();
    } else {
      const Record& record = entry->record;
      std::string key = std::to_string(record.operations) + " " +
                        std::to_string(record.volume.value) + " " + record.object.encoded;
      if (entry->by) key += " " + std::to_string(record.pid);
      key.append(1, '\0').append(entry->path).append(1, '\0').append(entry->from);
      if (!later.insert(std::move(key)).second) continue;
    }
    kept.push_back(std::move(*entry));
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

}  // namespace cj
