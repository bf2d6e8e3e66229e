// kSanitized: the tests are built with a sanitizer, which makes them slower and keeps freed memory for a while.
#ifndef TLSMETER_TESTS_BASE_SANITIZED_H_
#define TLSMETER_TESTS_BASE_SANITIZED_H_

namespace tlsmeter::agent {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace tlsmeter::agent

#endif  // TLSMETER_TESTS_BASE_SANITIZED_H_
