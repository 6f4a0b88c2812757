// Preloaded before the C library: a thread that changes the environment without a pause, and a list of who reads it meanwhile (see
// environment.rs).

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>

using GetEnv = char *(const char *);

static std::string variable(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

// The file whose existence starts the changes and the list, and the file for the list.
static const std::string start_file = variable("PASSTEAM_TEST_ENVIRONMENT_CHANGES");
static const std::string list_file = variable("PASSTEAM_TEST_ENVIRONMENT_READERS");

static bool has_begun = false;

static void add_to_list(const std::string &line) {
    int file = open(list_file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    // One write, so that lines of several threads do not mix.
    if (file < 0 || write(file, line.data(), line.size()) < 0) abort();
    close(file);
}

extern "C" char *getenv(const char *name) {
    static auto *real = reinterpret_cast<GetEnv *>(dlsym(RTLD_NEXT, "getenv"));
    Dl_info caller;
    if (__atomic_load_n(&has_begun, __ATOMIC_SEQ_CST) && dladdr(__builtin_return_address(0), &caller)) {
        add_to_list(std::string(caller.dli_fname) + " " + name + "\n");
    }
    return real(name);
}

static void change_for_ever() {
    static constexpr useconds_t pause = 2000;
    static constexpr int most_variables = 10000;
    while (access(start_file.c_str(), F_OK) != 0) usleep(pause);
    __atomic_store_n(&has_begun, true, __ATOMIC_SEQ_CST);
    // An empty list says that it has begun.
    add_to_list("");
    for (int round = 0;; round++) {
        setenv("TZ", round % 2 ? "MSK-3" : "<+07>-7", 1);
        // A growing environment moves, which is what a reader does not survive.
        if (round < most_variables) setenv(("PASSTEAM_TEST_" + std::to_string(round)).c_str(), "", 1);
        std::this_thread::yield();
    }
}

static const bool is_started = [] {
    if (!start_file.empty()) std::thread(change_for_ever).detach();
    return true;
}();
