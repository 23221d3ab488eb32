#include "map_reader.h"

#include <cerrno>

namespace sonde {

/// One next() on its way through the thread pool.
struct MapReader::Read {
  MapReader* reader;
  /// Keeps `reader` from being collected.
  Napi::ObjectReference keep_alive;
  std::shared_ptr<MapWalk> walk;
  Napi::Promise::Deferred deferred;
  napi_async_work work = nullptr;
  uint32_t rows = 0;
  std::optional<Failure> failure = std::nullopt;
};

Napi::Function MapReader::Define(Napi::Env env) {
  return DefineClass(env, "RawMapReader",
                     {
                         Method<&MapReader::Keys>("keys"),
                         Method<&MapReader::Values>("values"),
                         Method<&MapReader::Capacity>("capacity"),
                         Method<&MapReader::ValueStride>("valueStride"),
                         Method<&MapReader::Cpus>("possibleCpus"),
                         Method<&MapReader::Batch>("batch"),
                         Method<&MapReader::Next>("next"),
                         Method<&MapReader::NextSync>("nextSync"),
                         Method<&MapReader::CloseNow>("close"),
                     });
}

MapReadOptions MapReader::ParseOptions(Napi::Object object) {
  MapReadOptions options;
  options.chunk_rows = object.Get("chunkRows").As<Napi::Number>().Uint32Value();
  options.keep_cpus = object.Get("keep").As<Napi::Boolean>().Value();
  options.split_cpus = object.Get("split").As<Napi::Boolean>().Value();
  Napi::Uint32Array folds = object.Get("folds").As<Napi::Uint32Array>();
  for (size_t i = 0; i + 3 < folds.ElementLength(); i += 4) {
    options.folds.push_back({folds[i], folds[i + 1], static_cast<FoldOp>(folds[i + 2]), folds[i + 3] != 0});
  }
  return options;
}

Napi::Object MapReader::Create(Napi::Env env, Fd fd, MapShape shape, MapReadOptions options, OwnershipPtr ownership) {
  Context context = shape.context;
  auto walk = std::make_shared<MapWalk>(std::move(fd), std::move(shape), std::move(options));
  Napi::Object object = env.GetInstanceData<Addon>()->map_reader.New({});
  MapReader* reader = Unwrap(object);
  reader->context_ = std::move(context);
  reader->walk_ = std::move(walk);
  reader->ownership_ = std::move(ownership);
  reader->ownership_->Add(reader);
  return object;
}

MapReader::~MapReader() { Close(); }

void MapReader::Close() {
  walk_.reset();
  if (ownership_ != nullptr) ownership_->Remove(this);
}

Failure MapReader::Closed(const char* operation) const {
  Context context = context_;
  context.operation = operation;
  return Failure("CLOSED", 0, context, "the reader of map '" + context.map + "' of " + context.object + " is closed");
}

void MapReader::RequireIdle(const char* operation) const {
  if (walk_ == nullptr) throw Closed(operation);
  if (!reading_) return;
  Context context = context_;
  context.operation = operation;
  throw Failure("BUSY", 0, context,
                "map '" + context.map + "' of " + context.object + " is being read: wait for next() to settle");
}

Napi::Value MapReader::Keys(const Napi::CallbackInfo& info) {
  RequireIdle("read");
  return ShareWithJs(info.Env(), walk_->keys());
}

Napi::Value MapReader::Values(const Napi::CallbackInfo& info) {
  RequireIdle("read");
  return ShareWithJs(info.Env(), walk_->values());
}

Napi::Value MapReader::Capacity(const Napi::CallbackInfo& info) {
  if (walk_ == nullptr) throw Closed("read");
  return Napi::Number::New(info.Env(), walk_->capacity());
}

Napi::Value MapReader::ValueStride(const Napi::CallbackInfo& info) {
  if (walk_ == nullptr) throw Closed("read");
  return Napi::Number::New(info.Env(), walk_->value_stride());
}

Napi::Value MapReader::Cpus(const Napi::CallbackInfo& info) {
  if (walk_ == nullptr) throw Closed("read");
  return Napi::Number::New(info.Env(), walk_->cpus());
}

Napi::Value MapReader::Batch(const Napi::CallbackInfo& info) {
  if (walk_ == nullptr) throw Closed("read");
  return Napi::Boolean::New(info.Env(), walk_->batch());
}

Napi::Value MapReader::NextSync(const Napi::CallbackInfo& info) {
  RequireIdle("read");
  return Napi::Number::New(info.Env(), walk_->Next());
}

Napi::Value MapReader::Next(const Napi::CallbackInfo& info) {
  RequireIdle("read");
  Napi::Env env = info.Env();
  auto read = std::make_unique<Read>(
      Read{this, Napi::Persistent(info.This().As<Napi::Object>()), walk_, Napi::Promise::Deferred::New(env)});
  Napi::String name = Napi::String::New(env, "sonde.map.read");
  NAPI_THROW_IF_FAILED(env, napi_create_async_work(env, nullptr, name, Execute, Complete, read.get(), &read->work),
                       env.Undefined());
  napi_status status = napi_queue_async_work(env, read->work);
  if (status != napi_ok) {
    napi_delete_async_work(env, read->work);
    NAPI_THROW_IF_FAILED(env, status, env.Undefined());
  }
  reading_ = true;
  return read.release()->deferred.Promise();
}

void MapReader::Execute(napi_env, void* data) {
  Read* read = static_cast<Read*>(data);
  try {
    read->rows = read->walk->Next();
  } catch (const Failure& failure) {
    read->failure.emplace(failure);
  } catch (const std::bad_alloc&) {
    read->failure.emplace(Failure("ENOMEM", ENOMEM, read->reader->context_, "out of memory"));
  }
}

void MapReader::Complete(napi_env raw_env, napi_status, void* data) {
  std::unique_ptr<Read> read(static_cast<Read*>(data));
  Napi::Env env(raw_env);
  read->reader->reading_ = false;
  napi_delete_async_work(env, read->work);
  if (read->reader->walk_ == nullptr) read->failure.emplace(read->reader->Closed("read"));
  try {
    if (read->failure) {
      read->deferred.Reject(ToJs(env, *read->failure).Value());
    } else {
      read->deferred.Resolve(Napi::Number::New(env, read->rows));
    }
  } catch (const Napi::Error&) {
    // The environment is being torn down: nobody is left to tell.
  }
}

Napi::Value MapReader::CloseNow(const Napi::CallbackInfo& info) {
  Close();
  return info.Env().Undefined();
}

}  // namespace sonde
