/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where NVMe controllers will write: what they map for a command, and the completion
 * queues, of which QEMU's trace tells (hw/nvme/trace-events).  A queue is its
 * controller's alone; of which of several controllers it is, is not told.
 */
#ifndef LOADSTORE_NVME_H
#define LOADSTORE_NVME_H

#include <stdbool.h>
#include <stdint.h>

/* A line of the log that ends at `end`.  False: it is not of these. */
bool ls_nvme_traced(const char *line, const char *end);

/* A snapshot was loaded: what is known of queues was of another time. */
void ls_nvme_forget(void);

#endif
