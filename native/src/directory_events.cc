#include "directory_events.h"

#include <poll.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/statfs.h>

#include <cerrno>
#include <cstring>

#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID 0x00001000
#endif

namespace sonde {

// A burst becomes one call of JavaScript every so often.
static constexpr uint32_t kRearmMs = 20;
// Both kinds of descriptor tell reliably when there is something: this only bounds what a lost signal could cost.
static constexpr uint32_t kMaxDelayMs = 60'000;

static Fd OpenFanotify() {
  const unsigned flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME;
  // The id of what was deleted: kernels before 5.17 cannot say it.
  int fd = fanotify_init(flags | FAN_REPORT_FID | FAN_REPORT_TARGET_FID, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == EINVAL) fd = fanotify_init(flags, O_RDONLY | O_CLOEXEC);
  return Fd(fd);
}

static std::string TextOf(Napi::Uint8Array bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
}

Napi::Function DirectoryEvents::Define(Napi::Env env) {
  return DefineClass(env, "RawDirectoryEvents",
                     {
                         Method<&DirectoryEvents::Watch>("watch"),
                         Method<&DirectoryEvents::Read>("read"),
                         Method<&DirectoryEvents::Start>("start"),
                         Method<&DirectoryEvents::CloseNow>("close"),
                     });
}

DirectoryEvents::DirectoryEvents(const Napi::CallbackInfo& info)
    : Wrapped<DirectoryEvents>(info), fanotify_(info[0].As<Napi::Boolean>()) {
  fd_ = fanotify_ ? OpenFanotify() : Fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (fd_.valid()) return;
  const int error = errno;
  Boundary(info.Env(),
           [&] { throw FromErrno(error, {"open directory events"}, fanotify_ ? "open fanotify" : "open inotify"); });
}

DirectoryEvents::~DirectoryEvents() { Close(); }

void DirectoryEvents::Close() {
  if (loop_ != nullptr) loop_->Close();
  fd_ = Fd();
}

void DirectoryEvents::OnLoopClosed() {
  loop_ = nullptr;
  callback_.Reset();
  async_context_.reset();
  Unref();
}

void DirectoryEvents::RequireOpen(const char* operation) const {
  if (!fd_.valid()) throw Failure("CLOSED", 0, {operation}, "these directory events are closed");
}

Napi::Value DirectoryEvents::Watch(const Napi::CallbackInfo& info) {
  RequireOpen("watch");
  const std::string path = TextOf(info[0].As<Napi::Uint8Array>());
  return Napi::BigInt::New(info.Env(), fanotify_ ? WatchFileSystem(path) : WatchDirectory(path));
}

uint64_t DirectoryEvents::WatchFileSystem(const std::string& path) const {
  const Context context = {"watch"};
  struct statfs about;
  if (statfs(path.c_str(), &about) != 0) throw FromErrno(errno, context, "find the file system of " + path);
  const uint64_t mask = FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_ONDIR;
  if (fanotify_mark(fd_.get(), FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, AT_FDCWD, path.c_str()) != 0) {
    throw FromErrno(errno, context, "watch the file system of " + path);
  }
  uint64_t id = 0;
  static_assert(sizeof(about.f_fsid) == sizeof(id));
  std::memcpy(&id, &about.f_fsid, sizeof(id));
  return id;
}

uint64_t DirectoryEvents::WatchDirectory(const std::string& path) const {
  const uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
  int watch = inotify_add_watch(fd_.get(), path.c_str(), mask);
  if (watch < 0) throw FromErrno(errno, {"watch"}, "watch the directory " + path);
  return static_cast<uint64_t>(watch);
}

Napi::Value DirectoryEvents::Read(const Napi::CallbackInfo& info) {
  RequireOpen("read");
  Napi::Uint8Array buffer = info[0].As<Napi::Uint8Array>();
  ssize_t bytes = 0;
  do {
    bytes = read(fd_.get(), buffer.Data(), buffer.ByteLength());
  } while (bytes < 0 && errno == EINTR);
  if (bytes < 0 && errno == EAGAIN) bytes = 0;
  if (bytes < 0) throw FromErrno(errno, {"read"}, "read directory events");
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

Napi::Value DirectoryEvents::Start(const Napi::CallbackInfo& info) {
  RequireOpen("start");
  if (loop_ != nullptr) return info.Env().Undefined();
  loop_ = PollLoop::Start(info.Env(), this, fd_.get(), kRearmMs, kMaxDelayMs, {"start"});
  callback_ = Napi::Persistent(info[0].As<Napi::Function>());
  async_context_ =
      std::make_shared<Napi::AsyncContext>(info.Env(), "sonde.directories", info.This().As<Napi::Object>());
  Ref();
  return info.Env().Undefined();
}

bool DirectoryEvents::HasWaiting() {
  struct pollfd waiting = {fd_.get(), POLLIN, 0};
  return poll(&waiting, 1, 0) > 0;
}

bool DirectoryEvents::OnReady() {
  // Reached from libuv: the scope also keeps this object from being collected when the callback closes it.
  Napi::HandleScope scope(Env());
  [[maybe_unused]] Napi::Object self = Value();
  std::shared_ptr<Napi::AsyncContext> context = async_context_;
  if (!CallFromLoop(Env(), *context, callback_.Value(), 0, nullptr)) Close();
  return fd_.valid() && HasWaiting();
}

Napi::Value DirectoryEvents::CloseNow(const Napi::CallbackInfo& info) {
  Close();
  return info.Env().Undefined();
}

}  // namespace sonde
