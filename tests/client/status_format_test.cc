// Tables and the status page.
#include <catch2/catch.hpp>
#include <string>

#include "client/format.h"

using namespace cj;
using namespace cj::client;

namespace {
constexpr Style kPipe{false, false};
constexpr Style kTerminal{true, false};
constexpr Style kColour{true, true};
std::int64_t Utc(std::int64_t) { return 0; }
constexpr std::int64_t kTime = 1795255200'000000;  // 2026-11-21 10:00:00 UTC
}  // namespace

TEST_CASE("tables: columns as wide as their widest cell, counted in characters") {
  CHECK(FormatTable({{"A", "LONG", "C"}, {"\xc3\xa4\xc3\xb6", "x", ""}, {"1", "2", "3"}}, kPipe) ==
        "A   LONG  C\n\xc3\xa4\xc3\xb6  x\n1   2     3\n");
  CHECK(FormatTable({{"A"}, {"b"}}, kColour) == "\x1b[1mA\x1b[0m\nb\n");
  CHECK(FormatTable({}, kPipe).empty());
}

TEST_CASE("periods") {
  Period sealed;
  sealed.token = "cj1-0123abcd-1";
  sealed.start_usec = kTime;
  sealed.end_usec = kTime + 1'000'000;
  sealed.records = 12345;
  sealed.label = "before\x1b upgrade";
  sealed.gaps.push_back({"", 0, 1, "the daemon was not running"});
  Period open;
  open.token = "cj1-0123abcd-2";
  open.start_usec = kTime + 1'000'000;
  open.gaps = {{"", 0, 1, "it is not mounted"}, {"", 0, 1, "the daemon was not running"}};
  open.gaps.back().filled_in = 2;
  CHECK(FormatPeriods({sealed, open}, kTerminal, Utc) ==
        "TOKEN           START                END                  RECORDS  GAPS         LABEL\n"
        "cj1-0123abcd-1  2026-11-21 10:00:00  2026-11-21 10:00:01  12345    1            "
        "$'before\\E upgrade'\n"
        "cj1-0123abcd-2  2026-11-21 10:00:01  open                 0        1, 1 filled  -\n");
  open.gaps.erase(open.gaps.begin());
  CHECK(FormatPeriods({open}, kPipe, Utc).find("  1 filled  -\n") != std::string::npos);
  open.gaps.clear();
  CHECK(FormatPeriods({open}, kPipe, Utc).find("  0        -     -\n") != std::string::npos);
}

