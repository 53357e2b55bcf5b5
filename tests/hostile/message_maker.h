// Messages that a hostile client might send: correct calls of every method of some descriptions,
// such calls spoilt in one way or several, and bytes that were never a call. The same seed makes
// the same messages.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <random>
#include <string>
#include <vector>

#include "description.h"

namespace cj::test {

// What correct values are made of.
struct Facts {
  std::vector<std::string> tokens;
  std::vector<std::string> paths;
  std::vector<std::string> names;  // of consumers
};

class MessageMaker {
 public:
  MessageMaker(std::vector<Description> descriptions, Facts facts, std::uint64_t seed);

  // Bytes to send; most end with a NUL, and some hold several.
  std::string Next();

  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }
  bool Chance(std::uint64_t one_in) { return Below(one_in) == 0; }
  template <typename T>
  const T& Any(const std::vector<T>& values) {
    return values[Below(values.size())];
  }

 private:
  const IdlMethod& AnyMethod();
  nlohmann::json Call(const IdlMethod& method);
  nlohmann::json ValueOf(const Description& description, const IdlField& field);
  nlohmann::json PlainValue(const Description& description, const IdlField& field);
  nlohmann::json StringFor(const std::string& name);
  nlohmann::json IntFor(const std::string& name);
  nlohmann::json WrongValue();
  void SpoilValue(nlohmann::json& parameters);
  void SpoilFlags(nlohmann::json& call);
  std::string SpoilText(std::string text);
  void SpoilBytes(std::string& text);
  std::string Huge();
  std::string RandomBytes(std::size_t most);

  std::vector<Description> descriptions_;
  Facts facts_;
  std::mt19937_64 random_;
  std::string last_;
};

}  // namespace cj::test
