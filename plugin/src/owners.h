/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which vCPU each event of QEMU's log belongs to: the log does not say, and a vCPU's
 * turn may end between an event and the first block of its handler.  Others' events
 * come next, then perhaps a block of the vCPU that ran before.
 *
 * But nobody has run a block since.  So a vCPU's last event has left it with the
 * registers that were logged, where the delivery ends; and what came of an earlier
 * one is the state that the vCPU's next event found.
 */
#ifndef LOADSTORE_OWNERS_H
#define LOADSTORE_OWNERS_H

#include "deliver.h"

enum {
    LS_LOGGED_EVENTS = 1 << 16, /* at most, a power of two */
    LS_NOBODY = -1,
};

typedef struct {
    LsOpenEvent event;
    bool real;   /* in real mode: nothing was logged but that it came */
    int vcpu;    /* or LS_NOBODY: it cannot be known */
    int next;    /* the next event of the same vCPU; LS_NOBODY: none */
} LsLoggedEvent;

/* Finds `vcpu` and `next` of each.  `lost`: vCPUs are no longer as the events left
 * them. */
void ls_owners_find(const LsRecorder *r, LsLoggedEvent *list, unsigned count,
                    bool lost);

#endif
