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
