#ifndef SONDE_BTF_LAYOUT_H_
#define SONDE_BTF_LAYOUT_H_

#include <bpf/btf.h>
#include <napi.h>

namespace sonde {

/// TypeLayout of native/types.ts for a type of `btf`; null for type 0 (a map declared without types).
Napi::Value TypeLayout(Napi::Env env, const btf* btf, uint32_t type_id);

}  // namespace sonde

#endif  // SONDE_BTF_LAYOUT_H_
