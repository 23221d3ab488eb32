#ifndef SONDE_OBJECT_H_
#define SONDE_OBJECT_H_

#include <bpf/libbpf.h>
#include <napi.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "addon.h"
#include "map.h"
#include "ownership.h"
#include "program.h"

namespace sonde {

/// The raw binding of BpfObject in native/types.ts: programs, maps and links are numbers here, so that the object is
/// the one owner of what libbpf allocates. Arguments come validated from native/object.ts.
class Object : public Wrapped<Object> {
 public:
  static Napi::Function Define(Napi::Env env);

  /// (source: string | Uint8Array, name: string, btfPath: string)
  explicit Object(const Napi::CallbackInfo& info);
  ~Object();

 private:
  friend class ObjectLoad;

  Napi::Value Programs(const Napi::CallbackInfo& info);
  Napi::Value Maps(const Napi::CallbackInfo& info);
  Napi::Value GlobalSize(const Napi::CallbackInfo& info);
  Napi::Value SetGlobal(const Napi::CallbackInfo& info);
  Napi::Value Load(const Napi::CallbackInfo& info);
  Napi::Value LoadAsync(const Napi::CallbackInfo& info);
  Napi::Value CloseNow(const Napi::CallbackInfo& info);

  Napi::Value Autoload(const Napi::CallbackInfo& info);
  Napi::Value SetAutoload(const Napi::CallbackInfo& info);
  Napi::Value Loaded(const Napi::CallbackInfo& info);
  Napi::Value Attach(const Napi::CallbackInfo& info);
  Napi::Value Detach(const Napi::CallbackInfo& info);
  Napi::Value ReadInfo(const Napi::CallbackInfo& info);

  Napi::Value MaxEntries(const Napi::CallbackInfo& info);
  Napi::Value SetMaxEntries(const Napi::CallbackInfo& info);
  Napi::Value Id(const Napi::CallbackInfo& info);
  Napi::Value Lookup(const Napi::CallbackInfo& info);
  Napi::Value Update(const Napi::CallbackInfo& info);
  Napi::Value Delete(const Napi::CallbackInfo& info);
  Napi::Value OpenReader(const Napi::CallbackInfo& info);
  Napi::Value OpenEvents(const Napi::CallbackInfo& info);

  void Open(const Napi::CallbackInfo& info);
  void Close();
  void RequireOpen(const Context& context) const;
  void RequireBeforeLoad(const Context& context) const;
  /// Loads on the calling thread; the failure, or nothing.
  static std::optional<Failure> LoadNow(bpf_object* object, Context context);
  bpf_program* ProgramAt(const Napi::Value& index, const char* operation, Context* context) const;
  bpf_program* LoadedProgramAt(const Napi::Value& index, const char* operation, Context* context) const;
  bpf_map* MapAt(const Napi::Value& index, const char* operation, Context* context) const;
  /// The map's descriptor, of a loaded object.
  int LoadedMapAt(const Napi::Value& index, const char* operation, MapShape* shape) const;

  std::string name_;
  /// Shared with the thread that loads it.
  std::shared_ptr<bpf_object> object_;
  std::vector<bpf_program*> programs_;
  std::vector<bpf_map*> maps_;
  std::map<uint32_t, Links> links_;
  uint32_t next_link_ = 1;
  bool load_attempted_ = false;
  bool loaded_ = false;
  OwnershipPtr ownership_ = std::make_shared<Ownership>();
};

}  // namespace sonde

#endif  // SONDE_OBJECT_H_
