#include "interface_name.h"

#include <net/if.h>

#include <cstring>

namespace sonde {

Napi::Value InterfaceName(const Napi::CallbackInfo& info) {
  char name[IF_NAMESIZE];
  if (if_indextoname(info[0].As<Napi::Number>().Uint32Value(), name) == nullptr) return info.Env().Null();
  // Bytes: the kernel takes any in a name that are no space, slash or colon.
  return Napi::Buffer<char>::Copy(info.Env(), name, strnlen(name, sizeof name));
}

}  // namespace sonde
