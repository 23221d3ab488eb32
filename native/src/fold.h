#ifndef SONDE_FOLD_H_
#define SONDE_FOLD_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sonde {

enum class FoldOp : uint32_t { kSum = 0, kMin = 1, kMax = 2 };

/// How one member of a per-CPU value becomes one 64-bit number; Fold of native/types.ts.
struct Fold {
  uint32_t offset;
  /// 1, 2, 4 or 8.
  uint32_t size;
  FoldOp op;
  bool is_signed;
};

/// A sum of every 8 bytes, and of smaller numbers for what is left.
std::vector<Fold> DefaultFolds(uint32_t value_size);

/// Folds the values of all CPUs, `cpu_stride` bytes apart at `source`, into `target`: 64 bits a fold, in their order.
void FoldValue(const std::vector<Fold>& folds, const uint8_t* source, uint32_t cpus, size_t cpu_stride,
               uint8_t* target);

}  // namespace sonde

#endif  // SONDE_FOLD_H_
