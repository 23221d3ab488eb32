/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Kernel types, by the architecture that is compiled for. Where they come from: vmlinux/README.md. */
#pragma once

#if defined(__TARGET_ARCH_x86)
#include "vmlinux/x86.h"
#elif defined(__TARGET_ARCH_arm64)
#include "vmlinux/arm64.h"
#else
#error "no kernel types for this architecture: define __TARGET_ARCH_x86 or __TARGET_ARCH_arm64"
#endif
