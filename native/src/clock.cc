#include "clock.h"

#include <time.h>

#include <cstdint>

namespace sonde {

static constexpr int kTries = 5;

static uint64_t Read(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

struct Anchor {
  uint64_t before, boottime, realtime, after;
};

static Anchor ReadOnce() {
  Anchor anchor;
  anchor.before = Read(CLOCK_MONOTONIC);
  anchor.boottime = Read(CLOCK_BOOTTIME);
  anchor.realtime = Read(CLOCK_REALTIME);
  anchor.after = Read(CLOCK_MONOTONIC);
  return anchor;
}

Napi::Value ClockAnchor(const Napi::CallbackInfo& info) {
  // A preemption between the reads widens one bracket, hardly all of them.
  Anchor best = ReadOnce();
  for (int i = 1; i < kTries; i++) {
    Anchor anchor = ReadOnce();
    if (anchor.after - anchor.before < best.after - best.before) best = anchor;
  }
  Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  uint64_t width = best.after - best.before;
  result["monotonicNs"] = Napi::BigInt::New(env, best.before + width / 2);
  result["boottimeNs"] = Napi::BigInt::New(env, best.boottime);
  result["realtimeNs"] = Napi::BigInt::New(env, best.realtime);
  result["uncertaintyNs"] = Napi::BigInt::New(env, width);
  return result;
}

}  // namespace sonde
