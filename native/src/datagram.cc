#include "datagram.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "error.h"
#include "fd.h"

namespace sonde {

static void Send(const std::string& path, const std::string& text) {
  Context context{"send"};
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path))
    throw InvalidArgument(context, "'" + path + "' is no name of a socket");
  memcpy(address.sun_path, path.data(), path.size());
  // Abstract names begin with a zero byte, and end with their length; people write it as @.
  if (path[0] == '@') address.sun_path[0] = '\0';
  socklen_t length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());

  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) throw FromErrno(errno, context, "make a socket");
  ssize_t sent =
      sendto(socket.get(), text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
  if (sent < 0) throw FromErrno(errno, context, "send to " + path);
}

Napi::Value SendDatagram(const Napi::CallbackInfo& info) {
  return Boundary(info.Env(), [&] {
    Send(info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::String>().Utf8Value());
    return info.Env().Undefined();
  });
}

}  // namespace sonde
