// How soon a library is probed that a process loads long after its start. Prints the milliseconds from dlopen(3) until its
// code, as this process sees it, is no more that of the file. usage: late_mapping LIBRARY DELAY_MS TIMEOUT_MS
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double NowMs(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

struct Code {
  const char* library;
  const unsigned char* mapped;
  unsigned char* in_file;
  size_t size;
};

// Callback of dl_iterate_phdr(3): finds the code of the library, in memory and in its file.
static int FindCode(struct dl_phdr_info* info, size_t unused, void* data) {
  struct Code* const code = data;
  (void)unused;
  if (strcmp(info->dlpi_name, code->library) != 0) return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)* const segment = &info->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X)) continue;
    const int file = open(code->library, O_RDONLY | O_CLOEXEC);
    code->mapped = (const unsigned char*)info->dlpi_addr + segment->p_vaddr;
    code->size = segment->p_filesz;
    code->in_file = malloc(code->size);
    if (file < 0 || pread(file, code->in_file, code->size, (off_t)segment->p_offset) != (ssize_t)code->size) code->size = 0;
    close(file);
    return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: late_mapping LIBRARY DELAY_MS TIMEOUT_MS\n");
    return 2;
  }
  usleep((useconds_t)atoi(argv[2]) * 1000);
  const double start = NowMs();
  if (dlopen(argv[1], RTLD_NOW) == NULL) {
    fprintf(stderr, "late_mapping: %s\n", dlerror());
    return 1;
  }
  struct Code code = {.library = argv[1]};
  dl_iterate_phdr(FindCode, &code);
  if (code.size == 0) {
    fprintf(stderr, "late_mapping: no code of %s is found\n", argv[1]);
    return 1;
  }
  while (NowMs() - start < atoi(argv[3])) {
    if (memcmp(code.mapped, code.in_file, code.size) != 0) {
      printf("%.1f\n", NowMs() - start);
      return 0;
    }
    usleep(100);
    __asm__ volatile("" ::: "memory");
  }
  printf("never\n");
  return 0;
}
