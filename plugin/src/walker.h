/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accessed and dirty bits that the MMU sets in page tables: stores that QEMU makes
 * while it fills its TLB (target/i386/tcg/sysemu/excp_helper.c, mmu_translate) and
 * that no callback reports.
 *
 * A copy is kept of every table that the current and recent CR3s lead to, from the
 * moment that it is linked, which is before it can be walked.  Guest stores to a
 * table change the copy too; what else differs is the MMU's doing.  Compared are
 * the entries of each translation when it is first used, an entry that the guest
 * reads, and all tables at the end.
 */
#ifndef LOADSTORE_WALKER_H
#define LOADSTORE_WALKER_H

#include "paging.h"
#include "record.h"

/* Whether it can be done: the CPU's registers and guest memory can be read.  With
 * several vCPU threads it is not. */
bool ls_walker_is_possible(const LsRecorder *r);

/* The next instruction gives CR0 and CR3 these values, and the one behind it may be
 * fetched through the new tables: they are copied now. */
void ls_walker_expect(LsRecorder *r, uint64_t cr0, uint64_t cr3);

/* CR3 has a new value. */
void ls_walker_enter(LsRecorder *r);

/*
 * An access uses a translation that the stream does not know or has not seen
 * stored to.  Tells what the MMU stored; `low` are the low bits of the access
 * word.  Returns the attributes for the map note (words.h), with
 * LS_MAP_SETTLED when no access can set a dirty bit any more; 0 when the walk
 * does not lead to `page`, as callbacks call it.
 */
uint64_t ls_walker_translate(LsRecorder *r, uint64_t vaddr, uint64_t page,
                             uint64_t low);

/* Whether QEMU may soon translate the address otherwise than to this page, as callbacks
 * call it: the guest changed an entry and did not invalidate it, and QEMU still goes by
 * what it was. */
bool ls_walker_is_in_doubt(const LsRecorder *r, uint64_t vaddr, uint64_t page);

/* Whether the page, as callbacks call it, is one of the tables. */
bool ls_walker_has(const LsRecorder *r, uint64_t page);

/* A table was accessed, at this address in it; tells what the MMU had stored. */
void ls_walker_access(LsRecorder *r, uint64_t page, unsigned offset,
                      uint64_t low);

/* Whether there is something to tell that no access has shown; when the vCPU does
 * not run. */
bool ls_walker_differs(const LsRecorder *r);

/* Compares every table and tells what the MMU stored; when the vCPU does not run, or at
 * an access whose word has these low bits. */
void ls_walker_compare_all(LsRecorder *r, uint64_t low);

/* Memory may have changed unseen. */
void ls_walker_forget(LsRecorder *r);

#endif
