#include "map_walk.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sonde {

static constexpr int kEnotsupp = 524;
static constexpr int kInterruptedRetries = 16;
// Values of all CPUs that one chunk may hold to begin with: on a machine of hundreds of CPUs a row is kilobytes.
static constexpr size_t kMaxKernelBytes = 64 << 20;

/// Types whose batch read has a position that a deleted key cannot move: buckets of a hash, indices of an array.
static bool ReadsInBatches(bpf_map_type type) {
  switch (type) {
    case BPF_MAP_TYPE_HASH:
    case BPF_MAP_TYPE_LRU_HASH:
    case BPF_MAP_TYPE_PERCPU_HASH:
    case BPF_MAP_TYPE_LRU_PERCPU_HASH:
    case BPF_MAP_TYPE_ARRAY:
    case BPF_MAP_TYPE_PERCPU_ARRAY: return true;
    default: return false;
  }
}

static bool ReadsByKey(bpf_map_type type) {
  switch (type) {
    case BPF_MAP_TYPE_LPM_TRIE:
    case BPF_MAP_TYPE_STACK_TRACE:
    case BPF_MAP_TYPE_ARRAY_OF_MAPS:
    case BPF_MAP_TYPE_HASH_OF_MAPS: return true;
    default: return false;
  }
}

static bool KeysComeAndGo(bpf_map_type type) {
  return type != BPF_MAP_TYPE_ARRAY && type != BPF_MAP_TYPE_PERCPU_ARRAY && type != BPF_MAP_TYPE_ARRAY_OF_MAPS;
}

MapWalk::MapWalk(Fd fd, MapShape shape, MapReadOptions options)
    : fd_(std::move(fd)),
      shape_(std::move(shape)),
      options_(std::move(options)),
      cpus_(PossibleCpus()),
      folding_(shape_.per_cpu && !options_.keep_cpus),
      splitting_(shape_.per_cpu && options_.split_cpus),
      batch_(ReadsInBatches(shape_.type)),
      kernel_stride_(shape_.KernelValueSize()) {
  if (!batch_ && !ReadsByKey(shape_.type)) {
    throw Failure("NOT_WALKABLE", 0, shape_.context,
                  Named() + " cannot be walked: a " + MapTypeName(shape_.type) + " map has no keys to go through");
  }
  shape_.context.operation = "read";
  if (folding_ && options_.folds.empty()) options_.folds = DefaultFolds(shape_.value_size);
  RequireFoldsInside();
  value_stride_ = folding_ ? options_.folds.size() * sizeof(uint64_t) : kernel_stride_;
  // The kernel's token is 4 bytes for hashes, a key for the others.
  cursor_.resize(std::max<size_t>(8, shape_.key_size));
  next_cursor_.resize(cursor_.size());
  uint32_t most = std::max<size_t>(1, kMaxKernelBytes / std::max<size_t>(1, kernel_stride_));
  Allocate(std::min({options_.chunk_rows, std::max(1u, shape_.max_entries), most}));
}

void MapWalk::RequireFoldsInside() const {
  for (const Fold& fold : options_.folds) {
    if (static_cast<uint64_t>(fold.offset) + fold.size <= shape_.value_size) continue;
    throw InvalidArgument(shape_.context, "a fold of " + std::to_string(fold.size) + " bytes at offset " +
                                              std::to_string(fold.offset) + " is outside the " +
                                              std::to_string(shape_.value_size) + " bytes of a value of " + Named());
  }
}

void MapWalk::Allocate(uint32_t rows) {
  const size_t filled = static_cast<size_t>(rows) * rows_per_key();
  keys_ = std::make_shared<Block>(filled * row_key_size());
  values_ = std::make_shared<Block>(filled * value_stride_);
  if (splitting_) unsplit_keys_.resize(static_cast<size_t>(rows) * shape_.key_size);
  if (folding_) unfolded_.resize(static_cast<size_t>(rows) * kernel_stride_);
  rows_ = rows;
}

size_t MapWalk::row_key_size() const { return shape_.key_size + (splitting_ ? sizeof(uint16_t) : 0); }

void MapWalk::Grow() {
  // One bucket cannot hold more than the map does.
  uint64_t most = std::max<uint64_t>(1, shape_.max_entries);
  if (rows_ >= most) throw ReadFailure(ENOSPC);
  Allocate(static_cast<uint32_t>(std::min<uint64_t>(2 * static_cast<uint64_t>(rows_), most)));
}

Failure MapWalk::ReadFailure(int error) const { return FromErrno(error, shape_.context, "read " + Named()); }

