#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/result.h"
#include "base/text.h"

namespace cj {
namespace {

TEST_CASE("bytes: what is written is read, and every truncation is noticed") {
  std::string out;
  ByteWriter writer(&out);
  writer.Byte(7);
  writer.Fixed32(0xdeadbeef);
  writer.Fixed64(0x0123456789abcdefULL);
  writer.Varint(0);
  writer.Varint(127);
  writer.Varint(128);
  writer.Varint(~0ULL);
  writer.String(std::string("a\0b", 3));
  auto read_all = [](std::string_view input) {
    ByteReader reader(input);
    bool same = reader.Byte() == 7 && reader.Fixed32() == 0xdeadbeef &&
                reader.Fixed64() == 0x0123456789abcdefULL && reader.Varint() == 0 &&
                reader.Varint() == 127 && reader.Varint() == 128 && reader.Varint() == ~0ULL &&
                reader.String() == std::string_view("a\0b", 3);
    return same && reader.Done();
  };
  CHECK(read_all(out));
  for (std::size_t length = 0; length < out.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(read_all(std::string_view(out).substr(0, length)));
  }
}

TEST_CASE("bytes: a varint over 64 bits is refused") {
  ByteReader too_long(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11));
  too_long.Varint();
  CHECK_FALSE(too_long.ok());
  ByteReader too_big(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10));
  too_big.Varint();
  CHECK_FALSE(too_big.ok());
}

TEST_CASE("text: UTF-8") {
  struct Row {
    const char* text;
    bool good;
  };
  const Row rows[] = {
      {"", true},
      {"plain", true},
      {"\xc3\xa9", true},
      {"\xe2\x82\xac", true},
      {"\xf0\x9f\x98\x80", true},
      {"\xff", false},
      {"\xc3", false},
      {"\xc0\x80", false},
      {"\xed\xa0\x80", false},
      {"\xf4\x90\x80\x80", false},
      {"a\x80", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(IsUtf8(row.text) == row.good);
  }
}

TEST_CASE("text: base64 has one spelling for every value") {
  for (std::string bytes : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    CHECK(Base64Decode(Base64Encode(bytes)) == bytes);
  }
  CHECK(Base64Encode("fo") == "Zm8=");
  CHECK_FALSE(Base64Decode("Zm9").has_value());
  CHECK_FALSE(Base64Decode("Zm9=").has_value());
  CHECK_FALSE(Base64Decode("Z===").has_value());
  CHECK_FALSE(Base64Decode("Zm8=Zm8=").has_value());
}

TEST_CASE("text: a path is not in a directory whose name it only begins with") {
  CHECK(PathContains("/srv", "/srv"));
  CHECK(PathContains("/srv", "/srv/a"));
  CHECK_FALSE(PathContains("/srv", "/srvx"));
  CHECK_FALSE(PathContains("/srv/a", "/srv"));
  CHECK(PathContains("/", "/anything"));
  CHECK(PathIsBelow("/srv", "/srv/a"));
  CHECK_FALSE(PathIsBelow("/srv", "/srv"));
  CHECK_FALSE(PathIsBelow("/srv", "/srvx"));
  CHECK(PathIsBelow("/", "/anything"));
  CHECK_FALSE(PathIsBelow("/", "/"));
  CHECK(JoinPath("/", "a") == "/a");
  CHECK(JoinPath("/a", "b") == "/a/b");
  const struct {
    std::string_view path, directory, name;
  } splits[] = {{"/a/b", "/a", "b"}, {"/a", "/", "a"}, {"/", "/", ""}, {"a", "", "a"}};
  for (const auto& split : splits) {
    CHECK(SplitPath(split.path).directory == split.directory);
    CHECK(SplitPath(split.path).name == split.name);
  }
}

Result<int> Half(int value) {
  if (value % 2 != 0) return Error{ErrorCode::kInvalidArgument, "odd"};
  return value / 2;
}

Result<int> Quarter(int value) {
  CJ_ASSIGN_OR_RETURN(int half, Half(value));
  return Half(half);
}

TEST_CASE("result: errors travel") {
  CHECK(Quarter(8).value() == 2);
  CHECK(Quarter(6).error().message == "odd");
  CHECK(ErrnoError(EXDEV, "marking /x").code == ErrorCode::kUnsupported);
  CHECK(ErrnoError(EACCES, "opening /x").message == "opening /x: Permission denied");
}

}  // namespace
}  // namespace cj
