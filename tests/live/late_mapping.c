// How soon a library is probed that a process loads long after its start. Prints the milliseconds from dlopen(3) until a
// breakpoint lies at the beginning of SSL_free, as this process sees its own code. usage: late_mapping LIBRARY DELAY_MS
// TIMEOUT_MS
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { kBreakpoint = 0xcc, kPrologue = 8 };

static double NowMs(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: late_mapping LIBRARY DELAY_MS TIMEOUT_MS\n");
    return 2;
  }
  usleep((useconds_t)atoi(argv[2]) * 1000);
  const double start = NowMs();
  void* const library = dlopen(argv[1], RTLD_NOW);
  void* const code = library != NULL ? dlsym(library, "SSL_free") : NULL;
  if (code == NULL) {
    fprintf(stderr, "late_mapping: %s\n", dlerror());
    return 1;
  }
  while (NowMs() - start < atoi(argv[3])) {
    unsigned char bytes[kPrologue];
    memcpy(bytes, code, sizeof(bytes));
    __asm__ volatile("" ::: "memory");
    if (memchr(bytes, kBreakpoint, sizeof(bytes)) != NULL) {
      printf("%.1f\n", NowMs() - start);
      return 0;
    }
    usleep(100);
  }
  printf("never\n");
  return 0;
}
