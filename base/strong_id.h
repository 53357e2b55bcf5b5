// Integers that cannot be mixed up: a PeriodId is not a SequenceNumber. Plain values.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace cj {

template <typename Tag, typename Representation = std::uint64_t>
struct StrongId {
  Representation value = 0;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Representation v) : value(v) {}
  constexpr StrongId Next() const { return StrongId(value + 1); }
  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
};

}  // namespace cj

template <typename Tag, typename Representation>
struct std::hash<cj::StrongId<Tag, Representation>> {
  std::size_t operator()(cj::StrongId<Tag, Representation> id) const noexcept {
    return std::hash<Representation>()(id.value);
  }
};
