#include "log_capture.h"

#include <bpf/libbpf.h>

#include <atomic>
#include <cstdio>
#include <mutex>

namespace sonde {

// libbpf has one print callback a process but calls it on the thread that called libbpf.
static thread_local LogCapture* current = nullptr;
static std::atomic<bool> prints_all = false;

struct LogSink {
  static int Print(libbpf_print_level level, const char* format, va_list args) {
    if (prints_all) {
      va_list again;
      va_copy(again, args);
      vfprintf(stderr, format, again);
      va_end(again);
    }
    // Debug output is megabytes for one object and says nothing that the warnings do not.
    if (current != nullptr && level != LIBBPF_DEBUG) current->Append(format, args);
    return 0;
  }
};

void LogCapture::Install() {
  static std::once_flag once;
  std::call_once(once, [] { libbpf_set_print(LogSink::Print); });
}

void LogCapture::PrintAll(bool on) { prints_all = on; }

LogCapture::LogCapture() : outer_(current) { current = this; }

LogCapture::~LogCapture() { current = outer_; }

void LogCapture::Append(const char* format, va_list args) {
  va_list again;
  va_copy(again, args);
  int length = vsnprintf(nullptr, 0, format, args);
  if (length > 0) {
    size_t start = buffer_.size();
    buffer_.resize(start + length + 1);
    vsnprintf(&buffer_[start], length + 1, format, again);
    buffer_.pop_back();
  }
  va_end(again);
  // Twice the bound before cutting, so that a long log is not moved at every line.
  if (buffer_.size() > 2 * kMaxBytes) {
    size_t excess = buffer_.size() - kMaxBytes;
    buffer_.erase(0, excess);
    dropped_ += excess;
  }
}

std::string LogCapture::Text() const {
  size_t excess = buffer_.size() > kMaxBytes ? buffer_.size() - kMaxBytes : 0;
  size_t dropped = dropped_ + excess;
  if (dropped == 0) return buffer_;
  return std::to_string(dropped) + " bytes before this are left out\n" + buffer_.substr(excess);
}

std::string FailedNameInLog(const std::string& log, const std::string& kind) {
  const std::string opening = kind + " '";
  for (size_t at = log.rfind(opening); at != std::string::npos;
       at = at == 0 ? std::string::npos : log.rfind(opening, at - 1)) {
    size_t name = at + opening.size();
    size_t end = log.find("': ", name);
    size_t line_end = log.find('\n', at);
    if (end == std::string::npos || end > line_end) continue;
    if (log.substr(end, line_end - end).find("fail") != std::string::npos) return log.substr(name, end - name);
  }
  return "";
}

}  // namespace sonde
