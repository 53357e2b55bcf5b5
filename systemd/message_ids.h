// MESSAGE_IDs of what an administrator may have to act on: 128 random bits, never used again. Each
// has an entry in changejournal.catalog, which `journalctl -x` shows. Constants.
#pragma once

#include <string_view>

namespace cj {

inline constexpr std::string_view kMessageStarted = "5f335951b9de4bc6dd8c4640fb73090c";
// Goes on where another process was ended, without a gap.
inline constexpr std::string_view kMessageInherited = "6692118872f49ac784bd3efa583e997e";
inline constexpr std::string_view kMessageStopped = "b9fb85c44636af22daf537634bdde06d";
// A gap was recorded: answers across it wait for a crawl. Fields: CAUSE, MOUNT_POINT
// (empty: it is of all that are watched), TREE (the same in words).
inline constexpr std::string_view kMessageGap = "c54222733d195188d6d099678ba79c16";
// Nothing is being stored, or it is again. Fields: STATE_DIRECTORY, REASON.
inline constexpr std::string_view kMessageStorageFailed = "d46e5ad36a132cc508fbb00b8dfd0b13";
inline constexpr std::string_view kMessageStorageRecovered = "088a8d82ef934fe0eaabbcec44937ced";
// It could not start, or had to end. Fields: REASON.
inline constexpr std::string_view kMessageFailed = "e172b4b63e495c682bf9fd322114ae02";
// CLOCK_REALTIME was set.
inline constexpr std::string_view kMessageClockSet = "89504803b965436cb8ddb7e726012186";
// One complaint about the configuration. Fields: CONFIG_FILE, CONFIG_LINE.
inline constexpr std::string_view kMessageConfigInvalid = "0c7a2c031f5fe8a4ad3e78f02306db8b";
// Periods were dropped although they could have been asked for. Fields: OLDEST.
inline constexpr std::string_view kMessagePeriodsDropped = "cb88f9d85182d9b0a0a5e3844eb022e0";
// A consumer's position is of no use any more. Fields: CONSUMER, REASON.
inline constexpr std::string_view kMessageConsumerExpired = "3d1d7d1a0e2f4c57a6f4be2a95f4a0c7";

}  // namespace cj
