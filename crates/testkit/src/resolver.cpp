// Preloaded before the C library: a resolver that misbehaves for some names and is the system's own for all others.

#include <dlfcn.h>
#include <netdb.h>
#include <string_view>
#include <unistd.h>

using GetAddrInfo = int(const char *, const char *, const addrinfo *, addrinfo **);

static bool is_below(std::string_view name, std::string_view domain) {
    return name.size() > domain.size() && name.substr(name.size() - domain.size()) == domain;
}

extern "C" int getaddrinfo(const char *name, const char *service, const addrinfo *hints, addrinfo **found) {
    if (name && is_below(name, ".stalled.test")) {
        for (;;) pause();
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
    static auto *const next = reinterpret_cast<GetAddrInfo *>(dlsym(RTLD_NEXT, "getaddrinfo"));
    return next(name, service, hints, found);
}
