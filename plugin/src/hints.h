/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hints to the compiler. */
#ifndef LOADSTORE_HINTS_H
#define LOADSTORE_HINTS_H

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COLD __attribute__((noinline, cold))

#endif
