#include "ring_source.h"

#include <linux/bpf.h>

#include <cerrno>

namespace sonde {

RingSource::RingSource(Fd map, const MapShape& shape) : map_(std::move(map)), size_(shape.max_entries) {
  if (shape.type != BPF_MAP_TYPE_RINGBUF) {
    throw InvalidArgument(shape.context, "map '" + shape.context.map + "' of " + shape.context.object +
                                             " is not a ring buffer but " + MapTypeName(shape.type));
  }
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  consumer_page_ = Mapping(map_.get(), PROT_READ | PROT_WRITE, 0, page);
  if (consumer_page_.valid()) producer_pages_ = Mapping(map_.get(), PROT_READ, page, page + 2 * size_);
  if (!producer_pages_.valid()) {
    throw FromErrno(errno, shape.context,
                    "map the memory of ring buffer '" + shape.context.map + "' of " + shape.context.object);
  }
  consumer_ = reinterpret_cast<unsigned long*>(consumer_page_.data());
  producer_ = reinterpret_cast<const unsigned long*>(producer_pages_.data());
  data_ = producer_pages_.data() + page;
}

size_t RingSource::Waiting() const {
  return __atomic_load_n(producer_, __ATOMIC_ACQUIRE) - __atomic_load_n(consumer_, __ATOMIC_RELAXED);
}

/// Copies a record's bytes. In line, because most are small and a call of memcpy costs as much as the copy.
static inline void CopyRecord(uint8_t* to, const uint8_t* from, size_t length) {
  for (; length >= 32; length -= 32, to += 32, from += 32) memcpy(to, from, 32);
  for (; length >= 8; length -= 8, to += 8, from += 8) memcpy(to, from, 8);
  for (; length > 0; length--) *to++ = *from++;
}

bool RingSource::Fill(Batch* target) {
  // A copy, which the compiler keeps in registers: as far as it knows the records' bytes could overlap the original.
  Batch batch = *target;
  const size_t mask = size_ - 1;
  unsigned long at = __atomic_load_n(consumer_, __ATOMIC_RELAXED);
  uint32_t looked_at = 0;
  for (;;) {
    const unsigned long end = __atomic_load_n(producer_, __ATOMIC_ACQUIRE);
    const unsigned long begin = at;
    bool full = false;
    while (at < end) {
      const uint8_t* record = data_ + (at & mask);
      // Pairs with the exchange that clears the busy bit once the record's bytes are written.
      const uint32_t header = __atomic_load_n(reinterpret_cast<const uint32_t*>(record), __ATOMIC_ACQUIRE);
      if (header & BPF_RINGBUF_BUSY_BIT) break;
      const uint32_t length = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
      full = looked_at == batch.max_records();
      if (full) break;
      if (header & BPF_RINGBUF_DISCARD_BIT) {
        discarded_++;
      } else if (batch.Fits(length)) {
        CopyRecord(batch.Add(length), record + BPF_RINGBUF_HDR_SZ, length);
      } else if (batch.Oversize(length)) {
        oversize_++;
      } else {
        full = true;
        break;
      }
      at += Batch::Padded(length + BPF_RINGBUF_HDR_SZ);
      looked_at++;
    }
    if (at != begin) __atomic_store_n(consumer_, at, __ATOMIC_RELEASE);
    if (at == begin || full) {
      *target = batch;
      return full;
    }
    // The kernel wakes us only for a record committed at our position. One committed before the store became visible
    // did not: look once more, with the store ordered before the loads.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
  }
}

}  // namespace sonde
