// Any bytes are a consumer or damage; what was read as one is written and read as the same one, and
// an acknowledgement never moves a live one back.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/check.h"
#include "journal/consumer.h"

namespace {

void TryWords(std::string_view text) {
  if (cj::CheckConsumerName(text)) {
    CJ_CHECK(!text.empty() && text.size() <= cj::kMaxConsumerName, "a name is bounded");
    CJ_CHECK(text.find('/') == text.npos && text.find('\0') == text.npos, "and a file's name");
  }
  if (cj::CheckConfigHash(text)) CJ_CHECK(text.size() <= cj::kMaxConfigHash, "so is a hash");
}

void TryAcknowledge(std::string_view bytes, cj::Consumer consumer) {
  cj::Acknowledged place;
  if (bytes.size() < 16) return;
  std::memcpy(&place.period.value, bytes.data(), 8);
  std::memcpy(&place.handled.value, bytes.data() + 8, 8);
  const cj::Consumer before = consumer;
  const bool moved = cj::Acknowledge(place, 1, &consumer);
  CJ_CHECK(moved || consumer == before, "what has not moved has not changed");
  if (moved) CJ_CHECK(consumer.expired.empty(), "what has moved is live");
  if (before.expired.empty()) CJ_CHECK(!(consumer.period < before.period), "nobody moves back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  TryWords(bytes);
  auto consumer = cj::DecodeConsumer("name", bytes);
  TryAcknowledge(bytes, consumer ? *consumer : cj::Consumer());
  if (!consumer) return 0;
  std::string again;
  cj::EncodeConsumer(*consumer, &again);
  CJ_CHECK(*cj::DecodeConsumer("name", again) == *consumer, "as the same consumer");
  return 0;
}
