// FUZZ_CHECK stops the fuzzer where a promise of the library does not hold, in every build type.
#ifndef TLSMETER_TESTS_FUZZ_FUZZ_CHECK_H_
#define TLSMETER_TESTS_FUZZ_FUZZ_CHECK_H_

#include <cstdio>
#include <cstdlib>

#define FUZZ_CHECK(condition)                                                             \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)

#endif  // TLSMETER_TESTS_FUZZ_FUZZ_CHECK_H_
