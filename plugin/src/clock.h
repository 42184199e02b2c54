/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recording's clock. */
#ifndef LOADSTORE_CLOCK_H
#define LOADSTORE_CLOCK_H

#include <stdint.h>

/* Nanoseconds since the first call, which is when the plugin is installed. */
uint64_t ls_now_ns(void);

#endif
