/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks of page tables: SDM 3A 4.3 to 4.5. */
#include "check.h"
#include "guest_ram.h"
#include "paging.h"

enum { ROOT = 0x10000, L3 = 0x11000, L2 = 0x12000, L1 = 0x13000,
       L5 = 0x14000 };

static const LsPaging four_levels = {
    .cr0 = LS_CR0_PG | LS_CR0_PE, .cr3 = ROOT | 0x18,
    .cr4 = LS_CR4_PAE | LS_CR4_PGE, .long_mode = true,
};

static void tables(uint64_t linear, uint64_t leaf)
{
    guest_ram_start();
    guest_put(ROOT + (linear >> 39 & 511) * 8, 8, L3 | 7);
    guest_put(L3 + (linear >> 30 & 511) * 8, 8, L2 | 7);
    guest_put(L2 + (linear >> 21 & 511) * 8, 8, L1 | 7);
    guest_put(L1 + (linear >> 12 & 511) * 8, 8, leaf);
}

TEST(paging_four_levels)
{
    const uint64_t linear = 0xffff888000123456;
    LsWalk walk;

    tables(linear, LS_PTE_NX | 0x345000 | LS_PTE_GLOBAL | LS_PTE_WRITE | 1);
    CHECK(ls_walk(&four_levels, linear, &walk));
    CHECK_EQ(walk.paddr, 0x345456);
    CHECK_EQ(walk.page_shift, 12);
    CHECK(walk.write && !walk.user && walk.no_execute && walk.global);
    CHECK_EQ(walk.depth, 4);
    CHECK_EQ(walk.entry[3].paddr, L1 + 0x123 * 8);
    guest_put(L2 + (linear >> 21 & 511) * 8, 8, L1 | 5); /* read-only */
    CHECK(ls_walk(&four_levels, linear, &walk) && !walk.write);
    guest_put(L2 + (linear >> 21 & 511) * 8, 8, L1 | 6); /* not present */
    CHECK(!ls_walk(&four_levels, linear, &walk));
    guest_put(L2 + (linear >> 21 & 511) * 8, 8, 0xfee00000 | 7); /* no RAM */
    CHECK(!ls_walk(&four_levels, linear, &walk));
}

TEST(paging_large_pages)
{
    const uint64_t linear = 0x7f4012345678;
    LsWalk walk;

    tables(linear, 0);
    guest_put(L2 + (linear >> 21 & 511) * 8, 8, 0x40000000 | 0x87);
    CHECK(ls_walk(&four_levels, linear, &walk));
    CHECK_EQ(walk.page_shift, 21);
    CHECK_EQ(walk.paddr, 0x40000000 | (linear & 0x1fffff));
    guest_put(L3 + (linear >> 30 & 511) * 8, 8, 0x80000000 | 0x87);
    CHECK(ls_walk(&four_levels, linear, &walk));
    CHECK_EQ(walk.page_shift, 30);
    CHECK_EQ(walk.paddr, 0x80000000 | (linear & 0x3fffffff));
}

TEST(paging_five_levels)
{
    const uint64_t linear = 0x00ab888000123456;
    LsPaging paging = four_levels;
    LsWalk walk;

    tables(linear, 0x345007);
    guest_put(L5 + (linear >> 48 & 511) * 8, 8, ROOT | 7);
    paging.cr3 = L5;
    paging.cr4 |= LS_CR4_LA57;
    CHECK(ls_walk(&paging, linear, &walk));
    CHECK_EQ(walk.depth, 5);
    CHECK_EQ(walk.paddr, 0x345456);
}

TEST(paging_pae)
{
    const LsPaging paging = { .cr0 = LS_CR0_PG | LS_CR0_PE, .cr3 = ROOT | 0x20,
                              .cr4 = LS_CR4_PAE };
    LsWalk walk;

    guest_ram_start();
    guest_put(ROOT + 0x20 + 2 * 8, 8, L2 | 1); /* no R/W or U/S bits there */
    guest_put(L2 + 1 * 8, 8, L1 | 7);
    guest_put(L1 + 3 * 8, 8, 0x345000 | 7);
    CHECK(ls_walk(&paging, 0x80203456, &walk));
    CHECK_EQ(walk.paddr, 0x345456);
    CHECK(walk.write && walk.user);
    CHECK_EQ(walk.entry[0].paddr, ROOT + 0x20 + 2 * 8);
}

TEST(paging_two_levels)
{
    LsPaging paging = { .cr0 = LS_CR0_PG | LS_CR0_PE, .cr3 = ROOT,
                        .cr4 = LS_CR4_PSE };
    LsWalk walk;

    guest_ram_start();
    guest_put(ROOT + 4, 4, L1 | 7);
    guest_put(L1 + 5 * 4, 4, 0x345000 | 3);
    guest_put(ROOT + 8, 4, 0x00c00083 | 1 << 13); /* PSE-36: bit 32 */
    CHECK(ls_walk(&paging, 0x405678, &walk));
    CHECK_EQ(walk.paddr, 0x345678);
    CHECK_EQ(walk.entry_bytes, 4);
    CHECK(ls_walk(&paging, 0x812345, &walk));
    CHECK_EQ(walk.page_shift, 22);
    CHECK_EQ(walk.paddr, 0x100c12345);
    paging.cr0 = LS_CR0_PE;
    CHECK(ls_walk(&paging, 0x812345, &walk));
    CHECK_EQ(walk.paddr, 0x812345);
    CHECK_EQ(walk.page_shift, 0);
}

TEST(paging_reads_over_a_page_boundary)
{
    uint64_t value;

    tables(0x1000, 0x345007);
    guest_put(L1 + 2 * 8, 8, 0x123007);
    guest_put(0x345ffe, 2, 0x2211);
    guest_put(0x123000, 2, 0x4433);
    CHECK(ls_read_linear(&four_levels, 0x1ffe, 4, &value));
    CHECK_EQ(value, 0x44332211);
    CHECK(!ls_read_linear(&four_levels, 0x2ffe, 4, &value));
}
