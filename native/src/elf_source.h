#ifndef SONDE_ELF_SOURCE_H_
#define SONDE_ELF_SOURCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "error.h"

namespace sonde {

/// The bytes of a BPF object. Throws `NOT_ELF`, `NOT_BPF`, or `EFBIG` for what is larger than any (64 MiB); reads only
/// the header of what is none.
std::vector<uint8_t> ReadObjectFile(const std::string& path, const Context& context);

/// Throws `NOT_ELF` or `NOT_BPF` for bytes that libbpf could only refuse with a number. `source` names them in the
/// error.
void RequireBpfElf(const std::vector<uint8_t>& bytes, const std::string& source, const Context& context);

}  // namespace sonde

#endif  // SONDE_ELF_SOURCE_H_