void MapWalk::Restart() {
  position_ = Position::kStart;
  seen_.clear();
  steps_ = 0;
}

uint32_t MapWalk::Next() {
  if (position_ == Position::kEnd) {
    Restart();
    return 0;
  }
  try {
    uint32_t rows = Advance();
    if (rows == 0) Restart();
    return rows;
  } catch (...) {
    Restart();
    throw;
  }
}

uint32_t MapWalk::Advance() {
  uint32_t rows = batch_ ? NextBatch() : NextByKey();
  if (splitting_) return SplitRows(rows);
  if (folding_) FoldRows(rows);
  return rows;
}

uint32_t MapWalk::NextBatch() {
  for (int interrupted = 0;;) {
    uint32_t count = rows_;
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    void* from = position_ == Position::kStart ? nullptr : cursor_.data();
    int result =
        bpf_map_lookup_batch(fd_.get(), from, next_cursor_.data(), kernel_keys(), kernel_values(), &count, &options);
    int error = result == 0 ? 0 : errno;
    if (error == ENOENT) {
      position_ = Position::kEnd;
      return count;
    }
    if (error == 0 && count > 0) {
      position_ = Position::kMiddle;
      cursor_.swap(next_cursor_);
      return count;
    }
    if (error == ENOSPC) {
      Grow();
    } else if ((error == 0 || error == EINTR || error == EAGAIN) && interrupted < kInterruptedRetries) {
      interrupted++;
    } else if (from == nullptr && (error == EINVAL || error == EOPNOTSUPP || error == kEnotsupp)) {
      batch_ = false;
      return NextByKey();
    } else {
      throw ReadFailure(error == 0 ? EAGAIN : error);
    }
  }
}

uint32_t MapWalk::NextByKey() {
  const uint64_t most_steps = 8 * static_cast<uint64_t>(shape_.max_entries) + 1024;
  const bool keys_come_and_go = KeysComeAndGo(shape_.type);
  uint32_t rows = 0;
  while (rows < rows_) {
    if (++steps_ > most_steps) {
      throw Failure("EAGAIN", EAGAIN, shape_.context,
                    Named() + " changed faster than it could be walked (" + std::to_string(most_steps) +
                        " steps): read it again");
    }
    void* from = position_ == Position::kStart ? nullptr : cursor_.data();
    if (bpf_map_get_next_key(fd_.get(), from, next_cursor_.data()) != 0) {
      if (errno != ENOENT) throw ReadFailure(errno);
      position_ = Position::kEnd;
      break;
    }
    position_ = Position::kMiddle;
    cursor_.swap(next_cursor_);
    if (keys_come_and_go && seen_.count(std::string(cursor_.begin(), cursor_.begin() + shape_.key_size)) != 0) continue;
    if (bpf_map_lookup_elem(fd_.get(), cursor_.data(), kernel_values() + rows * kernel_stride_) != 0) {
      // Deleted since: the kernel then goes on from its first key, which is why the keys seen are remembered.
      if (errno == ENOENT) continue;
      throw ReadFailure(errno);
    }
    if (keys_come_and_go) seen_.emplace(cursor_.begin(), cursor_.begin() + shape_.key_size);
    memcpy(kernel_keys() + static_cast<size_t>(rows) * shape_.key_size, cursor_.data(), shape_.key_size);
    rows++;
  }
  return rows;
}

void MapWalk::FoldRows(uint32_t rows) {
  for (size_t row = 0; row < rows; row++) {
    FoldValue(options_.folds, unfolded_.data() + row * kernel_stride_, cpus_, kernel_stride_ / cpus_,
              values_->data() + row * value_stride_);
  }
}

uint32_t MapWalk::SplitRows(uint32_t rows) {
  const size_t cpu_stride = kernel_stride_ / cpus_;
  uint8_t* key = keys_->data();
  uint8_t* value = values_->data();
  for (size_t row = 0; row < rows; row++) {
    for (uint32_t cpu = 0; cpu < cpus_; cpu++, key += row_key_size(), value += value_stride_) {
      const uint16_t number = static_cast<uint16_t>(cpu);
      memcpy(key, unsplit_keys_.data() + row * shape_.key_size, shape_.key_size);
      memcpy(key + shape_.key_size, &number, sizeof(number));
      FoldValue(options_.folds, unfolded_.data() + row * kernel_stride_ + cpu * cpu_stride, 1, cpu_stride, value);
    }
  }
  return rows * cpus_;
}

}  // namespace sonde
