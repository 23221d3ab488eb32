#ifndef SONDE_ADDON_H_
#define SONDE_ADDON_H_

#include <napi.h>

#include "error.h"

namespace sonde {

/// State of one environment (the main thread or a worker).
struct Addon {
  /// NativeError of native/error.ts.
  Napi::FunctionReference error_class;
  Napi::FunctionReference object;
  Napi::FunctionReference map_reader;
  Napi::FunctionReference event_reader;
  Napi::FunctionReference directory_events;
};

/// Base of the classes that JavaScript sees: what their methods throw becomes a JavaScript exception.
template <typename T>
class Wrapped : public Napi::ObjectWrap<T> {
 public:
  using Napi::ObjectWrap<T>::ObjectWrap;

 protected:
  template <Napi::Value (T::*method)(const Napi::CallbackInfo&)>
  static Napi::ClassPropertyDescriptor<T> Method(const char* name) {
    using Callback = Napi::Value (T::*)(const Napi::CallbackInfo&);
    return Napi::ObjectWrap<T>::InstanceMethod(name, static_cast<Callback>(&Wrapped::template Guarded<method>));
  }

 private:
  template <Napi::Value (T::*method)(const Napi::CallbackInfo&)>
  Napi::Value Guarded(const Napi::CallbackInfo& info) {
    return Boundary(info.Env(), [&] { return (static_cast<T*>(this)->*method)(info); });
  }
};

}  // namespace sonde

#endif  // SONDE_ADDON_H_
