#ifndef SONDE_BLOCK_H_
#define SONDE_BLOCK_H_

#include <napi.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace sonde {

/// Zeroed memory that C++ fills and JavaScript reads. Both hold a share: whether the ArrayBuffer is collected or
/// transferred, or the reader is closed, the memory stays for the other, and a thread of the pool may write to it.
/// Pages of its own: what of it is never written takes no memory. A reader has room for all rows that a map may have.
class Block {
 public:
  explicit Block(size_t size) : size_(size), mapped_(size == 0 ? 1 : size) {
    void* data = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<uint8_t*>(data);
  }
  ~Block() { munmap(data_, mapped_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// Keeps only the first `size` bytes, before JavaScript sees it.
  void Truncate(size_t size) {
    if (size >= size_) return;
    size_ = size;
    void* shorter = mremap(data_, mapped_, size == 0 ? 1 : size, 0);
    if (shorter != MAP_FAILED) mapped_ = size == 0 ? 1 : size;
  }

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  uint8_t* data_ = nullptr;
  size_t size_;
  size_t mapped_;
};

using BlockPtr = std::shared_ptr<Block>;

/// An ArrayBuffer over the block. Call once a block: V8 wants one ArrayBuffer an address.
inline Napi::ArrayBuffer ShareWithJs(Napi::Env env, const BlockPtr& block) {
  auto share = std::make_unique<BlockPtr>(block);
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(
      env, block->data(), block->size(), [](Napi::Env, void*, BlockPtr* share) { delete share; }, share.get());
  share.release();  // the buffer's from here on
  return buffer;
}

}  // namespace sonde

#endif  // SONDE_BLOCK_H_
