// metrics: what the daemon counts, for Prometheus.
#include "client/answers.h"
#include "client/atomic_file.h"
#include "client/metrics_text.h"
#include "client/session.h"

namespace cj::client {

Outcome RunMetrics(Session& session, const Options& options) {
  constexpr mode_t kMode = 0644;  // the collector is another user
  Answer answer = CallOnce(session, "GetStatus", {});
  if (answer.outcome.status != ExitStatus::kSuccess) return answer.outcome;
  auto status = ReadStatusReply(*answer.parameters);
  if (!status) return Fail(status.error());
  const std::string text = FormatMetrics(*status);
  if (options.metrics_file.empty()) {
    session.out.Write(text);
    return FinishOutput(session);
  }
  const Status replaced = ReplaceFile(options.metrics_file, text, kMode);
  return replaced ? Outcome() : Fail(ExitStatus::kFailed, replaced.error().message);
}

}  // namespace cj::client
