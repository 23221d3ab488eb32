#ifndef SONDE_KERNEL_BTF_H_
#define SONDE_KERNEL_BTF_H_

namespace sonde {

/// Frees the kernel's BTF that objects share, now or as soon as nothing uses it. The next object reads it anew.
void ReleaseKernelBtf();

}  // namespace sonde

#endif  // SONDE_KERNEL_BTF_H_
