#ifndef SONDE_ERROR_H_
#define SONDE_ERROR_H_

#include <napi.h>

#include <new>
#include <stdexcept>
#include <string>

namespace sonde {

/// What a call was doing, to what; see NativeErrorFields in native/types.ts.
struct Context {
  std::string operation;
  std::string object = {};
  std::string program = {};
  std::string map = {};
};

/// The only exception of this addon's own. Becomes a NativeError at the boundary to JavaScript.
class Failure : public std::runtime_error {
 public:
  /// `error` is a positive errno, or 0 when the kernel was not involved.
  Failure(std::string code, int error, Context context, const std::string& message, std::string log = "");

  const std::string code;
  const int error;
  const Context context;
  const std::string log;
};

/// `EPERM` and the like; libbpf's own codes (4000 and up) by their names.
std::string ErrnoName(int error);

/// A call to the kernel or libbpf failed with the positive errno `error`: `cannot WHAT: reason (NAME)`.
Failure FromErrno(int error, Context context, const std::string& what, std::string log = "");

Failure InvalidArgument(Context context, const std::string& message);

Napi::Error ToJs(Napi::Env env, const Failure& failure);

/// Runs `body` and turns what it throws into a JavaScript exception: no C++ exception leaves the addon.
template <typename Body>
auto Boundary(Napi::Env env, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const Failure& failure) {
    throw ToJs(env, failure);
  } catch (const std::bad_alloc&) {
    throw ToJs(env, Failure("ENOMEM", 12, {"allocate"}, "out of memory"));
  }
}

}  // namespace sonde

#endif  // SONDE_ERROR_H_
