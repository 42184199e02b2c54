/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host tests' harness.  A test is a function; each runs in a process of its
 * own, because the recorder keeps its state in static variables and never
 * starts over.
 *
 *     TEST(ring_wraps)
 *     {
 *         CHECK_EQ(ls_ring_between(&ring, a, b), 3);
 *     }
 *
 * A failed check is told with file and line, and the test goes on.  A test that
 * checks nothing, dies or takes too long has failed.
 */
#ifndef LOADSTORE_CHECK_H
#define LOADSTORE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

void check_register(const char *name, const char *setting, void (*body)(void));

/* `setting` is NAME=VALUE for the environment, there before constructors run. */
#define TEST_WITH(name, setting)                                           \
    static void name(void);                                                \
    __attribute__((constructor)) static void register_##name(void)         \
    {                                                                      \
        check_register(#name, setting, name);                              \
    }                                                                      \
    static void name(void)

#define TEST(name) TEST_WITH(name, (const char *)0)

/* All return whether the check held. */
bool check_true(bool held, const char *file, int line, const char *text);
bool check_equal(uint64_t found, uint64_t expected, const char *file, int line,
                 const char *text);
bool check_text(const char *found, const char *expected, const char *file,
                int line, const char *text);

#define CHECK(held) check_true(held, __FILE__, __LINE__, #held)
#define CHECK_EQ(found, expected)                                          \
    check_equal((uint64_t)(found), (uint64_t)(expected), __FILE__,         \
                __LINE__, #found)
#define CHECK_TEXT(found, expected)                                        \
    check_text(found, expected, __FILE__, __LINE__, #found)

/* Says, before failed checks, what a loop is at. */
void check_context(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* A path in a folder that is empty when the test begins and goes with it. */
const char *check_path(const char *name);

/* Runs the test of that name, which may be one whose name begins with
 * "hidden_", in its own process.  Returns whether it passed. */
bool check_passes(const char *name, bool silent);

#endif
