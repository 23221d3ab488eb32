#include "own_section.h"

#include <net/if.h>

#include <string>

#include "mark.h"
#include "perf_event.h"

namespace sonde {

static const std::string kPerfEventPrefix = "perf_event/";
static const std::string kXdpPrefix = "xdp/";
static const std::string kMarkTarget = "/proc/self/exe:post_attach_mark";

OwnSection OwnSectionOf(const bpf_program* program) {
  const std::string section = bpf_program__section_name(program);
  if (section.starts_with(kPerfEventPrefix)) return OwnSection::kPerfEvent;
  // Programs that maps call, which libbpf knows: they are attached to nothing.
  if (section == "xdp/devmap" || section == "xdp/cpumap") return OwnSection::kNone;
  if (section.starts_with(kXdpPrefix)) return OwnSection::kXdp;
  if (section == "uprobe/" + kMarkTarget || section == "uprobe.s/" + kMarkTarget) return OwnSection::kMark;
  return OwnSection::kNone;
}

void FitProgramType(bpf_program* program) {
  // The setters fail only for a program that is loaded.
  switch (OwnSectionOf(program)) {
    case OwnSection::kPerfEvent: bpf_program__set_type(program, BPF_PROG_TYPE_PERF_EVENT); break;
    case OwnSection::kXdp:
      bpf_program__set_type(program, BPF_PROG_TYPE_XDP);
      bpf_program__set_expected_attach_type(program, BPF_XDP);
      break;
    case OwnSection::kMark:
    case OwnSection::kNone: break;
  }
}

static LinkPtr AttachXdp(const bpf_program* program, const std::string& interface) {
  unsigned int index = if_nametoindex(interface.c_str());
  return LinkPtr(index == 0 ? nullptr : bpf_program__attach_xdp(program, static_cast<int>(index)));
}

Links AttachOwnSection(OwnSection kind, const bpf_program* program, const Context& context) {
  const std::string section = bpf_program__section_name(program);
  if (kind == OwnSection::kPerfEvent) {
    return AttachToPerfEvents(program, section.substr(kPerfEventPrefix.size()), context);
  }
  bool is_xdp = kind == OwnSection::kXdp;
  return OneLink(is_xdp ? AttachXdp(program, section.substr(kXdpPrefix.size())) : AttachToMark(program, context));
}

}  // namespace sonde
