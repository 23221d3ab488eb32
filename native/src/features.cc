#include "features.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "error.h"
#include "fd.h"

// What a kernel can do is found out by doing it with the smallest program there is, never from its version:
// distributions take features back into old kernels, and configurations and lockdown take them away.

namespace sonde {

// Newer than some headers that this is built with; part of the kernel's interface.
static constexpr int kMapCgrpStorage = 32;
static constexpr int kAttachKprobeMulti = 42;
static constexpr int kAttachUprobeMulti = 48;
static constexpr long kLsmListModules = 461;
static constexpr uint64_t kLsmIdBpf = 110;

struct FreeBtf {
  void operator()(btf* types) const { btf__free(types); }
};
using Btf = std::unique_ptr<btf, FreeBtf>;

/// The kernel's own types; null without them.
static Btf KernelTypes() {
  btf* types = btf__load_vmlinux_btf();
  return libbpf_get_error(types) == 0 ? Btf(types) : nullptr;
}

/// 0 when there is none.
static uint32_t TypeId(const std::string& name, uint32_t kind) {
  Btf types = KernelTypes();
  int id = types ? btf__find_by_name_kind(types.get(), name.c_str(), kind) : -1;
  return id > 0 ? static_cast<uint32_t>(id) : 0;
}

/// `return 0;`, as a program of this type; -1 when the kernel refuses it.
static Fd LoadEmpty(bpf_prog_type type, int attach_type = 0, uint32_t btf_id = 0) {
  const bpf_insn instructions[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
  };
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  options.expected_attach_type = static_cast<bpf_attach_type>(attach_type);
  options.attach_btf_id = btf_id;
  return Fd(bpf_prog_load(type, "sonde_feature", "GPL", instructions, 2, &options));
}

/// Loads and attaches for a moment.
static bool AttachesToType(bpf_prog_type type, bpf_attach_type attach_type, const char* name, uint32_t kind) {
  uint32_t id = TypeId(name, kind);
  if (id == 0) return false;
  Fd program = LoadEmpty(type, attach_type, id);
  return program.valid() && Fd(bpf_raw_tracepoint_open(nullptr, program.get())).valid();
}

static bool Exists(const char* path) { return access(path, F_OK) == 0; }

static bool HasTracefs(const char* file) {
  return Exists((std::string("/sys/kernel/tracing/") + file).c_str()) ||
         Exists((std::string("/sys/kernel/debug/tracing/") + file).c_str());
}

/// The function that the kernel has for such tries; called by nobody else.
static constexpr const char* kTestFunction = "bpf_fentry_test1";

static bool HasFentry() {
  return AttachesToType(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, kTestFunction, BTF_KIND_FUNC);
}

static bool HasTpBtf() {
  return AttachesToType(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "btf_trace_sched_process_exec", BTF_KIND_TYPEDEF);
}

static bool HasKprobe() {
  return (Exists("/sys/bus/event_source/devices/kprobe") || HasTracefs("kprobe_events")) &&
         LoadEmpty(BPF_PROG_TYPE_KPROBE).valid();
}

static bool HasKprobeMulti() {
  Fd program = LoadEmpty(BPF_PROG_TYPE_KPROBE, kAttachKprobeMulti);
  if (!program.valid()) return false;
  const char* function = kTestFunction;
  LIBBPF_OPTS(bpf_link_create_opts, options);
  options.kprobe_multi.syms = &function;
  options.kprobe_multi.cnt = 1;
  return Fd(bpf_link_create(program.get(), 0, static_cast<bpf_attach_type>(kAttachKprobeMulti), &options)).valid();
}

static bool HasUprobe() {
  return (Exists("/sys/bus/event_source/devices/uprobe") || HasTracefs("uprobe_events")) &&
         LoadEmpty(BPF_PROG_TYPE_KPROBE).valid();
}

/// A folder is no file to attach to, which only a kernel says that knows this kind of link.
static bool HasUprobeMulti() {
  Fd program = LoadEmpty(BPF_PROG_TYPE_KPROBE, kAttachUprobeMulti);
  if (!program.valid()) return false;
  const char path[] = "/";
  const uint64_t offset = 0;
  // link_create of union bpf_attr, with its uprobe_multi.
  struct {
    uint32_t program, target, attach_type, flags;
    uint64_t path, offsets, ref_counters, cookies;
    uint32_t count, link_flags, pid, unused;
  } attributes = {};
  attributes.program = static_cast<uint32_t>(program.get());
  attributes.attach_type = kAttachUprobeMulti;
  attributes.path = reinterpret_cast<uint64_t>(path);
  attributes.offsets = reinterpret_cast<uint64_t>(&offset);
  attributes.count = 1;
  Fd link(static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes))));
  return !link.valid() && errno == EBADF;
}

