/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recording's clock (see clock.h). */
#define _GNU_SOURCE
#include "clock.h"

#include <time.h>

uint64_t ls_now_ns(void)
{
    static uint64_t start;
    struct timespec now;
    uint64_t ns;

    clock_gettime(CLOCK_MONOTONIC, &now);
    ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    if (!start) {
        start = ns; /* first called when the plugin is installed */
    }
    return ns - start;
}
