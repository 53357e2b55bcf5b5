#include "checkpoint/crawl_note.h"

#include "base/bytes.h"
#include "journal/keys.h"
#include "journal/store.h"

namespace cj {
namespace {

// FNV-1a: of configurations, which nobody forges against himself.
class Fnv {
 public:
  void Add(std::string_view bytes) {
    for (const char c : bytes) Mix(static_cast<unsigned char>(c));
    Mix(0);  // no path has a NUL
  }
  std::uint64_t value() const { return value_; }

 private:
  void Mix(std::uint64_t byte) { value_ = (value_ ^ byte) * 0x100000001b3ULL; }
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

}  // namespace

std::uint64_t WatchedHash(const std::vector<Watch>& watches) {
  Fnv hash;
  for (const Watch& watch : watches) {
    hash.Add(std::to_string(watch.volume.id.value));
    hash.Add(watch.volume.path);
    for (const std::string& exclude : watch.excludes) hash.Add("x" + exclude);
    for (const std::string& path : watch.excluded_paths) hash.Add("p" + path);
    hash.Add("");
  }
  return hash.value();
}

std::string EncodeCrawlNote(const CrawlNote& note) {
  std::string text;
  ByteWriter writer(&text);
  writer.Fixed64(note.watched);
  writer.Varint(note.gaps.size());
  for (const PeriodGap& open : note.gaps) {
    writer.Varint(open.period.value);
    writer.String(open.gap.volume);
    writer.Fixed64(static_cast<std::uint64_t>(open.gap.from_usec));
    writer.Fixed64(static_cast<std::uint64_t>(open.gap.to_usec));
    writer.String(open.gap.cause);
  }
  for (const CrawlNote::Walked& walked : note.walked) {
    writer.Varint(walked.watch);
    writer.String(walked.directory.encoded);
  }
  return text.size() > kMaxCrawlNote ? std::string() : text;
}

Result<CrawlNote> DecodeCrawlNote(std::string_view text) {
  CrawlNote note;
  if (text.empty()) return note;
  ByteReader reader(text);
  note.watched = reader.Fixed64();
  // The count is not believed: a gap has bytes, so the input's end bounds the loop.
  for (std::uint64_t left = reader.Varint(); left > 0 && reader.ok(); --left) {
    PeriodGap open;
    open.period = PeriodId(reader.Varint());
    open.gap.volume = reader.String();
    open.gap.from_usec = static_cast<std::int64_t>(reader.Fixed64());
    open.gap.to_usec = static_cast<std::int64_t>(reader.Fixed64());
    open.gap.cause = reader.String();
    note.gaps.push_back(std::move(open));
  }
  bool sound = true;
  while (reader.ok() && reader.remaining() > 0) {
    CrawlNote::Walked walked;
    walked.watch = static_cast<std::uint32_t>(reader.Varint());
    walked.directory = FileHandle::FromEncoded(reader.String());
    sound &= walked.directory.encoded.size() <= kMaxEncodedHandle;
    note.walked.push_back(std::move(walked));
  }
  if (!reader.Done() || !sound) {
    return Error{ErrorCode::kCorruption, "a damaged note of a crawl in the journal"};
  }
  return note;
}

}  // namespace cj
