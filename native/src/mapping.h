#ifndef SONDE_MAPPING_H_
#define SONDE_MAPPING_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace sonde {

/// Owns one shared memory mapping of a file descriptor.
class Mapping {
 public:
  Mapping() = default;
  /// Not valid(), with errno set, when the kernel refuses.
  Mapping(int fd, int protection, size_t offset, size_t size) : size_(size) {
    void* at = mmap(nullptr, size, protection, MAP_SHARED, fd, static_cast<off_t>(offset));
    data_ = at == MAP_FAILED ? nullptr : static_cast<uint8_t*>(at);
  }
  Mapping(Mapping&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (data_ != nullptr) munmap(data_, size_);
  }

  bool valid() const { return data_ != nullptr; }
  uint8_t* data() const { return data_; }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace sonde

#endif  // SONDE_MAPPING_H_
