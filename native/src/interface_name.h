#ifndef SONDE_INTERFACE_NAME_H_
#define SONDE_INTERFACE_NAME_H_

#include <napi.h>

namespace sonde {

/// Native.interfaceName() of native/types.ts.
Napi::Value InterfaceName(const Napi::CallbackInfo& info);

}  // namespace sonde

#endif  // SONDE_INTERFACE_NAME_H_
