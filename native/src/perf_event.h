#ifndef SONDE_PERF_EVENT_H_
#define SONDE_PERF_EVENT_H_

#include <string>

#include "program.h"

namespace sonde {

/// Opens the event that `spec` names (`type=N,config=N,frequency=N`; decimal or 0x…) on every online CPU for all tasks,
/// and attaches the program to each. Empty with errno set when the kernel refuses one. Throws `INVALID_ARGUMENT`.
Links AttachToPerfEvents(const bpf_program* program, const std::string& spec, const Context& context);

}  // namespace sonde

#endif  // SONDE_PERF_EVENT_H_
