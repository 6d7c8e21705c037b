// Loaded into a node by LD_PRELOAD: counts the calls that change something in the folders of CRASH_ROOTS (split by ':'),
// of all threads together, and ends the process by SIGKILL in place of the call whose number is asked for. Or it goes on
// with that call and cuts off the ext4 CRASH_DISK some microseconds later: what was not written by then never is.
// The page CRASH_PAGE is shared with whoever asks; test/crash/counted-calls.ts has its layout.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

enum { notesMax = 16384, noteBytes = 192 };

struct page {
  _Atomic uint64_t armed, kill_at, count, cut_after_us;
  char padding[4096 - 32];
  char notes[notesMax][noteBytes];
};

static struct page *page;
static char roots[4][PATH_MAX];
static int roots_count;
static int disk = -1;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("CRASH_PAGE");
  char *names = getenv("CRASH_ROOTS");
  if (path == NULL || names == NULL) return;
  char *left = NULL, *copy = strdup(names);
  for (char *name = strtok_r(copy, ":", &left); name != NULL && roots_count < 4; name = strtok_r(NULL, ":", &left))
    snprintf(roots[roots_count++], PATH_MAX, "%s/", name);
  free(copy);
  int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  void *at = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (at == MAP_FAILED) _exit(97);
  syscall(SYS_close, file);
  if (getenv("CRASH_DISK") != NULL)
    disk = (int)syscall(SYS_openat, AT_FDCWD, getenv("CRASH_DISK"), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  page = at;
}

// EXT4_IOC_SHUTDOWN, without a last flush of the journal.
static void *cut_power(void *nothing) {
  if (page->cut_after_us > 1) usleep(page->cut_after_us);
  uint32_t no_flush = 2;
  if (syscall(SYS_ioctl, disk, _IOR('X', 125, uint32_t), &no_flush) != 0) _exit(98);
  syscall(SYS_kill, getpid(), SIGKILL);
  return nothing;
}

static void passes(const char *call, const char *path) {
  char whole[PATH_MAX + 2];
  snprintf(whole, sizeof whole, "%s/", path);
  for (int i = 0; i < roots_count; i++) {
    if (strncmp(whole, roots[i], strlen(roots[i])) != 0) continue;
    uint64_t number = ++page->count;
    if (number < notesMax) snprintf(page->notes[number], noteBytes, "%s %s", call, path);
    if (number != page->kill_at) return;
    if (page->cut_after_us != 0) {
      pthread_t thread;
      if (pthread_create(&thread, NULL, cut_power, NULL) != 0) _exit(98);
      return;
    }
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
  }
}

static int link_of(int file, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return 1;
}

static void of_file(const char *call, int file) {
  if (page == NULL || !page->armed) return;
  int before = errno;
  char path[PATH_MAX];
  if (link_of(file, path)) passes(call, path);
  errno = before;
}

