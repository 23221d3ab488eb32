#ifndef SONDE_FILE_READER_H_
#define SONDE_FILE_READER_H_

#include <napi.h>

namespace sonde {

/// Native.readFile() of native/types.ts.
Napi::Value ReadFile(const Napi::CallbackInfo& info);

}  // namespace sonde

#endif  // SONDE_FILE_READER_H_
