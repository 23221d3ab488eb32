#include "mark.h"

#include <unistd.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

/// Does nothing, but is not inlined away: the kernel puts its breakpoint here.
extern "C" __attribute__((visibility("default"), noinline)) void post_attach_mark() { asm volatile(""); }

namespace sonde {

namespace {

/// Where a function lies in the file that this process has mapped there.
struct Place {
  std::string path;
  uint64_t offset;
};

/// Lines of /proc/self/maps are `START-END PERMISSIONS OFFSET DEVICE INODE PATH`.
Place PlaceOf(uintptr_t address, const Context& context) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    uint64_t start = 0;
    uint64_t end = 0;
    uint64_t offset = 0;
    int path = 0;
    const char* format = "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %n";
    if (sscanf(line.c_str(), format, &start, &end, &offset, &path) != 3 || path == 0) continue;
    if (address < start || address >= end) continue;
    // The mapping itself leads to the file also when another has taken its name since, as after an upgrade.
    std::string mapping = "/proc/self/map_files/" + line.substr(0, line.find(' '));
    bool may_follow = access(mapping.c_str(), R_OK) == 0;
    return {may_follow ? mapping : line.substr(path), address - start + offset};
  }
  throw Failure("ENOENT", 0, context, "the file of the addon is not to be found in /proc/self/maps");
}

}  // namespace

LinkPtr AttachToMark(const bpf_program* program, const Context& context) {
  const Place place = PlaceOf(reinterpret_cast<uintptr_t>(&post_attach_mark), context);
  constexpr pid_t kThisProcess = 0;
  return LinkPtr(bpf_program__attach_uprobe(program, false, kThisProcess, place.path.c_str(), place.offset));
}

void CallMark() { post_attach_mark(); }

}  // namespace sonde
