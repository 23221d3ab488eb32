#include "file_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "error.h"
#include "fd.h"

namespace sonde {
namespace {

/// A file of /proc gives a page a call, however much is asked for.
constexpr size_t kStepBytes = 1 << 20;
constexpr size_t kMaxBytes = 256 << 20;

class FileRead : public Napi::AsyncWorker {
 public:
  FileRead(Napi::Env env, std::string path)
      : AsyncWorker(env, "sonde:readFile"),
        deferred_(Napi::Promise::Deferred::New(env)),
        context_{"read file", path},
        path_(std::move(path)) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

 private:
  void Execute() override {
    Fd fd(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return Fail(errno);
    size_t length = 0;
    for (;;) {
      if (length > kMaxBytes) return Fail(EFBIG);
      bytes_.resize(length + kStepBytes);
      ssize_t got = 0;
      while (length < bytes_.size() && (got = read(fd.get(), bytes_.data() + length, bytes_.size() - length)) > 0) {
        length += static_cast<size_t>(got);
      }
      if (got < 0 && errno != EINTR) return Fail(errno);
      if (got == 0) break;
    }
    bytes_.resize(length);
  }

  void Fail(int error) { failure_.emplace(FromErrno(error, context_, "read " + path_)); }

  void OnOK() override {
    if (failure_) {
      deferred_.Reject(ToJs(Env(), *failure_).Value());
      return;
    }
    auto* bytes = new std::string(std::move(bytes_));
    deferred_.Resolve(Napi::Buffer<char>::New(
        Env(), bytes->data(), bytes->size(), [](Napi::Env, char*, std::string* bytes) { delete bytes; }, bytes));
  }

  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

  Napi::Promise::Deferred deferred_;
  Context context_;
  std::string path_;
  std::string bytes_;
  std::optional<Failure> failure_;
};

}  // namespace

Napi::Value ReadFile(const Napi::CallbackInfo& info) {
  auto* work = new FileRead(info.Env(), info[0].As<Napi::String>().Utf8Value());
  Napi::Promise promise = work->Promise();
  work->Queue();
  return promise;
}

}  // namespace sonde
