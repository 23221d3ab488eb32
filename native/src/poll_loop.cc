#include "poll_loop.h"

#include <cerrno>
#include <memory>

namespace sonde {

template <typename Handle>
static uv_handle_t* AsHandle(Handle* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}

PollLoop* PollLoop::Start(napi_env env, Client* client, int fd, uint32_t rearm_ms, uint32_t max_delay_ms,
                          const Context& context) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) throw FromErrno(EINVAL, context, "find the event loop");
  auto self = std::unique_ptr<PollLoop>(new PollLoop());
  int error = uv_poll_init(loop, &self->poll_, fd);
  if (error != 0) throw FromErrno(-error, context, "poll map '" + context.map + "' of " + context.object);
  PollLoop* started = self.release();
  uv_timer_init(loop, &started->rearm_);
  uv_timer_init(loop, &started->max_delay_);
  uv_idle_init(loop, &started->more_);
  started->poll_.data = started->rearm_.data = started->max_delay_.data = started->more_.data = started;
  started->open_handles_ = kHandles;
  started->client_ = client;
  started->rearm_ms_ = rearm_ms;
  // libuv must be done with the handles before the environment's event loop is destroyed.
  auto on_cleanup = [](napi_async_cleanup_hook_handle, void* data) { static_cast<PollLoop*>(data)->Close(); };
  if (napi_add_async_cleanup_hook(env, on_cleanup, started, &started->cleanup_) != napi_ok) {
    started->client_ = nullptr;
    started->CloseHandles();
    throw FromErrno(ENOMEM, context, "register the reader of map '" + context.map + "'");
  }
  uv_timer_start(
      &started->max_delay_, [](uv_timer_t* timer) { static_cast<PollLoop*>(timer->data)->DrainOnce(); }, max_delay_ms,
      max_delay_ms);
  started->RearmAfter(0);
  return started;
}

void PollLoop::Arm() { uv_poll_start(&poll_, UV_READABLE, OnSignal); }

void PollLoop::RearmAfter(uint32_t ms) {
  uv_timer_start(
      &rearm_, [](uv_timer_t* timer) { static_cast<PollLoop*>(timer->data)->Rearm(); }, ms, 0);
}

void PollLoop::Rearm() {
  // A perf buffer tells only once that it is readable, and epoll asks twice of a descriptor that is added while it is:
  // what came during the pause would wait for the next record or for `max_delay_`.
  if (client_->HasWaiting()) return DrainOnce();
  Arm();
}

void PollLoop::OnSignal(uv_poll_t* handle, int, int) { static_cast<PollLoop*>(handle->data)->DrainOnce(); }

void PollLoop::DrainOnce() {
  // A callback may close this loop while it drains; the handles stay until libuv's next turn, and so does this object.
  if (client_ == nullptr) return;
  uv_poll_stop(&poll_);
  bool more = client_->OnReady();
  if (client_ == nullptr) return;
  if (more) {
    uv_idle_start(&more_, [](uv_idle_t* idle) { static_cast<PollLoop*>(idle->data)->DrainOnce(); });
    return;
  }
  uv_idle_stop(&more_);
  RearmAfter(rearm_ms_);
}

void PollLoop::Close() {
  if (client_ == nullptr) return;
  Client* client = client_;
  client_ = nullptr;
  client->OnLoopClosed();
  CloseHandles();
}

void PollLoop::CloseHandles() {
  for (uv_handle_t* handle : {AsHandle(&poll_), AsHandle(&rearm_), AsHandle(&max_delay_), AsHandle(&more_)}) {
    uv_close(handle, OnHandleClosed);
  }
}

void PollLoop::OnHandleClosed(uv_handle_t* handle) {
  auto* self = static_cast<PollLoop*>(handle->data);
  if (--self->open_handles_ > 0) return;
  if (self->cleanup_ != nullptr) napi_remove_async_cleanup_hook(self->cleanup_);
  delete self;
}

bool CallFromLoop(napi_env env, napi_async_context context, napi_value callback, size_t count,
                  const napi_value* arguments) {
  // The C interface, because napi.h turns every failure into an exception, which an environment that is being torn down
  // cannot make.
  napi_value global, result, error;
  if (napi_get_global(env, &global) != napi_ok) return false;
  if (napi_make_callback(env, context, global, callback, count, arguments, &result) == napi_ok) return true;
  bool thrown = false;
  if (napi_is_exception_pending(env, &thrown) != napi_ok || !thrown) return false;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  return true;
}

}  // namespace sonde
