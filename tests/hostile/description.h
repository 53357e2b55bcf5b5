// What a Varlink interface description says of its methods' parameters, for programs that make
// calls of all of them. Takes descriptions that are correct; the server's tests look at others.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cj::test {

struct IdlField;

struct IdlType {
  enum class Kind { kBool, kInt, kFloat, kString, kObject, kEnum, kStruct, kNamed };
  Kind kind = Kind::kString;
  bool optional = false;
  bool array = false;
  std::string name;                // kNamed: of a type of the interface
  std::vector<std::string> words;  // kEnum
  std::vector<IdlField> fields;    // kStruct
};

struct IdlField {
  std::string name;
  IdlType type;
};

struct IdlMethod {
  std::string name;  // fully qualified
  std::vector<IdlField> parameters;
};

struct Description {
  std::string interface;
  std::map<std::string, IdlType> types;
  std::vector<IdlMethod> methods;
  std::vector<std::string> errors;  // fully qualified
};

// kCorruption: it ends too early, or something unexpected stands there.
Result<Description> ParseDescription(std::string_view text);

}  // namespace cj::test
