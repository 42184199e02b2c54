/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What delivering an interrupt or exception reads and writes: gate, segment
 * descriptors, the TSS's stack pointer, the frame.  QEMU does this outside any
 * translated block, where no plugin callback comes, so it is worked out from the
 * CPU state before and the guest's own tables, in the order, and with the access
 * sizes, of QEMU (target/i386/tcg/seg_helper.c: do_interrupt64,
 * do_interrupt_protected, do_interrupt_real).
 */
#ifndef LOADSTORE_DELIVERY_H
#define LOADSTORE_DELIVERY_H

#include "cpu_dump.h"

/* By a task gate: the gate, both tasks, seven descriptors, an error code. */
enum { LS_DELIVERY_ACCESSES = 64 };

typedef struct {
    uint64_t vaddr;
    uint64_t value;   /* of a store: what was pushed, under `known` */
    uint64_t known;   /* which of its bits we know */
    uint8_t bytes;
    bool store;
} LsDeliveryAccess;

typedef enum {
    LS_DELIVERED,     /* as far as one can say beforehand */
    LS_REFUSED,       /* a check fails after these accesses: another exception */
    LS_NOT_WORKED_OUT, /* tables that cannot be read, a task that is refused or
                          whose segments lie elsewhere in its address space */
} LsDeliveryOutcome;

typedef struct {
    LsDeliveryOutcome outcome;
    unsigned count;
    LsDeliveryAccess access[LS_DELIVERY_ACCESSES];
    /* State afterwards, when delivered. */
    uint64_t ip;      /* without CS.base */
    uint64_t sp, sp_mask;
    unsigned cpl;
    unsigned level;   /* the CPL that stacks and frames are accessed at */
} LsDelivery;

typedef struct {
    unsigned vector;
    uint64_t error;
    bool software;  /* int n, int3, into */
    bool outside;   /* an interrupt or NMI */
} LsDeliveryCause;

/* Works out the delivery in protected or long mode; `cpu` is the state before. */
void ls_delivery_plan(LsDelivery *d, const LsCpuDump *cpu,
                      const LsDeliveryCause *cause);

/* The same in real mode; `cpu` is the state afterwards. */
void ls_delivery_plan_real(LsDelivery *d, const LsCpuDump *cpu,
                           unsigned vector);

/* Whether the CPU state is now that of a handler about to begin. */
bool ls_delivery_is_complete(const LsDelivery *d, const LsCpuDump *after);

/* Index of the access that a page fault at this address prevented, or -1. */
int ls_delivery_faulted_at(const LsDelivery *d, uint64_t fault);

/* Whether memory now holds what the first `count` accesses pushed. */
bool ls_delivery_agrees(const LsDelivery *d, const LsCpuDump *cpu,
                        unsigned count);

#endif
