#include "client/record_output.h"

#include <string>

namespace cj::client {
namespace {

// RFC 7464: before each text, so that a reader finds the next one behind a broken one.
constexpr const char* kRecordSeparator = "\x1e";

std::string FormatRecord(const Record& record, LogFormat format, const Session& session) {
  switch (format) {
    case LogFormat::kShort:
      return FormatRecordShort(record, session.style, session.zone);
    case LogFormat::kShortIso:
      return FormatRecordShort(record, session.style, session.zone, TimeStyle::kIso);
    case LogFormat::kShortIsoPrecise:
      return FormatRecordShort(record, session.style, session.zone, TimeStyle::kIsoPrecise);
    case LogFormat::kShortUnix:
      return FormatRecordShort(record, session.style, session.zone, TimeStyle::kUnix);
    case LogFormat::kVerbose:
      return FormatRecordVerbose(record, session.style, session.zone);
    case LogFormat::kJson:
      return FormatRecordJson(record);
    case LogFormat::kJsonSeq:
      return kRecordSeparator + FormatRecordJson(record);
    case LogFormat::kCat:
      return FormatRecordCat(record);
  }
  return {};
}

std::string FormatGap(const Gap& gap, LogFormat format, const Session& session) {
  switch (format) {
    case LogFormat::kShort:
    case LogFormat::kShortIso:
    case LogFormat::kShortIsoPrecise:
    case LogFormat::kShortUnix:
    case LogFormat::kVerbose:
      return FormatGapShort(gap, session.style, session.zone);
    case LogFormat::kJson:
      return FormatGapJson(gap);
    case LogFormat::kJsonSeq:
      return kRecordSeparator + FormatGapJson(gap);
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

void WritePosition(Session& session, const FeedPosition& position, LogFormat format) {
  if (format == LogFormat::kJsonSeq) session.out.Write(kRecordSeparator);
  if (format == LogFormat::kJson || format == LogFormat::kJsonSeq) {
    session.out.Write(FormatPositionJson(position));
  }
}

}  // namespace cj::client
