// libbpf reads and indexes the kernel's BTF (some 6 MB) anew for each object that it loads, a third of the time that
// loading takes, and has no call to be handed one. It calls its own public functions through the dynamic linker, which
// looks into this addon before it looks into libbpf: so the two functions below stand in front of libbpf's, and share
// what the first object has read. A libbpf that is linked otherwise never comes here, and works as it always does.
#include "kernel_btf.h"

#include <bpf/btf.h>
#include <dlfcn.h>

#include <mutex>

namespace sonde {

template <typename Function>
static Function* Libbpfs(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

static void Free(btf* types) {
  static auto* const libbpfs = Libbpfs<void(btf*)>("btf__free");
  libbpfs(types);
}

/// All threads have the same: once it is made it is only read.
struct SharedBtf {
  std::mutex mutex;
  btf* types = nullptr;
  /// Objects that are being loaded, and others that have not freed theirs yet.
  int users = 0;
  bool is_released = false;

  btf* Take() {
    static auto* const load = Libbpfs<btf*()>("btf__load_vmlinux_btf");
    std::lock_guard lock(mutex);
    if (types == nullptr) types = load();
    if (types == nullptr) return nullptr;
    is_released = false;
    users++;
    return types;
  }

  /// False: that is another.
  bool Return(btf* given) {
    std::lock_guard lock(mutex);
    if (given == nullptr || given != types) return false;
    users--;
    if (is_released) FreeUnused();
    return true;
  }

  void Release() {
    std::lock_guard lock(mutex);
    is_released = true;
    FreeUnused();
  }

  void FreeUnused() {
    if (users > 0) return;
    Free(types);
    types = nullptr;
  }
};

/// Never destroyed: threads of the pool may outlive what is.
static SharedBtf& shared = *new SharedBtf();

void ReleaseKernelBtf() { shared.Release(); }

}  // namespace sonde

/// As libbpf's.
extern "C" LIBBPF_API btf* btf__load_vmlinux_btf() { return sonde::shared.Take(); }

extern "C" LIBBPF_API void btf__free(btf* types) {
  if (!sonde::shared.Return(types)) sonde::Free(types);
}
