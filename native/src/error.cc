#include "error.h"

#include <bpf/libbpf.h>

#include <cstdio>
#include <cstring>

#include "addon.h"

namespace sonde {

// The kernel's own ENOTSUPP, which user space has no name for.
static constexpr int kEnotsupp = 524;

static const char* LibbpfErrorName(int error) {
  switch (error) {
    case LIBBPF_ERRNO__LIBELF: return "LIBBPF_ERRNO__LIBELF";
    case LIBBPF_ERRNO__FORMAT: return "LIBBPF_ERRNO__FORMAT";
    case LIBBPF_ERRNO__KVERSION: return "LIBBPF_ERRNO__KVERSION";
    case LIBBPF_ERRNO__ENDIAN: return "LIBBPF_ERRNO__ENDIAN";
    case LIBBPF_ERRNO__INTERNAL: return "LIBBPF_ERRNO__INTERNAL";
    case LIBBPF_ERRNO__RELOC: return "LIBBPF_ERRNO__RELOC";
    case LIBBPF_ERRNO__LOAD: return "LIBBPF_ERRNO__LOAD";
    case LIBBPF_ERRNO__VERIFY: return "LIBBPF_ERRNO__VERIFY";
    case LIBBPF_ERRNO__PROG2BIG: return "LIBBPF_ERRNO__PROG2BIG";
    case LIBBPF_ERRNO__KVER: return "LIBBPF_ERRNO__KVER";
    case LIBBPF_ERRNO__PROGTYPE: return "LIBBPF_ERRNO__PROGTYPE";
    default: return nullptr;
  }
}

std::string ErrnoName(int error) {
  if (error == kEnotsupp) return "ENOTSUPP";
  if (const char* name = LibbpfErrorName(error)) return name;
  if (const char* name = strerrorname_np(error)) return name;
  char number[16];
  snprintf(number, sizeof(number), "E%d", error);
  return number;
}

static std::string Reason(int error) {
  if (error == kEnotsupp) return "Operation is not supported by the kernel";
  char text[128] = "";
  libbpf_strerror(error, text, sizeof(text));
  return text;
}

Failure::Failure(std::string code, int error, Context context, const std::string& message, std::string log)
    : std::runtime_error(message),
      code(std::move(code)),
      error(error),
      context(std::move(context)),
      log(std::move(log)) {}

Failure FromErrno(int error, Context context, const std::string& what, std::string log) {
  std::string name = ErrnoName(error);
  std::string message = "cannot " + what + ": " + Reason(error) + " (" + name + ")";
  return Failure(name, error, std::move(context), message, std::move(log));
}

Failure InvalidArgument(Context context, const std::string& message) {
  return Failure("INVALID_ARGUMENT", 0, std::move(context), message);
}

Napi::Error ToJs(Napi::Env env, const Failure& failure) {
  Napi::Object fields = Napi::Object::New(env);
  fields["code"] = Napi::String::New(env, failure.code);
  fields["errno"] = Napi::Number::New(env, failure.error);
  fields["operation"] = Napi::String::New(env, failure.context.operation);
  fields["object"] = Napi::String::New(env, failure.context.object);
  fields["program"] = Napi::String::New(env, failure.context.program);
  fields["map"] = Napi::String::New(env, failure.context.map);
  fields["log"] = Napi::String::New(env, failure.log);
  Napi::String message = Napi::String::New(env, failure.what());
  Addon* addon = env.GetInstanceData<Addon>();
  return Napi::Error(env, addon->error_class.New({message, fields}));
}

}  // namespace sonde
