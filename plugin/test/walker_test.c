/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the MMU stores in page tables, and which accesses are looked at for it. */
#include "captured.h"
#include "check.h"
#include "events.h"
#include "fake_qemu.h"
#include "guest_ram.h"
#include "paging.h"
#include "walker.h"

#define V4 "FAKE_QEMU=4"
#define V1 "FAKE_QEMU=1"

enum { ROOT = 0x110000, L3 = 0x111000, L2 = 0x112000, L1 = 0x113000,
       WINDOW_L2 = 0x114000, WINDOW_L1 = 0x115000,
       LEAF = L1 + 0x10 * 8, PAGE = 0x180000, OTHER = 0x190000,
       ACCESSED = 7 | LS_PTE_ACCESSED, DIRTY = ACCESSED | LS_PTE_DIRTY,
       /* Linear addresses of tables, by way of tables of their own. */
       AT_L3 = 0x40000000, AT_L2 = 0x40001000 };

/* Linear page 0x10 is PAGE, and clean. */
static LsTb *start(void)
{
    LsTb *tb;

    captured_start(1);
    guest_ram_start();
    guest_put(ROOT, 8, L3 | ACCESSED);
    guest_put(L3, 8, L2 | ACCESSED);
    guest_put(L2, 8, L1 | ACCESSED);
    guest_put(LEAF, 8, PAGE | ACCESSED);
    guest_put(L3 + 8, 8, WINDOW_L2 | ACCESSED);
    guest_put(WINDOW_L2, 8, WINDOW_L1 | ACCESSED);
    guest_put(WINDOW_L1, 8, L3 | DIRTY);
    guest_put(WINDOW_L1 + 8, 8, L2 | DIRTY);
    fake_map_ram(0x10, PAGE >> 12);
    fake_map_ram(0x11, OTHER >> 12);
    fake_map_ram(AT_L3 >> 12, L3 >> 12);
    fake_map_ram(AT_L2 >> 12, L2 >> 12);
    fake_cpu_set(0, LS_VIEW_CR0, LS_CR0_PG | LS_CR0_PE);
    fake_cpu_set(0, LS_VIEW_CR3, ROOT);
    fake_cpu_set(0, LS_VIEW_CR4, LS_CR4_PAE);
    tb = fake_translate(0x401000, LOAD_STORE);
    fake_enter(tb);
    captured_text();
    return tb;
}

TEST_WITH(walker_clean_page_is_looked_at_for_its_first_store, V4)
{
    LsTb *tb = start();

    fake_load(tb, 0, 4, 0x10020);
    fake_load(tb, 0, 4, 0x10024);
    fake_load(tb, 0, 8, 0x10028);
    CHECK_TEXT(captured_text(),
               "map 0x10 0xc3000000000180 | load 0 4 0x10020 | "
               "load 0 4 0x10024 | load 0 8 0x10028");
    CHECK_EQ(fake_map_questions, 1);
    guest_put(LEAF, 8, PAGE | DIRTY);
    fake_store(tb, 1, 4, 0x10040);
    CHECK_TEXT(captured_text(), "walk | store 1 8 0x113080 | "
                                "store 1 4 0x10040");
    CHECK_EQ(fake_map_questions, 2);
    fake_store(tb, 1, 4, 0x10044);
    fake_load(tb, 0, 4, 0x10048);
    CHECK_TEXT(captured_text(), "store 1 4 0x10044 | load 0 4 0x10048");
    CHECK_EQ(fake_map_questions, 2);
}

/* The same for an instruction that is alone in its block. */
TEST_WITH(walker_clean_page_of_a_careful_access, V4)
{
    LsTb *tb = start();

    tb = fake_translate(0x402000, "01 03"); /* add %eax,(%rbx) */
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10020);
    fake_load(tb, 0, 4, 0x10020);
    CHECK_EQ(fake_map_questions, 1);
    captured_text();
    guest_put(LEAF, 8, PAGE | DIRTY);
    fake_store(tb, 0, 4, 0x10020);
    CHECK_TEXT(captured_text(), "walk | store 0 8 0x113080 | "
                                "store 0 4 0x10020");
    fake_store(tb, 0, 4, 0x10020);
    CHECK_EQ(fake_map_questions, 2);
}

