#ifndef SONDE_EVENT_SOURCE_H_
#define SONDE_EVENT_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sonde {

/// Records copied back to back into memory that JavaScript reads, each starting at a multiple of 8.
class Batch {
 public:
  Batch(uint8_t* data, size_t capacity, uint32_t* lengths, uint32_t max_records)
      : data_(data), capacity_(capacity), lengths_(lengths), max_records_(max_records) {}

  static size_t Padded(size_t length) { return (length + 7) & ~static_cast<size_t>(7); }

  bool Fits(size_t length) const { return count_ < max_records_ && bytes_ + Padded(length) <= capacity_; }
  /// Whether not even an empty batch would hold it.
  bool Oversize(size_t length) const { return Padded(length) > capacity_; }

  /// Room for a record that Fits(). The padding behind it is zeroed: it would carry bytes of earlier records otherwise.
  uint8_t* Add(uint32_t length) {
    uint8_t* at = data_ + bytes_;
    size_t padded = Padded(length);
    if (padded != length) memset(at + padded - 8, 0, 8);
    bytes_ += padded;
    lengths_[count_++] = length;
    return at;
  }

  size_t bytes() const { return bytes_; }
  uint32_t count() const { return count_; }
  uint32_t max_records() const { return max_records_; }

  /// Records that the kernel could not write.
  uint64_t lost = 0;

 private:
  uint8_t* data_;
  size_t capacity_;
  uint32_t* lengths_;
  uint32_t max_records_;
  size_t bytes_ = 0;
  uint32_t count_ = 0;
};

/// What a ring buffer or the perf buffers of a map hold. Knows nothing of JavaScript.
class EventSource {
 public:
  virtual ~EventSource() = default;

  /// Readable when the kernel signals records.
  virtual int poll_fd() const = 0;

  /// Moves records into an empty batch. True when it stopped for the batch's bounds rather than for want of records. It
  /// looks at no more than `max_records` records, so that discarded ones cannot keep it busy either.
  virtual bool Fill(Batch* batch) = 0;

  /// Bytes waiting now; of several buffers, in the fullest.
  virtual size_t Waiting() const = 0;

  /// Bytes there are, of one buffer.
  virtual size_t size() const = 0;

  uint64_t discarded() const { return discarded_; }
  uint64_t oversize() const { return oversize_; }

 protected:
  uint64_t discarded_ = 0;
  uint64_t oversize_ = 0;
};

}  // namespace sonde

#endif  // SONDE_EVENT_SOURCE_H_
