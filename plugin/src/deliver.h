/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells the stream of events and of the memory accesses of their delivery
 * (delivery.h works those out).
 *
 * An event is told when it is known how things were after it: whether the
 * delivery came to its end, or led to another exception first.
 */
#ifndef LOADSTORE_DELIVER_H
#define LOADSTORE_DELIVER_H

#include "delivery.h"
#include "record.h"

typedef struct {
    bool dumped;      /* `before` is known */
    uint64_t what;    /* vector and LS_EV_* bits */
    uint64_t error, ip, cr2;
    LsCpuDump before;
} LsOpenEvent;

/* Whether deliveries can be worked out at all in this QEMU. */
bool ls_deliver_is_possible(void);

/* Whether this is how things are after the event; in real mode, of which only the
 * vector is known. */
bool ls_deliver_led_to(const LsOpenEvent *event, const LsCpuDump *now);
bool ls_deliver_led_to_real(const LsOpenEvent *event, const LsCpuDump *now);

/* Tells the event; `after` is the CPU state that followed it, NULL when that is
 * not known. */
void ls_deliver_tell(LsRecorder *r, const LsOpenEvent *event,
                     const LsCpuDump *after);

/* Tells an interrupt in real mode, of which nothing was logged but its vector;
 * the handler has not begun.  `what` has LS_EV_* bits; an `ip` of all ones is that
 * of the frame.  Tells nothing of an into that does not interrupt. */
void ls_deliver_tell_real(LsRecorder *r, uint64_t what, uint64_t ip);

/* Counts what QEMU 7.2 reported in deliveries (T1) and was not part of those
 * told; when all events so far are. */
void ls_deliver_settle_strays(LsRecorder *r);

/* Tells what the MMU stored and no access has shown; between blocks, or when the
 * vCPU does not run. */
void ls_deliver_walks(LsRecorder *r);

#endif
