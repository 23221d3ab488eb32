#include "perf_event.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <sstream>

#include "fd.h"
#include "map.h"

namespace sonde {

namespace {

struct Event {
  std::optional<uint64_t> type;
  std::optional<uint64_t> config;
  std::optional<uint64_t> frequency;
};

std::optional<uint64_t> ParseNumber(const std::string& text) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  char* end = nullptr;
  errno = 0;
  uint64_t number = strtoull(text.c_str(), &end, text.starts_with("0x") ? 16 : 10);
  if (errno != 0 || *end != '\0') return std::nullopt;
  return number;
}

/// Whether `pair` is `name=NUMBER` of one that is not known yet.
bool ParsePair(const std::string& pair, Event* event) {
  size_t equals = pair.find('=');
  if (equals == std::string::npos) return false;
  const std::string name = pair.substr(0, equals);
  std::optional<uint64_t>* target = name == "type"        ? &event->type
                                    : name == "config"    ? &event->config
                                    : name == "frequency" ? &event->frequency
                                                          : nullptr;
  if (target == nullptr || target->has_value()) return false;
  *target = ParseNumber(pair.substr(equals + 1));
  return target->has_value();
}

Event Parse(const std::string& spec, const Context& context) {
  Event event;
  std::istringstream pairs(spec);
  bool is_valid = true;
  for (std::string pair; is_valid && std::getline(pairs, pair, ',');) is_valid = ParsePair(pair, &event);
  is_valid = is_valid && event.type && event.config && event.frequency && *event.frequency > 0 &&
             *event.type <= std::numeric_limits<uint32_t>::max();
  if (is_valid) return event;
  throw InvalidArgument(context, "section perf_event/" + spec + " of program '" + context.program +
                                     "' is not perf_event/type=N,config=N,frequency=N");
}

Fd Open(const Event& event, int cpu) {
  perf_event_attr attributes = {};
  attributes.size = sizeof(attributes);
  attributes.type = static_cast<uint32_t>(*event.type);
  attributes.config = *event.config;
  attributes.freq = 1;
  attributes.sample_freq = *event.frequency;
  constexpr int kAllTasks = -1;
  constexpr int kNoGroup = -1;
  return Fd(
      static_cast<int>(syscall(SYS_perf_event_open, &attributes, kAllTasks, cpu, kNoGroup, PERF_FLAG_FD_CLOEXEC)));
}

}  // namespace

Links AttachToPerfEvents(const bpf_program* program, const std::string& spec, const Context& context) {
  const Event event = Parse(spec, context);
  Links links;
  int error = ENODEV;
  for (uint32_t cpu = 0; cpu < PossibleCpus(); cpu++) {
    Fd fd = Open(event, static_cast<int>(cpu));
    if (!fd.valid() && errno == ENODEV) continue;  // Possible, but not online.
    LinkPtr link(fd.valid() ? bpf_program__attach_perf_event(program, fd.get()) : nullptr);
    if (link == nullptr) {
      error = errno;
      links.clear();
      break;
    }
    // The link closes it from now on.
    fd.Release();
    links.push_back(std::move(link));
  }
  errno = error;
  return links;
}

}  // namespace sonde
