#ifndef SONDE_RING_SOURCE_H_
#define SONDE_RING_SOURCE_H_

#include "event_source.h"
#include "fd.h"
#include "map.h"
#include "mapping.h"

namespace sonde {

/// The one consumer of a BPF ring buffer, over its memory: `ring_buffer__consume` cannot be bounded before libbpf 1.5.
/// The layout is the kernel's: a page with the consumer's position, one with the producer's, the data twice in a row.
class RingSource : public EventSource {
 public:
  RingSource(Fd map, const MapShape& shape);

  int poll_fd() const override { return map_.get(); }
  bool Fill(Batch* batch) override;
  size_t Waiting() const override;
  size_t size() const override { return size_; }

 private:
  Fd map_;
  size_t size_;
  Mapping consumer_page_;
  Mapping producer_pages_;
  unsigned long* consumer_;
  const unsigned long* producer_;
  const uint8_t* data_;
};

}  // namespace sonde

#endif  // SONDE_RING_SOURCE_H_
