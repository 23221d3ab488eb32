#ifndef SONDE_OWN_SECTION_H_
#define SONDE_OWN_SECTION_H_

#include <bpf/libbpf.h>

#include "program.h"

namespace sonde {

/// Sections of ebpf_exporter's format that libbpf does not attach, or not as they are meant.
enum class OwnSection {
  kNone,
  /// `perf_event/type=N,config=N,frequency=N`: on every online CPU, for all tasks.
  kPerfEvent,
  /// `xdp/<interface>`.
  kXdp,
  /// `uprobe//proc/self/exe:post_attach_mark`: the mark of mark.h.
  kMark,
};

OwnSection OwnSectionOf(const bpf_program* program);

/// Gives a program the type that its section says and libbpf does not know. Before load.
void FitProgramType(bpf_program* program);

/// Empty with errno set when the kernel refuses. Throws `INVALID_ARGUMENT` for a section that does not say what it
/// should.
Links AttachOwnSection(OwnSection kind, const bpf_program* program, const Context& context);

}  // namespace sonde

#endif  // SONDE_OWN_SECTION_H_
