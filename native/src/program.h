#ifndef SONDE_PROGRAM_H_
#define SONDE_PROGRAM_H_

#include <bpf/libbpf.h>
#include <napi.h>

#include <memory>
#include <vector>

#include "error.h"

namespace sonde {

struct LinkDestroyer {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using LinkPtr = std::unique_ptr<bpf_link, LinkDestroyer>;
/// What attaches one program: of a perf event one link a CPU, else one.
using Links = std::vector<LinkPtr>;

/// No links for null.
Links OneLink(LinkPtr link);

/// {name, section, type, awaitsMark} of a program.
Napi::Object DescribeProgram(Napi::Env env, const bpf_program* program);

/// ProgramInfo of native/types.ts for a loaded program.
Napi::Object ReadProgramInfo(Napi::Env env, const bpf_program* program, Context context);

/// Attaches by section; throws with libbpf's log.
Links AttachProgram(const bpf_program* program, Context context);

}  // namespace sonde

#endif  // SONDE_PROGRAM_H_
