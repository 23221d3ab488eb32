#include "addon.h"

#include <bpf/libbpf.h>
#include <malloc.h>

#include "clock.h"
#include "datagram.h"
#include "directory_events.h"
#include "event_reader.h"
#include "features.h"
#include "file_reader.h"
#include "interface_name.h"
#include "kernel_btf.h"
#include "log_capture.h"
#include "map.h"
#include "map_reader.h"
#include "mark.h"
#include "object.h"
#include "privileges.h"

namespace sonde {

static Napi::Value SetErrorClass(const Napi::CallbackInfo& info) {
  info.Env().GetInstanceData<Addon>()->error_class = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

static Napi::Value Open(const Napi::CallbackInfo& info) {
  return info.Env().GetInstanceData<Addon>()->object.New({info[0], info[1], info[2]});
}

static Napi::Value OpenDirectoryEvents(const Napi::CallbackInfo& info) {
  return info.Env().GetInstanceData<Addon>()->directory_events.New({info[0]});
}

static Napi::Value PossibleCpuCount(const Napi::CallbackInfo& info) {
  return Boundary(info.Env(), [&] { return Napi::Number::New(info.Env(), PossibleCpus()); });
}

static Napi::Value PrintLog(const Napi::CallbackInfo& info) {
  LogCapture::PrintAll(info[0].As<Napi::Boolean>().Value());
  return info.Env().Undefined();
}

static Napi::Value PostAttachMark(const Napi::CallbackInfo& info) {
  CallMark();
  return info.Env().Undefined();
}

/**
 * While objects are loaded, what is freed stays with the process: libbpf takes 12 MB to read the kernel's BTF for each
 * of them, and would wait for the system to hand out new pages for half of the time.
 */
static void KeepFreedMemory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024);
  mallopt(M_TRIM_THRESHOLD, 256 * 1024 * 1024);
#endif
}

/// And from then on blocks from 256 KiB on go back to the system when they are freed.
static Napi::Value TrimMemory(const Napi::CallbackInfo& info) {
  ReleaseKernelBtf();
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
  malloc_trim(0);
#endif
  return info.Env().Undefined();
}

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  KeepFreedMemory();
  LogCapture::Install();
  auto* addon = new Addon();
  addon->object = Napi::Persistent(Object::Define(env));
  addon->map_reader = Napi::Persistent(MapReader::Define(env));
  addon->event_reader = Napi::Persistent(EventReader::Define(env));
  addon->directory_events = Napi::Persistent(DirectoryEvents::Define(env));
  env.SetInstanceData(addon);
  exports["setErrorClass"] = Napi::Function::New(env, SetErrorClass);
  exports["open"] = Napi::Function::New(env, Open);
  exports["openDirectoryEvents"] = Napi::Function::New(env, OpenDirectoryEvents);
  exports["clockAnchor"] = Napi::Function::New(env, ClockAnchor);
  exports["readFile"] = Napi::Function::New(env, ReadFile);
  exports["interfaceName"] = Napi::Function::New(env, InterfaceName);
  exports["enableRunStats"] = Napi::Function::New(env, EnableRunStats);
  exports["hasFeature"] = Napi::Function::New(env, HasFeature);
  exports["printLog"] = Napi::Function::New(env, PrintLog);
  exports["postAttachMark"] = Napi::Function::New(env, PostAttachMark);
  exports["possibleCpus"] = Napi::Function::New(env, PossibleCpuCount);
  exports["sendDatagram"] = Napi::Function::New(env, SendDatagram);
  exports["keepCapabilities"] = Napi::Function::New(env, KeepCapabilities);
  exports["mapsNeedCapability"] = Napi::Function::New(env, MapsNeedCapability);
  exports["trimMemory"] = Napi::Function::New(env, TrimMemory);
  exports["libbpfVersion"] =
      Napi::String::New(env, std::to_string(libbpf_major_version()) + "." + std::to_string(libbpf_minor_version()));
  return exports;
}

}  // namespace sonde

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) { return sonde::Init(env, exports); }

NODE_API_MODULE(sonde_native, InitAddon)
