#ifndef SONDE_FEATURES_H_
#define SONDE_FEATURES_H_

#include <napi.h>

namespace sonde {

/// Native.hasFeature() of native/types.ts.
Napi::Value HasFeature(const Napi::CallbackInfo& info);

/// Native.enableRunStats().
Napi::Value EnableRunStats(const Napi::CallbackInfo& info);

}  // namespace sonde

#endif  // SONDE_FEATURES_H_
