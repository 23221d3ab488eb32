#ifndef SONDE_POLL_LOOP_H_
#define SONDE_POLL_LOOP_H_

#include <napi.h>
#include <uv.h>

#include <cstdint>

#include "error.h"

namespace sonde {

/// When to drain: on the kernel's signal, then not before `rearm_ms` have passed, so that a busy ring costs the traced
/// process and this one a wake-up every few milliseconds and not one a record; and every `max_delay_ms` in any case,
/// because records that are submitted without wake-up never signal.
///
/// Frees itself: libuv needs the handles until its close callbacks have run, also when the environment ends.
class PollLoop {
 public:
  class Client {
   public:
    /// Drains. True when records are left: the next iteration of the event loop then goes on.
    virtual bool OnReady() = 0;
    /// Whether there is something to drain.
    virtual bool HasWaiting() = 0;
    /// The loop is going away, at Close() or because the environment ends: forget it. The descriptor may be closed from
    /// when Close() returns.
    virtual void OnLoopClosed() = 0;

   protected:
    ~Client() = default;
  };

  /// Begins to poll `fd`. The handles keep the event loop alive until Close().
  static PollLoop* Start(napi_env env, Client* client, int fd, uint32_t rearm_ms, uint32_t max_delay_ms,
                         const Context& context);

  /// Calls OnLoopClosed() and frees itself later. Once.
  void Close();

 private:
  static constexpr int kHandles = 4;

  PollLoop() = default;
  void Arm();
  void Rearm();
  void RearmAfter(uint32_t ms);
  void DrainOnce();
  void CloseHandles();
  static void OnSignal(uv_poll_t* handle, int status, int events);
  static void OnHandleClosed(uv_handle_t* handle);

  Client* client_ = nullptr;
  uint32_t rearm_ms_ = 0;
  int open_handles_ = 0;
  uv_poll_t poll_;
  uv_timer_t rearm_;
  uv_timer_t max_delay_;
  /// Active while records are left: keeps the loop from sleeping and drains at each turn.
  uv_idle_t more_;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
};

/// Calls JavaScript from libuv; what it throws is an uncaught exception. False when the environment can no longer be
/// called.
bool CallFromLoop(napi_env env, napi_async_context context, napi_value callback, size_t count,
                  const napi_value* arguments);

}  // namespace sonde

#endif  // SONDE_POLL_LOOP_H_