static bool HasTracepoint() { return HasTracefs("events") && LoadEmpty(BPF_PROG_TYPE_TRACEPOINT).valid(); }

/// Programs attach to the hooks all the same when nothing calls them: the kernel's command line chooses its modules.
static bool IsBpfLsmActive() {
  uint64_t modules[32];
  uint32_t bytes = sizeof(modules);
  long count = syscall(kLsmListModules, modules, &bytes, 0);
  for (long i = 0; i < count; i++) {
    if (modules[i] == kLsmIdBpf) return true;
  }
  if (count >= 0) return false;
  std::ifstream file("/sys/kernel/security/lsm");
  std::string name;
  while (std::getline(file, name, ',')) {
    if (name.rfind("bpf", 0) == 0) return true;
  }
  return false;
}

static bool HasLsm() {
  if (!IsBpfLsmActive()) return false;
  return AttachesToType(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "bpf_lsm_bpf_prog_free_security", BTF_KIND_FUNC) ||
         AttachesToType(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "bpf_lsm_bpf_prog_free", BTF_KIND_FUNC);
}

static bool HasRingbuf() { return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr) > 0; }

/// Local storage wants to know the types of keys and values.
static bool HasCgrpStorage() {
  Btf types(btf__new_empty());
  if (!types) return false;
  int id = btf__add_int(types.get(), "int", 4, BTF_INT_SIGNED);
  if (id < 0 || btf__load_into_kernel(types.get()) != 0) return false;
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = BPF_F_NO_PREALLOC;
  options.btf_fd = static_cast<uint32_t>(btf__fd(types.get()));
  options.btf_key_type_id = static_cast<uint32_t>(id);
  options.btf_value_type_id = static_cast<uint32_t>(id);
  auto type = static_cast<bpf_map_type>(kMapCgrpStorage);
  return Fd(bpf_map_create(type, "sonde_feature", 4, 4, 0, &options)).valid();
}

/// Counters of the CPU: many virtual machines have none.
static bool HasPerfHardware() {
  perf_event_attr attributes = {};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.config = PERF_COUNT_HW_CPU_CYCLES;
  attributes.disabled = 1;
  return Fd(static_cast<int>(syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC))).valid();
}

static const std::map<std::string, std::function<bool()>>& Features() {
  static const auto* features = new std::map<std::string, std::function<bool()>>{
      {"fentry", HasFentry},
      {"kprobe", HasKprobe},
      {"kprobe_multi", HasKprobeMulti},
      {"uprobe", HasUprobe},
      {"uprobe_multi", HasUprobeMulti},
      {"tp_btf", HasTpBtf},
      {"tracepoint", HasTracepoint},
      {"lsm", HasLsm},
      {"ringbuf", HasRingbuf},
      {"cgrp_storage", HasCgrpStorage},
      {"perf_hardware", HasPerfHardware},
  };
  return *features;
}

Napi::Value HasFeature(const Napi::CallbackInfo& info) {
  return Boundary(info.Env(), [&] {
    std::string name = info[0].As<Napi::String>().Utf8Value();
    auto feature = Features().find(name);
    if (feature == Features().end()) throw InvalidArgument({"probe feature"}, "no feature is called " + name);
    return Napi::Boolean::New(info.Env(), feature->second());
  });
}

Napi::Value EnableRunStats(const Napi::CallbackInfo& info) {
  return Boundary(info.Env(), [&] {
    int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
    if (fd < 0) throw FromErrno(errno, {"enable run statistics"}, "count the runs of programs");
    return Napi::Number::New(info.Env(), fd);
  });
}

}  // namespace sonde
