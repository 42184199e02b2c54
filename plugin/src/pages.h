/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which virtual pages the stream knows the physical place of.
 *
 * `page_base` is what the fast path looks at: the pages that need no more words.
 * `page_virt` and `page_phys` are what the stream says, which outlives it: a page
 * that left `page_base` to be verified is told again only when it moved.
 */
#ifndef LOADSTORE_PAGES_H
#define LOADSTORE_PAGES_H

#include "record.h"

/* The stream says nothing yet. */
void ls_pages_start(LsRecorder *r);

/* Makes the next access to each page take the slow path. */
void ls_pages_forget(LsRecorder *r);

/* Forgets every mapping, in the stream too: an address may now translate
 * differently.  In the recorder's thread, or while that does not run. */
void ls_pages_unmap(LsRecorder *r);

/* Whether an access word cannot hold the address. */
bool ls_page_is_wide(uint64_t vaddr);

/* In `page_base`, of a page whose stores are not all told by their words: the first
 * sets its dirty bit. */
#define LS_PAGE_LOADS_ONLY (UINT64_C(1) << 63)

/* Whether the access lies in a page that the stream knows, so that its word is
 * all there is to say.  The last 64 bytes of a page are looked at more closely,
 * since no access is wider. */
static inline bool ls_page_is_placed(const LsRecorder *r, uint64_t vaddr,
                                     bool store)
{
    uint64_t offset = vaddr - r->page_base[vaddr >> 12 & (LS_PAGE_SLOTS - 1)];

    return store ? offset < 0xfc0 : offset << 1 < 0xfc0 << 1;
}

/* Makes the stream say where `vaddr` is, in the first (0) or second (1) page of
 * an access whose word has these low bits, and what the MMU stored for it.  Device
 * pages, unknown ones and page tables are not cached, nor for stores are pages that
 * are still clean: each access tells or asks anew. */
void ls_pages_tell(LsRecorder *r, LsMemInfo info, uint64_t vaddr,
                   unsigned part, uint64_t low);

/* What is left to tell of an access that goes to a device, right before it. */
void ls_pages_tell_device(LsRecorder *r);

/* Makes the next access to the page in this slot take the slow path. */
void ls_pages_doubt(LsRecorder *r, unsigned slot);

/* Makes the stream say that `vaddr` is in this physical page of RAM, for an access
 * that QEMU does not report. */
void ls_pages_tell_known(LsRecorder *r, uint64_t vaddr, uint64_t page,
                         uint64_t low);

#endif
