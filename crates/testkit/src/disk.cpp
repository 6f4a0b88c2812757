// Preloaded before the C library: files below one folder stand on a disk that does not answer for the time being (see disk.rs).

#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

using Open = int(const char *, int, ...);

// Read when the library is loaded: getenv races with setenv.
static std::string variable(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

static const std::string folder = variable("PASSTEAM_TEST_DISK");
static const std::string stall_file = variable("PASSTEAM_TEST_DISK_STALLS");
// Made by whoever has to wait.
static const std::string waiter_file = stall_file + "-waiter";

static int open_when_answered(const char *name, const char *path, int flags, mode_t mode) {
    static constexpr useconds_t pause = 2000;
    if (!folder.empty() && strncmp(path, folder.c_str(), folder.size()) == 0) {
        while (access(stall_file.c_str(), F_OK) == 0) {
            mkdir(waiter_file.c_str(), 0700);
            usleep(pause);
        }
    }
    return reinterpret_cast<Open *>(dlsym(RTLD_NEXT, name))(path, flags, mode);
}

static mode_t mode_of(int flags, va_list rest) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

extern "C" int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return open_when_answered("open", path, flags, mode);
}

extern "C" int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return open_when_answered("open64", path, flags, mode);
}
