#ifndef SONDE_CLOCK_H_
#define SONDE_CLOCK_H_

#include <napi.h>

namespace sonde {

/// Native.clockAnchor() of native/types.ts.
Napi::Value ClockAnchor(const Napi::CallbackInfo& info);

}  // namespace sonde

#endif  // SONDE_CLOCK_H_
