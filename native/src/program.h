#ifndef SONDE_PROGRAM_H_
#define SONDE_PROGRAM_H_

#include <bpf/libbpf.h>
#include <napi.h>

#include <memory>

#include "error.h"

namespace sonde {

struct LinkDestroyer {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using LinkPtr = std::unique_ptr<bpf_link, LinkDestroyer>;

/// {name, section, type} of a program.
Napi::Object DescribeProgram(Napi::Env env, const bpf_program* program);

/// ProgramInfo of native/types.ts for a loaded program.
Napi::Object ReadProgramInfo(Napi::Env env, const bpf_program* program, Context context);

/// Attaches by section; throws with libbpf's log.
LinkPtr AttachProgram(const bpf_program* program, Context context);

}  // namespace sonde

#endif  // SONDE_PROGRAM_H_
