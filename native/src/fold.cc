#include "fold.h"

#include <algorithm>
#include <cstring>

namespace sonde {

std::vector<Fold> DefaultFolds(uint32_t value_size) {
  std::vector<Fold> folds;
  uint32_t offset = 0;
  for (uint32_t size = 8; size > 0; size /= 2) {
    for (; offset + size <= value_size; offset += size) folds.push_back({offset, size, FoldOp::kSum, false});
  }
  return folds;
}

/// The number of type `T` at `at`, which need not be aligned, in 64 bits: negative ones stay negative.
template <typename T>
static uint64_t Load(const uint8_t* at) {
  T value;
  memcpy(&value, at, sizeof(value));
  return static_cast<uint64_t>(value);
}

static uint64_t LoadMember(const Fold& fold, const uint8_t* at) {
  switch (fold.size) {
    case 1: return fold.is_signed ? Load<int8_t>(at) : Load<uint8_t>(at);
    case 2: return fold.is_signed ? Load<int16_t>(at) : Load<uint16_t>(at);
    case 4: return fold.is_signed ? Load<int32_t>(at) : Load<uint32_t>(at);
    default: return Load<uint64_t>(at);
  }
}

static bool IsLess(const Fold& fold, uint64_t one, uint64_t other) {
  return fold.is_signed ? static_cast<int64_t>(one) < static_cast<int64_t>(other) : one < other;
}

static uint64_t FoldMember(const Fold& fold, const uint8_t* source, uint32_t cpus, size_t cpu_stride) {
  uint64_t result = LoadMember(fold, source);
  for (uint32_t cpu = 1; cpu < cpus; cpu++) {
    uint64_t value = LoadMember(fold, source + cpu * cpu_stride);
    switch (fold.op) {
      case FoldOp::kSum: result += value; break;
      case FoldOp::kMin: result = IsLess(fold, value, result) ? value : result; break;
      case FoldOp::kMax: result = IsLess(fold, result, value) ? value : result; break;
    }
  }
  return result;
}

void FoldValue(const std::vector<Fold>& folds, const uint8_t* source, uint32_t cpus, size_t cpu_stride,
               uint8_t* target) {
  for (const Fold& fold : folds) {
    uint64_t result = FoldMember(fold, source + fold.offset, cpus, cpu_stride);
    memcpy(target, &result, sizeof(result));
    target += sizeof(result);
  }
}

}  // namespace sonde
