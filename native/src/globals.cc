#include "globals.h"

#include <bpf/btf.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace sonde {

static bool IsReadOnlySection(const char* name) {
  return name != nullptr && (strcmp(name, ".rodata") == 0 || strncmp(name, ".rodata.", 8) == 0);
}

static std::optional<Global> FindInSection(const btf* btf, const btf_type* section, bpf_map* map,
                                           const std::string& name) {
  for (uint32_t i = 0; i < btf_vlen(section); i++) {
    const btf_var_secinfo* info = btf_var_secinfos(section) + i;
    const btf_type* variable = btf__type_by_id(btf, info->type);
    if (variable == nullptr || !btf_is_var(variable)) continue;
    const char* variable_name = btf__name_by_offset(btf, variable->name_off);
    if (variable_name != nullptr && name == variable_name) return Global{map, info->offset, info->size};
  }
  return std::nullopt;
}

std::optional<Global> FindGlobal(const bpf_object* object, const std::string& name) {
  const btf* btf = bpf_object__btf(object);
  if (btf == nullptr) return std::nullopt;
  for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
    const btf_type* section = btf__type_by_id(btf, id);
    if (!btf_is_datasec(section)) continue;
    const char* section_name = btf__name_by_offset(btf, section->name_off);
    if (!IsReadOnlySection(section_name)) continue;
    bpf_map* map = bpf_object__find_map_by_name(object, section_name);
    if (map == nullptr) continue;
    if (auto global = FindInSection(btf, section, map, name)) return global;
  }
  return std::nullopt;
}

void WriteGlobal(const Global& global, const std::string& name, const uint8_t* bytes, size_t size, Context context) {
  if (size != global.size) {
    throw Failure("GLOBAL_SIZE", 0, context,
                  "global '" + name + "' of " + context.object + " has " + std::to_string(global.size) +
                      " bytes, not " + std::to_string(size));
  }
  size_t section_size = 0;
  const void* section = bpf_map__initial_value(global.map, &section_size);
  if (section == nullptr || global.offset + size > section_size) {
    throw FromErrno(EINVAL, context, "set global '" + name + "' of " + context.object);
  }
  std::vector<uint8_t> contents(section_size);
  memcpy(contents.data(), section, section_size);
  memcpy(contents.data() + global.offset, bytes, size);
  int error = bpf_map__set_initial_value(global.map, contents.data(), section_size);
  if (error != 0) throw FromErrno(-error, context, "set global '" + name + "' of " + context.object);
}

}  // namespace sonde
