#ifndef SONDE_BLOCK_H_
#define SONDE_BLOCK_H_

#include <napi.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace sonde {

/// Zeroed memory that C++ fills and JavaScript reads. Both hold a share: whether the ArrayBuffer is collected or
/// transferred, or the reader is closed, the memory stays for the other, and a thread of the pool may write to it.
class Block {
 public:
  explicit Block(size_t size) : data_(static_cast<uint8_t*>(calloc(1, size == 0 ? 1 : size))), size_(size) {
    if (data_ == nullptr) throw std::bad_alloc();
  }
  ~Block() { free(data_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  uint8_t* data_;
  size_t size_;
};

using BlockPtr = std::shared_ptr<Block>;

/// An ArrayBuffer over the block. Call once a block: V8 wants one ArrayBuffer an address.
inline Napi::ArrayBuffer ShareWithJs(Napi::Env env, const BlockPtr& block) {
  auto* share = new BlockPtr(block);
  return Napi::ArrayBuffer::New(
      env, block->data(), block->size(), [](Napi::Env, void*, BlockPtr* share) { delete share; }, share);
}

}  // namespace sonde

#endif  // SONDE_BLOCK_H_
