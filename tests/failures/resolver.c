/* Preloaded into a test's process: a resolver that never answers, or one that knows no name. Addresses in digits pass. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    const char *mode = getenv("PASSTEAM_TEST_RESOLVER");
    struct in_addr digits;
    if (mode == NULL || node == NULL || inet_pton(AF_INET, node, &digits) == 1) {
        lookup *real = (lookup *)dlsym(RTLD_NEXT, "getaddrinfo");
        return real(node, service, hints, result);
    }
    if (strcmp(mode, "temporary") == 0) {
        return EAI_AGAIN;
    }
    while (strcmp(mode, "silent") == 0) {
        pause();
    }
    return EAI_NONAME;
}
