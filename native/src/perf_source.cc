#include "perf_source.h"

#include <bpf/bpf.h>
#include <linux/perf_event.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

namespace sonde {

/// PERF_RECORD_SAMPLE with PERF_SAMPLE_RAW: header, this size, that many bytes.
static constexpr size_t kSampleDataOffset = sizeof(perf_event_header) + sizeof(uint32_t);

struct LostRecord {
  perf_event_header header;
  uint64_t id;
  uint64_t lost;
};

static Failure OpenFailure(const MapShape& shape, uint32_t cpu) {
  return FromErrno(errno, shape.context,
                   "open the perf buffer of CPU " + std::to_string(cpu) + " for map '" + shape.context.map + "' of " +
                       shape.context.object);
}

PerfSource::PerfSource(Fd map, const MapShape& shape, uint32_t pages)
    : map_(std::move(map)), page_size_(static_cast<size_t>(sysconf(_SC_PAGESIZE))), size_(pages * page_size_) {
  if (shape.type != BPF_MAP_TYPE_PERF_EVENT_ARRAY) {
    throw InvalidArgument(shape.context, "map '" + shape.context.map + "' of " + shape.context.object +
                                             " is not a perf event array but " + MapTypeName(shape.type));
  }
  if (pages == 0 || (pages & (pages - 1)) != 0) {
    throw InvalidArgument(shape.context, "pages must be a power of two, not " + std::to_string(pages));
  }
  epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) throw FromErrno(errno, shape.context, "make an epoll descriptor");
  const uint32_t cpus = std::min(PossibleCpus(), shape.max_entries);
  try {
    for (uint32_t cpu = 0; cpu < cpus; cpu++) OpenCpu(cpu, pages, shape);
  } catch (...) {
    Detach();
    throw;
  }
}

void PerfSource::OpenCpu(uint32_t cpu, uint32_t pages, const MapShape& shape) {
  struct perf_event_attr attributes = {};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_BPF_OUTPUT;
  attributes.sample_type = PERF_SAMPLE_RAW;
  attributes.sample_period = 1;
  attributes.wakeup_events = 1;
  Fd event(static_cast<int>(syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!event.valid() && errno == ENODEV) return;  // Possible, but not online.
  if (!event.valid()) throw OpenFailure(shape, cpu);
  Mapping memory(event.get(), PROT_READ | PROT_WRITE, 0, page_size_ + pages * page_size_);
  if (!memory.valid()) throw OpenFailure(shape, cpu);
  struct epoll_event wanted = {};
  wanted.events = EPOLLIN;
  int event_fd = event.get();
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event_fd, &wanted) != 0) throw OpenFailure(shape, cpu);
  if (ioctl(event_fd, PERF_EVENT_IOC_ENABLE, 0) != 0) throw OpenFailure(shape, cpu);
  if (bpf_map_update_elem(map_.get(), &cpu, &event_fd, BPF_ANY) != 0) throw OpenFailure(shape, cpu);
  buffers_.push_back({cpu, std::move(event), std::move(memory)});
}

PerfSource::~PerfSource() { Detach(); }

void PerfSource::Detach() {
  // The map holds the events, too, and would have the program write into memory that nobody reads.
  for (const Buffer& buffer : buffers_) bpf_map_delete_elem(map_.get(), &buffer.cpu);
}

size_t PerfSource::Waiting() const {
  uint64_t most = 0;
  for (const Buffer& buffer : buffers_) {
    uint64_t head = __atomic_load_n(&buffer.page()->data_head, __ATOMIC_ACQUIRE);
    most = std::max<uint64_t>(most, head - buffer.page()->data_tail);
  }
  return most;
}

bool PerfSource::Fill(Batch* batch) {
  uint32_t looked_at = 0;
  for (size_t i = 0; i < buffers_.size(); i++) {
    size_t index = (first_ + i) % buffers_.size();
    if (!FillFrom(buffers_[index], batch, &looked_at)) continue;
    first_ = (index + 1) % buffers_.size();
    return true;
  }
  return false;
}

bool PerfSource::FillFrom(const Buffer& buffer, Batch* batch, uint32_t* looked_at) {
  const uint8_t* data = buffer.memory.data() + page_size_;
  const uint64_t head = __atomic_load_n(&buffer.page()->data_head, __ATOMIC_ACQUIRE);
  uint64_t tail = buffer.page()->data_tail;
  bool full = false;
  while (tail < head) {
    full = *looked_at == batch->max_records();
    if (full) break;
    // Records are multiples of 8 bytes, so that a header never wraps; what follows may.
    const auto* header = reinterpret_cast<const perf_event_header*>(data + (tail & (size_ - 1)));
    if (header->type == PERF_RECORD_SAMPLE) {
      uint32_t length;
      CopyOut(buffer, tail + sizeof(*header), reinterpret_cast<uint8_t*>(&length), sizeof(length));
      if (batch->Oversize(length)) {
        oversize_++;
      } else {
        full = !batch->Fits(length);
        if (full) break;
        CopyOut(buffer, tail + kSampleDataOffset, batch->Add(length), length);
      }
    } else if (header->type == PERF_RECORD_LOST) {
      LostRecord record;
      CopyOut(buffer, tail, reinterpret_cast<uint8_t*>(&record), sizeof(record));
      batch->lost += record.lost;
    }
    if (header->size == 0) break;  // Never written by the kernel; would not end.
    tail += header->size;
    (*looked_at)++;
  }
  __atomic_store_n(&buffer.page()->data_tail, tail, __ATOMIC_RELEASE);
  return full;
}

void PerfSource::CopyOut(const Buffer& buffer, uint64_t position, uint8_t* target, size_t length) const {
  const uint8_t* data = buffer.memory.data() + page_size_;
  size_t offset = position & (size_ - 1);
  size_t until_end = std::min(length, size_ - offset);
  memcpy(target, data + offset, until_end);
  memcpy(target + until_end, data, length - until_end);
}

}  // namespace sonde
