// Consumers without a store: names, what an acknowledgement does, and their bytes.
#include "journal/consumer.h"

#include "fixture.h"
#include "journal/retention.h"

namespace cj {
namespace {

TEST_CASE("consumer: names") {
  for (const std::string good : {"a", "mirror", "backup@srv", "0", "A.b_c:d-e", "_x"}) {
    CAPTURE(good);
    CHECK(CheckConsumerName(good).has_value());
  }
  CHECK(CheckConsumerName(std::string(kMaxConsumerName, 'x')).has_value());
  const std::string bad[] = {"",
                             ".",
                             ".x",
                             "-x",
                             "--help",
                             "a b",
                             "a/b",
                             "a\n",
                             "\xc3\xa9",
                             std::string("a\0b", 3),
                             std::string(65, 'x')};
  for (const std::string& name : bad) {
    CAPTURE(name);
    CHECK(FailureOf(CheckConsumerName(name)).code == ErrorCode::kInvalidArgument);
  }
  CHECK(CheckConfigHash("").has_value());
  CHECK(CheckConfigHash(std::string(kMaxConfigHash, 'f')).has_value());
  CHECK(FailureOf(CheckConfigHash(std::string(kMaxConfigHash + 1, 'f'))).code ==
        ErrorCode::kInvalidArgument);
  CHECK(FailureOf(CheckConfigHash("a b")).code == ErrorCode::kInvalidArgument);
}

Consumer At(std::uint64_t period, std::uint64_t handled) {
  Consumer consumer;
  consumer.name = "c";
  consumer.period = PeriodId(period);
  consumer.handled = SequenceNumber(handled);
  return consumer;
}

TEST_CASE("consumer: what an acknowledgement moves") {
  struct Row {
    const char* what;
    Acknowledged place;
    bool moved;
    std::uint64_t period;
    std::uint64_t handled;
  };
  // From period 5, records up to 50.
  const Row rows[] = {
      {"further", {PeriodId(6), SequenceNumber(60)}, true, 6, 60},
      {"the same again", {PeriodId(5), SequenceNumber(50)}, false, 5, 50},
      {"back", {PeriodId(4), SequenceNumber(40)}, false, 5, 50},
      {"further records of the same period", {PeriodId(5), SequenceNumber(55)}, true, 5, 55},
      {"a later period without records in between", {PeriodId(7), SequenceNumber(50)}, true, 7, 50},
      // Its token is of period 6, records 51 to 59 were acknowledged by number before.
      {"never back in part", {PeriodId(6), SequenceNumber(45)}, true, 6, 50},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Consumer consumer = At(5, 50);
    CHECK(Acknowledge(row.place, 99, &consumer) == row.moved);
    CHECK(consumer.period == PeriodId(row.period));
    CHECK(consumer.handled == SequenceNumber(row.handled));
    CHECK(consumer.moved_usec == (row.moved ? 99 : 0));
  }
}

TEST_CASE("consumer: an expired one lives again where it says, also further back") {
  Consumer consumer = At(5, 50);
  consumer.expired = "too slow";
  consumer.expired_usec = 77;
  CHECK(Acknowledge({PeriodId(4), SequenceNumber(40)}, 99, &consumer));
  CHECK(consumer.expired.empty());
  CHECK(consumer.expired_usec == 0);
  CHECK(consumer.period == PeriodId(4));
  CHECK(consumer.handled == SequenceNumber(40));
}

TEST_CASE("consumer: its own limits") {
  Consumer consumer = At(5, 50);
  ConsumerLag lag{1000, 7'000'000, 4096};
  CHECK_FALSE(Overrun(consumer, lag).has_value());
  consumer.max_lag_usec = 7'000'000;
  consumer.max_lag_bytes = 4096;
  CHECK_FALSE(Overrun(consumer, lag).has_value());
  lag.bytes = 4097;
  CHECK(Overrun(consumer, lag).value().find("4.0K") != std::string::npos);
  lag.age_usec = 7'000'001;
  CHECK(Overrun(consumer, lag).value().find("7s") != std::string::npos);
}

Consumer RandomConsumer(RandomRecords& random) {
  Consumer consumer = At(1 + random.Below(1ULL << 40), random.Below(1ULL << 40));
  consumer.added_usec = static_cast<std::int64_t>(random.Below(1ULL << 62));
  consumer.moved_usec = -static_cast<std::int64_t>(random.Below(3));
  consumer.max_lag_usec = static_cast<std::int64_t>(random.Below(1ULL << 62));
  consumer.max_lag_bytes = random.Below(~0ULL);
  consumer.config_hash = std::string(random.Below(kMaxConfigHash + 1), 'h');
  if (random.Below(2) == 0) {
    consumer.expired = random.Bytes(100);
    consumer.expired_usec = static_cast<std::int64_t>(random.Below(1000));
  }
  for (std::uint64_t left = random.Below(kMaxConsumerPaths + 1); left > 0; --left) {
    consumer.paths.push_back("/" + random.Bytes(30));
  }
  return consumer;
}

TEST_CASE("consumer: bytes and back, and no other bytes") {
  const std::uint64_t seed = TestSeed();
  CAPTURE(seed);
  RandomRecords random(seed);
  for (int i = 0; i < 500; ++i) {
    const Consumer consumer = RandomConsumer(random);
    std::string bytes;
    EncodeConsumer(consumer, &bytes);
    REQUIRE(DecodeConsumer("c", bytes).value() == consumer);
    CHECK(FailureOf(DecodeConsumer("no name", bytes)).code == ErrorCode::kCorruption);
    // Paths reach up to the end: cut between two of them it is a consumer with fewer.
    const std::string cut = bytes.substr(0, random.Below(bytes.size()));
    const auto decoded = DecodeConsumer("c", cut);
    if (decoded.has_value()) {
      CHECK(decoded->paths.size() < consumer.paths.size());
    } else {
      CHECK(decoded.error().code == ErrorCode::kCorruption);
    }
    (void)DecodeConsumer("c", random.Bytes(60)).has_value();
  }
}

}  // namespace
}  // namespace cj
