/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deliberate faults: to believe that a proof would notice a wrong trace one must
 * have seen it notice one.  For tests alone; a trace that was made with them says so
 * in its header and its totals.
 *
 *     fault=drop:N       one access in N is not told
 *     fault=shift:N      it is told 8 bytes above its place, in the same page
 *     fault=neighbour:N  it is given to the instruction before, or behind, its own
 *     fault=swap:N       a load is told as a store, or a store as a load
 *     fault=frame:N      what one event delivery in N pushes is not told
 *
 * N counts accesses to RAM in pages that the stream knows already, so that nothing but
 * the access itself becomes wrong.  They happen before trace and memory audit part.
 */
#ifndef LOADSTORE_FAULT_H
#define LOADSTORE_FAULT_H

#include "buffer.h"
#include "qemu_api.h"

#include <stdbool.h>

/* Takes KIND:N; false: not understood. */
bool ls_fault_choose(const char *text);

/* The callback for accesses that injects faults before it calls `cb`, whose
 * userdata must be a block's word plus an index; `cb` itself when there is none to
 * inject. */
LsMemCb ls_fault_before(LsMemCb cb);

/* Asked once for each event delivery: whether its pushes get lost. */
bool ls_fault_loses_frame(void);

/* What was chosen, as KIND:N; NULL: nothing. */
const char *ls_fault_chosen(void);

/* How many were injected. */
uint64_t ls_fault_count(void);

#endif
