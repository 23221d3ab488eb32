#ifndef SONDE_PERF_SOURCE_H_
#define SONDE_PERF_SOURCE_H_

#include <vector>

#include "event_source.h"
#include "fd.h"
#include "map.h"
#include "mapping.h"

struct perf_event_mmap_page;

namespace sonde {

/// The perf buffers behind a BPF_MAP_TYPE_PERF_EVENT_ARRAY, one for each online CPU. CPUs that come online later have
/// none: the program's bpf_perf_event_output fails there.
class PerfSource : public EventSource {
 public:
  /// `pages` a CPU, a power of two.
  PerfSource(Fd map, const MapShape& shape, uint32_t pages);
  ~PerfSource() override;

  int poll_fd() const override { return epoll_.get(); }
  bool Fill(Batch* batch) override;
  size_t Waiting() const override;
  size_t size() const override { return size_; }

 private:
  struct Buffer {
    uint32_t cpu;
    Fd event;
    Mapping memory;

    perf_event_mmap_page* page() const { return reinterpret_cast<perf_event_mmap_page*>(memory.data()); }
  };

  void Detach();
  void OpenCpu(uint32_t cpu, uint32_t pages, const MapShape& shape);
  bool FillFrom(const Buffer& buffer, Batch* batch, uint32_t* looked_at);
  void CopyOut(const Buffer& buffer, uint64_t position, uint8_t* target, size_t length) const;

  Fd map_;
  Fd epoll_;
  size_t page_size_;
  size_t size_;
  std::vector<Buffer> buffers_;
  /// Buffer to begin with: a busy CPU must not starve the others.
  size_t first_ = 0;
};

}  // namespace sonde

#endif  // SONDE_PERF_SOURCE_H_
