#include "journal/name_table.h"

#include <catch2/catch.hpp>
#include <string>

namespace cj {
namespace {

TEST_CASE("name table: each name once, with the object that came first") {
  NameTable table;
  const auto first = table.FindOrAdd({1, "name", "object"});
  CHECK(first.is_new);
  const auto again = table.FindOrAdd({1, "name", "another"});
  CHECK_FALSE(again.is_new);
  CHECK(again.ref == first.ref);
  CHECK(table.Get(first.ref).object == "object");
  CHECK(table.Get(first.ref).name == "name");
  CHECK(table.Get(first.ref).directory == 1);
  CHECK(table.FindOrAdd({2, "name", "object"}).is_new);
  // Where one part ends and the next begins is part of it.
  CHECK(table.FindOrAdd({1, "tname", "objec"}).is_new);
  CHECK(table.FindOrAdd({1, "", ""}).is_new);
  CHECK(table.size() == 4);
  CHECK(table.Find(1, "name") == first.ref);
  CHECK(table.Find(1, "nam") == kNone);
  CHECK(table.Find(3, "name") == kNone);
}

TEST_CASE("name table: flags are added and change nothing else") {
  NameTable table;
  const auto a = table.FindOrAdd({1, "a", "x"}).ref;
  const auto b = table.FindOrAdd({1, "b", "y"}).ref;
  CHECK(table.flags(a) == 0);
  table.AddFlags(a, 1);
  table.AddFlags(a, 4);
  CHECK(table.flags(a) == 5);
  CHECK(table.flags(b) == 0);
  CHECK(table.Get(a).name == "a");
  CHECK(table.Get(a).object == "x");
}

// More than one chunk, and entries as long as they can be, which do not fit into the end of one.
TEST_CASE("name table: what was added stays where it is") {
  NameTable table;
  std::vector<NameTable::Ref> refs;
  const std::string object(NameTable::kMaxObject, 'o');
  auto name_of = [](std::uint32_t i) {
    std::string name = std::to_string(i);
    name.resize(i % 2 == 0 ? NameTable::kMaxName : name.size(), '-');
    return name;
  };
  constexpr std::uint32_t kNames = 20'000;
  for (std::uint32_t i = 0; i < kNames; ++i) {
    refs.push_back(table.FindOrAdd({i % 7, name_of(i), object}).ref);
  }
  CHECK(table.size() == kNames);
  for (std::uint32_t i = 0; i < kNames; ++i) {
    const NameTable::Name name = table.Get(refs[i]);
    const bool same = name.directory == i % 7 && name.name == name_of(i) && name.object == object &&
                      table.Find(i % 7, name_of(i)) == refs[i];
    if (!same) FAIL_CHECK(i);
  }
}

}  // namespace
}  // namespace cj
