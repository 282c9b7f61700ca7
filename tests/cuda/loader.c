/* A library of CUDA that is opened at the first call of one of its functions.
 *
 * toolkit.sh makes a static archive of this file for each library, so that one program computes on
 * a GPU where the library is and starts just as well where it is not: there every function returns
 * an error code. Each function is a jump through a slot. At first the slot leads to the code that
 * opens the library; that code fills all slots.
 *
 * NAMES      file with FUNCTION(name) and TEXT(name) in lines; a TEXT returns a string
 * LIBRARY    name of the library as the dynamic linker knows it
 * NEEDED     name of a library that must be opened before, from the same folder; - for none
 * NO_LIBRARY code that functions return when the library is not there
 * NO_FUNCTION code that functions return when the library is older and lacks them
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef __x86_64__
#error "loader.c knows only x86-64"
#endif

static int no_library(void) { return NO_LIBRARY; }
static int no_function(void) { return NO_FUNCTION; }
static const char *no_text(void) { return LIBRARY " is not there"; }

/* The entries that the program calls, and their slots. */
#define FUNCTION(name)                                                                             \
  extern void *slot_##name __attribute__((visibility("hidden")));                                  \
  __asm__(".text\n"                                                                                \
          ".globl " #name "\n"                                                                     \
          ".type " #name ", @function\n" #name ":\n"                                               \
          "  endbr64\n"                                                                            \
          "  jmp *slot_" #name "(%rip)\n"                                                          \
          "first_" #name ":\n"                                                                     \
          "  endbr64\n"                                                                            \
          "  lea slot_" #name "(%rip), %r11\n"                                                     \
          "  jmp first_call\n"                                                                     \
          ".size " #name ", . - " #name "\n"                                                       \
          ".data\n"                                                                                \
          ".balign 8\n"                                                                            \
          "slot_" #name ": .quad first_" #name "\n"                                                \
          ".text\n");
#define TEXT(name) FUNCTION(name)
#include NAMES
#undef FUNCTION
#undef TEXT

/* Keeps the arguments, opens the library and goes on to where the slot (r11) leads now. */
__asm__(".text\n"
        "first_call:\n"
        "  push %rdi\n  push %rsi\n  push %rdx\n  push %rcx\n  push %r8\n  push %r9\n  push %r11\n"
        "  sub $128, %rsp\n"
        "  movups %xmm0, (%rsp)\n  movups %xmm1, 16(%rsp)\n"
        "  movups %xmm2, 32(%rsp)\n  movups %xmm3, 48(%rsp)\n"
        "  movups %xmm4, 64(%rsp)\n  movups %xmm5, 80(%rsp)\n"
        "  movups %xmm6, 96(%rsp)\n  movups %xmm7, 112(%rsp)\n"
        "  call open_once\n"
        "  movups (%rsp), %xmm0\n  movups 16(%rsp), %xmm1\n"
        "  movups 32(%rsp), %xmm2\n  movups 48(%rsp), %xmm3\n"
        "  movups 64(%rsp), %xmm4\n  movups 80(%rsp), %xmm5\n"
        "  movups 96(%rsp), %xmm6\n  movups 112(%rsp), %xmm7\n"
        "  add $128, %rsp\n"
        "  pop %r11\n  pop %r9\n  pop %r8\n  pop %rcx\n  pop %rdx\n  pop %rsi\n  pop %rdi\n"
        "  jmp *(%r11)\n");

static const struct {
  void **slot;
  const char *name;
  int text;
} functions[] = {
#define FUNCTION(name) {&slot_##name, #name, 0},
#define TEXT(name) {&slot_##name, #name, 1},
#include NAMES
};

/* Opens the library in a folder, or by the dynamic linker's own search where there is none. */
static void *open_in(const char *folder) {
  char path[PATH_MAX];
  if (!folder) {
    return dlopen(LIBRARY, RTLD_NOW);
  }
  if (strcmp(NEEDED, "-") && snprintf(path, sizeof path, "%s/%s", folder, NEEDED) < (int)sizeof path) {
    dlopen(path, RTLD_NOW);
  }
  return snprintf(path, sizeof path, "%s/%s", folder, LIBRARY) < (int)sizeof path ? dlopen(path, RTLD_NOW) : NULL;
}

/* The dynamic linker's search, the folders of an installed toolkit, and beside the program. */
static void *find(void) {
  static const char *const homes[] = {"CUDA_HOME", "CUDA_PATH"};
  static const char *const folders[] = {"lib64", "lib"};
  char path[PATH_MAX];
  void *library = open_in(NULL);
  for (size_t i = 0; !library && i < 4; i++) {
    const char *home = getenv(homes[i / 2]);
    if (home && *home && snprintf(path, sizeof path, "%s/%s", home, folders[i % 2]) < (int)sizeof path) {
      library = open_in(path);
    }
  }
  if (!library) {
    library = open_in("/usr/local/cuda/lib64");
  }
  ssize_t length = library ? 0 : readlink("/proc/self/exe", path, sizeof path - 1);
  if (length > 0) {
    path[length] = 0;
    char *name = strrchr(path, '/');
    if (name) {
      *name = 0;
      library = open_in(path);
    }
  }
  return library;
}

static void open_library(void) {
  void *library = find();
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    void *found = library ? dlsym(library, functions[i].name) : NULL;
    if (!found) {
      found = functions[i].text ? (void *)no_text : library ? (void *)no_function : (void *)no_library;
    }
    __atomic_store_n(functions[i].slot, found, __ATOMIC_RELEASE);
  }
}

__attribute__((used)) static void open_once(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_library);
}