// A path below a held folder is said as that folder's path.
static void of_path(const char *call, int folder, const char *name) {
  if (page == NULL || !page->armed || name == NULL) return;
  int before = errno, held = -1, length = 0;
  char path[2 * PATH_MAX + 2], base[PATH_MAX];
  if (sscanf(name, "/proc/%*[^/]/fd/%d%n", &held, &length) == 1 && link_of(held, base))
    snprintf(path, sizeof path, "%s%s", base, name + length);
  else if (name[0] != '/' && folder != AT_FDCWD && link_of(folder, base))
    snprintf(path, sizeof path, "%s/%s", base, name);
  else
    snprintf(path, sizeof path, "%s", name);
  passes(call, path);
  errno = before;
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int changes(int flags) { return (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) != 0; }

static int open_as(int folder, const char *path, int flags, mode_t mode) {
  if (changes(flags)) of_path("openat", folder, path);
  return (int)syscall(SYS_openat, folder, path, flags, mode);
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    return open_as(AT_FDCWD, path, flags, mode); \
  }
#define OPENAT(name) \
  int name(int folder, const char *path, int flags, ...) { \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    return open_as(folder, path, flags, mode); \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

#define OF_FILE(type, name, parameters, arguments) \
  type name parameters { \
    REAL(type, #name, PARAMETERS parameters); \
    of_file(#name, file); \
    return real arguments; \
  }
#define PARAMETERS(...) __VA_ARGS__
OF_FILE(ssize_t, write, (int file, const void *bytes, size_t size), (file, bytes, size))
OF_FILE(ssize_t, writev, (int file, const struct iovec *parts, int count), (file, parts, count))
OF_FILE(ssize_t, pwrite, (int file, const void *bytes, size_t size, off_t at), (file, bytes, size, at))
OF_FILE(ssize_t, pwrite64, (int file, const void *bytes, size_t size, off64_t at), (file, bytes, size, at))
OF_FILE(ssize_t, pwritev, (int file, const struct iovec *parts, int count, off_t at), (file, parts, count, at))
OF_FILE(ssize_t, pwritev64, (int file, const struct iovec *parts, int count, off64_t at), (file, parts, count, at))
OF_FILE(int, fsync, (int file), (file))
OF_FILE(int, fdatasync, (int file), (file))
OF_FILE(int, ftruncate, (int file, off_t size), (file, size))
OF_FILE(int, ftruncate64, (int file, off64_t size), (file, size))
OF_FILE(int, fallocate, (int file, int mode, off_t at, off_t size), (file, mode, at, size))
OF_FILE(int, fallocate64, (int file, int mode, off64_t at, off64_t size), (file, mode, at, size))
OF_FILE(int, fchmod, (int file, mode_t mode), (file, mode))
OF_FILE(int, futimens, (int file, const struct timespec times[2]), (file, times))
OF_FILE(int, futimes, (int file, const struct timeval times[2]), (file, times))
OF_FILE(ssize_t, sendfile, (int file, int from, off_t *at, size_t size), (file, from, at, size))
OF_FILE(ssize_t, sendfile64, (int file, int from, off64_t *at, size_t size), (file, from, at, size))

// LevelDB writes through these, which call the system inside of the libc. Less than a buffer only waits there.
FILE *fopen64(const char *path, const char *mode) {
  REAL(FILE *, "fopen64", const char *, const char *);
  if (mode[0] != 'r') of_path("openat", AT_FDCWD, path);
  return real(path, mode);
}

int (fflush_unlocked)(FILE *stream) {
  REAL(int, "fflush_unlocked", FILE *);
  if (stream != NULL) of_file("write", fileno_unlocked(stream));
  return real(stream);
}

size_t (fwrite_unlocked)(const void *bytes, size_t size, size_t count, FILE *stream) {
  REAL(size_t, "fwrite_unlocked", const void *, size_t, size_t, FILE *);
  if (size * count >= BUFSIZ / 2) of_file("write", fileno_unlocked(stream));
  return real(bytes, size, count, stream);
}

ssize_t copy_file_range(int from, off64_t *at, int file, off64_t *to, size_t size, unsigned flags) {
  return syscall(SYS_copy_file_range, from, at, file, to, size, flags);
}

// How libuv makes calls that an old libc lacks. Which of them change a file: only this one.
long syscall(long number, ...) {
  REAL(long, "syscall", long, ...);
  va_list rest;
  va_start(rest, number);
  long a[6];
  for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_copy_file_range) of_file("copy_file_range", (int)a[2]);
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

// FICLONE
int ioctl(int file, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  if (request == 0x40049409) of_file("ioctl", file);
  return (int)syscall(SYS_ioctl, file, request, argument);
}

#define OF_PATH(name, parameters, arguments, folder, path) \
  int name parameters { \
    REAL(int, #name, PARAMETERS parameters); \
    of_path(#name, folder, path); \
    return real arguments; \
  }
OF_PATH(rename, (const char *from, const char *to), (from, to), AT_FDCWD, to)
OF_PATH(renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), b, to)
OF_PATH(renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags), b, to)
OF_PATH(link, (const char *from, const char *to), (from, to), AT_FDCWD, to)
OF_PATH(linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), b, to)
OF_PATH(symlink, (const char *target, const char *path), (target, path), AT_FDCWD, path)
OF_PATH(symlinkat, (const char *target, int folder, const char *path), (target, folder, path), folder, path)
OF_PATH(unlink, (const char *path), (path), AT_FDCWD, path)
OF_PATH(unlinkat, (int folder, const char *path, int flags), (folder, path, flags), folder, path)
OF_PATH(remove, (const char *path), (path), AT_FDCWD, path)
OF_PATH(mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
OF_PATH(mkdirat, (int folder, const char *path, mode_t mode), (folder, path, mode), folder, path)
OF_PATH(rmdir, (const char *path), (path), AT_FDCWD, path)
OF_PATH(chmod, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
OF_PATH(fchmodat, (int folder, const char *path, mode_t mode, int flags), (folder, path, mode, flags), folder, path)
OF_PATH(truncate, (const char *path, off_t size), (path, size), AT_FDCWD, path)
OF_PATH(truncate64, (const char *path, off64_t size), (path, size), AT_FDCWD, path)
OF_PATH(utimes, (const char *path, const struct timeval times[2]), (path, times), AT_FDCWD, path)
OF_PATH(lutimes, (const char *path, const struct timeval times[2]), (path, times), AT_FDCWD, path)

// A null path means the file that `folder` is.
int utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
  if (path == NULL) of_file("utimensat", folder);
  else of_path("utimensat", folder, path);
  return (int)syscall(SYS_utimensat, folder, path, times, flags);
}
