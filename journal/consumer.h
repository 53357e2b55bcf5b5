// Consumers: reading positions that the journal keeps for whoever reads, under a name. Reading
// moves nothing; an acknowledgement does. Plain values and pure functions; the store keeps them
// (store.h), retention looks at them (retention.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "journal/ids.h"

namespace cj {

// Consumers are kept in memory, and retention looks at all of them every few seconds. A machine has
// a dozen.
inline constexpr std::size_t kMaxConsumers = 500;
inline constexpr std::size_t kMaxConsumerName = 64;
inline constexpr std::size_t kMaxConsumerPaths = 16;
// Together, and one path may be so long: the list of all consumers is one message, of 16 MiB at the
// most, in which a byte may take six.
inline constexpr std::size_t kMaxConsumerPathBytes = 4096;
// Room for a SHA-512 in hexadecimal digits.
inline constexpr std::size_t kMaxConfigHash = 128;

struct Consumer {
  std::string name;
  // What comes before this period is acknowledged, and so are records up to `handled`, which may
  // lie within the period.
  PeriodId period;
  SequenceNumber handled;
  std::vector<std::string> paths;  // absolute and normal; empty: all that is watched
  std::string config_hash;         // of its own configuration, in its own words
  std::int64_t added_usec = 0;
  std::int64_t moved_usec = 0;      // the last acknowledgement; 0: none yet
  std::int64_t max_lag_usec = 0;    // 0: no limit
  std::uint64_t max_lag_bytes = 0;  // likewise
  // Why it has expired, fit to be shown; empty: it has not. Nothing is kept for it any more.
  std::string expired;
  std::int64_t expired_usec = 0;
  friend bool operator==(const Consumer&, const Consumer&) = default;
};

// 1 to 64 letters, digits and "._@:-", not beginning with "." or "-": fit for a file name, a unit
// name and a command line. kInvalidArgument.
Status CheckConsumerName(std::string_view name);
// Printable ASCII without spaces, at most kMaxConfigHash. kInvalidArgument.
Status CheckConfigHash(std::string_view hash);

// An acknowledged place.
struct Acknowledged {
  PeriodId period;
  SequenceNumber handled;
};
// Moves the consumer there and makes an expired one live again. A live one never moves back: false,
// and nothing has changed; who delivers at least once acknowledges more than once.
bool Acknowledge(const Acknowledged& place, std::int64_t now_usec, Consumer* consumer);

// Without the name, which is the key (docs/format.md). Appends.
void EncodeConsumer(const Consumer& consumer, std::string* out);
// kCorruption for anything that the above could not have written.
Result<Consumer> DecodeConsumer(std::string_view name, std::string_view value);

}  // namespace cj
