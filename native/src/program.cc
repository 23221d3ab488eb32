#include "program.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "log_capture.h"
#include "own_section.h"

namespace sonde {

Napi::Object DescribeProgram(Napi::Env env, const bpf_program* program) {
  const char* type = libbpf_bpf_prog_type_str(bpf_program__type(program));
  Napi::Object result = Napi::Object::New(env);
  result["name"] = Napi::String::New(env, bpf_program__name(program));
  result["section"] = Napi::String::New(env, bpf_program__section_name(program));
  result["type"] = Napi::String::New(env, type == nullptr ? "unknown" : type);
  result["awaitsMark"] = Napi::Boolean::New(env, OwnSectionOf(program) == OwnSection::kMark);
  return result;
}

namespace {

/** Ids of the maps that a program uses: asked for twice, because the kernel fills an array only as long as it is given.
 */
Napi::Array ReadMapIds(Napi::Env env, int fd, uint32_t count) {
  std::vector<uint32_t> ids(count);
  struct bpf_prog_info info = {};
  uint32_t size = sizeof(info);
  info.nr_map_ids = count;
  info.map_ids = reinterpret_cast<uintptr_t>(ids.data());
  if (count > 0 && bpf_obj_get_info_by_fd(fd, &info, &size) != 0) count = 0;
  Napi::Array result = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; i++) result[i] = Napi::Number::New(env, ids[i]);
  return result;
}

}  // namespace

Napi::Object ReadProgramInfo(Napi::Env env, const bpf_program* program, Context context) {
  struct bpf_prog_info info = {};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) {
    throw FromErrno(errno, context, "read the info of program '" + context.program + "' of " + context.object);
  }
  char tag[2 * BPF_TAG_SIZE + 1];
  for (int i = 0; i < BPF_TAG_SIZE; i++) snprintf(tag + 2 * i, 3, "%02x", info.tag[i]);
  Napi::Object result = Napi::Object::New(env);
  result["id"] = Napi::Number::New(env, info.id);
  result["tag"] = Napi::String::New(env, tag);
  result["mapIds"] = ReadMapIds(env, bpf_program__fd(program), info.nr_map_ids);
  result["runTimeNs"] = Napi::BigInt::New(env, static_cast<uint64_t>(info.run_time_ns));
  result["runCount"] = Napi::BigInt::New(env, static_cast<uint64_t>(info.run_cnt));
  result["recursionMisses"] = Napi::BigInt::New(env, static_cast<uint64_t>(info.recursion_misses));
  return result;
}

Links OneLink(LinkPtr link) {
  Links links;
  if (link != nullptr) links.push_back(std::move(link));
  return links;
}

Links AttachProgram(const bpf_program* program, Context context) {
  LogCapture log;
  OwnSection own = OwnSectionOf(program);
  Links links = own == OwnSection::kNone ? OneLink(LinkPtr(bpf_program__attach(program)))
                                         : AttachOwnSection(own, program, context);
  if (!links.empty()) return links;
  int error = errno;
  std::string what =
      "attach program '" + context.program + "' of " + context.object + " to " + bpf_program__section_name(program);
  throw FromErrno(error, context, what, log.Text());
}

}  // namespace sonde