/* The tables are told first, so that stores to them need no walk. */
static LsTb *start_with_tables(void)
{
    LsTb *tb = start();

    fake_load(tb, 0, 8, AT_L3);
    fake_load(tb, 0, 8, AT_L2);
    fake_load(tb, 0, 4, 0x10000);
    return tb;
}

/* What the guest clears in an entry the next walk sets again. */
TEST_WITH(walker_bit_that_is_set_again, V4)
{
    LsTb *tb = start_with_tables();

    guest_put(L2, 8, L1 | 7);
    fake_store(tb, 1, 8, AT_L2);
    captured_text();
    guest_put(L2, 8, L1 | ACCESSED);
    guest_put(L1 + 0x11 * 8, 8, OTHER | ACCESSED);
    fake_load(tb, 0, 4, 0x11000);
    CHECK_TEXT(captured_text(), "walk | store 0 8 0x112000 | "
                                "map 0x11 0xc3000000000190 | "
                                "load 0 4 0x11000");
}

/* A snapshot is loaded: the tables are as they were, and the MMU sets bits anew, for
 * the first access, too. */
TEST_WITH(walker_tables_of_a_snapshot, V4)
{
    LsTb *tb;

    fake_log_open(check_path("log"));
    CHECK_TEXT(ls_events_open(check_path("log")), NULL);
    tb = start();
    fake_load(tb, 0, 4, 0x10000);
    guest_put(LEAF, 8, PAGE | DIRTY);
    fake_store(tb, 1, 8, 0x10000);
    CHECK_EQ(captured_recorder()->walk_updates, 1);
    guest_put(LEAF, 8, PAGE | 7);
    fake_log("loadvm_state_setup \n");
    fake_enter(tb);
    captured_text();
    guest_put(LEAF, 8, PAGE | ACCESSED);
    fake_load(tb, 0, 4, 0x10000);
    CHECK_TEXT(captured_text(), "walk | store 0 8 0x113080 | "
                                "map 0x10 0xc3000000000180 | load 0 4 0x10000");
    CHECK_EQ(captured_recorder()->walk_mismatches, 0);
}

/* The same in a table that was none in between. */
TEST_WITH(walker_bit_of_a_table_that_is_linked_again, V4)
{
    LsTb *tb = start_with_tables();

    guest_put(L3, 8, 0);
    fake_store(tb, 1, 8, AT_L3);
    guest_put(L2, 8, L1 | 7);
    fake_store(tb, 1, 8, AT_L2);
    guest_put(L3, 8, L2 | ACCESSED);
    fake_store(tb, 1, 8, AT_L3);
    captured_text();
    guest_put(L2, 8, L1 | ACCESSED);
    guest_put(L1 + 0x11 * 8, 8, OTHER | ACCESSED);
    fake_load(tb, 0, 4, 0x11000);
    CHECK_TEXT(captured_text(), "walk | store 0 8 0x112000 | "
                                "map 0x11 0xc3000000000190 | "
                                "load 0 4 0x11000");
}

static void check_page_that_becomes_a_table(void)
{
    LsTb *tb = start();

    guest_put(LEAF, 8, PAGE | DIRTY);
    fake_store(tb, 1, 8, 0x10000);
    fake_load(tb, 0, 8, 0x10000);
    CHECK_EQ(fake_map_questions, 1);
    guest_put(L2 + 8, 8, PAGE | ACCESSED);
    fake_store(tb, 1, 8, AT_L2 + 8);
    captured_text();
    fake_map_questions = 0;
    fake_load(tb, 0, 8, 0x10000);
    CHECK_EQ(fake_map_questions, 1);
    guest_put(PAGE, 8, OTHER | 7);
    fake_store(tb, 1, 8, 0x10000);
    captured_text();
    guest_put(PAGE, 8, OTHER | ACCESSED); /* a walk did that */
    fake_load(tb, 0, 8, 0x10000);
    CHECK_TEXT(captured_text(), "walk | store 0 8 0x180000 | "
                                "load 0 8 0x10000");
    CHECK_EQ(fake_map_questions, 3);
}

