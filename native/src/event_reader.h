#ifndef SONDE_EVENT_READER_H_
#define SONDE_EVENT_READER_H_

#include <napi.h>

#include <memory>

#include "addon.h"
#include "block.h"
#include "event_source.h"
#include "fd.h"
#include "map.h"
#include "ownership.h"
#include "poll_loop.h"

namespace sonde {

/// RingOptions and PerfBufferOptions of native/types.ts, defaults filled in.
struct EventOptions {
  uint32_t arena_bytes;
  uint32_t max_records;
  uint32_t max_batches;
  uint32_t rearm_ms;
  uint32_t max_delay_ms;
  /// 0 for a ring buffer.
  uint32_t pages;
};

/// The raw binding of EventReader in native/types.ts.
class EventReader : public Wrapped<EventReader>, private Owned, private PollLoop::Client {
 public:
  static Napi::Function Define(Napi::Env env);
  static EventOptions ParseOptions(Napi::Object object);
  /// Throws `BUSY` when the object's map number `map_index` already has a reader.
  static Napi::Object Create(Napi::Env env, Fd map, const MapShape& shape, const EventOptions& options,
                             OwnershipPtr ownership, uint32_t map_index);

  /// Of a closed reader; Create() makes an open one.
  explicit EventReader(const Napi::CallbackInfo& info) : Wrapped<EventReader>(info) {}
  ~EventReader();

 private:
  Napi::Value Data(const Napi::CallbackInfo& info);
  Napi::Value Lengths(const Napi::CallbackInfo& info);
  Napi::Value Start(const Napi::CallbackInfo& info);
  Napi::Value DrainNow(const Napi::CallbackInfo& info);
  Napi::Value Stats(const Napi::CallbackInfo& info);
  Napi::Value CloseNow(const Napi::CallbackInfo& info);

  bool OnReady() override;
  bool HasWaiting() override { return source_ != nullptr && source_->Waiting() > 0; }
  void OnLoopClosed() override;
  void OnOwnerClosed() override { Close(); }

  /// `deliver(bytes, count, lost)` is called for each batch. True when records are left.
  template <typename Deliver>
  bool Drain(Deliver deliver);
  void DeliverFromLoop(napi_env env, const Batch& batch);
  void Close();
  void RequireOpen(const char* operation) const;
  std::string Named() const { return "the reader of map '" + context_.map + "' of " + context_.object; }

  Context context_;
  EventOptions options_{};
  OwnershipPtr ownership_;
  uint32_t map_index_ = 0;
  /// Empty once closed. A drain on its way holds a share of its own.
  std::shared_ptr<EventSource> source_;
  BlockPtr arena_;
  BlockPtr lengths_;
  bool draining_ = false;

  /// From start() to close().
  PollLoop* loop_ = nullptr;
  Napi::FunctionReference callback_;
  /// Shared with a call under way, which may close this reader.
  std::shared_ptr<Napi::AsyncContext> async_context_;

  uint64_t records_ = 0;
  uint64_t bytes_ = 0;
  uint64_t batches_ = 0;
  uint64_t lost_ = 0;
  uint64_t discarded_ = 0;
  uint64_t oversize_ = 0;
  size_t high_water_ = 0;
  size_t size_ = 0;
};

}  // namespace sonde

#endif  // SONDE_EVENT_READER_H_
