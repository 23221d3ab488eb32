// The calls of Object that are about one of its maps.
#include <cerrno>

#include "event_reader.h"
#include "map_reader.h"
#include "object.h"

namespace sonde {

bpf_map* Object::MapAt(const Napi::Value& index, const char* operation, Context* context) const {
  *context = {operation, name_};
  RequireOpen(*context);
  bpf_map* map = maps_.at(index.As<Napi::Number>().Uint32Value());
  context->map = bpf_map__name(map);
  return map;
}

int Object::LoadedMapAt(const Napi::Value& index, const char* operation, MapShape* shape) const {
  Context context;
  const bpf_map* map = MapAt(index, operation, &context);
  int fd = bpf_map__fd(map);
  if (!loaded_ || fd < 0)
    throw Failure("NOT_LOADED", 0, context, "map '" + context.map + "' of " + name_ + " is not loaded");
  *shape = ShapeOf(map, context);
  return fd;
}

Napi::Value Object::MaxEntries(const Napi::CallbackInfo& info) {
  Context context;
  return Napi::Number::New(info.Env(), bpf_map__max_entries(MapAt(info[0], "read max_entries", &context)));
}

Napi::Value Object::SetMaxEntries(const Napi::CallbackInfo& info) {
  Context context;
  bpf_map* map = MapAt(info[0], "set max_entries", &context);
  RequireBeforeLoad(context);
  int error = bpf_map__set_max_entries(map, info[1].As<Napi::Number>().Uint32Value());
  if (error != 0) throw FromErrno(-error, context, "set max_entries of map '" + context.map + "' of " + name_);
  return info.Env().Undefined();
}

Napi::Value Object::Id(const Napi::CallbackInfo& info) {
  MapShape shape;
  int fd = LoadedMapAt(info[0], "read id", &shape);
  return Napi::Number::New(info.Env(), MapId(fd, shape.context));
}

Napi::Value Object::Lookup(const Napi::CallbackInfo& info) {
  MapShape shape;
  int fd = LoadedMapAt(info[0], "lookup", &shape);
  return LookupMap(info.Env(), fd, shape, info[1].As<Napi::Uint8Array>());
}

Napi::Value Object::Update(const Napi::CallbackInfo& info) {
  MapShape shape;
  int fd = LoadedMapAt(info[0], "update", &shape);
  UpdateMap(fd, shape, info[1].As<Napi::Uint8Array>(), info[2].As<Napi::Uint8Array>());
  return info.Env().Undefined();
}

Napi::Value Object::Delete(const Napi::CallbackInfo& info) {
  MapShape shape;
  int fd = LoadedMapAt(info[0], "delete", &shape);
  return Napi::Boolean::New(info.Env(), DeleteFromMap(fd, shape, info[1].As<Napi::Uint8Array>()));
}

// A reader holds its object, which would otherwise be collected, and detach its programs, while events are awaited.
static Napi::Value HoldingObject(Napi::Object reader, const Napi::CallbackInfo& info) {
  reader["object"] = info.This();
  return reader;
}

Napi::Value Object::OpenReader(const Napi::CallbackInfo& info) {
  MapShape shape;
  int fd = LoadedMapAt(info[0], "open reader", &shape);
  Fd copy = DuplicateMapFd(fd, shape.context);
  MapReadOptions options = MapReader::ParseOptions(info[1].As<Napi::Object>());
  return HoldingObject(MapReader::Create(info.Env(), std::move(copy), shape, options, ownership_), info);
}

Napi::Value Object::OpenEvents(const Napi::CallbackInfo& info) {
  MapShape shape;
  int fd = LoadedMapAt(info[0], "open event reader", &shape);
  uint32_t index = info[0].As<Napi::Number>().Uint32Value();
  Fd copy = DuplicateMapFd(fd, shape.context);
  EventOptions options = EventReader::ParseOptions(info[1].As<Napi::Object>());
  return HoldingObject(EventReader::Create(info.Env(), std::move(copy), shape, options, ownership_, index), info);
}

}  // namespace sonde
