// What metrics and top make of the daemon's words: text, counts and pictures.
#include <catch2/catch.hpp>
#include <string>

#include "client/busy_directories.h"
#include "client/metrics_text.h"
#include "client/top_frame.h"

using namespace cj;
using namespace cj::client;

namespace {

constexpr std::int64_t kSecond = 1'000'000;
std::int64_t Utc(std::int64_t) { return 0; }

Record Of(const std::string& path, const std::string& from = "") {
  Record record;
  record.path = path;
  record.from = from;
  return record;
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("metrics: labels are escaped and UTF-8") {
  CHECK(EscapeLabel("plain") == "plain");
  CHECK(EscapeLabel("a\\b\"c\nd") == "a\\\\b\\\"c\\nd");
  CHECK(EscapeLabel("\xc3\xa4") == "\xc3\xa4");
  CHECK(EscapeLabel("/\xff") == "$'/\\\\377'");
}

TEST_CASE("metrics: families, base units, gaps by what they are of") {
  StatusAnswer status;
  status.version = "1.2";
  status.journal = "0123abcd";
  status.counters.events_read = 12;
  status.backlog = {100, 4096, 1'500'000};
  status.gaps = {{"", 0, 1, "the daemon was not running, and left nothing: old version"},
                 {"", 0, 1, "the daemon was not running, and left nothing: other trees"},
                 {"", 0, 1, "it is not mounted", 7}};
  status.consumers.resize(1);
  status.consumers[0].name = "mirror";
  status.consumers[0].lag_usec = 60 * kSecond;
  status.consumers[0].expired = "MaxUse=";
  const std::string text = FormatMetrics(status);
  CHECK(Has(text,
            "# HELP changejournal_events_read_total Events read from the kernel.\n"
            "# TYPE changejournal_events_read_total counter\n"
            "changejournal_events_read_total 12\n"));
  CHECK(Has(text, "changejournal_build_info{version=\"1.2\",journal=\"0123abcd\"} 1\n"));
  CHECK(Has(text, "changejournal_lag_seconds 1.500000\n"));
  CHECK(Has(text,
            "changejournal_gaps{cause=\"the daemon was not running, and left nothing\","
            "state=\"open\"} 2\n"));
  CHECK(Has(text, "changejournal_gaps{cause=\"it is not mounted\",state=\"filled\"} 1\n"));
  CHECK(Has(text, "changejournal_consumer_lag_seconds{consumer=\"mirror\"} 60.000000\n"));
  CHECK(Has(text, "changejournal_consumer_expired{consumer=\"mirror\"} 1\n"));
  CHECK_FALSE(Has(text, "strict"));
  status.strict = StatusAnswer::Strict{3, 1, true, 9};
  CHECK(Has(FormatMetrics(status), "changejournal_strict_answered_total 9\n"));
}

TEST_CASE("top: records count for the directories they are in") {
  BusyDirectories busy;
  busy.Add(Of("/a/x"), 0);
  busy.Add(Of("/a/y"), 0);
  busy.Add(Of("/x"), 0);
  busy.Add(Of("/b/new", "/a/old"), 0);
  busy.Add(Of("/a/z", "/a/old"), 0);
  busy.Add(Of(""), 0);
  const auto all = busy.Busiest(10, 0);
  REQUIRE(all.size() == 4);
  CHECK(all[0].path == "/a");
  CHECK(all[0].records == 4);
  CHECK(all[1].path.empty());  // of equals by name
  CHECK(all[2].path == "/");
  CHECK(all[3].path == "/b");
  CHECK(busy.Busiest(1, 0).size() == 1);
}

TEST_CASE("top: a steady rate is told as it is, and fades by half in the half-life") {
  BusyDirectories busy;
  std::int64_t now_usec = 0;
  for (int i = 0; i < 20 * 100; ++i) {
    busy.Add(Of("/a/x"), now_usec);
    now_usec += kSecond / 20;
  }
  CHECK(busy.Busiest(1, now_usec)[0].per_second == Approx(20).epsilon(0.02));
  const std::int64_t later = now_usec + BusyDirectories::kHalfLifeUsec;
  CHECK(busy.Busiest(1, later)[0].per_second == Approx(10).epsilon(0.02));
  // What is busy now stands before what was.
  for (int i = 0; i < 400; ++i) busy.Add(Of("/b/x"), later);
  CHECK(busy.Busiest(1, later)[0].path == "/b");
}

TEST_CASE("top: the table has an end, and the busy ones stay") {
  BusyDirectories busy;
  for (int i = 0; i < 5; ++i) busy.Add(Of("/busy/x"), 0);
  for (std::size_t i = 0; i < BusyDirectories::kMaxDirectories * 3; ++i) {
    busy.Add(Of("/d" + std::to_string(i) + "/x"), 0);
    REQUIRE(busy.size() <= BusyDirectories::kMaxDirectories);
  }
  CHECK(busy.size() >= BusyDirectories::kMaxDirectories / 2);
  CHECK(busy.Busiest(1, 0)[0].path == "/busy");
  CHECK(busy.Busiest(1, 0)[0].records == 5);
  const std::size_t before = busy.size();
  busy.Add(Of("/" + std::string(BusyDirectories::kMaxPathBytes, 'x') + "/y"), 0);
  CHECK(busy.size() == before);
}

TEST_CASE("top: a picture fits its terminal, and names cannot leave their line") {
  TopPicture picture;
  picture.now_usec = 1795255200'000000;
  picture.status.journal = "0123abcd";
  picture.status.counters = {1000, 50, 0, 20, 0, 0, 0, 0, 0};
  picture.before.events_read = 500;
  picture.interval_usec = 2 * kSecond;
  picture.status.store_bytes = 3 << 20;
  picture.busiest = {{"/srv/\x1b[2J\n", 12.34, 7}, {"", 0, 1}, {"/\xc3\xa4\xc3\xa4\xc3\xa4", 0, 1}};
  auto lines = FormatTop(picture, {24, 200}, Utc);
  REQUIRE(lines.size() == kTopHeadLines + 3);
  CHECK(lines[0] == "changectl top - 2026-11-21 10:00:00, journal 0123abcd");
  CHECK(lines[1] ==
        "Events:  250.0/s read, 25.0/s recorded, 10.0/s repeats dropped, 0.0/s elsewhere");
  CHECK(lines[2] == "Behind:  0B of events, 0; no consumers");
  CHECK(lines[6] == "     12.3         7  $'/srv/\\E[2J\\n'");
  CHECK(lines[7] == "      0.0         1  (unknown)");
  lines = FormatTop(picture, {8, 23}, Utc);
  REQUIRE(lines.size() == 8);
  lines = FormatTop(picture, {9, 23}, Utc);
  CHECK(lines[8] == "      0.0         1  /\xc3\xa4");  // 23 characters, none of them cut
  CHECK(FormatTop(picture, {0, 0}, Utc).empty());
  // The first picture has nothing to compare with.
  picture.interval_usec = 0;
  CHECK(Has(FormatTop(picture, {24, 80}, Utc)[1], "-/s read"));
  picture.status.storage_error = "disk full";
  CHECK(FormatTop(picture, {24, 80}, Utc)[2] == "NOT STORING: 'disk full'");
  picture.status.storage_error.clear();
  picture.status.backlog = {2048, 4096, 3 * kSecond};
  picture.status.consumers.resize(2);
  picture.status.consumers[1].name = "mirror";
  picture.status.consumers[1].waiting = 9;
  CHECK(FormatTop(picture, {24, 80}, Utc)[2] ==
        "Behind:  2.0K of events, 3s; 2 consumers, the furthest mirror: 9 records");
}
