#ifndef SONDE_PRIVILEGES_H_
#define SONDE_PRIVILEGES_H_

#include <napi.h>

namespace sonde {

/// Native.keepCapabilities() of native/types.ts.
Napi::Value KeepCapabilities(const Napi::CallbackInfo& info);

/// Native.mapsNeedCapability() of native/types.ts.
Napi::Value MapsNeedCapability(const Napi::CallbackInfo& info);

}  // namespace sonde

#endif  // SONDE_PRIVILEGES_H_
