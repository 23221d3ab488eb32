#ifndef SONDE_DIRECTORY_EVENTS_H_
#define SONDE_DIRECTORY_EVENTS_H_

#include <napi.h>

#include <memory>
#include <string>

#include "addon.h"
#include "fd.h"
#include "poll_loop.h"

namespace sonde {

/// The raw binding of DirectoryEvents in native/types.ts: one fanotify group or inotify instance. What the kernel
/// writes is read and understood by JavaScript.
class DirectoryEvents : public Wrapped<DirectoryEvents>, private PollLoop::Client {
 public:
  static Napi::Function Define(Napi::Env env);

  /// Takes whether it is to be fanotify (else inotify).
  explicit DirectoryEvents(const Napi::CallbackInfo& info);
  ~DirectoryEvents();

 private:
  Napi::Value Watch(const Napi::CallbackInfo& info);
  Napi::Value Read(const Napi::CallbackInfo& info);
  Napi::Value Start(const Napi::CallbackInfo& info);
  Napi::Value CloseNow(const Napi::CallbackInfo& info);

  bool OnReady() override;
  bool HasWaiting() override;
  void OnLoopClosed() override;

  uint64_t WatchFileSystem(const std::string& path) const;
  uint64_t WatchDirectory(const std::string& path) const;
  void Close();
  void RequireOpen(const char* operation) const;

  bool fanotify_ = false;
  /// Invalid once closed.
  Fd fd_;

  /// From start() to close().
  PollLoop* loop_ = nullptr;
  Napi::FunctionReference callback_;
  /// Shared with a call under way, which may close this.
  std::shared_ptr<Napi::AsyncContext> async_context_;
};

}  // namespace sonde

#endif  // SONDE_DIRECTORY_EVENTS_H_
