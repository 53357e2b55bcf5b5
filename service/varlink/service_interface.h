// org.varlink.service: what every Varlink service says about itself, and the errors that the
// dispatcher answers with. Pure functions.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/errors.h"
#include "protocol/json_value.h"

namespace cj {

inline constexpr std::string_view kServiceInterface = "org.varlink.service";

// The description of org.varlink.service (UAPI.20).
std::string_view ServiceInterfaceIdl();

// The names of the methods that an interface description declares.
std::set<std::string, std::less<>> MethodsOfIdl(std::string_view idl);

JsonValue GetInfoReply(const std::string& vendor, const std::string& product,
                       const std::string& version, const std::string& url,
                       const std::vector<std::string>& interfaces);
JsonValue GetInterfaceDescriptionReply(const std::string& description);

CallError InterfaceNotFound(const std::string& interface);
CallError MethodNotFound(const std::string& method);
CallError MethodNotImplemented(const std::string& method);
CallError ExpectedMore();

}  // namespace cj
