/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the registered tests, each in its own process (see check.h). */
#define _GNU_SOURCE
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_TESTS = 1024, MAX_SECONDS = 60, MAX_MESSAGES = 20 };

typedef struct {
    const char *name;
    const char *setting;
    void (*body)(void);
} Test;

static Test tests[MAX_TESTS];
static unsigned test_count;
static _Atomic unsigned checks, failures;
static char context[256];
static char folder[PATH_MAX];

void check_register(const char *name, const char *setting, void (*body)(void))
{
    if (test_count == MAX_TESTS) {
        abort();
    }
    tests[test_count++] = (Test){ name, setting, body };
}

void check_context(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(context, sizeof(context), format, args);
    va_end(args);
}

/* Whether the message of one more failure is wanted; prints its beginning. */
static bool tell(const char *file, int line)
{
    unsigned count = atomic_fetch_add(&failures, 1);

    if (count > MAX_MESSAGES) {
        return false;
    }
    if (count == MAX_MESSAGES) {
        printf("    more checks failed\n");
        return false;
    }
    printf("    %s:%d: %s%s", file, line, context, *context ? ": " : "");
    return true;
}

bool check_true(bool held, const char *file, int line, const char *text)
{
    atomic_fetch_add(&checks, 1);
    if (!held && tell(file, line)) {
        printf("not so: %s\n", text);
    }
    return held;
}

bool check_equal(uint64_t found, uint64_t expected, const char *file, int line,
                 const char *text)
{
    atomic_fetch_add(&checks, 1);
    if (found != expected && tell(file, line)) {
        printf("%s is %" PRIu64 " (%#" PRIx64 "), not %" PRIu64
               " (%#" PRIx64 ")\n",
               text, found, found, expected, expected);
    }
    return found == expected;
}

bool check_text(const char *found, const char *expected, const char *file,
                int line, const char *text)
{
    bool equal = found && expected ? !strcmp(found, expected)
                                   : found == expected;

    atomic_fetch_add(&checks, 1);
    if (!equal && tell(file, line)) {
        printf("%s is\n      %s\n    not\n      %s\n", text,
               found ? found : "(null)", expected ? expected : "(null)");
    }
    return equal;
}

const char *check_path(const char *name)
{
    static char path[PATH_MAX + 64];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void remove_folder(void)
{
    DIR *dir = opendir(folder);

    for (struct dirent *at; dir && (at = readdir(dir));) {
        if (at->d_name[0] != '.') {
            unlinkat(dirfd(dir), at->d_name, 0);
        }
    }
    if (dir) {
        closedir(dir);
    }
    rmdir(folder);
}

/* The child's part. */
static int run_body(const Test *test)
{
    alarm(MAX_SECONDS);
    checks = failures = 0; /* a test that runs tests has its own */
    test->body();
    if (!checks) {
        printf("    checks nothing\n");
    }
    fflush(stdout);
    return checks && !failures ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void start_body(const Test *test, bool silent)
{
    if (silent) {
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
    }
    if (test->setting) {
        putenv((char *)(uintptr_t)test->setting);
        execl("/proc/self/exe", "tests", "--in", folder, test->name,
              (char *)NULL);
        _exit(EXIT_FAILURE);
    }
    /* What other tests left allocated is not this one's concern. */
    _exit(run_body(test));
}

static bool passes(const Test *test, bool silent)
{
    char outer[PATH_MAX];
    int status = 0;
    pid_t child;

    memcpy(outer, folder, sizeof(outer));
    snprintf(folder, sizeof(folder), "%s/loadstore-test-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder)) {
        perror(folder);
        exit(EXIT_FAILURE);
    }
    fflush(stdout);
    child = fork();
    if (child == 0) {
        start_body(test, silent);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("test process");
        exit(EXIT_FAILURE);
    }
    remove_folder();
    memcpy(folder, outer, sizeof(outer));
    if (WIFSIGNALED(status) && !silent) {
        printf("    ended by signal %d (%s)\n", WTERMSIG(status),
               strsignal(WTERMSIG(status)));
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static const Test *find_test(const char *name)
{
    for (unsigned i = 0; i < test_count; i++) {
        if (!strcmp(tests[i].name, name)) {
            return &tests[i];
        }
    }
    fprintf(stderr, "no test is called %s\n", name);
    exit(EXIT_FAILURE);
}

bool check_passes(const char *name, bool silent)
{
    return passes(find_test(name), silent);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const Test *)a)->name, ((const Test *)b)->name);
}

/* tests                    all of them
 * tests WORD               those whose name has WORD
 * tests --in FOLDER NAME   one, in this process */
int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;

    if (argc == 4 && !strcmp(argv[1], "--in")) {
        snprintf(folder, sizeof(folder), "%s", argv[2]);
        return run_body(find_test(argv[3]));
    }
    qsort(tests, test_count, sizeof(tests[0]), by_name);
    for (unsigned i = 0; i < test_count; i++) {
        bool wanted = argc < 2 || strstr(tests[i].name, argv[1]);

        if (!wanted || !strncmp(tests[i].name, "hidden_", 7)) {
            continue;
        }
        if (passes(&tests[i], false)) {
            passed++;
        } else {
            failed++;
            printf("FAILED %s\n", tests[i].name);
        }
    }
    printf("plugin: %u passed, %u failed\n", passed, failed);
    return failed || !passed ? EXIT_FAILURE : EXIT_SUCCESS;
}
