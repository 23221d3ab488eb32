#ifndef SONDE_MAP_READER_H_
#define SONDE_MAP_READER_H_

#include <napi.h>

#include <memory>
#include <optional>

#include "addon.h"
#include "map_walk.h"
#include "ownership.h"

namespace sonde {

/// The raw binding of MapReader in native/types.ts.
class MapReader : public Wrapped<MapReader>, private Owned {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Object Create(Napi::Env env, Fd fd, MapShape shape, MapReadOptions options, OwnershipPtr ownership);
  /// From {chunkRows, keep, split, folds: [offset, size, op, signed, …]}.
  static MapReadOptions ParseOptions(Napi::Object object);

  /// Of a closed reader; Create() makes an open one.
  explicit MapReader(const Napi::CallbackInfo& info) : Wrapped<MapReader>(info) {}
  ~MapReader();

 private:
  struct Read;

  Napi::Value Keys(const Napi::CallbackInfo& info);
  Napi::Value Values(const Napi::CallbackInfo& info);
  Napi::Value Capacity(const Napi::CallbackInfo& info);
  Napi::Value ValueStride(const Napi::CallbackInfo& info);
  Napi::Value Cpus(const Napi::CallbackInfo& info);
  Napi::Value Batch(const Napi::CallbackInfo& info);
  Napi::Value Next(const Napi::CallbackInfo& info);
  Napi::Value NextSync(const Napi::CallbackInfo& info);
  Napi::Value CloseNow(const Napi::CallbackInfo& info);

  static void Execute(napi_env env, void* data);
  static void Complete(napi_env env, napi_status status, void* data);

  void OnOwnerClosed() override { Close(); }
  void Close();
  void RequireIdle(const char* operation) const;
  Failure Closed(const char* operation) const;

  Context context_;
  OwnershipPtr ownership_;
  /// Empty once closed; a read on its way holds a share of its own.
  std::shared_ptr<MapWalk> walk_;
  bool reading_ = false;
};

}  // namespace sonde

#endif  // SONDE_MAP_READER_H_
