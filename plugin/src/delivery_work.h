/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What works out a delivery, part by part: delivery.c, and task_gate.c for switches to
 * another task. */
#ifndef LOADSTORE_DELIVERY_WORK_H
#define LOADSTORE_DELIVERY_WORK_H

#include "delivery.h"

/* Bits of the upper half of a descriptor (SDM 3A 3.4.5, 6.11). */
enum {
    DESC_TYPE_SHIFT = 8,
    DESC_BUSY = 1 << 9, /* of a TSS */
    DESC_WRITABLE = 1 << 9,
    DESC_CONFORMING = 1 << 10,
    DESC_CODE = 1 << 11,
    DESC_TSS32 = 1 << 11,
    DESC_S = 1 << 12,
    DESC_DPL_SHIFT = 13,
    DESC_PRESENT = 1 << 15,
    DESC_LONG = 1 << 21,
    DESC_BIG = 1 << 22,
};

typedef struct {
    uint64_t low, high;
} LsDescriptor;

static inline uint64_t ls_descriptor_base(const LsDescriptor *d)
{
    return (d->low >> 16 | (d->high & 0xff) << 16 | (d->high & 0xff000000)) &
           UINT32_MAX;
}

typedef struct {
    LsDelivery *d;
    const LsCpuDump *cpu;
    /* The stack that is pushed to. */
    uint64_t sp, sp_mask, base;
} LsWork;

/* Adds a load, and reads what it loads.  False, and not worked out: it cannot be read. */
bool ls_work_load(LsWork *w, uint64_t vaddr, unsigned bytes, uint64_t *value);

/* Adds a store of a value of which only the bits of `known` are known. */
void ls_work_store(LsWork *w, uint64_t vaddr, unsigned bytes, uint64_t value,
                   uint64_t known);
void ls_work_push(LsWork *w, unsigned bytes, uint64_t value, uint64_t known);

/* Loads a descriptor.  False, and refused or not worked out: it is outside of its
 * table, or cannot be read. */
bool ls_work_descriptor(LsWork *w, unsigned selector, LsDescriptor *to);

bool ls_delivery_has_error_code(const LsDeliveryCause *cause);

/* The rest of a delivery by a task gate with this selector, which has been loaded. */
void ls_work_task_gate(LsWork *w, const LsDeliveryCause *cause,
                       unsigned selector);

#endif
