// Any bytes are a configuration or a list of complaints, and the invariants of config.h hold.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "service/config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  // A NUL splits the input into two fragments, so that overriding is exercised, too.
  std::size_t split = text.find('\0');
  std::vector<cj::ConfigFragment> fragments = {{"a", text.substr(0, split)}};
  if (split != std::string::npos) fragments.push_back({"b", text.substr(split + 1)});
  cj::ParsedConfig parsed = cj::ParseConfig(fragments);
  CJ_CHECK(parsed.errors.size() <= cj::kMaxDiagnostics, "complaints are bounded");
  CJ_CHECK(parsed.warnings.size() <= cj::kMaxDiagnostics, "complaints are bounded");
  CJ_CHECK(parsed.config.watches.size() <= cj::kMaxWatches, "watches are bounded");
  for (const cj::WatchConfig& watch : parsed.config.watches) {
    auto normal = cj::NormalPath(watch.path);
    CJ_CHECK(normal && *normal == watch.path, "watched paths are normal");
    CJ_CHECK(watch.excludes.size() <= cj::kMaxExcludesPerWatch, "excludes are bounded");
  }
  return 0;
}