TEST_WITH(walker_page_that_becomes_a_table, V4)
{
    check_page_that_becomes_a_table();
}

TEST_WITH(walker_page_that_becomes_a_table_with_api_1, V1)
{
    check_page_that_becomes_a_table();
}

enum { AT_L1 = 0x40002000, AT_LEAF = AT_L1 + LEAF - L1 };

/* Linear page 0x10 is PAGE and told, and the guest can store to its entry. */
static LsTb *start_with_leaf(void)
{
    LsTb *tb = start();

    guest_put(WINDOW_L1 + 16, 8, L1 | DIRTY);
    fake_map_ram(AT_L1 >> 12, L1 >> 12);
    guest_put(LEAF, 8, PAGE | DIRTY);
    fake_load(tb, 0, 8, AT_LEAF);
    fake_load(tb, 0, 4, 0x10000);
    return tb;
}

/* QEMU still goes by what the entry was, and at some time no more. */
static void check_both_pages(LsTb *tb)
{
    captured_text();
    fake_map_questions = 0;
    fake_load(tb, 0, 4, 0x10000);
    fake_load(tb, 0, 4, 0x10004);
    CHECK_TEXT(captured_text(), "load 0 4 0x10000 | load 0 4 0x10004");
    CHECK_EQ(fake_map_questions, 2);
    fake_map_ram(0x10, OTHER >> 12);
    fake_load(tb, 0, 4, 0x10008);
    fake_load(tb, 0, 4, 0x1000c);
    CHECK_TEXT(captured_text(), "map 0x10 0x80c3000000000190 | "
                                "load 0 4 0x10008 | load 0 4 0x1000c");
    CHECK_EQ(fake_map_questions, 3);
    CHECK_EQ(ls_recorders[0]->map_mismatches, 0);
}

TEST_WITH(walker_entry_that_leads_elsewhere_and_is_not_invalidated, V4)
{
    LsTb *tb = start_with_leaf();

    guest_put(LEAF, 8, OTHER | DIRTY);
    fake_store(tb, 1, 8, AT_LEAF);
    check_both_pages(tb);
}

TEST_WITH(walker_entry_that_is_cleared_first, V4)
{
    LsTb *tb = start_with_leaf();

    guest_put(LEAF, 8, 0);
    fake_store(tb, 1, 8, AT_LEAF);
    guest_put(LEAF, 8, OTHER | DIRTY);
    fake_store(tb, 1, 8, AT_LEAF);
    check_both_pages(tb);
}

TEST_WITH(walker_entry_that_only_loses_a_right, V4)
{
    LsTb *tb = start_with_leaf();

    guest_put(LEAF, 8, (PAGE | DIRTY) & ~2);
    fake_store(tb, 1, 8, AT_LEAF);
    fake_map_questions = 0;
    fake_load(tb, 0, 4, 0x10000);
    CHECK_EQ(fake_map_questions, 0);
}

enum { LEFT = 0x116000, LEFT_L2 = 0x117000, AT_LEFT = 0x40003000 };

