#ifndef SONDE_MAP_H_
#define SONDE_MAP_H_

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <napi.h>

#include "error.h"
#include "fd.h"

namespace sonde {

/// What reading a map needs to know of it. Survives the object.
struct MapShape {
  Context context;
  bpf_map_type type;
  uint32_t key_size;
  uint32_t value_size;
  uint32_t max_entries;
  bool per_cpu;

  /// Bytes of a value as the kernel hands it to user space: for per-CPU maps one of each possible CPU, padded to 8.
  size_t KernelValueSize() const;
};

bool IsPerCpu(bpf_map_type type);
std::string MapTypeName(bpf_map_type type);

/// CPUs that this machine could ever have; a per-CPU value has a slot for each.
uint32_t PossibleCpus();

/// Gives a ring buffer or perf event array the key and value sizes that the kernel demands (0, and 4), before load.
/// libbpf passes on the size of the type that the source names for its records, which the kernel refuses.
void FitBufferSizes(bpf_map* map);

MapShape ShapeOf(const bpf_map* map, Context context);

/// {name, type, keySize, valueSize, flags, perCpu, keyLayout, valueLayout} of a map.
Napi::Object DescribeMap(Napi::Env env, const btf* btf, const bpf_map* map);

/// The kernel's id of a loaded map.
uint32_t MapId(int fd, const Context& context);

/// A second descriptor of a loaded map, so that a reader may outlive the object.
Fd DuplicateMapFd(int fd, const Context& context);

/// BpfMap.lookup, update and delete of native/types.ts.
Napi::Value LookupMap(Napi::Env env, int fd, const MapShape& shape, Napi::Uint8Array key);
void UpdateMap(int fd, const MapShape& shape, Napi::Uint8Array key, Napi::Uint8Array value);
bool DeleteFromMap(int fd, const MapShape& shape, Napi::Uint8Array key);

}  // namespace sonde

#endif  // SONDE_MAP_H_
