/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deliberate faults: each makes exactly one kind of thing wrong. */
#include "captured.h"
#include "check.h"
#include "fake_qemu.h"
#include "fault.h"

/* Two rounds of a load and a store; with one fault in two accesses. */
static const char *faulty(const char *fault)
{
    LsTb *tb;

    CHECK(ls_fault_choose(fault));
    tb = captured_first_block();
    for (unsigned i = 0; i < 2; i++) {
        fake_enter(tb);
        fake_load(tb, 0, 4, 0x10020);
        fake_store(tb, 1, 4, 0x10040);
    }
    return captured_text();
}

/* The first access tells the page and is spared. */
TEST(fault_drop)
{
    CHECK_TEXT(faulty("drop:2"),
               "block 0 | map 0x10 0x80 | load 0 4 0x10020 | "
               "store 1 4 0x10040 | block 0 | store 1 4 0x10040");
    CHECK_EQ(ls_fault_count(), 1);
    CHECK_TEXT(ls_fault_chosen(), "drop:2");
}

TEST(fault_shift)
{
    CHECK_TEXT(faulty("shift:2"),
               "block 0 | map 0x10 0x80 | load 0 4 0x10020 | "
               "store 1 4 0x10040 | block 0 | load 0 4 0x10028 | "
               "store 1 4 0x10040");
}

TEST(fault_swap)
{
    CHECK_TEXT(faulty("swap:1"),
               "block 0 | map 0x10 0x80 | load 0 4 0x10020 | "
               "load 1 4 0x10040 | block 0 | store 0 4 0x10020 | "
               "load 1 4 0x10040");
    CHECK_EQ(ls_fault_count(), 3);
}

TEST(fault_neighbour)
{
    CHECK_TEXT(faulty("neighbour:2"),
               "block 0 | map 0x10 0x80 | load 0 4 0x10020 | "
               "store 1 4 0x10040 | block 0 | load 1 4 0x10020 | "
               "store 1 4 0x10040");
}

TEST_WITH(fault_with_api_1, "FAKE_QEMU=1")
{
    CHECK_TEXT(faulty("drop:1"), "block 0 | map 0x10 0x80 | load 0 4 0x10020 | "
                                 "block 0");
}

/* A lone instruction has no neighbour. */
TEST(fault_neighbour_of_none)
{
    LsTb *tb;

    CHECK(ls_fault_choose("neighbour:1"));
    captured_start(1);
    fake_map_ram(0x10, 0x80);
    tb = fake_translate(0x401000, "8b 03");
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10020);
    fake_load(tb, 0, 4, 0x10020);
    CHECK_TEXT(captured_text(), "vcpu 0 | block 0 | map 0x10 0x80 | "
                                "load 0 4 0x10020 | load 0 4 0x10020");
    CHECK_EQ(ls_fault_count(), 0);
}

TEST(fault_frame)
{
    CHECK(ls_fault_choose("frame:3"));
    CHECK(!ls_fault_loses_frame() && !ls_fault_loses_frame());
    CHECK(ls_fault_loses_frame() && !ls_fault_loses_frame());
    CHECK_EQ(ls_fault_count(), 1);
}

TEST(fault_none)
{
    LsTb *tb = captured_first_block();

    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10020);
    CHECK_TEXT(captured_text(), "block 0 | map 0x10 0x80 | load 0 4 0x10020");
    CHECK(!ls_fault_loses_frame());
    CHECK_TEXT(ls_fault_chosen(), NULL);
}

TEST(fault_that_is_not_understood)
{
    static const char *const wrong[] = {
        "", "drop", "drop:", "drop:0", "drop:-1", "drop:1x", "drop: 1",
        "lose:1", "dropp:1", "shift:99999999999999999999",
    };

    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        check_context("%s", wrong[i]);
        CHECK(!ls_fault_choose(wrong[i]));
        CHECK_TEXT(ls_fault_chosen(), NULL);
    }
}
