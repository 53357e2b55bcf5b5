// Changes as JSON text: what another implementation reads back, whatever is in a path.
#include "service/convert.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace cj {

TEST_CASE("changes as JSON: every member is there when it applies, and only then") {
  Change change;
  change.path = "/a";
  std::string text;
  AppendJson(change, &text);
  CHECK(nlohmann::json::parse(text) ==
        nlohmann::json({{"change", "modified"}, {"type", "file"}, {"path", "/a"}}));
  change.kind = ChangeKind::kRenamed;
  change.type = FileType::kDirectory;
  change.from = "/b";
  change.data = change.metadata = change.recursive = change.transient = change.maybe = true;
  text.clear();
  AppendJson(change, &text);
  CHECK(nlohmann::json::parse(text) == nlohmann::json({{"change", "renamed"},
                                                       {"type", "directory"},
                                                       {"path", "/a"},
                                                       {"from", "/b"},
                                                       {"data", true},
                                                       {"metadata", true},
                                                       {"recursive", true},
                                                       {"transient", true},
                                                       {"maybe", true}}));
}

TEST_CASE("gaps of a status: the oldest that are filled are left out where there are too many") {
  ServiceStatus status;
  nlohmann::json told;
  PutGaps(status, &told);
  CHECK(told == nlohmann::json({{"gaps", nlohmann::json::array()}}));
  for (std::uint64_t i = 1; i <= kMaxGapsTold; ++i) {
    PeriodInfo& period = status.periods.emplace_back();
    period.id = PeriodId(i);
    Gap& gap = period.gaps.emplace_back();
    gap.from_usec = static_cast<std::int64_t>(i);
    gap.filled_in = i == 1 ? PeriodId() : PeriodId(i + 1);
  }
  PutGaps(status, &told);
  CHECK(told.at("gaps").size() == kMaxGapsTold);
  CHECK_FALSE(told.contains("gaps_left_out"));
  status.periods.back().gaps.resize(4);  // three more, which are open
  PutGaps(status, &told);
  CHECK(told.at("gaps").size() == kMaxGapsTold);
  CHECK(told.at("gaps_left_out") == 3);
  // The first is open; the next three are not told.
  CHECK(told.at("gaps").at(0).at("from_usec") == 1);
  CHECK(told.at("gaps").at(1).at("from_usec") == 5);
}

TEST_CASE("changes as JSON: paths are bytes") {
  for (int byte = 1; byte < 256; ++byte) {
    Change change;
    change.path = std::string("/\"\\") + static_cast<char>(byte) + "x";
    std::string text;
    AppendJson(change, &text);
    CAPTURE(text);
    const auto read = nlohmann::json::parse(text);
    if (byte < 0x80) {
      CHECK(read.at("path").get<std::string>() == change.path);
    } else {
      CHECK(Base64Decode(read.at("path_base64").get<std::string>()) == change.path);
    }
  }
}

}  // namespace cj