TEST_CASE("status") {
  StatusAnswer status;
  status.version = "0.1.0";
  status.pid = 77;
  status.start_usec = kTime;
  status.journal = "0123abcd";
  status.state_directory = "/var/lib/changejournal";
  status.store_bytes = 3 << 20;
  status.open_period.token = "cj1-0123abcd-2";
  status.open_period.start_usec = kTime;
  status.open_period.records = 1;
  status.oldest = "cj1-0123abcd-1";
  status.periods = 2;
  status.watches = {{"/srv", 1, {"*.o"}, "", "off", ""},
                    {"/home", 9, {}},
                    {"/mnt/disk", 0, {}, "it is not there", "off", ""}};
  status.volumes = {{1, "ext4", "some-uuid", "/srv"}};
  status.events_read = 10;
  status.records_stored = 5;
  status.connections = 1;
  status.resident_bytes = 20 << 20;
  CHECK(FormatStatus(status, kPipe, Utc) ==
        "     Daemon: changejournald 0.1.0, pid 77, since 2026-11-21 10:00:00\n"
        "    Journal: 0123abcd in /var/lib/changejournal, 3.0M\n"
        "  If killed: a gap: only systemd can keep what the next daemon would need\n"
        "    Watches: /srv (ext4 some-uuid), 1 exclude\n"
        "             /home (volume 9)\n"
        "             /mnt/disk, absent: it is not there\n"
        "Open period: cj1-0123abcd-2, since 2026-11-21 10:00:00, 1 record\n"
        "    Periods: 2 kept, the oldest is cj1-0123abcd-1\n"
        "       Gaps: none\n"
        "    Traffic: 10 events read, 5 records stored, 1 connection\n"
        "     Memory: 20.0M\n");
  status.survives_kill = true;
  status.storage_error = "No space left on device";
  status.gaps = {{"ext4 some-uuid", kTime, kTime + 2'000'000, "overflow"}};
  std::string text = FormatStatus(status, kColour, Utc);
  CHECK(text.find("Storage: \x1b[1;31mfailing: No space left on device\x1b[0m\n") !=
        std::string::npos);
  CHECK(text.find("If killed: the next daemon goes on") != std::string::npos);
  CHECK(
      text.find("2026-11-21 10:00:00 to 2026-11-21 10:00:02: overflow ('ext4 some-uuid'); open") !=
      std::string::npos);
  // A tree that was never watched before.
  status.gaps.front().from_usec = 0;
  text = FormatStatus(status, kPipe, Utc);
  CHECK(text.find(
            "Gaps: since the beginning, until 2026-11-21 10:00:02: overflow (ext4 some-uuid)") !=
        std::string::npos);
  CHECK(text.find("1970") == std::string::npos);
  status.gaps.front().from_usec = kTime;
  status.gaps.front().obstacle = "it is not there";
  CHECK(FormatStatus(status, kPipe, Utc).find("; open, and cannot be filled now: it is not") !=
        std::string::npos);
  const Gap open = status.gaps.front();
  status.gaps.front().filled_in = 3;
  status.gaps.assign(7, status.gaps.front());
  status.gaps.insert(status.gaps.begin(), open);
  status.gaps_left_out = 10;
  text = FormatStatus(status, kPipe, Utc);
  CHECK(text.find("Gaps: 12 older, filled by crawls: see 'changectl periods'\n") !=
        std::string::npos);
  CHECK(text.find("; open, and cannot be filled now") != std::string::npos);
  std::size_t shown = 0;
  for (std::size_t at = 0; (at = text.find("; filled by a crawl\n", at)) != std::string::npos;
       ++at) {
    ++shown;
  }
  CHECK(shown == 5);
  status.gaps_left_out = 0;
  status.gaps.erase(status.gaps.begin(), status.gaps.end() - 1);
  status.crawl = {false, 10, 2000, 5000, 3, 2};
  text = FormatStatus(status, kPipe, Utc);
  CHECK(text.find("; filled by a crawl\n") != std::string::npos);
  CHECK(text.find("Crawl: 2 crawls completed; the last: 2000 of about 5000 files looked at, 3 told "
                  "as changed\n") != std::string::npos);
  status.crawl.running = true;
  status.crawl.expected = 0;
  CHECK(FormatStatus(status, kPipe, Utc).find("Crawl: 2000 files looked at, 3 told") !=
        std::string::npos);
}

TEST_CASE("status of consumers") {
  StatusAnswer status;
  Consumer live;
  live.name = "mirror";
  live.token = "cj1-0123abcd-2";
  live.waiting = 12;
  live.lag_usec = 7'200'000'000;
  Consumer idle = live;
  idle.name = "idle";
  idle.waiting = idle.lag_usec = 0;
  Consumer expired = live;
  expired.name = "old";
  expired.expired = "too slow";
  status.consumers = {live, idle, expired};
  const std::string text = FormatStatus(status, kPipe, Utc);
  CHECK(text.find("  Consumers: mirror at cj1-0123abcd-2, 12 records waiting for 2h\n"
                  "             idle at cj1-0123abcd-2, nothing waits\n"
                  "             old at cj1-0123abcd-2, expired: too slow\n") != std::string::npos);
}

