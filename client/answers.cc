#include "client/answers.h"

#include "client/answer_parts.h"

namespace cj::client {
namespace {

using nlohmann::json;
using reply::Finish;
using reply::Members;
using reply::ReadGap;

Finding ReadFinding(Members& members) {
  Finding finding;
  finding.name = members.String("name");
  finding.subject = members.String("subject");
  finding.available = members.Flag("available");
  finding.required = members.Flag("required");
  finding.meaning = members.String("meaning");
  finding.remedy = members.OptionalString("remedy");
  return finding;
}

}  // namespace

Period ReadPeriod(Members& members) {
  Period period;
  period.token = members.String("token");
  period.start_usec = members.Int("start_usec");
  period.end_usec = members.OptionalInt("end_usec");
  period.label = members.OptionalString("label");
  period.records = members.Int("records");
  period.gaps = members.Objects<Gap>("gaps", ReadGap);
  return period;
}

Result<std::vector<Period>> ReadPeriodsReply(const json& parameters) {
  Members members(parameters, "periods");
  auto periods = members.Objects<Period>("periods", ReadPeriod);
  return Finish(members, std::move(periods));
}

Result<std::vector<Finding>> ReadDiagnoseReply(const json& parameters) {
  Members members(parameters, "findings");
  auto findings = members.Objects<Finding>("findings", ReadFinding);
  return Finish(members, std::move(findings));
}

std::string NextOfRescanNeeded(const json& parameters) {
  Members members(parameters, "error");
  return members.OptionalString("next");
}

}  // namespace cj::client
