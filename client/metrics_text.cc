#include "client/metrics_text.h"

#include <array>
#include <cstdio>
#include <map>
#include <utility>

#include "base/text.h"
#include "client/quote.h"

namespace cj::client {
namespace {

std::string Seconds(std::int64_t usec) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%lld.%06lld", static_cast<long long>(usec / 1'000'000),
                static_cast<long long>(usec % 1'000'000));
  return text.data();
}

std::string Label(const std::string& name, std::string_view value) {
  return name + "=\"" + EscapeLabel(value) + "\"";
}

class Text {
 public:
  // A family; its samples follow.
  void Begin(const std::string& name, const char* type, const std::string& help) {
    name_ = "changejournal_" + name;
    text_ += "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " " + type + "\n";
  }
  void Sample(const std::string& labels, const std::string& value) {
    text_ += name_ + (labels.empty() ? "" : "{" + labels + "}") + " " + value + "\n";
  }
  void Sample(const std::string& labels, std::int64_t value) {
    Sample(labels, std::to_string(value));
  }
  void Counter(const std::string& name, std::int64_t value, const std::string& help) {
    Begin(name, "counter", help);
    Sample("", value);
  }
  void Gauge(const std::string& name, std::int64_t value, const std::string& help) {
    Begin(name, "gauge", help);
    Sample("", value);
  }
  void Time(const std::string& name, std::int64_t usec, const std::string& help) {
    Begin(name, "gauge", help);
    Sample("", Seconds(usec));
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

void AddTraffic(const StatusAnswer& status, Text* text) {
  const StatusAnswer::Counters& counters = status.counters;
  text->Counter("events_read_total", counters.events_read, "Events read from the kernel.");
  text->Counter("records_stored_total", counters.records_stored, "Records stored.");
  text->Counter("events_out_of_scope_total", counters.out_of_scope,
                "Events outside of the watched trees, or excluded.");
  text->Counter("events_duplicate_total", counters.duplicates,
                "Events that repeat what the open period has.");
  text->Counter("files_ignored_total", counters.ignored,
                "Times the kernel was told not to report further writes of a file in a period.");
  text->Counter("queue_overflows_total", counters.overflows, "Times the kernel dropped events.");
  text->Counter("drains_total", counters.drains, "Times the kernel's queue was emptied.");
  text->Counter("appends_total", counters.appends, "Batches of records written to the store.");
  text->Counter("checkpoints_total", counters.checkpoints, "Checkpoints made.");
  if (status.backlog) {
    text->Gauge("spool_used_bytes", status.backlog->bytes,
                "Events read from the kernel and not stored yet.");
    text->Gauge("spool_size_bytes", status.backlog->capacity_bytes, "Room for such events.");
    text->Time("lag_seconds", status.backlog->lag_usec,
               "Age of the oldest event that is read and not stored; 0 where there is none.");
  }
  text->Gauge("storage_failing", status.storage_error.empty() ? 0 : 1,
              "1 while records cannot be stored.");
}

// A cause without its particulars, so that there are few.
std::string CauseOf(const Gap& gap) { return gap.cause.substr(0, gap.cause.find(": ")); }

void AddKept(const StatusAnswer& status, Text* text) {
  text->Gauge("store_size_bytes", status.store_bytes, "The store on disk.");
  text->Gauge("periods", status.periods, "Periods that are kept, the open one included.");
  text->Gauge("open_period_records", status.open_period.records, "Records of the open period.");
  text->Time("open_period_start_time_seconds", status.open_period.start_usec,
             "When the open period began, since 1970.");
  std::map<std::pair<std::string, std::string>, std::int64_t> gaps;
  for (const Gap& gap : status.gaps) {
    ++gaps[{CauseOf(gap), gap.filled_in != 0 ? "filled" : "open"}];
  }
  text->Begin("gaps", "gauge", "Gaps in the kept periods; what spans an open one has no answer.");
  for (const auto& [key, count] : gaps) {
    text->Sample(Label("cause", key.first) + "," + Label("state", key.second), count);
  }
}

void AddPlaces(const StatusAnswer& status, Text* text) {
  text->Gauge("volumes", static_cast<std::int64_t>(status.volumes.size()), "Marked filesystems.");
  text->Begin("watch_present", "gauge", "1 where the watched tree is there.");
  for (const StatusAnswer::Watch& watch : status.watches) {
    text->Sample(Label("path", watch.path), watch.absent.empty() ? 1 : 0);
  }
}

void AddConsumers(const StatusAnswer& status, Text* text) {
  auto family = [&](const std::string& name, const std::string& help, auto value) {
    text->Begin(name, "gauge", help);
    for (const Consumer& consumer : status.consumers) {
      text->Sample(Label("consumer", consumer.name), value(consumer));
    }
  };
  family("consumer_waiting_records", "Records that the consumer has not acknowledged.",
         [](const Consumer& consumer) { return consumer.waiting; });
  family("consumer_waiting_bytes", "The same on disk, about.",
         [](const Consumer& consumer) { return consumer.waiting_bytes; });
  family("consumer_lag_seconds", "Age of the oldest ended period with such records.",
         [](const Consumer& consumer) { return Seconds(consumer.lag_usec); });
  family("consumer_expired", "1 where nothing is kept for it any more.",
         [](const Consumer& consumer) -> std::int64_t { return consumer.expired.empty() ? 0 : 1; });
}

void AddCrawls(const StatusAnswer& status, Text* text) {
  const Crawl& crawl = status.crawl;
  text->Counter("crawls_total", crawl.completed, "Crawls completed.");
  text->Gauge("crawl_running", crawl.running ? 1 : 0, "1 while a crawl walks the trees.");
  text->Gauge("crawl_entries", crawl.entries, "Entries that the present or last crawl looked at.");
  text->Gauge("crawl_expected_entries", crawl.expected, "... of about so many; 0: not known.");
  text->Gauge("crawl_changed", crawl.changed, "... and told as changed.");
}

void AddStrict(const StatusAnswer& status, Text* text) {
  if (!status.strict) return;
  text->Counter("strict_answered_total", status.strict->answered, "Permission events answered.");
  text->Counter("strict_intents_total", status.strict->intents, "Intents recorded.");
  text->Counter("strict_missed_total", status.strict->missed,
                "Programs that went on before their intent was on record.");
  text->Gauge("strict_waits", status.strict->waits ? 1 : 0,
              "0 while programs are let through unrecorded.");
}

}  // namespace

std::string EscapeLabel(std::string_view value) {
  std::string escaped;
  for (char c : IsUtf8(value) ? std::string(value) : QuoteName(value)) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string FormatMetrics(const StatusAnswer& status) {
  Text text;
  text.Begin("build_info", "gauge", "The daemon's version and its journal's identity.");
  text.Sample(Label("version", status.version) + "," + Label("journal", status.journal), 1);
  text.Time("start_time_seconds", status.start_usec, "When the daemon was started, since 1970.");
  text.Gauge("survives_kill", status.survives_kill ? 1 : 0,
             "1 where a daemon that is killed leaves no gap.");
  AddTraffic(status, &text);
  AddKept(status, &text);
  AddPlaces(status, &text);
  AddConsumers(status, &text);
  AddCrawls(status, &text);
  AddStrict(status, &text);
  text.Gauge("connections", status.connections, "Clients that are connected.");
  text.Gauge("answers", status.answers, "Answers being made.");
  text.Gauge("resident_memory_bytes", status.resident_bytes, "Memory of the daemon.");
  return text.Take();
}

}  // namespace cj::client
