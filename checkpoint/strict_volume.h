// A volume whose programs wait until it is on record that they may change a file.
#pragma once

#include "fanotify/kernel.h"
#include "fanotify/volume.h"

namespace cj {

struct StrictVolume {
  VolumeMount volume;
  PreMode mode = PreMode::kOpen;
  bool sync = false;  // intents survive power loss before their program goes on
};

}  // namespace cj
