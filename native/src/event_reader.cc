#include "event_reader.h"

#include <algorithm>

#include "perf_source.h"
#include "ring_source.h"

namespace sonde {

static std::shared_ptr<EventSource> OpenSource(Fd map, const MapShape& shape, const EventOptions& options) {
  if (options.pages == 0) return std::make_shared<RingSource>(std::move(map), shape);
  return std::make_shared<PerfSource>(std::move(map), shape, options.pages);
}

Napi::Function EventReader::Define(Napi::Env env) {
  return DefineClass(env, "RawEventReader",
                     {
                         Method<&EventReader::Data>("data"),
                         Method<&EventReader::Lengths>("lengths"),
                         Method<&EventReader::Start>("start"),
                         Method<&EventReader::DrainNow>("drain"),
                         Method<&EventReader::Stats>("stats"),
                         Method<&EventReader::CloseNow>("close"),
                     });
}

EventOptions EventReader::ParseOptions(Napi::Object object) {
  auto number = [&](const char* name) { return object.Get(name).As<Napi::Number>().Uint32Value(); };
  return {number("arenaBytes"), number("maxRecords"), number("maxBatches"),
          number("rearmMs"),    number("maxDelayMs"), number("pages")};
}

Napi::Object EventReader::Create(Napi::Env env, Fd map, const MapShape& shape, const EventOptions& options,
                                 OwnershipPtr ownership, uint32_t map_index) {
  if (ownership->maps_with_events.count(map_index) != 0) {
    throw Failure(
        "BUSY", 0, shape.context,
        "map '" + shape.context.map + "' of " + shape.context.object + " already has a reader: close it first");
  }
  std::shared_ptr<EventSource> source = OpenSource(std::move(map), shape, options);
  auto arena = std::make_shared<Block>(options.arena_bytes);
  auto lengths = std::make_shared<Block>(options.max_records * sizeof(uint32_t));
  Napi::Object object = env.GetInstanceData<Addon>()->event_reader.New({});
  EventReader* reader = Unwrap(object);
  reader->context_ = shape.context;
  reader->options_ = options;
  reader->size_ = source->size();
  reader->source_ = std::move(source);
  reader->arena_ = std::move(arena);
  reader->lengths_ = std::move(lengths);
  reader->map_index_ = map_index;
  reader->ownership_ = std::move(ownership);
  reader->ownership_->Add(reader);
  reader->ownership_->maps_with_events.insert(map_index);
  return object;
}

EventReader::~EventReader() { Close(); }

void EventReader::Close() {
  if (source_ == nullptr) return;
  discarded_ = source_->discarded();
  oversize_ = source_->oversize();
  if (ownership_ != nullptr) {
    ownership_->Remove(this);
    ownership_->maps_with_events.erase(map_index_);
  }
  if (loop_ != nullptr) loop_->Close();
  source_.reset();
}

void EventReader::OnLoopClosed() {
  loop_ = nullptr;
  callback_.Reset();
  async_context_.reset();
  Unref();
}

void EventReader::RequireOpen(const char* operation) const {
  if (source_ != nullptr) return;
  Context context = context_;
  context.operation = operation;
  throw Failure("CLOSED", 0, context, Named() + " is closed");
}

Napi::Value EventReader::Data(const Napi::CallbackInfo& info) { return ShareWithJs(info.Env(), arena_); }

Napi::Value EventReader::Lengths(const Napi::CallbackInfo& info) { return ShareWithJs(info.Env(), lengths_); }

Napi::Value EventReader::Start(const Napi::CallbackInfo& info) {
  RequireOpen("start");
  if (loop_ != nullptr) return info.Env().Undefined();
  loop_ = PollLoop::Start(info.Env(), this, source_->poll_fd(), options_.rearm_ms, options_.max_delay_ms, context_);
  callback_ = Napi::Persistent(info[0].As<Napi::Function>());
  async_context_ = std::make_shared<Napi::AsyncContext>(info.Env(), "sonde.events", info.This().As<Napi::Object>());
  Ref();
  return info.Env().Undefined();
}

template <typename Deliver>
bool EventReader::Drain(Deliver deliver) {
  // Of its own: the callback may close this reader.
  std::shared_ptr<EventSource> source = source_;
  high_water_ = std::max(high_water_, source->Waiting());
  bool more = true;
  for (uint32_t i = 0; more && i < options_.max_batches; i++) {
    Batch batch(arena_->data(), arena_->size(), reinterpret_cast<uint32_t*>(lengths_->data()), options_.max_records);
    more = source->Fill(&batch);
    if (batch.count() == 0 && batch.lost == 0) continue;
    batches_++;
    records_ += batch.count();
    bytes_ += batch.bytes();
    lost_ += batch.lost;
    deliver(batch);
    if (source_ == nullptr) return false;
  }
  return more;
}

bool EventReader::OnReady() {
  // Reached from libuv: the scope also keeps this object from being collected when the callback closes the reader. A
  // callback that runs the event loop itself does not come here twice.
  if (draining_) return false;
  Napi::Env env = Env();
  Napi::HandleScope scope(env);
  [[maybe_unused]] Napi::Object self = Value();
  draining_ = true;
  bool more = Drain([&](const Batch& batch) { DeliverFromLoop(env, batch); });
  draining_ = false;
  return more;
}

void EventReader::DeliverFromLoop(napi_env env, const Batch& batch) {
  napi_value arguments[3];
  bool ready = napi_create_uint32(env, batch.bytes(), &arguments[0]) == napi_ok &&
               napi_create_uint32(env, batch.count(), &arguments[1]) == napi_ok &&
               napi_create_double(env, static_cast<double>(batch.lost), &arguments[2]) == napi_ok;
  std::shared_ptr<Napi::AsyncContext> context = async_context_;
  if (!ready || !CallFromLoop(env, *context, callback_.Value(), 3, arguments)) Close();
}

Napi::Value EventReader::DrainNow(const Napi::CallbackInfo& info) {
  RequireOpen("drain");
  if (draining_) {
    Context context = context_;
    context.operation = "drain";
    throw Failure("BUSY", 0, context, Named() + " is being drained: its callback must not drain it");
  }
  Napi::Env env = info.Env();
  Napi::Function callback = info[0].As<Napi::Function>();
  draining_ = true;
  try {
    bool more = Drain([&](const Batch& batch) {
      Napi::HandleScope scope(env);
      callback.Call({Napi::Number::New(env, batch.bytes()), Napi::Number::New(env, batch.count()),
                     Napi::Number::New(env, batch.lost)});
    });
    draining_ = false;
    return Napi::Boolean::New(env, more);
  } catch (...) {
    draining_ = false;
    throw;
  }
}

Napi::Value EventReader::Stats(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  result["records"] = Napi::BigInt::New(env, records_);
  result["bytes"] = Napi::BigInt::New(env, bytes_);
  result["batches"] = Napi::BigInt::New(env, batches_);
  result["discarded"] = Napi::BigInt::New(env, source_ ? source_->discarded() : discarded_);
  result["lost"] = Napi::BigInt::New(env, lost_);
  result["oversize"] = Napi::BigInt::New(env, source_ ? source_->oversize() : oversize_);
  result["highWaterBytes"] = Napi::Number::New(env, high_water_);
  result["sizeBytes"] = Napi::Number::New(env, size_);
  return result;
}

Napi::Value EventReader::CloseNow(const Napi::CallbackInfo& info) {
  Close();
  return info.Env().Undefined();
}

}  // namespace sonde
