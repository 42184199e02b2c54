/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory audit: who wrote to the guest's RAM?
 *
 * Two copies of the machine's main RAM block are kept.  Stores that a callback
 * reported change both; stores that were worked out (deliver.c, walker.c) change
 * only one.  At marks RAM is compared with them byte for byte.  A byte that differs
 * from the first copy was written by something that no callback showed; when it is
 * what the second has, it is known by what.
 *
 * It proves which stores the trace lacks, but for those of the same value and those
 * that a reported store covered before the mark; it says nothing of loads.
 */
#ifndef LOADSTORE_AUDIT_H
#define LOADSTORE_AUDIT_H

#include "buffer.h"
#include "record.h"

typedef enum {
    LS_BY_UNKNOWN,
    LS_BY_EVENT_DELIVERY,
    LS_BY_PAGE_WALK,
    LS_BY_SMM_STATE_SAVE,
    LS_BY_DEVICE_DMA,
    LS_BY_VAPIC,
    LS_BY_SNAPSHOT,
    LS_BY_NESTED_STATE,
    LS_AUDIT_CAUSES,
} LsAuditCause;

/* Makes the copies from RAM as it is.  False when QEMU's memory cannot be read or
 * there is not enough of it.  In a vCPU's thread. */
bool ls_audit_begin(void);

/* Whether the copies are there. */
bool ls_audit_is_on(void);

/* A store that a callback reported, after it was made; `page` as callbacks call
 * it. */
void ls_audit_store(uint64_t page, unsigned offset, unsigned bytes);

/* What was worked out to have been written at this guest-physical address, and is
 * there now. */
void ls_audit_explain(uint64_t paddr, uint64_t bytes, LsAuditCause cause);

/* A device will write there: differences up to the mark after the next are its. */
void ls_audit_expect_dma(uint64_t paddr, uint64_t bytes);

/* What reported stores made of these bytes, which lie in one page of the block:
 * what was there before a device wrote.  False: they lie elsewhere. */
bool ls_audit_before(uint64_t paddr, uint8_t *bytes, unsigned count);

/* QEMU's vAPIC was told where its option ROM is, and patches that. */
void ls_audit_vapic_told(void);

/* A mark.  While no store is between being made and being reported, and all events
 * were taken. */
void ls_audit_compare(LsRecorder *r);

/* QEMU loaded a snapshot: what differs is of that. */
void ls_audit_restored(void);

/* Whether a mark is due. */
bool ls_audit_is_due(void);

/* Writes `,"memoryAudit":{...}`, or nothing when it was not on. */
void ls_audit_report(LsBuffer *out);

#endif
