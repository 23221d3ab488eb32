#ifndef SONDE_MAP_WALK_H_
#define SONDE_MAP_WALK_H_

#include <string>
#include <unordered_set>
#include <vector>

#include "block.h"
#include "fd.h"
#include "fold.h"
#include "map.h"

namespace sonde {

struct MapReadOptions {
  uint32_t chunk_rows;
  /// Per-CPU maps: hand over every CPU's value instead of one folded value.
  bool keep_cpus;
  /// Per-CPU maps: a row for each CPU, whose number follows the key as a u16.
  bool split_cpus;
  /// Empty for the default folds.
  std::vector<Fold> folds;
};

/// Reads a map chunk by chunk into two flat buffers. Knows nothing of JavaScript and may run on any one thread at a
/// time.
///
/// In batches a row that lives throughout the walk is delivered exactly once: the kernel hands over whole hash buckets.
/// Row by row the kernel starts over when the key under the cursor was deleted; keys already delivered are then
/// skipped, and the walk fails with EAGAIN when it took many more steps than the map has room for.
class MapWalk {
 public:
  /// Throws `NOT_WALKABLE` or `INVALID_ARGUMENT`.
  MapWalk(Fd fd, MapShape shape, MapReadOptions options);

  /// Fills the buffers from row 0. Returns the rows; 0 ends the walk, and the next call begins a new one. After a
  /// failure the next call begins a new one, too.
  uint32_t Next();

  const BlockPtr& keys() const { return keys_; }
  const BlockPtr& values() const { return values_; }
  size_t value_stride() const { return value_stride_; }
  uint32_t cpus() const { return cpus_; }
  bool batch() const { return batch_; }
  /// Rows that the buffers hold; they are new ones whenever it changed.
  uint32_t capacity() const { return rows_ * rows_per_key(); }

 private:
  enum class Position { kStart, kMiddle, kEnd };

  uint32_t Advance();
  uint32_t NextBatch();
  uint32_t NextByKey();
  void Restart();
  void Allocate(uint32_t rows);
  void Grow();
  void FoldRows(uint32_t rows);
  /// One row a CPU; returns how many these are.
  uint32_t SplitRows(uint32_t rows);
  size_t row_key_size() const;
  uint32_t rows_per_key() const { return splitting_ ? cpus_ : 1; }
  void RequireFoldsInside() const;
  Failure ReadFailure(int error) const;
  uint8_t* kernel_keys() { return splitting_ ? unsplit_keys_.data() : keys_->data(); }
  uint8_t* kernel_values() { return folding_ ? unfolded_.data() : values_->data(); }
  std::string Named() const { return "map '" + shape_.context.map + "' of " + shape_.context.object; }

  Fd fd_;
  MapShape shape_;
  MapReadOptions options_;
  uint32_t cpus_;
  bool folding_;
  bool splitting_;
  bool batch_;
  size_t kernel_stride_;
  size_t value_stride_ = 0;
  /// Keys that one call reads at most.
  uint32_t rows_ = 0;
  BlockPtr keys_;
  BlockPtr values_;
  std::vector<uint8_t> unfolded_;
  std::vector<uint8_t> unsplit_keys_;

  Position position_ = Position::kStart;
  /// Batches: the kernel's token; row by row: the last key.
  std::vector<uint8_t> cursor_;
  std::vector<uint8_t> next_cursor_;
  std::unordered_set<std::string> seen_;
  uint64_t steps_ = 0;
};

}  // namespace sonde

#endif  // SONDE_MAP_WALK_H_
