/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks the guest's page tables (see paging.h). */
#include "paging.h"

#include "guest_memory.h"

#define ADDRESS_MASK ((UINT64_C(1) << 52) - 1)
#define PAGE_MASK (ADDRESS_MASK & ~UINT64_C(0xfff))

/* How a table of one level is indexed. */
typedef struct {
    unsigned levels;    /* of the whole structure */
    unsigned bits;      /* of the linear address, per level */
    unsigned entry_bytes;
    bool has_large;     /* in the level that maps 2 or 4 MiB */
} Form;

static Form form_of(const LsPaging *p)
{
    if (p->long_mode) {
        return (Form){ p->cr4 & LS_CR4_LA57 ? 5 : 4, 9, 8, true };
    }
    if (p->cr4 & LS_CR4_PAE) {
        return (Form){ 3, 9, 8, true };
    }
    return (Form){ 2, 10, 4, p->cr4 & LS_CR4_PSE };
}

/* Where the root table is; a PAE root has 4 entries and 32-byte alignment. */
static uint64_t root_of(const LsPaging *p, const Form *form)
{
    if (form->levels >= 4) {
        return p->cr3 & PAGE_MASK;
    }
    return p->cr3 & (form->levels == 3 ? 0xffffffe0u : 0xfffff000u);
}

/* Frame of a page of 1 << shift bytes. */
static uint64_t frame_of(uint64_t entry, unsigned shift)
{
    if (shift == 22) { /* PSE-36: bits 13 to 20 are address bits 32 to 39 */
        return (entry & 0xffc00000u) | (entry >> 13 & 0xff) << 32;
    }
    return entry & ADDRESS_MASK & ~((UINT64_C(1) << shift) - 1);
}

bool ls_walk(const LsPaging *p, uint64_t linear, LsWalk *walk)
{
    const Form form = form_of(p);
    uint64_t table = root_of(p, &form);

    *walk = (LsWalk){ .write = true, .user = true,
                      .entry_bytes = form.entry_bytes };
    if (!(p->cr0 & LS_CR0_PG)) {
        walk->paddr = linear & UINT32_MAX;
        return true;
    }
    for (unsigned level = form.levels; level > 0; level--) {
        unsigned shift = 12 + (level - 1) * form.bits;
        uint64_t index = linear >> shift & ((1u << form.bits) - 1);
        LsPagingEntry *e = &walk->entry[walk->depth];

        if (form.levels == 3 && level == 3) {
            index &= 3;
        }
        e->paddr = table + index * form.entry_bytes;
        if (!ls_guest_read(e->paddr, form.entry_bytes, &e->value) ||
            !(e->value & LS_PTE_PRESENT)) {
            return false;
        }
        walk->depth++;
        if (!(form.levels == 3 && level == 3)) { /* a PDPTE of PAE has none */
            walk->write &= !!(e->value & LS_PTE_WRITE);
            walk->user &= !!(e->value & LS_PTE_USER);
            walk->no_execute |= form.entry_bytes == 8 && e->value & LS_PTE_NX;
        }
        if (level == 1 ||
            (e->value & LS_PTE_LARGE && form.has_large &&
             (level == 2 || (level == 3 && form.levels > 3)))) {
            walk->page_shift = shift;
            walk->global = e->value & LS_PTE_GLOBAL && p->cr4 & LS_CR4_PGE;
            walk->paddr = frame_of(e->value, shift) |
                          (linear & ((UINT64_C(1) << shift) - 1));
            return true;
        }
        table = e->value & PAGE_MASK;
        if (form.entry_bytes == 4) {
            table &= UINT32_MAX;
        }
    }
    return false;
}

bool ls_read_linear(const LsPaging *p, uint64_t linear, unsigned bytes,
                    uint64_t *value)
{
    uint64_t part;
    LsWalk walk;
    unsigned done = 0;

    *value = 0;
    while (done < bytes) {
        uint64_t at = linear + done;
        unsigned rest = 4096 - (unsigned)(at & 4095);
        unsigned some = bytes - done < rest ? bytes - done : rest;

        if (!p->long_mode) {
            at &= UINT32_MAX;
        }
        if (!ls_walk(p, at, &walk) ||
            !ls_guest_read(walk.paddr, some, &part)) {
            return false;
        }
        *value |= part << done * 8;
        done += some;
    }
    return true;
}
