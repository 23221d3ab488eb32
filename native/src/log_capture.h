#ifndef SONDE_LOG_CAPTURE_H_
#define SONDE_LOG_CAPTURE_H_

#include <cstdarg>
#include <string>

namespace sonde {

/// Collects what libbpf prints on this thread while it lives; captures nest. Bounded: of a longer log the end is kept,
/// which is where the verifier and libbpf say what went wrong.
class LogCapture {
 public:
  static constexpr size_t kMaxBytes = 1 << 20;

  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  /// The log so far, at most kMaxBytes and a line that tells how much is missing before them.
  std::string Text() const;

  /// Makes libbpf print into captures, once per process. Outside of captures its output is dropped.
  static void Install();

  /// Whether all that libbpf says, its debug log included, also goes to standard error. For the whole process.
  static void PrintAll(bool on);

 private:
  void Append(const char* format, va_list args);

  std::string buffer_;
  size_t dropped_ = 0;
  LogCapture* outer_;

  friend struct LogSink;
};

/// Name in the last `kind 'NAME': …fail…` line of a libbpf log, where `kind` is `prog` or `map`; else ''.
std::string FailedNameInLog(const std::string& log, const std::string& kind);

}  // namespace sonde

#endif  // SONDE_LOG_CAPTURE_H_
