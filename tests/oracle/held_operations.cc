// Changes through what was opened long ago: descriptors that live across checkpoints, renames and
// unlinks, writes by io_submit (which send no event), and mappings.
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/oracle/writer.h"

namespace cj::oracle {
namespace {

constexpr std::size_t kHeldLimit = 12;

bool Hold(Writer& writer) {
  const std::string path = writer.File();
  UniqueFd fd = writer.OpenOrCreate(path, O_RDWR);
  if (!fd) return false;
  if (writer.held_files.size() == kHeldLimit) writer.held_files.erase(writer.held_files.begin());
  writer.held_files.push_back({std::move(fd), path});
  return writer.Log("hold", 0, path);
}

Writer::HeldFile* AnyHeld(Writer& writer) {
  if (writer.held_files.empty()) return nullptr;
  return &writer.held_files[writer.random.Below(writer.held_files.size())];
}

bool WriteHeld(Writer& writer) {
  const Writer::HeldFile* file = AnyHeld(writer);
  if (file == nullptr) return false;
  const std::string content = writer.random.Bytes(writer.random.Below(200) + 1);
  const auto offset = static_cast<off_t>(writer.random.Below(4000));
  return writer.Log("held-write", pwrite(file->fd.get(), content.data(), content.size(), offset),
                    file->path);
}

bool ChangeModeOfHeld(Writer& writer) {
  const Writer::HeldFile* file = AnyHeld(writer);
  if (file == nullptr) return false;
  const auto mode = static_cast<mode_t>(0600 + writer.random.Below(0200));
  return writer.Log("held-fchmod", fchmod(file->fd.get(), mode), file->path);
}

bool Release(Writer& writer) {
  if (writer.held_files.empty()) return false;
  const std::size_t index = writer.random.Below(writer.held_files.size());
  const std::string path = writer.held_files[index].path;
  writer.held_files.erase(writer.held_files.begin() + static_cast<std::ptrdiff_t>(index));
  return writer.Log("release", 0, path);
}

// The context is made once and lives as long as the process.
aio_context_t Context() {
  static const aio_context_t context = [] {
    aio_context_t made = 0;
    return syscall(SYS_io_setup, 4, &made) == 0 ? made : 0;
  }();
  return context;
}

bool SubmitHeld(Writer& writer) {
  const Writer::HeldFile* file = AnyHeld(writer);
  if (file == nullptr || Context() == 0) return false;
  const std::string content = writer.random.Bytes(writer.random.Below(200) + 1);
  iocb control = {};
  control.aio_fildes = static_cast<std::uint32_t>(file->fd.get());
  control.aio_lio_opcode = IOCB_CMD_PWRITE;
  control.aio_buf = reinterpret_cast<std::uintptr_t>(content.data());
  control.aio_nbytes = content.size();
  control.aio_offset = static_cast<std::int64_t>(writer.random.Below(4000));
  iocb* controls[] = {&control};
  if (syscall(SYS_io_submit, Context(), 1, controls) != 1) return false;
  io_event event = {};
  syscall(SYS_io_getevents, Context(), 1, 1, &event, nullptr);
  return writer.Log("held-aio", static_cast<long>(event.res), file->path);
}

// Mapped, stored to and unmapped at once.
bool StoreShortly(Writer& writer) {
  const std::string path = writer.File();
  const UniqueFd fd = writer.OpenOrCreate(path, O_RDWR);
  if (!fd) return false;
  Mapping mapping = MapFile(fd.get(), path);
  if (mapping.address == nullptr) return false;
  const bool stored = Store(mapping, writer.random.Next(), 'S');
  Unmap(&mapping);
  return stored && writer.Log("map-store-unmap", 0, path);
}

// The descriptor is closed; the mapping stays.
bool Map(Writer& writer) {
  const std::string path = writer.File();
  const UniqueFd fd = writer.OpenOrCreate(path, O_RDWR);
  if (!fd) return false;
  Mapping mapping = MapFile(fd.get(), path);
  if (mapping.address == nullptr) return false;
  writer.mappings.Add(std::move(mapping));
  return writer.Log("map", 0, path);
}

bool StoreMapped(Writer& writer) {
  const auto& own = writer.mappings.own();
  if (own.empty()) return false;
  const Mapping& mapping = own[writer.random.Below(own.size())];
  const char value = static_cast<char>('A' + writer.random.Below(26));
  if (!Store(mapping, writer.random.Next(), value)) return false;
  if (writer.random.Percent(10)) msync(mapping.address, mapping.size, MS_ASYNC);
  return writer.Log("map-store", 0, mapping.path);
}

bool StoreInChild(Writer& writer) {
  const auto& inherited = writer.mappings.inherited();
  if (!writer.mappings.has_child()) return false;
  const std::size_t index = writer.random.Below(inherited.size());
  const char value = static_cast<char>('0' + writer.random.Below(10));
  if (!writer.mappings.StoreInChild(index, writer.random.Next(), value)) return false;
  return writer.Log("map-store-child", 0, inherited[index].path);
}

bool Unmap(Writer& writer) {
  const auto& own = writer.mappings.own();
  if (own.empty()) return false;
  const std::size_t index = writer.random.Below(own.size());
  const std::string path = own[index].path;
  writer.mappings.Drop(index);
  return writer.Log("unmap", 0, path);
}

bool ForkChild(Writer& writer) {
  if (writer.mappings.own().empty()) return false;
  writer.mappings.ForkChild();
  for (const Mapping& mapping : writer.mappings.inherited()) {
    writer.Log("map-fork", 0, mapping.path);
  }
  return true;
}

bool EndChild(Writer& writer) {
  if (!writer.mappings.has_child()) return false;
  for (const Mapping& mapping : writer.mappings.inherited()) {
    writer.Log("map-child-end", 0, mapping.path);
  }
  writer.mappings.EndChild();
  return true;
}

constexpr OperationKind kHeldOperations[] = {
    {"hold", 8, Hold},
    {"held-write", 40, WriteHeld},
    {"held-aio", 20, SubmitHeld},
    {"held-fchmod", 5, ChangeModeOfHeld},
    {"release", 4, Release},
};

constexpr OperationKind kMappingOperations[] = {
    {"map-store-unmap", 15, StoreShortly}, {"map", 6, Map},     {"map-store", 40, StoreMapped},
    {"map-store-child", 30, StoreInChild}, {"unmap", 4, Unmap}, {"map-fork", 1, ForkChild},
    {"map-child-end", 1, EndChild},
};

}  // namespace

std::span<const OperationKind> HeldFileOperations() { return kHeldOperations; }
std::span<const OperationKind> MappingOperations() { return kMappingOperations; }

}  // namespace cj::oracle
