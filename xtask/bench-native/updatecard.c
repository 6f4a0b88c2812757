// What one update costs by libcurl: `updatecard URL CA-FILE TOKEN BODY`.
//
// Each line of standard input orders some requests, one after the other: "kept N" on one easy handle that lives as long
// as the program, "fresh N" on a new handle, and so a new TLS connection, for each. "many N" orders requests of which
// eight are under way at a time, on handles that one thread drives by curl_multi. The answer is a line of numbers, all in
// nanoseconds: the process's CPU time, then the time of each request, or of many one request's share.
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct answer {
    char text[65536];
    size_t length;
};

static const char *url, *ca_file, *body;
static struct curl_slist *headers;
static struct answer answer;

enum { HANDLES = 8 };

static long long now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static size_t receive(char *data, size_t size, size_t count, void *into) {
    struct answer *answer = into;
    size_t bytes = size * count;
    if (answer->length + bytes >= sizeof answer->text) return 0;
    memcpy(answer->text + answer->length, data, bytes);
    answer->length += bytes;
    return bytes;
}

static CURL *new_handle(struct answer *answer) {
    CURL *handle = curl_easy_init();
    if (!handle) exit(1);
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(handle, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "libcurl");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, 10000L);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, answer);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body);
    return handle;
}

static void check(CURLcode outcome, struct answer *answer) {
    answer->text[answer->length] = 0;
    if (outcome != CURLE_OK || !strstr(answer->text, "\"code\":200")) {
        fprintf(stderr, "updatecard: %s %s\n", curl_easy_strerror(outcome), answer->text);
        exit(1);
    }
}

static void update(CURL *handle) {
    answer.length = 0;
    check(curl_easy_perform(handle), &answer);
}

static void update_many(int requests) {
    static CURLM *multi;
    static CURL *handles[HANDLES];
    static struct answer answers[HANDLES];
    if (!multi) {
        multi = curl_multi_init();
        for (int index = 0; index < HANDLES; ++index) handles[index] = new_handle(&answers[index]);
    }
    int begun = 0, done = 0, running, left;
    for (; begun < HANDLES && begun < requests; ++begun) {
        answers[begun].length = 0;
        curl_multi_add_handle(multi, handles[begun]);
    }
    while (done < requests) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) exit(1);
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
            if (message->msg != CURLMSG_DONE) continue;
            CURL *handle = message->easy_handle;
            struct answer *answer;
            curl_easy_getinfo(handle, CURLINFO_PRIVATE, &answer);
            check(message->data.result, answer);
            curl_multi_remove_handle(multi, handle);
            ++done;
            if (begun == requests) continue;
            ++begun;
            answer->length = 0;
            curl_multi_add_handle(multi, handle);
        }
        if (done < requests && curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK) exit(1);
    }
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    url = arguments[1];
    ca_file = arguments[2];
    body = arguments[4];
    char authorization[4096];
    snprintf(authorization, sizeof authorization, "Authorization: %s", arguments[3]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    headers = curl_slist_append(NULL, authorization);
    CURL *kept = new_handle(&answer);

    char kind[16];
    int requests;
    while (scanf("%15s %d", kind, &requests) == 2) {
        if (requests < 1) return 2;
        long long *times = calloc(requests + 1, sizeof *times);
        if (!times) return 1;
        int fresh = !strcmp(kind, "fresh"), many = !strcmp(kind, "many"), count = many ? 1 : requests;
        long long cpu = now(CLOCK_PROCESS_CPUTIME_ID), start = now(CLOCK_MONOTONIC);
        if (many) {
            update_many(requests);
            times[0] = (now(CLOCK_MONOTONIC) - start) / requests;
        } else for (int request = 0; request < requests; ++request) {
            long long began = now(CLOCK_MONOTONIC);
            CURL *handle = fresh ? new_handle(&answer) : kept;
            update(handle);
            if (fresh) curl_easy_cleanup(handle);
            times[request] = now(CLOCK_MONOTONIC) - began;
        }
        printf("%lld", now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
        for (int request = 0; request < count; ++request) printf(" %lld", times[request]);
        printf("\n");
        fflush(stdout);
        free(times);
    }
    return 0;
}
