#include "file_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>

#include "block.h"
#include "error.h"
#include "fd.h"

namespace sonde {
namespace {

/// More than any kernel has symbols. Only what is written of it takes memory.
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
    block_ = std::make_shared<Block>(kMaxBytes);
    size_t length = 0;
    while (length < kMaxBytes) {
      ssize_t got = read(fd.get(), block_->data() + length, kMaxBytes - length);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Fail(errno);
      if (got == 0) return block_->Truncate(length);
      length += static_cast<size_t>(got);
    }
    Fail(EFBIG);
  }

  void Fail(int error) { failure_.emplace(FromErrno(error, context_, "read " + path_)); }

  void OnOK() override {
    try {
      if (failure_) {
        deferred_.Reject(ToJs(Env(), *failure_).Value());
      } else {
        Napi::ArrayBuffer bytes = ShareWithJs(Env(), block_);
        deferred_.Resolve(Napi::Uint8Array::New(Env(), bytes.ByteLength(), bytes, 0));
      }
    } catch (const Napi::Error&) {
      // The environment is being torn down: nobody is left to tell.
    }
  }

  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

  Napi::Promise::Deferred deferred_;
  Context context_;
  std::string path_;
  BlockPtr block_;
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
