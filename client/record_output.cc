#include "client/record_output.h"

#include <string>

namespace cj::client {
namespace {

std::string FormatRecord(const Record& record, LogFormat format, const Session& session) {
  switch (format) {
    case LogFormat::kShort:
      return FormatRecordShort(record, session.style, session.zone);
    case LogFormat::kVerbose:
      return FormatRecordVerbose(record, session.style, session.zone);
    case LogFormat::kJson:
      return FormatRecordJson(record);
    case LogFormat::kCat:
      return FormatRecordCat(record);
  }
  return {};
}

std::string FormatGap(const Gap& gap, LogFormat format, const Session& session) {
  switch (format) {
    case LogFormat::kShort:
    case LogFormat::kVerbose:
      return FormatGapShort(gap, session.style, session.zone);
    case LogFormat::kJson:
      return FormatGapJson(gap);
    case LogFormat::kCat:
      return {};
  }
  return {};
}

}  // namespace

void WriteRecord(Session& session, const Record& record, LogFormat format) {
  session.out.Write(FormatRecord(record, format, session));
}

void WriteGap(Session& session, const Gap& gap, LogFormat format) {
  session.out.Write(FormatGap(gap, format, session));
}

}  // namespace cj::client
