// Translating events by hand, for the tests of the translator.
#pragma once

#include <sys/fanotify.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "checkpoint/translate.h"
#include "tests/checkpoint/harness.h"

namespace cj {

// Translates events one by one, as the writer does.
struct Translating {
  Translating() : translator(scope, std::vector{TestVolume(1), TestVolume(2)}, {}) {
    translator.Begin(PeriodId(5), SequenceNumber(100));
  }
  void operator()(const EventSpec& spec) {
    const std::string bytes = EventBytes(spec);
    std::span<const std::byte> rest = std::as_bytes(std::span(bytes));
    Event event;
    REQUIRE(ParseEvent(&rest, &event));
    translator.Translate(event, {1000, 2000}, &out);
  }
  const std::vector<Record>& End() {
    translator.EndBatch(3000, &out);
    return out.batch.records;
  }

  TestScope scope;
  EventTranslator translator;
  Translation out;
};

inline EventSpec Rename(const std::string& object, const std::string& from, const std::string& to) {
  EventSpec event = FileEvent(FAN_RENAME, to);
  event.object = object;
  event.old_parent = "dir";
  event.old_name = from;
  return event;
}

inline EventSpec Nameless(std::uint64_t mask, const std::string& object) {
  EventSpec event;
  event.mask = mask;
  event.object = object;
  return event;
}

}  // namespace cj
