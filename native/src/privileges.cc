#include "privileges.h"

#include <dirent.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "error.h"

// Capabilities belong to threads, and a thread can only give up its own. So each thread is interrupted by a signal
// whose handler does it, as the C library does for setuid(). The signal is the C library's own for that purpose: all
// others may be blocked, and Node's inspector thread blocks them. Its handler is called for whatever signals are not
// ours.

namespace sonde {

static constexpr int kSignal = 33;
static constexpr int kTries = 400;
static constexpr useconds_t kPauseUs = 5000;
static constexpr int kLastCapability = 63;

/// What rt_sigaction(2) takes, on x86-64 and arm64; the C library's sigaction() refuses this signal.
struct KernelAction {
  void (*handler)(int, siginfo_t*, void*);
  unsigned long flags;
  void (*restorer)();
  uint64_t mask;
};

static std::atomic<uint64_t> kept{~uint64_t{0}};
static KernelAction previous;
/// Its address tells our signals from others.
static char marker;

struct Capabilities {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

  bool Read() { return syscall(SYS_capget, &header, data) == 0; }
  bool Write() { return syscall(SYS_capset, &header, data) == 0; }
};

/// Of the calling thread. Only system calls, because it runs in a signal handler; whether it worked is read from /proc.
static void DropHere(uint64_t keep) {
  // First, because this needs CAP_SETPCAP. Without it the bounding set stays, and no_new_privs stands in for it.
  for (int capability = 0; capability <= kLastCapability; capability++) {
    if ((keep >> capability & 1) == 0) syscall(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  Capabilities own;
  if (!own.Read()) return;
  for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
    auto part = static_cast<uint32_t>(keep >> (32 * i));
    own.data[i].permitted &= part;
    own.data[i].effective &= part;
    own.data[i].inheritable = 0;
  }
  own.Write();
  syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void OnSignal(int signal, siginfo_t* info, void* context) {
  if (info->si_code == SI_QUEUE && info->si_value.sival_ptr == &marker) {
    int error = errno;
    DropHere(kept);
    errno = error;
    return;
  }
  previous.handler(signal, info, context);
}

static Context Dropping() { return {"drop capabilities"}; }

/// Stays for good: a signal may still wait for its thread when all have done what they should.
static void InstallHandler() {
  if (previous.handler != nullptr) return;
  KernelAction action;
  if (syscall(SYS_rt_sigaction, kSignal, nullptr, &action, sizeof(action.mask)) != 0)
    throw FromErrno(errno, Dropping(), "read a signal's handler");
  // The C library set it with the first thread; how a handler returns is taken over from it.
  if (action.handler == nullptr)
    throw Failure("ENOTSUP", ENOTSUP, Dropping(), "this C library has no signal for changes in all threads");
  KernelAction ours = action;
  ours.handler = OnSignal;
  previous = action;
  if (syscall(SYS_rt_sigaction, kSignal, &ours, nullptr, sizeof(ours.mask)) != 0) {
    int error = errno;
    previous = {};
    throw FromErrno(error, Dropping(), "set a signal's handler");
  }
}

static std::vector<pid_t> Threads() {
  std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/task"), closedir);
  if (!folder) throw FromErrno(errno, Dropping(), "list threads");
  std::vector<pid_t> threads;
  while (const dirent* entry = readdir(folder.get())) {
    if (pid_t thread = atoi(entry->d_name)) threads.push_back(thread);
  }
  return threads;
}

/// False for a thread that has ended, too.
static bool HasMore(pid_t thread, uint64_t keep) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/task/%d/status", thread);
  std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path, "re"), fclose);
  if (!file) return false;
  char line[256];
  bool more = false;
  while (fgets(line, sizeof(line), file.get())) {
    unsigned long long mask;
    unsigned flag;
    if (sscanf(line, "CapPrm: %llx", &mask) == 1 || sscanf(line, "CapEff: %llx", &mask) == 1) {
      more = more || (mask & ~keep) != 0;
    } else if (sscanf(line, "CapInh: %llx", &mask) == 1) {
      more = more || mask != 0;
    } else if (sscanf(line, "NoNewPrivs: %u", &flag) == 1) {
      more = more || flag == 0;
    }
  }
  return more;
}

static void Ask(pid_t thread) {
  siginfo_t info = {};
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value.sival_ptr = &marker;
  // One that has ended meanwhile is as good as one that did it.
  syscall(SYS_rt_tgsigqueueinfo, getpid(), thread, kSignal, &info);
}

static void Keep(uint64_t keep) {
  InstallHandler();
  kept = keep;
  DropHere(keep);
  // A thread that had not dropped yet may have made another one: until none is found that has more.
  std::vector<pid_t> rest;
  for (int i = 0; i < kTries; i++) {
    rest.clear();
    for (pid_t thread : Threads()) {
      if (HasMore(thread, keep)) rest.push_back(thread);
    }
    if (rest.empty()) return;
    for (pid_t thread : rest) Ask(thread);
    usleep(kPauseUs);
  }
  throw Failure("EPERM", EPERM, Dropping(),
                "cannot drop capabilities: thread " + std::to_string(rest[0]) + " does not give them up");
}

Napi::Value KeepCapabilities(const Napi::CallbackInfo& info) {
  return Boundary(info.Env(), [&] {
    bool lossless;
    Keep(info[0].As<Napi::BigInt>().Uint64Value(&lossless));
    return info.Env().Undefined();
  });
}

/// Of the calling thread, whose effective capabilities are put aside for the one call.
static bool AsksForCapability() {
  Capabilities before;
  if (!before.Read()) throw FromErrno(errno, {"read capabilities"}, "read capabilities");
  Capabilities none = before;
  for (auto& part : none.data) part.effective = 0;
  if (!none.Write()) throw FromErrno(errno, {"put capabilities aside"}, "put capabilities aside");
  bpf_attr lookup = {};
  lookup.map_fd = static_cast<uint32_t>(-1);
  // Who may not call bpf() at all is told so before the descriptor is looked at.
  bool refused = syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &lookup, sizeof(lookup)) != 0 && errno != EBADF;
  if (!before.Write()) throw FromErrno(errno, {"take capabilities back"}, "take capabilities back");
  return refused;
}

Napi::Value MapsNeedCapability(const Napi::CallbackInfo& info) {
  return Boundary(info.Env(), [&] { return Napi::Boolean::New(info.Env(), AsksForCapability()); });
}

}  // namespace sonde
