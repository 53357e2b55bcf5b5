// The real EventGroup. Inside this folder and its tests only; see kernel.h for the contract.
#pragma once

#include <memory>

#include "base/result.h"
#include "fanotify/kernel.h"

namespace cj {

Result<std::unique_ptr<EventGroup>> CreateEventGroup(bool unlimited_queue);

Result<std::unique_ptr<EventGroup>> AdoptEventGroup(UniqueFd fd);

// Opens what is to be marked (O_PATH), and makes sure that it still is the filesystem that the
// volume means; kNotFound where it is not.
Result<UniqueFd> OpenVolume(const VolumeMount& volume);

// The regular file with this handle, as O_PATH; invalid: there is none, or nothing is mounted
// there.
UniqueFd OpenRegularFile(const VolumeMount& volume, HandleView object);

// The error for a filesystem that refused our mark with this errno: what it is, and what to watch
// instead.
Error MarkRefused(const VolumeMount& volume, int errno_value);

}  // namespace cj