/* A process ends, and what was its root becomes ordinary memory. */
TEST_WITH(walker_root_that_is_left_and_written_to, V4)
{
    LsTb *tb = start_with_tables();
    LsRecorder *r = ls_recorders[0];
    uint64_t updates;

    guest_put(WINDOW_L1 + 24, 8, LEFT | DIRTY);
    fake_map_ram(AT_LEFT >> 12, LEFT >> 12);
    guest_put(LEFT, 8, L3 | ACCESSED);
    guest_put(LEFT + 8, 8, LEFT_L2 | ACCESSED);
    guest_put(LEFT_L2, 8, L1 | 7);
    fake_cpu_set(0, LS_VIEW_CR3, LEFT);
    fake_enter(tb);
    CHECK_EQ(ls_walker_has(r, LEFT >> 12) && ls_walker_has(r, LEFT_L2 >> 12), true);
    fake_cpu_set(0, LS_VIEW_CR3, ROOT);
    fake_enter(tb);
    fake_load(tb, 0, 8, AT_LEFT); /* changes nothing */
    fake_store(tb, 1, 8, AT_LEFT);
    CHECK_EQ(ls_walker_has(r, LEFT >> 12) && ls_walker_has(r, LEFT_L2 >> 12), true);
    guest_put(LEFT_L2, 8, L1 | ACCESSED); /* for a fetch, while it ran */
    updates = r->walk_updates;
    guest_put(LEFT + 16, 8, OTHER | ACCESSED);
    fake_store(tb, 1, 8, AT_LEFT + 16);
    CHECK_EQ(r->walk_updates, updates + 1);
    CHECK_EQ(r->walk_mismatches, 1); /* the window above */
    CHECK_EQ(ls_walker_has(r, LEFT >> 12) || ls_walker_has(r, LEFT_L2 >> 12) ||
                 ls_walker_has(r, OTHER >> 12),
             false);
    CHECK_EQ(ls_walker_has(r, L3 >> 12) && ls_walker_has(r, L2 >> 12), true);
    fake_cpu_set(0, LS_VIEW_CR3, LEFT);
    fake_enter(tb);
    CHECK_EQ(ls_walker_has(r, LEFT_L2 >> 12) && ls_walker_has(r, OTHER >> 12), true);
}

enum { LEFT_TOP = 0x118000, SELF = 0x1ed * 8 };

/* Windows maps tables by an entry of the root to itself, and with PAE by one table that
 * leads to itself and its fellows. */
TEST_WITH(walker_tables_that_lead_to_themselves, V4)
{
    LsTb *tb = start_with_tables();
    LsRecorder *r = ls_recorders[0];

    guest_put(WINDOW_L1 + 24, 8, LEFT | DIRTY);
    fake_map_ram(AT_LEFT >> 12, LEFT >> 12);
    guest_put(LEFT, 8, L3 | ACCESSED);
    guest_put(LEFT + 8, 8, LEFT_L2 | ACCESSED);
    guest_put(LEFT + 16, 8, LEFT_TOP | ACCESSED);
    guest_put(LEFT + SELF, 8, LEFT | DIRTY);
    guest_put(LEFT_TOP, 8, LEFT_L2 | DIRTY);
    guest_put(LEFT_TOP + 8, 8, LEFT_TOP | DIRTY);
    fake_cpu_set(0, LS_VIEW_CR3, LEFT);
    fake_enter(tb);
    CHECK_EQ(ls_walker_has(r, LEFT >> 12) && ls_walker_has(r, LEFT_L2 >> 12) &&
                 ls_walker_has(r, LEFT_TOP >> 12),
             true);
    fake_cpu_set(0, LS_VIEW_CR3, ROOT);
    fake_enter(tb);
    fake_load(tb, 0, 8, AT_LEFT);
    guest_put(LEFT + 24, 8, OTHER | ACCESSED);
    fake_store(tb, 1, 8, AT_LEFT + 24);
    CHECK_EQ(ls_walker_has(r, LEFT >> 12) || ls_walker_has(r, LEFT_L2 >> 12) ||
                 ls_walker_has(r, LEFT_TOP >> 12),
             false);
    CHECK_EQ(ls_walker_has(r, L3 >> 12) && ls_walker_has(r, L2 >> 12), true);
}
