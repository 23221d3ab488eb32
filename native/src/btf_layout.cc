#include "btf_layout.h"

#include <cstring>
#include <string>

namespace sonde {

// C cannot nest without a bound except through pointers, which are not followed: this only stops broken BTF.
static constexpr int kMaxDepth = 64;

namespace {

class Builder {
 public:
  Builder(Napi::Env env, const btf* btf) : env_(env), btf_(btf) {}

  Napi::Object Build(uint32_t type_id, int depth);

 private:
  void Int(Napi::Object layout, const btf_type* type, const std::string& name);
  void Array(Napi::Object layout, const btf_type* type, int depth);
  void Members(Napi::Object layout, const btf_type* type, int depth);
  void Values(Napi::Object layout, const btf_type* type);
  void Enum64Values(Napi::Object layout, const btf_type* type);
  void Value(Napi::Array values, uint32_t index, uint32_t name, bool is_signed, uint64_t value);

  std::string Name(uint32_t offset) const {
    const char* name = btf__name_by_offset(btf_, offset);
    return name == nullptr ? "" : name;
  }

  Napi::Env env_;
  const btf* btf_;
};

const char* KindName(const btf_type* type) {
  switch (btf_kind(type)) {
    case BTF_KIND_INT: return "int";
    case BTF_KIND_FLOAT: return "float";
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64: return "enum";
    case BTF_KIND_PTR: return "pointer";
    case BTF_KIND_ARRAY: return "array";
    case BTF_KIND_STRUCT: return "struct";
    case BTF_KIND_UNION: return "union";
    case BTF_KIND_FWD: return btf_kflag(type) ? "union" : "struct";
    default: return "void";
  }
}

Napi::Object Builder::Build(uint32_t type_id, int depth) {
  std::string typedef_name;
  const btf_type* type = btf__type_by_id(btf_, type_id);
  for (int i = 0; i < kMaxDepth && type != nullptr && (btf_is_mod(type) || btf_is_typedef(type)); i++) {
    // Of a chain of typedefs the innermost is the nearest to a name of the type's own.
    if (btf_is_typedef(type)) typedef_name = Name(type->name_off);
    type_id = type->type;
    type = btf__type_by_id(btf_, type_id);
  }
  Napi::Object layout = Napi::Object::New(env_);
  bool known = type != nullptr && depth < kMaxDepth;
  std::string own_name = known && !btf_is_ptr(type) && !btf_is_array(type) ? Name(type->name_off) : "";
  int64_t size = known && type_id != 0 ? btf__resolve_size(btf_, type_id) : 0;
  layout["kind"] = Napi::String::New(env_, known ? KindName(type) : "void");
  layout["name"] = Napi::String::New(env_, own_name.empty() ? typedef_name : own_name);
  layout["size"] = Napi::Number::New(env_, size < 0 ? 0 : size);
  layout["signed"] = Napi::Boolean::New(env_, false);
  layout["length"] = Napi::Number::New(env_, 0);
  layout["element"] = Napi::Array::New(env_);
  layout["members"] = Napi::Array::New(env_);
  layout["values"] = Napi::Array::New(env_);
  if (!known) return layout;
  if (btf_is_int(type)) Int(layout, type, own_name);
  if (btf_is_array(type)) Array(layout, type, depth);
  if (btf_is_composite(type)) Members(layout, type, depth);
  if (btf_is_enum(type)) Values(layout, type);
  if (btf_is_enum64(type)) Enum64Values(layout, type);
  return layout;
}

void Builder::Int(Napi::Object layout, const btf_type* type, const std::string& name) {
  int encoding = btf_int_encoding(type);
  if (encoding & BTF_INT_BOOL) layout["kind"] = Napi::String::New(env_, "bool");
  // clang does not set BTF_INT_CHAR, so that only the name tells text from small numbers.
  if ((encoding & BTF_INT_CHAR) || name == "char") layout["kind"] = Napi::String::New(env_, "char");
  layout["signed"] = Napi::Boolean::New(env_, (encoding & BTF_INT_SIGNED) != 0);
}

void Builder::Array(Napi::Object layout, const btf_type* type, int depth) {
  const struct btf_array* array = btf_array(type);
  layout["length"] = Napi::Number::New(env_, array->nelems);
  Napi::Array element = Napi::Array::New(env_, 1);
  element[0u] = Build(array->type, depth + 1);
  layout["element"] = element;
}

void Builder::Members(Napi::Object layout, const btf_type* type, int depth) {
  uint32_t count = btf_vlen(type);
  Napi::Array members = Napi::Array::New(env_, count);
  for (uint32_t i = 0; i < count; i++) {
    const btf_member* member = btf_members(type) + i;
    Napi::Object member_type = Build(member->type, depth + 1);
    uint32_t bits = btf_member_bitfield_size(type, i);
    if (bits == 0) bits = member_type.Get("size").As<Napi::Number>().Uint32Value() * 8;
    Napi::Object entry = Napi::Object::New(env_);
    entry["name"] = Napi::String::New(env_, Name(member->name_off));
    entry["bitOffset"] = Napi::Number::New(env_, btf_member_bit_offset(type, i));
    entry["bitSize"] = Napi::Number::New(env_, bits);
    entry["type"] = member_type;
    members[i] = entry;
  }
  layout["members"] = members;
}

void Builder::Value(Napi::Array values, uint32_t index, uint32_t name, bool is_signed, uint64_t value) {
  Napi::Object entry = Napi::Object::New(env_);
  entry["name"] = Napi::String::New(env_, Name(name));
  entry["value"] = is_signed ? Napi::BigInt::New(env_, static_cast<int64_t>(value)) : Napi::BigInt::New(env_, value);
  values[index] = entry;
}

void Builder::Values(Napi::Object layout, const btf_type* type) {
  // The flag is new in clang 15: without it the values are taken as unsigned, as bpftool does.
  bool is_signed = btf_kflag(type);
  Napi::Array values = Napi::Array::New(env_, btf_vlen(type));
  for (uint32_t i = 0; i < btf_vlen(type); i++) {
    const struct btf_enum* entry = btf_enum(type) + i;
    uint64_t value =
        is_signed ? static_cast<uint64_t>(static_cast<int64_t>(entry->val)) : static_cast<uint32_t>(entry->val);
    Value(values, i, entry->name_off, is_signed, value);
  }
  layout["signed"] = Napi::Boolean::New(env_, is_signed);
  layout["values"] = values;
}

void Builder::Enum64Values(Napi::Object layout, const btf_type* type) {
  bool is_signed = btf_kflag(type);
  Napi::Array values = Napi::Array::New(env_, btf_vlen(type));
  for (uint32_t i = 0; i < btf_vlen(type); i++) {
    const struct btf_enum64* entry = btf_enum64(type) + i;
    Value(values, i, entry->name_off, is_signed, btf_enum64_value(entry));
  }
  layout["signed"] = Napi::Boolean::New(env_, is_signed);
  layout["values"] = values;
}

}  // namespace

Napi::Value TypeLayout(Napi::Env env, const btf* btf, uint32_t type_id) {
  if (btf == nullptr || type_id == 0) return env.Null();
  return Builder(env, btf).Build(type_id, 0);
}

}  // namespace sonde
