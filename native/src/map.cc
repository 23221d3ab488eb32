#include "map.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <string>

#include "btf_layout.h"

namespace sonde {

bool IsPerCpu(bpf_map_type type) {
  return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
         type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

std::string MapTypeName(bpf_map_type type) {
  const char* name = libbpf_bpf_map_type_str(type);
  return name == nullptr ? "unknown" : name;
}

uint32_t PossibleCpus() {
  int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) throw FromErrno(-cpus, {"count CPUs"}, "read the possible CPUs from /sys/devices/system/cpu/possible");
  return static_cast<uint32_t>(cpus);
}

size_t MapShape::KernelValueSize() const {
  if (!per_cpu) return value_size;
  return (static_cast<size_t>(value_size) + 7) / 8 * 8 * PossibleCpus();
}

MapShape ShapeOf(const bpf_map* map, Context context) {
  bpf_map_type type = bpf_map__type(map);
  return {std::move(context),        type,          bpf_map__key_size(map), bpf_map__value_size(map),
          bpf_map__max_entries(map), IsPerCpu(type)};
}

// The type of a buffer's records, when its source names one. Of a perf event array only a struct or union is one:
// `__type(value, u32)` is the usual way to give the array the size that the kernel wants.
static uint32_t ValueTypeId(const btf* btf, const bpf_map* map) {
  uint32_t type_id = bpf_map__btf_value_type_id(map);
  if (bpf_map__type(map) != BPF_MAP_TYPE_PERF_EVENT_ARRAY || btf == nullptr || type_id == 0) return type_id;
  int resolved = btf__resolve_type(btf, type_id);
  return resolved > 0 && btf_is_composite(btf__type_by_id(btf, resolved)) ? type_id : 0;
}

void FitBufferSizes(bpf_map* map) {
  bpf_map_type type = bpf_map__type(map);
  if (type != BPF_MAP_TYPE_RINGBUF && type != BPF_MAP_TYPE_PERF_EVENT_ARRAY) return;
  const uint32_t size = type == BPF_MAP_TYPE_RINGBUF ? 0 : sizeof(uint32_t);
  // They fail only for a map that exists in the kernel, and this one is not loaded yet.
  bpf_map__set_key_size(map, size);
  bpf_map__set_value_size(map, size);
}

Napi::Object DescribeMap(Napi::Env env, const btf* btf, const bpf_map* map) {
  bpf_map_type type = bpf_map__type(map);
  Napi::Object result = Napi::Object::New(env);
  result["name"] = Napi::String::New(env, bpf_map__name(map));
  result["type"] = Napi::String::New(env, MapTypeName(type));
  result["keySize"] = Napi::Number::New(env, bpf_map__key_size(map));
  result["valueSize"] = Napi::Number::New(env, bpf_map__value_size(map));
  result["flags"] = Napi::Number::New(env, bpf_map__map_flags(map));
  result["perCpu"] = Napi::Boolean::New(env, IsPerCpu(type));
  result["keyLayout"] = TypeLayout(env, btf, bpf_map__btf_key_type_id(map));
  result["valueLayout"] = TypeLayout(env, btf, ValueTypeId(btf, map));
  return result;
}

static std::string Named(const Context& context) { return "map '" + context.map + "' of " + context.object; }

uint32_t MapId(int fd, const Context& context) {
  struct bpf_map_info info = {};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
    throw FromErrno(errno, context, "read the id of " + Named(context));
  return info.id;
}

Fd DuplicateMapFd(int fd, const Context& context) {
  Fd copy = Fd::Duplicate(fd);
  if (!copy.valid()) throw FromErrno(errno, context, "open another file descriptor of " + Named(context));
  return copy;
}

static void RequireSize(const MapShape& shape, const char* what, size_t size, size_t expected) {
  if (size == expected) return;
  throw InvalidArgument(shape.context, std::string("the ") + what + " of " + Named(shape.context) + " has " +
                                           std::to_string(expected) + " bytes, not " + std::to_string(size));
}

Napi::Value LookupMap(Napi::Env env, int fd, const MapShape& shape, Napi::Uint8Array key) {
  RequireSize(shape, "key", key.ByteLength(), shape.key_size);
  Napi::Uint8Array value = Napi::Uint8Array::New(env, shape.KernelValueSize());
  if (bpf_map_lookup_elem(fd, key.Data(), value.Data()) == 0) return value;
  if (errno == ENOENT) return env.Null();
  throw FromErrno(errno, shape.context, "look up a key in " + Named(shape.context));
}

void UpdateMap(int fd, const MapShape& shape, Napi::Uint8Array key, Napi::Uint8Array value) {
  RequireSize(shape, "key", key.ByteLength(), shape.key_size);
  RequireSize(shape, "value", value.ByteLength(), shape.KernelValueSize());
  if (bpf_map_update_elem(fd, key.Data(), value.Data(), BPF_ANY) == 0) return;
  throw FromErrno(errno, shape.context, "update a key of " + Named(shape.context));
}

bool DeleteFromMap(int fd, const MapShape& shape, Napi::Uint8Array key) {
  RequireSize(shape, "key", key.ByteLength(), shape.key_size);
  if (bpf_map_delete_elem(fd, key.Data()) == 0) return true;
  if (errno == ENOENT) return false;
  throw FromErrno(errno, shape.context, "delete a key of " + Named(shape.context));
}

}  // namespace sonde
