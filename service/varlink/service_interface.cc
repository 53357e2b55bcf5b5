#include "service/varlink/service_interface.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace cj {

namespace {

using nlohmann::json;

constexpr std::string_view kIdl =
    R"(# Provided by every Varlink service: what it is and which interfaces it has.
interface org.varlink.service

# Who made the service, and the names of the interfaces it implements.
method GetInfo() -> (
  vendor: string,
  product: string,
  version: string,
  url: string,
  interfaces: []string
)

# The description of one of these interfaces, as text in Varlink's interface language.
method GetInterfaceDescription(interface: string) -> (description: string)

# The service does not have this interface.
error InterfaceNotFound (interface: string)

# The interface does not have this method.
error MethodNotFound (method: string)

# The interface has this method, but the service does not implement it.
error MethodNotImplemented (method: string)

# A parameter is missing, unknown, of the wrong type or out of range.
error InvalidParameter (parameter: string)

# The client may not do this.
error PermissionDenied ()

# The method has to be called with `more`.
error ExpectedMore ()
)";

bool IsNameCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

CallError NamedError(std::string_view name, const char* member, const std::string& value) {
  return {std::string(name), json{{member, value}}};
}

}  // namespace

std::string_view ServiceInterfaceIdl() { return kIdl; }

std::set<std::string, std::less<>> MethodsOfIdl(std::string_view idl) {
  constexpr std::string_view kKeyword = "method ";
  std::set<std::string, std::less<>> methods;
  while (!idl.empty()) {
    const std::size_t end = idl.find('\n');
    std::string_view line = idl.substr(0, end);
    idl.remove_prefix(end == std::string_view::npos ? idl.size() : end + 1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.starts_with(kKeyword)) continue;
    line.remove_prefix(kKeyword.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    std::size_t length = 0;
    while (length < line.size() && IsNameCharacter(line[length])) ++length;
    methods.emplace(line.substr(0, length));
  }
  return methods;
}

JsonValue GetInfoReply(const std::string& vendor, const std::string& product,
                       const std::string& version, const std::string& url,
                       const std::vector<std::string>& interfaces) {
  return json{{"vendor", vendor},
              {"product", product},
              {"version", version},
              {"url", url},
              {"interfaces", interfaces}};
}

JsonValue GetInterfaceDescriptionReply(const std::string& description) {
  return json{{"description", description}};
}

CallError InterfaceNotFound(const std::string& interface) {
  return NamedError(varlink_error::kInterfaceNotFound, "interface", interface);
}

CallError MethodNotFound(const std::string& method) {
  return NamedError(varlink_error::kMethodNotFound, "method", method);
}

CallError MethodNotImplemented(const std::string& method) {
  return NamedError(varlink_error::kMethodNotImplemented, "method", method);
}

CallError ExpectedMore() { return {std::string(varlink_error::kExpectedMore), {}}; }

}  // namespace cj
