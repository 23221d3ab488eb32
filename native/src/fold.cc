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

template <typename T>
static T Load(const uint8_t* at) {
  T value;
  memcpy(&value, at, sizeof(value));
  return value;
}

template <typename T>
static T FoldMember(FoldOp op, const uint8_t* source, uint32_t cpus, size_t cpu_stride) {
  T result = Load<T>(source);
  for (uint32_t cpu = 1; cpu < cpus; cpu++) {
    T value = Load<T>(source + cpu * cpu_stride);
    switch (op) {
      case FoldOp::kSum: result = static_cast<T>(result + value); break;
      case FoldOp::kMin: result = std::min(result, value); break;
      case FoldOp::kMax: result = std::max(result, value); break;
    }
  }
  return result;
}

template <typename Unsigned, typename Signed>
static void FoldInto(const Fold& fold, const uint8_t* source, uint32_t cpus, size_t cpu_stride, uint8_t* target) {
  // A sum is the same bits either way, and overflow is defined only for the unsigned one.
  bool as_signed = fold.is_signed && fold.op != FoldOp::kSum;
  Unsigned result = as_signed
                        ? static_cast<Unsigned>(FoldMember<Signed>(fold.op, source + fold.offset, cpus, cpu_stride))
                        : FoldMember<Unsigned>(fold.op, source + fold.offset, cpus, cpu_stride);
  memcpy(target + fold.offset, &result, sizeof(result));
}

static uint64_t WideSum(uint32_t size, const uint8_t* source, uint32_t cpus, size_t cpu_stride) {
  uint64_t sum = 0;
  for (uint32_t cpu = 0; cpu < cpus; cpu++) {
    const uint8_t* at = source + cpu * cpu_stride;
    sum += size == 1 ? Load<uint8_t>(at) : size == 2 ? Load<uint16_t>(at) : Load<uint32_t>(at);
  }
  return sum;
}

void FoldValue(const std::vector<Fold>& folds, bool wide, const uint8_t* source, uint32_t cpus, size_t cpu_stride,
               uint8_t* target) {
  if (wide) {
    uint64_t sum = WideSum(folds.front().size, source, cpus, cpu_stride);
    memcpy(target, &sum, sizeof(sum));
    return;
  }
  memcpy(target, source, cpu_stride);
  for (const Fold& fold : folds) {
    switch (fold.size) {
      case 1: FoldInto<uint8_t, int8_t>(fold, source, cpus, cpu_stride, target); break;
      case 2: FoldInto<uint16_t, int16_t>(fold, source, cpus, cpu_stride, target); break;
      case 4: FoldInto<uint32_t, int32_t>(fold, source, cpus, cpu_stride, target); break;
      case 8: FoldInto<uint64_t, int64_t>(fold, source, cpus, cpu_stride, target); break;
    }
  }
}

}  // namespace sonde
