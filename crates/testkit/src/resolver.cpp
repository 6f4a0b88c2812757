// Preloaded before the C library: a resolver that answers names below .test as the names themselves say (see resolver.rs), and is the
// system's own for all others.

#include <arpa/inet.h>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

using GetAddrInfo = int(const char *, const char *, const addrinfo *, addrinfo **);

static bool is_below(std::string_view name, std::string_view domain) {
    return name.size() > domain.size() && name.substr(name.size() - domain.size()) == domain;
}

// The file to which the names of all look-ups are appended. Read when the library is loaded: getenv races with setenv.
static const std::string log_file = [] {
    const char *path = getenv("PASSTEAM_TEST_LOOK_UPS");
    return std::string(path ? path : "");
}();

// The file whose existence ends the look-ups of names below .held.test.
static const std::string release_file = [] {
    const char *path = getenv("PASSTEAM_TEST_RELEASE");
    return std::string(path ? path : "");
}();

static void log(std::string_view name) {
    if (log_file.empty()) return;
    int file = open(log_file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    std::string line = std::string(name) + "\n";
    // One write, so that lines of several threads do not mix.
    if (file < 0 || write(file, line.data(), line.size()) < 0) abort();
    close(file);
}

// Adds one address to the list, in one block of memory as the C library does: its freeaddrinfo frees the list.
static void add(addrinfo **&end, const sockaddr *address, socklen_t size, const addrinfo *hints) {
    if (hints && hints->ai_family != AF_UNSPEC && hints->ai_family != address->sa_family) return;
    auto *entry = static_cast<addrinfo *>(calloc(1, sizeof(addrinfo) + size));
    if (!entry) abort();
    entry->ai_family = address->sa_family;
    entry->ai_socktype = hints && hints->ai_socktype ? hints->ai_socktype : SOCK_STREAM;
    entry->ai_protocol = IPPROTO_TCP;
    entry->ai_addrlen = size;
    entry->ai_addr = reinterpret_cast<sockaddr *>(entry + 1);
    memcpy(entry->ai_addr, address, size);
    *end = entry;
    end = &entry->ai_next;
}

static std::vector<std::string> labels(std::string_view name) {
    std::vector<std::string> labels(1);
    for (char letter : name) {
        if (letter == '.') labels.emplace_back();
        else labels.back() += letter;
    }
    return labels;
}

static std::string with(std::string text, char separator) {
    for (char &letter : text)
        if (letter == '-') letter = separator;
    return text;
}

// Answers with the addresses that the labels name, after the time that they name.
static int answer(std::string_view name, const char *service, const addrinfo *hints, addrinfo **found) {
    addrinfo *first = nullptr, **end = &first;
    const in_port_t port = htons(service ? atoi(service) : 0);
    for (const std::string &label : labels(name)) {
        sockaddr_in v4 = {};
        sockaddr_in6 v6 = {};
        if (label.rfind("after-", 0) == 0) {
            usleep(1000 * atoi(label.c_str() + 6));
        } else if (label.rfind("v4-", 0) == 0 && inet_pton(AF_INET, with(label.substr(3), '.').c_str(), &v4.sin_addr) == 1) {
            v4.sin_family = AF_INET;
            v4.sin_port = port;
            add(end, reinterpret_cast<sockaddr *>(&v4), sizeof v4, hints);
        } else if (label.rfind("v6-", 0) == 0 && inet_pton(AF_INET6, with(label.substr(3), ':').c_str(), &v6.sin6_addr) == 1) {
            v6.sin6_family = AF_INET6;
            v6.sin6_port = port;
            add(end, reinterpret_cast<sockaddr *>(&v6), sizeof v6, hints);
        }
    }
    *found = first;
    return first ? 0 : EAI_NONAME;
}

extern "C" int getaddrinfo(const char *name, const char *service, const addrinfo *hints, addrinfo **found) {
    if (name) log(name);
    if (name && is_below(name, ".stalled.test")) {
        for (;;) pause();
    }
    if (name && is_below(name, ".held.test")) {
        while (access(release_file.c_str(), F_OK) != 0) usleep(10 * 1000);
        return EAI_NONAME;
    }
    if (name && is_below(name, ".slow.test")) {
        sleep(1);
        return EAI_NONAME;
    }
    if (name && is_below(name, ".unknown.test")) {
        return EAI_NONAME;
    }
    if (name && is_below(name, ".temporary.test")) {
        return EAI_AGAIN;
    }
    if (name && is_below(name, ".answered.test")) {
        return answer(name, service, hints, found);
    }
    static auto *const next = reinterpret_cast<GetAddrInfo *>(dlsym(RTLD_NEXT, "getaddrinfo"));
    return next(name, service, hints, found);
}
