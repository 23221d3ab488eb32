#ifndef SONDE_MARK_H_
#define SONDE_MARK_H_

#include "program.h"

namespace sonde {

/// The mark is a function of this addon, exported as `post_attach_mark`, for programs that want to run once when all is
/// attached. Attaches one to it, for this process alone; null with errno set when the kernel refuses.
LinkPtr AttachToMark(const bpf_program* program, const Context& context);

/// Calls the mark, in this thread.
void CallMark();

}  // namespace sonde

#endif  // SONDE_MARK_H_
