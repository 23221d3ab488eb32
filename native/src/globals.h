#ifndef SONDE_GLOBALS_H_
#define SONDE_GLOBALS_H_

#include <bpf/libbpf.h>

#include <cstdint>
#include <optional>
#include <string>

#include "error.h"

namespace sonde {

/// Where a `const volatile` global lives.
struct Global {
  bpf_map* map;
  uint32_t offset;
  uint32_t size;
};

/// Finds a global of `.rodata` or `.rodata.*` through the object's BTF.
std::optional<Global> FindGlobal(const bpf_object* object, const std::string& name);

/// Writes it, before load. `size` must be the global's.
void WriteGlobal(const Global& global, const std::string& name, const uint8_t* bytes, size_t size, Context context);

}  // namespace sonde

#endif  // SONDE_GLOBALS_H_
