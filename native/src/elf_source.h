#ifndef SONDE_ELF_SOURCE_H_
#define SONDE_ELF_SOURCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "error.h"

namespace sonde {

/// The bytes of a file. Throws for what is not a regular file or is larger than any BPF object (64 MiB).
std::vector<uint8_t> ReadObjectFile(const std::string& path, const Context& context);

/// Throws `NOT_ELF` or `NOT_BPF` for bytes that libbpf could only refuse with a number. `source` names them in the
/// error.
void RequireBpfElf(const std::vector<uint8_t>& bytes, const std::string& source, const Context& context);

}  // namespace sonde

#endif  // SONDE_ELF_SOURCE_H_
