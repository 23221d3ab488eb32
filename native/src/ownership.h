#ifndef SONDE_OWNERSHIP_H_
#define SONDE_OWNERSHIP_H_

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

namespace sonde {

/// Something that closes with its object: a reader.
class Owned {
 public:
  virtual void OnOwnerClosed() = 0;

 protected:
  ~Owned() = default;
};

/// The readers of one object. Shared by the object and its readers, since the garbage collector frees them in any
/// order; used on the environment's own thread only.
class Ownership {
 public:
  void Add(Owned* owned) { owned_.insert(owned); }
  void Remove(Owned* owned) { owned_.erase(owned); }

  void CloseAll() {
    for (Owned* owned : std::vector<Owned*>(owned_.begin(), owned_.end())) owned->OnOwnerClosed();
  }

  /// Maps (by index) that have an event reader: a ring has one consumer position, so a second reader would steal.
  std::set<uint32_t> maps_with_events;

 private:
  std::set<Owned*> owned_;
};

using OwnershipPtr = std::shared_ptr<Ownership>;

}  // namespace sonde

#endif  // SONDE_OWNERSHIP_H_
