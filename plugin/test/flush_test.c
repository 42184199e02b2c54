/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU drops its translated code: for want of room, or because it loads a snapshot. */
#define _GNU_SOURCE
#include "check.h"
#include "encoded.h"
#include "fake_qemu.h"
#include "guest_ram.h"
#include "paging.h"
#include "record.h"

#include <stdlib.h>
#include <string.h>

enum { ROOT = 0x110000, L3 = 0x111000, L2 = 0x112000, L1 = 0x113000,
       LEAF = L1 + 0x10 * 8, PAGE = 0x180000,
       ACCESSED = 7 | LS_PTE_ACCESSED, DIRTY = ACCESSED | LS_PTE_DIRTY };

static LsTb *run_block(void)
{
    LsTb *tb = fake_translate(0x401000, "8b 03;89 01");

    fake_enter(tb);
    return tb;
}

/* A recording of events whose QEMU is told of by `more`.  Linear page 0x10 is PAGE,
 * and was never used. */
static LsTb *start(const char *more)
{
    char *log = strdup(check_path("log")), arguments[8192];

    fake_log_open(log);
    snprintf(arguments, sizeof(arguments), "out=%s,events=%s,%s",
             check_path("trace"), log, more);
    free(log);
    fake_cpu_make(0);
    CHECK_EQ(fake_install(arguments, 1), 0);
    guest_ram_start();
    guest_put(ROOT, 8, L3 | ACCESSED);
    guest_put(L3, 8, L2 | ACCESSED);
    guest_put(L2, 8, L1 | ACCESSED);
    guest_put(LEAF, 8, PAGE | 7);
    fake_map_ram(0x10, PAGE >> 12);
    fake_cpu_set(0, LS_VIEW_CR0, LS_CR0_PG | LS_CR0_PE);
    fake_cpu_set(0, LS_VIEW_CR3, ROOT);
    fake_cpu_set(0, LS_VIEW_CR4, LS_CR4_PAE);
    fake_cpu_run(0);
    fake_start_vcpu(0);
    return run_block();
}

/* A store, for which the MMU sets both bits. */
static void store_first(LsTb *tb)
{
    guest_put(LEAF, 8, PAGE | DIRTY);
    fake_store(tb, 1, 4, 0x10000);
}

static void check_walks(uint64_t updates)
{
    fake_exit();
    CHECK_EQ(ls_recorders[0]->walk_updates, updates);
    CHECK_EQ(ls_recorders[0]->walk_mismatches, 0);
}

/* The page was not used when the snapshot was taken: the MMU sets what it had set. */
static void check_restored(const char *more, const char *log, bool flushed_first)
{
    LsTb *tb = start(more);

    store_first(tb);
    if (flushed_first) {
        fake_flush();
    }
    guest_put(LEAF, 8, PAGE | 7);
    if (!flushed_first) {
        fake_flush();
    }
    fake_log("%s", log);
    tb = run_block();
    guest_put(LEAF, 8, PAGE | ACCESSED);
    fake_load(tb, 0, 4, 0x10000);
    check_walks(2);
}

TEST_WITH(flush_by_a_snapshot_that_is_logged, "FAKE_QEMU=4")
{
    check_restored("restores=logged", "loadvm_state_setup \n", false);
}

TEST_WITH(flush_by_a_snapshot_that_is_not_logged, "FAKE_QEMU=4")
{
    check_restored("", "", false);
}

TEST_WITH(flush_by_a_snapshot_that_is_not_logged_with_api_1, "FAKE_QEMU=1")
{
    check_restored("", "", false);
}

TEST_WITH(flush_by_a_snapshot_that_is_logged_with_api_7, "FAKE_QEMU=7")
{
    check_restored("restores=logged", "loadvm_state_setup \n", true);
}

TEST_WITH(flush_by_a_snapshot_that_is_not_logged_with_api_7, "FAKE_QEMU=7")
{
    check_restored("", "", true);
}

/* A bit that was set for a fetch, and that no access has shown, is told though code was
 * dropped since: where the log would tell of a snapshot. */
TEST_WITH(flush_for_want_of_room, "FAKE_QEMU=4")
{
    LsTb *tb = start("restores=logged");

    guest_put(LEAF, 8, PAGE | ACCESSED);
    fake_flush();
    tb = run_block();
    fake_load(tb, 0, 4, 0x10000);
    check_walks(1);
}

/* What is set after it is told everywhere. */
TEST_WITH(flush_for_want_of_room_then_a_store, "FAKE_QEMU=4")
{
    LsTb *tb = start("");

    fake_flush();
    tb = run_block();
    store_first(tb);
    check_walks(1);
}
