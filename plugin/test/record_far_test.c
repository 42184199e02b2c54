/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capture of blocks whose ids are too long for the usual word (words.h). */
#include "captured.h"
#include "check.h"
#include "fake_qemu.h"

/* One vCPU; all ids that are short enough are taken, and the first of the others. */
static LsTb *far_block(const char *code)
{
    captured_start(1);
    for (unsigned id = 0; id < LS_NEAR_IDS; id++) {
        fake_translate(0x800000 + id * 16, "8b 03");
    }
    CHECK_EQ(ls_code_count(), 1024);
    fake_map_ram(0x10, 0x80);
    CHECK_TEXT(captured_text(), "vcpu 0");
    return fake_translate(0x401000, code);
}

TEST_WITH(record_far_block, "FAKE_QEMU=4")
{
    LsTb *tb = far_block(LOAD_STORE), *near = fake_translate(0x800000, "8b 03");

    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10020);
    fake_store(tb, 1, 4, 0x10040);
    CHECK_EQ(captured_recorder()->current & LS_WORD_KIND, LS_WORD_BLOCK_FAR);
    fake_enter(near);
    CHECK_EQ(captured_recorder()->current & LS_WORD_KIND, LS_WORD_BLOCK);
    fake_enter(tb);
    CHECK_TEXT(captured_text(), "block 1024 | map 0x10 0x80 | load 0 4 0x10020 | "
                                "store 1 4 0x10040 | block 0 | block 1024");
}

TEST_WITH(record_far_block_that_runs_at_another_address, "FAKE_QEMU=4")
{
    LsTb *tb = far_block(LOAD_STORE);

    fake_enter_at(tb, 0x701000);
    fake_enter(tb);
    /* Its page is what the upper bits of the long id are here. */
    fake_enter_at(tb, 0);
    CHECK_TEXT(captured_text(), "block 1025 | block 1024 | block 1026");
    CHECK_EQ(ls_code_block(1025)->alias_of, 1024);
    CHECK_EQ(ls_code_block(1026)->vaddr, 0);
}

/* String instructions look whether they are in their block. */
TEST_WITH(record_far_block_with_a_string, "FAKE_QEMU=4")
{
    LsTb *tb = far_block("90;f3 aa");

    fake_enter(tb);
    fake_store(tb, 1, 1, 0x10000);
    fake_store(tb, 1, 1, 0x10001);
    CHECK_TEXT(captured_text(), "block 1024 | map 0x10 0x80 | store 1 1 0x10000 | "
                                "store 1 1 0x10001");
}

TEST_WITH(record_instruction_that_is_redone_in_a_far_block, "FAKE_QEMU=4")
{
    LsTb *tb = far_block(LOAD_STORE);
    LsTb *alone = fake_translate(0x401002, "89 01");

    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10000);
    fake_store(alone, 0, 4, 0x10000);
    fake_enter(tb);
    CHECK_TEXT(captured_text(), "block 1024 | map 0x10 0x80 | load 0 4 0x10000 | "
                                "redo 1025 | store 0 4 0x10000 | block 1024");
}

/* Block 0 has the lower bits of the long id. */
TEST_WITH(record_instruction_that_is_redone_while_a_far_block_runs, "FAKE_QEMU=4")
{
    LsTb *tb = far_block(LOAD_STORE), *alone;

    alone = fake_translate(0x800000, "8b 03");
    fake_enter(tb);
    fake_load(alone, 0, 4, 0x10000);
    CHECK_TEXT(captured_text(), "block 1024 | redo 0 | map 0x10 0x80 | load 0 4 0x10000");
}
