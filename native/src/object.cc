#include "object.h"

#include <cerrno>

#include "elf_source.h"
#include "globals.h"
#include "log_capture.h"
#include "own_section.h"

namespace sonde {

Napi::Function Object::Define(Napi::Env env) {
  return DefineClass(env, "RawObject",
                     {
                         Method<&Object::Programs>("programs"),
                         Method<&Object::Maps>("maps"),
                         Method<&Object::GlobalSize>("globalSize"),
                         Method<&Object::SetGlobal>("setGlobal"),
                         Method<&Object::Load>("load"),
                         Method<&Object::LoadAsync>("loadAsync"),
                         Method<&Object::CloseNow>("close"),
                         Method<&Object::Autoload>("autoload"),
                         Method<&Object::SetAutoload>("setAutoload"),
                         Method<&Object::Loaded>("loaded"),
                         Method<&Object::Attach>("attach"),
                         Method<&Object::Detach>("detach"),
                         Method<&Object::ReadInfo>("programInfo"),
                         Method<&Object::MaxEntries>("maxEntries"),
                         Method<&Object::SetMaxEntries>("setMaxEntries"),
                         Method<&Object::Id>("mapId"),
                         Method<&Object::Lookup>("lookup"),
                         Method<&Object::Update>("update"),
                         Method<&Object::Delete>("delete"),
                         Method<&Object::OpenReader>("openReader"),
                         Method<&Object::OpenEvents>("openEvents"),
                     });
}

Object::Object(const Napi::CallbackInfo& info) : Wrapped<Object>(info) {
  Boundary(info.Env(), [&] { Open(info); });
}

Object::~Object() { Close(); }

void Object::Open(const Napi::CallbackInfo& info) {
  name_ = info[1].As<Napi::String>().Utf8Value();
  std::string btf_path = info[2].As<Napi::String>().Utf8Value();
  const Context context{.operation = "open", .object = name_};
  std::vector<uint8_t> bytes;
  std::string source = "the buffer given as " + name_;
  if (info[0].IsString()) {
    source = info[0].As<Napi::String>().Utf8Value();
    bytes = ReadObjectFile(source, context);
  } else {
    Napi::Uint8Array given = info[0].As<Napi::Uint8Array>();
    bytes.assign(given.Data(), given.Data() + given.ByteLength());
    RequireBpfElf(bytes, source, context);
  }
  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name_.c_str());
  if (!btf_path.empty()) options.btf_custom_path = btf_path.c_str();
  LogCapture log;
  // libbpf keeps nothing of the bytes once the object is open.
  bpf_object* object = bpf_object__open_mem(bytes.data(), bytes.size(), &options);
  if (object == nullptr) {
    int error = errno;
    if (error == LIBBPF_ERRNO__LIBELF)
      throw Failure("NOT_ELF", error, context, source + " is a damaged ELF file", log.Text());
    if (error == LIBBPF_ERRNO__FORMAT)
      throw Failure("NOT_BPF", error, context, source + " is not a valid BPF object", log.Text());
    throw FromErrno(error, context, "open " + source + " as a BPF object", log.Text());
  }
  object_.reset(object, bpf_object__close);
  bpf_program* program;
  bpf_object__for_each_program(program, object_.get()) {
    FitProgramType(program);
    programs_.push_back(program);
  }
  bpf_map* map;
  bpf_object__for_each_map(map, object_.get()) {
    if (bpf_map__is_internal(map)) continue;
    FitBufferSizes(map);
    maps_.push_back(map);
  }
}

void Object::Close() {
  ownership_->CloseAll();
  links_.clear();
  programs_.clear();
  maps_.clear();
  object_.reset();
}

Napi::Value Object::CloseNow(const Napi::CallbackInfo& info) {
  Close();
  return info.Env().Undefined();
}

void Object::RequireOpen(const Context& context) const {
  if (object_ == nullptr) throw Failure("CLOSED", 0, context, "BPF object " + name_ + " is closed");
}

void Object::RequireBeforeLoad(const Context& context) const {
  RequireOpen(context);
  if (!load_attempted_) return;
  throw Failure("ALREADY_LOADED", 0, context,
                "cannot " + context.operation + " in " + name_ + " after load: open the object again");
}

Napi::Value Object::Programs(const Napi::CallbackInfo& info) {
  RequireOpen({"describe", name_});
  Napi::Array result = Napi::Array::New(info.Env(), programs_.size());
  for (size_t i = 0; i < programs_.size(); i++) result[i] = DescribeProgram(info.Env(), programs_[i]);
  return result;
}

Napi::Value Object::Maps(const Napi::CallbackInfo& info) {
  RequireOpen({"describe", name_});
  const btf* btf = bpf_object__btf(object_.get());
  Napi::Array result = Napi::Array::New(info.Env(), maps_.size());
  for (size_t i = 0; i < maps_.size(); i++) result[i] = DescribeMap(info.Env(), btf, maps_[i]);
  return result;
}

Napi::Value Object::GlobalSize(const Napi::CallbackInfo& info) {
  RequireOpen({"find global", name_});
  auto global = FindGlobal(object_.get(), info[0].As<Napi::String>().Utf8Value());
  return Napi::Number::New(info.Env(), global ? static_cast<double>(global->size) : -1);
}

