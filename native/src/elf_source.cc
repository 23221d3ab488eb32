#include "elf_source.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fd.h"

namespace sonde {

static constexpr size_t kMaxBytes = 64 << 20;

/// Fills `bytes` from offset `filled` on, and shortens it to what there is.
static void ReadInto(const Fd& file, std::vector<uint8_t>* bytes, size_t filled, const Context& context,
                     const std::string& what) {
  while (filled < bytes->size()) {
    ssize_t got = read(file.get(), bytes->data() + filled, bytes->size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw FromErrno(errno, context, what);
    if (got == 0) break;
    filled += got;
  }
  bytes->resize(filled);
}

std::vector<uint8_t> ReadObjectFile(const std::string& path, const Context& context) {
  const std::string what = "open " + path;
  // Not blocking: a FIFO without a writer would hang here before fstat could tell what it is.
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) throw FromErrno(errno, context, what);
  struct stat status;
  if (fstat(file.get(), &status) != 0) throw FromErrno(errno, context, what);
  if (S_ISDIR(status.st_mode)) throw FromErrno(EISDIR, context, what);
  if (!S_ISREG(status.st_mode)) throw Failure("NOT_ELF", 0, context, path + " is not a regular file");
  const size_t size = static_cast<size_t>(status.st_size);
  std::vector<uint8_t> bytes(std::min(size, sizeof(Elf64_Ehdr)));
  ReadInto(file, &bytes, 0, context, what);
  RequireBpfElf(bytes, path, context);
  if (size > kMaxBytes) throw FromErrno(EFBIG, context, what);
  size_t header = bytes.size();
  bytes.resize(size);
  ReadInto(file, &bytes, header, context, what);
  return bytes;
}

void RequireBpfElf(const std::vector<uint8_t>& bytes, const std::string& source, const Context& context) {
  if (bytes.size() < sizeof(Elf64_Ehdr) || memcmp(bytes.data(), ELFMAG, SELFMAG) != 0) {
    throw Failure("NOT_ELF", 0, context, source + " is not an ELF file: give a .bpf.o made by clang -target bpf");
  }
  Elf64_Ehdr header;
  memcpy(&header, bytes.data(), sizeof(header));
  const unsigned char own_order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
  if (header.e_ident[EI_DATA] != own_order) {
    throw Failure("NOT_BPF", 0, context, source + " has the other byte order than this machine");
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_REL || header.e_machine != EM_BPF) {
    throw Failure("NOT_BPF", 0, context,
                  source + " is an ELF file but not a BPF object: give a .bpf.o made by clang -target bpf");
  }
}

}  // namespace sonde