TEST_CASE("the list of consumers") {
  ConsumersReply reply;
  Consumer consumer;
  consumer.name = "mirror";
  consumer.token = "cj1-0123abcd-2";
  consumer.sequence = 17;
  consumer.waiting = 3;
  consumer.paths = {"/srv", "/home/a b"};
  reply.consumers = {consumer};
  reply.consumers.push_back(consumer);
  reply.consumers[1].name = "old";
  reply.consumers[1].expired = "too slow";
  reply.consumers[1].acknowledged_usec = kTime;
  reply.consumers[1].paths.clear();
  reply.oldest = "cj1-0123abcd-1";
  reply.newest = "cj1-0123abcd-5";
  reply.first_sequence = 10;
  reply.next_sequence = 21;
  CHECK(FormatConsumers(reply, kTerminal, Utc) ==
        "NAME    POSITION        RECORD  WAITING  BEHIND  ACKNOWLEDGED         STATE    PATHS\n"
        "mirror  cj1-0123abcd-2  17      3        0       never                live     /srv "
        "'/home/a b'\n"
        "old     cj1-0123abcd-2  17      3        0       2026-11-21 10:00:00  expired  -\n"
        "Records 10 to 20 are kept, checkpoints from cj1-0123abcd-1 to cj1-0123abcd-5.\n");
}

TEST_CASE("status of strict mode") {
  StatusAnswer status;
  status.watches = {{"/srv", 1, {}, "", "open", "sync"}};
  status.strict = StatusAnswer::Strict{12, 0, true};
  std::string text = FormatStatus(status, kPipe, Utc);
  CHECK(text.find("/srv (volume 1), PreModify=open, Durability=sync\n") != std::string::npos);
  CHECK(text.find("Strict mode: 12 intents recorded\n") != std::string::npos);
  status.strict = StatusAnswer::Strict{12, 1, false};
  text = FormatStatus(status, kPipe, Utc);
  CHECK(text.find("12 intents recorded, 1 program went on before that\n") != std::string::npos);
  CHECK(text.find("programs are let through unrecorded") != std::string::npos);
}

TEST_CASE("findings") {
  CHECK(FormatFindings({{"rename events", "/srv", true, true, "Renames have both names.", ""},
                        {"pre-content events", "", false, false, "No strict mode.", "Linux 6.14"},
                        {"filesystem marks", "/mnt/o v", false, true, "Cannot watch.", "upper"}},
                       kTerminal) ==
        "yes     rename events (/srv)\n"
        "        Renames have both names.\n"
        "no      pre-content events\n"
        "        No strict mode.\n"
        "        -> Linux 6.14\n"
        "MISSING filesystem marks ('/mnt/o v')\n"
        "        Cannot watch.\n"
        "        -> upper\n");
}

TEST_CASE("status: rates and what waits, where the daemon tells") {
  StatusAnswer status;
  status.events_read = 36'000;
  status.records_stored = 3600;
  status.rates = StatusAnswer::Rates{3600'000'000, 60'900'000, 12'180, 61};
  status.backlog = StatusAnswer::Backlog{0, 4 << 20, 0};
  std::string text = FormatStatus(status, kColour, Utc);
  CHECK(text.find("Rates: 200 events/s, 1.0 records/s in the last 1min; 10.0 and 1.0 since the "
                  "start\n") != std::string::npos);
  CHECK(text.find("Backlog: none\n") != std::string::npos);
  status.rates->interval_usec = 1'000'000;
  CHECK(FormatStatus(status, kPipe, Utc).find(" in the last 1s; ") != std::string::npos);
  // Right after the start: no rate of no time.
  for (const std::int64_t usec : {999'999, 300, 0}) {
    status.rates->interval_usec = usec;
    CHECK(FormatStatus(status, kPipe, Utc).find("Rates:") == std::string::npos);
  }
  status.backlog = StatusAnswer::Backlog{1 << 20, 4 << 20, 2'000'000};
  CHECK(
      FormatStatus(status, kColour, Utc).find("Backlog: 1.0M of events wait since 2s, of 4.0M\n") !=
      std::string::npos);
  status.backlog->lag_usec = 11'000'000;
  CHECK(FormatStatus(status, kColour, Utc).find("Backlog: \x1b[1;31m1.0M of") != std::string::npos);
}