Napi::Value Object::SetGlobal(const Napi::CallbackInfo& info) {
  const Context context{"set global", name_};
  RequireBeforeLoad(context);
  std::string name = info[0].As<Napi::String>().Utf8Value();
  Napi::Uint8Array bytes = info[1].As<Napi::Uint8Array>();
  auto global = FindGlobal(object_.get(), name);
  if (!global) {
    throw Failure("NO_SUCH_GLOBAL", 0, context, "BPF object " + name_ + " has no const volatile global '" + name + "'");
  }
  WriteGlobal(*global, name, bytes.Data(), bytes.ByteLength(), context);
  return info.Env().Undefined();
}

std::optional<Failure> Object::LoadNow(bpf_object* object, Context context) {
  LogCapture log;
  int error = bpf_object__load(object);
  if (error == 0) return std::nullopt;
  std::string text = log.Text();
  context.program = FailedNameInLog(text, "prog");
  if (context.program.empty()) context.map = FailedNameInLog(text, "map");
  std::string what = "load BPF object " + context.object;
  if (!context.program.empty()) what += ", program '" + context.program + "'";
  if (!context.map.empty()) what += ", map '" + context.map + "'";
  return FromErrno(-error, context, what, text);
}

Napi::Value Object::Load(const Napi::CallbackInfo& info) {
  const Context context{"load", name_};
  RequireBeforeLoad(context);
  load_attempted_ = true;
  if (auto failure = LoadNow(object_.get(), context)) throw *failure;
  loaded_ = true;
  return info.Env().Undefined();
}

/// A load on the thread pool. Until it is done the object counts as one whose load was attempted, and failed.
class ObjectLoad : public Napi::AsyncWorker {
 public:
  ObjectLoad(Napi::Env env, Object* owner)
      : AsyncWorker(env, "sonde:load"),
        deferred_(Napi::Promise::Deferred::New(env)),
        owner_(owner),
        object_(owner->object_),
        context_{"load", owner->name_},
        held_(Napi::Persistent(owner->Value())) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

 private:
  void Execute() override {
    if (auto failure = Object::LoadNow(object_.get(), context_)) failure_.emplace(std::move(*failure));
  }

  void OnOK() override {
    if (owner_->object_ == nullptr) {
      failure_.emplace("CLOSED", 0, context_, "BPF object " + context_.object + " was closed while it was loaded");
    }
    if (!failure_) owner_->loaded_ = true;
    try {
      if (failure_) {
        deferred_.Reject(ToJs(Env(), *failure_).Value());
      } else {
        deferred_.Resolve(Env().Undefined());
      }
    } catch (const Napi::Error&) {
      // The environment is being torn down: nobody is left to tell.
    }
  }

  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

  Napi::Promise::Deferred deferred_;
  Object* owner_;
  std::shared_ptr<bpf_object> object_;
  Context context_;
  /// Keeps the owner from the garbage collector.
  Napi::ObjectReference held_;
  std::optional<Failure> failure_;
};

Napi::Value Object::LoadAsync(const Napi::CallbackInfo& info) {
  RequireBeforeLoad({"load", name_});
  load_attempted_ = true;
  auto* work = new ObjectLoad(info.Env(), this);
  Napi::Promise promise = work->Promise();
  work->Queue();
  return promise;
}

bpf_program* Object::ProgramAt(const Napi::Value& index, const char* operation, Context* context) const {
  *context = {operation, name_};
  RequireOpen(*context);
  bpf_program* program = programs_.at(index.As<Napi::Number>().Uint32Value());
  context->program = bpf_program__name(program);
  return program;
}

bpf_program* Object::LoadedProgramAt(const Napi::Value& index, const char* operation, Context* context) const {
  bpf_program* program = ProgramAt(index, operation, context);
  if (loaded_ && bpf_program__fd(program) >= 0) return program;
  throw Failure("NOT_LOADED", 0, *context, "program '" + context->program + "' of " + name_ + " is not loaded");
}

Napi::Value Object::Autoload(const Napi::CallbackInfo& info) {
  Context context;
  return Napi::Boolean::New(info.Env(), bpf_program__autoload(ProgramAt(info[0], "read autoload", &context)));
}

Napi::Value Object::SetAutoload(const Napi::CallbackInfo& info) {
  Context context;
  bpf_program* program = ProgramAt(info[0], "set autoload", &context);
  RequireBeforeLoad(context);
  int error = bpf_program__set_autoload(program, info[1].As<Napi::Boolean>().Value());
  if (error != 0) throw FromErrno(-error, context, "set autoload of program '" + context.program + "' of " + name_);
  return info.Env().Undefined();
}

Napi::Value Object::Loaded(const Napi::CallbackInfo& info) {
  if (!loaded_ || object_ == nullptr) return Napi::Boolean::New(info.Env(), false);
  Context context;
  return Napi::Boolean::New(info.Env(), bpf_program__fd(ProgramAt(info[0], "read state", &context)) >= 0);
}

Napi::Value Object::Attach(const Napi::CallbackInfo& info) {
  Context context;
  bpf_program* program = LoadedProgramAt(info[0], "attach", &context);
  Links links = AttachProgram(program, context);
  uint32_t id = next_link_++;
  links_.emplace(id, std::move(links));
  return Napi::Number::New(info.Env(), id);
}

Napi::Value Object::Detach(const Napi::CallbackInfo& info) {
  links_.erase(info[0].As<Napi::Number>().Uint32Value());
  return info.Env().Undefined();
}

Napi::Value Object::ReadInfo(const Napi::CallbackInfo& info) {
  Context context;
  bpf_program* program = LoadedProgramAt(info[0], "info", &context);
  return ReadProgramInfo(info.Env(), program, context);
}

}  // namespace sonde
