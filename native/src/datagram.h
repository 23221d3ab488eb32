#ifndef SONDE_DATAGRAM_H_
#define SONDE_DATAGRAM_H_

#include <napi.h>

namespace sonde {

/// Native.sendDatagram() of native/types.ts.
Napi::Value SendDatagram(const Napi::CallbackInfo& info);

}  // namespace sonde

#endif  // SONDE_DATAGRAM_H_
