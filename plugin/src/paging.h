/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translates linear addresses as the MMU does (Intel SDM 3A chapter 4), by
 * reading the guest's page tables: 32-bit, PAE, 4-level and 5-level paging.
 * Checks no permission and changes nothing.
 */
#ifndef LOADSTORE_PAGING_H
#define LOADSTORE_PAGING_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LS_CR0_PE = 1 << 0,
    LS_CR0_WP = 1 << 16,
    LS_CR4_PSE = 1 << 4,
    LS_CR4_PAE = 1 << 5,
    LS_CR4_PGE = 1 << 7,
    LS_CR4_LA57 = 1 << 12,
};
#define LS_CR0_PG (UINT64_C(1) << 31)

/* Bits of a paging-structure entry. */
enum {
    LS_PTE_PRESENT = 1 << 0,
    LS_PTE_WRITE = 1 << 1,
    LS_PTE_USER = 1 << 2,
    LS_PTE_ACCESSED = 1 << 5,
    LS_PTE_DIRTY = 1 << 6,
    LS_PTE_LARGE = 1 << 7,
    LS_PTE_GLOBAL = 1 << 8,
};
#define LS_PTE_NX (UINT64_C(1) << 63)

typedef struct {
    uint64_t cr0, cr3, cr4;
    bool long_mode; /* EFER.LMA */
} LsPaging;

typedef struct {
    uint64_t paddr;  /* guest-physical address of the entry */
    uint64_t value;
} LsPagingEntry;

typedef struct {
    uint64_t paddr;      /* what the linear address translates to */
    unsigned page_shift; /* 12, 21, 22 or 30; 0 with paging off */
    bool write, user, no_execute, global; /* of all levels together */
    unsigned depth;      /* entries read, from the root on */
    unsigned entry_bytes; /* 4 or 8 */
    LsPagingEntry entry[5];
} LsWalk;

/* False when a present entry is missing on the way, or a table is not in RAM. */
bool ls_walk(const LsPaging *paging, uint64_t linear, LsWalk *walk);

/* Reads 1, 2, 4 or 8 bytes at a linear address, over a page boundary too; false
 * when that is not mapped to RAM. */
bool ls_read_linear(const LsPaging *paging, uint64_t linear, unsigned bytes,
                    uint64_t *value);

#endif
