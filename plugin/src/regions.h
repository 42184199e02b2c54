/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device regions that the guest accesses, with QEMU's names for them
 * (`info mtree` shows the same).  A page of addresses may hold several, so the
 * exact range is asked for, with memory_region_find() (system/memory.c).
 */
#ifndef LOADSTORE_REGIONS_H
#define LOADSTORE_REGIONS_H

#include <stdint.h>

/* The first one stands for what has no name, or comes after all are taken. */
enum { LS_MAX_REGIONS = 64 };

typedef struct {
    uint64_t first, last; /* guest-physical */
    char name[128];
} LsRegion;

/* Number of the region that this device address belongs to now, 0 when it cannot
 * be known.  In a vCPU's thread. */
unsigned ls_region_of(uint64_t paddr);

/* NULL for 0 and for numbers not given out yet. */
const LsRegion *ls_region(unsigned number);

/* Devices may have moved: regions are looked up anew. */
void ls_regions_forget(void);

#endif
