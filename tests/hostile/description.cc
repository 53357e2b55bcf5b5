#include "description.h"

#include <cctype>
#include <optional>

namespace cj::test {
namespace {

bool IsWord(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
}

// Words and single signs, without spaces and comments.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) { Advance(); }

  const std::string& now() const { return now_; }  // empty: the end
  std::string Take() {
    std::string taken = now_;
    Advance();
    return taken;
  }
  bool TakeIf(std::string_view expected) {
    if (now_ != expected) return false;
    Advance();
    return true;
  }

 private:
  void Advance() {
    now_.clear();
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
        ++at_;
      } else {
        break;
      }
    }
    if (text_.substr(at_).starts_with("->")) {
      now_ = "->";
      at_ += 2;
    } else if (at_ < text_.size() && IsWord(text_[at_])) {
      while (at_ < text_.size() && IsWord(text_[at_])) now_ += text_[at_++];
    } else if (at_ < text_.size()) {
      now_ = text_[at_++];
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string now_;
};

Error Unexpected(const Tokens& tokens) {
  return {ErrorCode::kCorruption, "unexpected in a description: '" + tokens.now() + "'"};
}

Result<IdlType> ParseType(Tokens& tokens);

// "(a: int, b: string)" or "(word, word)".
Result<IdlType> ParseGroup(Tokens& tokens) {
  IdlType type;
  type.kind = IdlType::Kind::kStruct;
  if (!tokens.TakeIf("(")) return Unexpected(tokens);
  while (!tokens.TakeIf(")")) {
    const std::string name = tokens.Take();
    if (name.empty()) return Unexpected(tokens);
    if (tokens.TakeIf(":")) {
      CJ_ASSIGN_OR_RETURN(IdlType field, ParseType(tokens));
      type.fields.push_back({name, std::move(field)});
    } else {
      type.kind = IdlType::Kind::kEnum;
      type.words.push_back(name);
    }
    (void)tokens.TakeIf(",");
  }
  return type;
}

Result<IdlType> ParseType(Tokens& tokens) {
  const bool optional = tokens.TakeIf("?");
  bool array = false;
  if (tokens.TakeIf("[")) {
    array = true;
    if (!tokens.TakeIf("]")) return Unexpected(tokens);
  }
  IdlType type;
  if (tokens.now() == "(") {
    CJ_ASSIGN_OR_RETURN(type, ParseGroup(tokens));
  } else {
    const std::map<std::string, IdlType::Kind> plain = {
        {"bool", IdlType::Kind::kBool},     {"int", IdlType::Kind::kInt},
        {"float", IdlType::Kind::kFloat},   {"string", IdlType::Kind::kString},
        {"object", IdlType::Kind::kObject},
    };
    type.name = tokens.Take();
    const auto found = plain.find(type.name);
    type.kind = found == plain.end() ? IdlType::Kind::kNamed : found->second;
  }
  type.optional = optional;
  type.array = array;
  return type;
}

}  // namespace

Result<Description> ParseDescription(std::string_view text) {
  Tokens tokens(text);
  Description description;
  if (!tokens.TakeIf("interface")) return Unexpected(tokens);
  description.interface = tokens.Take();
  while (!tokens.now().empty()) {
    const std::string what = tokens.Take();
    const std::string name = tokens.Take();
    CJ_ASSIGN_OR_RETURN(IdlType group, ParseGroup(tokens));
    const std::string full_name = description.interface + "." + name;
    if (what == "type") {
      description.types.emplace(name, std::move(group));
    } else if (what == "error") {
      description.errors.push_back(full_name);
    } else if (what == "method" && tokens.TakeIf("->")) {
      CJ_ASSIGN_OR_RETURN(const IdlType reply, ParseGroup(tokens));
      description.methods.push_back({full_name, std::move(group.fields)});
    } else {
      return Unexpected(tokens);
    }
  }
  return description;
}

}  // namespace cj::test
