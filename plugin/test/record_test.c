/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capture: what QEMU calls, and the words that come of it. */
#define _GNU_SOURCE
#include "captured.h"
#include "check.h"
#include "events.h"
#include "fake_qemu.h"

#include <string.h>

#define V4 "FAKE_QEMU=4"
#define V1 "FAKE_QEMU=1"
#define V7 "FAKE_QEMU=7"

static void check_first_block(void)
{
    LsTb *tb = captured_first_block();

    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10020);
    fake_store(tb, 1, 4, 0x10040);
    CHECK_TEXT(captured_text(), "block 0 | map 0x10 0x80 | load 0 4 0x10020 | "
                                "store 1 4 0x10040");
    CHECK_EQ(ls_code_count(), 1);
    CHECK_EQ(ls_code_block(0)->vaddr, 0x401000);
    CHECK_EQ(ls_code_block(0)->insn_count, 2);
    CHECK_EQ(ls_code_block(0)->byte_count, 4);
    CHECK_EQ(ls_code_block(0)->bytes[2], 0x89);
}

TEST_WITH(record_block_with_api_1, V1) { check_first_block(); }
TEST_WITH(record_block_with_api_2, "FAKE_QEMU=2") { check_first_block(); }
TEST_WITH(record_block_with_api_4, V4) { check_first_block(); }
TEST_WITH(record_block_with_api_7, V7)
{
    fake_mmu_index_bits = 5;
    check_first_block();
}

TEST_WITH(record_access_sizes_with_4_bits_of_mmu_index, V4)
{
    LsTb *tb = captured_first_block();

    fake_enter(tb);
    for (unsigned bytes = 1; bytes <= 64; bytes *= 2) {
        fake_store(tb, 1, bytes, 0x10000);
    }
    CHECK_TEXT(captured_text(),
               "block 0 | map 0x10 0x80 | store 1 1 0x10000 | "
               "store 1 2 0x10000 | store 1 4 0x10000 | store 1 8 0x10000 | "
               "store 1 16 0x10000 | store 1 32 0x10000 | "
               "store 1 64 0x10000");
}

TEST_WITH(record_access_sizes_with_5_bits_of_mmu_index, V7)
{
    LsTb *tb;

    fake_mmu_index_bits = 5;
    tb = captured_first_block();
    fake_enter(tb);
    fake_load(tb, 0, 1, 0x10000);
    fake_load(tb, 0, 64, 0x10000);
    CHECK_TEXT(captured_text(), "block 0 | map 0x10 0x80 | load 0 1 0x10000 | "
                                "load 0 64 0x10000");
}

TEST_WITH(record_refuses_access_info_of_an_unknown_form, V4)
{
    fake_mmu_index_bits = 6;
    CHECK_TEXT(ls_api_bind(), NULL);
    CHECK(!ls_record_choose_callbacks());
}

TEST_WITH(record_without_the_vcpu_object, "FAKE_QEMU=4,bare")
{
    LsTb *tb = captured_first_block();

    fake_enter_at(tb, 0x777000); /* eip cannot be seen */
    CHECK_TEXT(captured_text(), "block 0");
    CHECK_EQ(ls_code_block(0)->flags, 0);
    CHECK_EQ(ls_code_block(0)->hflags, 0);
}

TEST_WITH(record_mode_of_a_block, V4)
{
    const LsBlock *b;

    captured_start(1);
    fake_cpu_set_u32(0, LS_VIEW_HFLAGS, LS_HF_PE | LS_HF_CS32 | 1 << 5 | 3 |
                                            1 << 21 | 1 << 10);
    fake_cpu_set(0, LS_VIEW_CS_BASE, 0x10000);
    fake_translate(0x11000, "f3 a5");
    b = ls_code_block(0);
    CHECK_EQ(b->flags, LS_BLOCK_MODE_KNOWN | LS_BLOCK_LAST_REP);
    CHECK_EQ(b->hflags, LS_HF_PE | LS_HF_CS32 | 1 << 5 | 3);
    CHECK_EQ(b->vaddr, 0x11000);
    CHECK_EQ(b->eip, 0x1000);
    fake_translate(0x12000, "f3 a5;90");
    CHECK_EQ(ls_code_block(1)->flags, LS_BLOCK_MODE_KNOWN);
}

/* What happened to the vCPU that ran until now is looked for in its own state. */
TEST_WITH(record_translating_for_another_vcpu_switches_nothing, V4)
{
    LsRecorder *r;
    LsTb *tb;

    captured_start(2);
    fake_cpu_make(1);
    fake_cpu_run(1);
    fake_start_vcpu(1);
    fake_cpu_run(0);
    r = captured_recorder();
    fake_enter(fake_translate(0x401000, "90"));
    fake_cpu_run(1);
    tb = fake_translate(0x402000, "90");
    CHECK(r->eip == ls_view_eip(fake_cpu_object(0)));
    CHECK_EQ(ls_code_block(1)->eip, 0x402000);
    fake_enter(tb);
    CHECK(r->eip == ls_view_eip(fake_cpu_object(1)));
    CHECK_EQ(r->vcpu, 1);
}

TEST_WITH(record_translating_again_gives_the_same_block, V4)
{
    captured_first_block();
    fake_translate(0x401000, LOAD_STORE);
    CHECK_EQ(ls_code_count(), 1);
    fake_cpu_set_u32(0, LS_VIEW_HFLAGS,
                     LS_HF_PE | LS_HF_LMA | LS_HF_CS64 | 3);
    fake_translate(0x401000, LOAD_STORE);
    CHECK_EQ(ls_code_count(), 2);
}

/* Pages */

TEST_WITH(record_page_is_asked_for_once, V4)
{
    LsTb *tb = captured_first_block();
    LsRecorder *r = captured_recorder();

    fake_enter(tb);
    for (unsigned i = 0; i < 100; i++) {
        fake_load(tb, 0, 8, 0x10000 + i * 8);
    }
    CHECK_EQ(fake_map_questions, 1);
    CHECK_EQ(r->map_checks, 0);
    CHECK_EQ(r->unknown_phys, 0);
}

/* Slots are page & 4095. */
TEST_WITH(record_pages_that_share_a_slot_push_each_other_out, V4)
{
    LsTb *tb = captured_first_block();

    fake_map_ram(0x1010, 0x90);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10000);
    fake_load(tb, 0, 4, 0x1010000);
    fake_load(tb, 0, 4, 0x10000);
    CHECK_TEXT(captured_text(),
               "block 0 | map 0x10 0x80 | load 0 4 0x10000 | "
               "map 0x1010 0x90 | load 0 4 0x1010000 | "
               "map 0x10 0x80 | load 0 4 0x10000");
}

TEST_WITH(record_crossing_tells_both_pages, V4)
{
    LsTb *tb = captured_first_block();

    fake_map_ram(0x11, 0x33);
    fake_enter(tb);
    fake_store(tb, 1, 8, 0x10ffc);
    CHECK_TEXT(captured_text(), "block 0 | map 0x10 0x80 | map 0x11 0x33 | "
                                "store 1 8 0x10ffc");
    fake_store(tb, 1, 8, 0x10ffc); /* told again or not: must be right */
    fake_load(tb, 0, 8, 0x10ff8);
    fake_load(tb, 0, 64, 0x10fc0);
    fake_load(tb, 0, 4, 0x11000);
    CHECK_TEXT(captured_text(), "store 1 8 0x10ffc | load 0 8 0x10ff8 | "
                                "load 0 64 0x10fc0 | load 0 4 0x11000");
}

TEST_WITH(record_crossing_out_of_a_page_that_is_known, V4)
{
    LsTb *tb = captured_first_block();

    fake_map_ram(0x11, 0x33);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10000);
    fake_load(tb, 0, 64, 0x10fc1);
    CHECK_TEXT(captured_text(),
               "block 0 | map 0x10 0x80 | load 0 4 0x10000 | "
               "map 0x11 0x33 | load 0 64 0x10fc1");
}

TEST_WITH(record_crossing_into_the_first_slot, V4)
{
    LsTb *tb = captured_first_block();

    fake_map_ram(0xfff, 0x1);
    fake_map_ram(0x1000, 0x2);
    fake_enter(tb);
    fake_store(tb, 1, 64, 0xffffc1);
    CHECK_TEXT(captured_text(), "block 0 | map 0xfff 0x1 | map 0x1000 0x2 | "
                                "store 1 64 0xffffc1");
}

TEST_WITH(record_device_is_told_at_each_access, V4)
{
    LsTb *tb = captured_first_block();

    fake_map_device(0x20, 0xfee00);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x20030);
    fake_load(tb, 0, 4, 0x20030);
    CHECK_TEXT(captured_text(),
               "block 0 | device 0 0xfee00030 | load 0 4 0x20030 | "
               "device 0 0xfee00030 | load 0 4 0x20030");
}

TEST_WITH(record_crossing_from_ram_into_a_device, V4)
{
    LsTb *tb = captured_first_block();

    fake_map_device(0x11, 0xfee00);
    fake_enter(tb);
    fake_load(tb, 0, 8, 0x10ffc);
    CHECK_TEXT(captured_text(), "block 0 | map 0x10 0x80 | "
                                "device 1 0xfee00000 | load 0 8 0x10ffc");
}

TEST_WITH(record_crossing_from_a_device_into_ram, V4)
{
    LsTb *tb = captured_first_block();

    fake_map_device(0xf, 0xfee00);
    fake_enter(tb);
    fake_load(tb, 0, 8, 0xfffc);
    CHECK_TEXT(captured_text(), "block 0 | map 0x10 0x80 | "
                                "device 0 0xfee00ffc | load 0 8 0xfffc");
}

TEST_WITH(record_unknown_page_is_asked_for_each_time, V4)
{
    LsTb *tb = captured_first_block();

    fake_enter(tb);
    fake_load(tb, 0, 4, 0x30000);
    fake_load(tb, 0, 4, 0x30000);
    CHECK_EQ(captured_recorder()->unknown_phys, 2);
    fake_map_ram(0x30, 0x99);
    fake_load(tb, 0, 4, 0x30000);
    CHECK_TEXT(captured_text(),
               "block 0 | map 0x30 unknown | load 0 4 0x30000 | "
               "load 0 4 0x30000 | map 0x30 0x99 | load 0 4 0x30000");
}

TEST_WITH(record_wide_address, V4)
{
    LsTb *tb = captured_first_block();

    fake_map_ram(0x10, 0x80);
    fake_map_ram(0x00abcdef00000, 0x81);
    fake_map_ram(0xffffffff81000, 0x82);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x00abcdef00000010);
    fake_load(tb, 0, 4, 0x00abcdef00000018); /* the page is known; still wide */
    fake_load(tb, 0, 4, 0xffffffff81000010);
    CHECK_TEXT(captured_text(),
               "block 0 | map 0xabcdef00000 0x81 | wide 0xabcdef00000010 | "
               "load 0 4 0xffffcdef00000010 | wide 0xabcdef00000018 | "
               "load 0 4 0xffffcdef00000018 | "
               "map 0xfffffff81000 0x82 | load 0 4 0xffffffff81000010");
}

/* The mapping changed without an instruction that we know to change it. */
TEST_WITH(record_mapping_is_verified_now_and_then, V4)
{
    LsTb *tb = captured_first_block();
    LsRecorder *r = captured_recorder();

    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10000);
    captured_text();
    fake_map_ram(0x10, 0x81);
    for (unsigned i = 0; i < LS_RING_STEP / 2; i++) {
        fake_enter(tb);
        fake_load(tb, 0, 4, 0x10000);
    }
    CHECK(strstr(captured_text(), "map 0x10 0x81") != NULL);
    CHECK_EQ(r->map_checks, 1);
    CHECK_EQ(r->map_mismatches, 1);
    for (unsigned i = 0; i < LS_RING_STEP / 2; i++) {
        fake_enter(tb);
        fake_load(tb, 0, 4, 0x10000);
    }
    CHECK(strstr(captured_text(), "map") == NULL);
    CHECK_EQ(r->map_checks, 2);
    CHECK_EQ(r->map_mismatches, 1);
}

/* Remapping */

/* Runs `code`'s first instruction, whether or not it has a callback; then the
 * second, a load. */
static const char *run_remapping(const char *code)
{
    LsTb *tb;

    captured_first_block();
    tb = fake_translate(0x402000, code);
    fake_enter(tb);
    fake_load(tb, 1, 4, 0x10000);
    captured_text();
    fake_map_ram(0x10, 0x81);
    fake_enter(tb);
    fake_insn(tb, 0);
    fake_insn(tb, 1);
    fake_load(tb, 1, 4, 0x10000);
    return captured_text();
}

/* The instruction itself and what comes after it in its block. */
#define REMAPPED                                                           \
    "block 1 | unmap | unmap | map 0x10 0x81 | load 1 4 0x10000"

TEST_WITH(record_forgets_pages_at_mov_cr3, V4)
{
    CHECK_TEXT(run_remapping("0f 22 d8;8b 03"), REMAPPED);
}

TEST_WITH(record_forgets_pages_at_invlpg, V4)
{
    CHECK_TEXT(run_remapping("0f 01 38;8b 03"), REMAPPED);
}

TEST_WITH(record_forgets_pages_at_out_to_port_0x92, V4)
{
    CHECK_TEXT(run_remapping("e6 92;8b 03"),
               "block 1 | unmap | port 0x90092 0 | map 0x10 0x81 | "
               "load 1 4 0x10000");
}

TEST_WITH(record_keeps_pages_at_other_instructions, V4)
{
    CHECK_TEXT(run_remapping("0f 20 d8;8b 03"), "block 1 | load 1 4 0x10000");
}

TEST_WITH(record_looks_at_dx_of_out, V4)
{
    LsTb *tb;

    captured_first_block();
    tb = fake_translate(0x402000, "ef");
    fake_enter(tb);
    captured_text();
    fake_cpu_set(0, -128 + 2 * 8, 0x12340cf8);
    fake_cpu_set(0, -128, 0xffffffff80000010);
    fake_insn(tb, 0);
    CHECK_TEXT(captured_text(), "unmap | port 0xd0cf8 0x80000010");
    fake_cpu_set(0, -128 + 2 * 8, 0xcf803f8);
    fake_insn(tb, 0);
    CHECK_TEXT(captured_text(), "port 0xd03f8 0x80000010");
}

TEST_WITH(record_takes_any_out_dx_for_remapping_when_dx_is_hidden,
          "FAKE_QEMU=4,bare")
{
    LsTb *tb;

    captured_first_block();
    tb = fake_translate(0x402000, "ef");
    fake_enter(tb);
    captured_text();
    fake_insn(tb, 0);
    CHECK_TEXT(captured_text(), "unmap");
}

/* What `in` got is told before the next block: it ends its own. */
TEST_WITH(record_value_of_in, V4)
{
    LsTb *tb;

    captured_first_block();
    tb = fake_translate(0x402000, "e4 71");
    fake_enter(tb);
    fake_insn(tb, 0);
    CHECK_TEXT(captured_text(), "block 1");
    fake_cpu_set(0, -128, 0x1122334455667788);
    fake_enter(tb);
    CHECK_TEXT(captured_text(), "port 0x80071 0x88 | block 1");
}

/* One that faults got nothing. */
TEST_WITH(record_value_of_in_that_faults, V4)
{
    LsTb *tb;

    fake_log_open(check_path("log"));
    CHECK_TEXT(ls_events_open(check_path("log")), NULL);
    captured_first_block();
    tb = fake_translate(0x402000, "e4 71");
    fake_enter(tb);
    fake_insn(tb, 0);
    captured_text();
    fake_log("     0: v=0d e=0000 i=0 cpl=3 IP=0033:0000000000402000 "
             "pc=0000000000402000 SP=002b:0000000000007000 "
             "env->regs[R_EAX]=0000000000000000\n");
    fake_enter(tb);
    CHECK_TEXT(captured_text(), "port 0x71 0 | "
                                "event 0xd error 0 ip 402000 cr2 0 | block 1");
}

TEST_WITH(record_tells_a_new_cr3_at_the_next_block, V4)
{
    LsTb *tb = captured_first_block();

    fake_cpu_set(0, LS_VIEW_CR3, 0x1234000);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10000);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10000);
    CHECK_TEXT(captured_text(),
               "cr3 0x1234000 | unmap | block 0 | map 0x10 0x80 | "
               "load 0 4 0x10000 | block 0 | load 0 4 0x10000");
}

/* Where a block runs */

TEST_WITH(record_block_that_runs_at_another_address, V4)
{
    LsTb *tb = captured_first_block();

    fake_enter_at(tb, 0x701000);
    fake_load(tb, 0, 4, 0x10000);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10000);
    fake_enter_at(tb, 0x701000);
    fake_load(tb, 0, 4, 0x10000);
    CHECK_TEXT(captured_text(),
               "block 1 | map 0x10 0x80 | load 0 4 0x10000 | "
               "block 0 | load 0 4 0x10000 | block 1 | load 0 4 0x10000");
    CHECK_EQ(ls_code_block(1)->vaddr, 0x701000);
    CHECK_EQ(ls_code_block(1)->alias_of, 0);
    CHECK_EQ(captured_recorder()->aliased, 2);
}

TEST_WITH(record_block_that_runs_at_addresses_of_one_slot, V4)
{
    LsTb *tb = captured_first_block();
    uint64_t further = 0x701000 + ((uint64_t)LS_ALIAS_SLOTS << 12);

    fake_enter_at(tb, 0x701000);
    fake_enter_at(tb, further);
    fake_enter_at(tb, 0x701000);
    CHECK_TEXT(captured_text(), "block 1 | block 2 | block 1");
    CHECK_EQ(ls_code_block(2)->vaddr, further);
}

/* eip that is not kept up to date differs within the page as well. */
TEST_WITH(record_does_not_believe_a_stale_eip, V4)
{
    LsTb *tb = captured_first_block();

    fake_enter_at(tb, 0x701004);
    CHECK_TEXT(captured_text(), "block 0");
    CHECK_EQ(ls_code_count(), 1);
}

/* QEMU redoes an instruction that met a device without the block callback. */
TEST_WITH(record_accesses_of_a_block_that_never_started, V4)
{
    LsTb *tb = captured_first_block(), *alone;

    fake_map_device(0x20, 0xfee00);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10000);
    alone = fake_translate(0x401002, "89 01");
    fake_store(alone, 0, 4, 0x20000);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10000);
    CHECK_TEXT(captured_text(),
               "block 0 | map 0x10 0x80 | load 0 4 0x10000 | redo 1 | "
               "device 0 0xfee00000 | store 0 4 0x20000 | "
               "block 0 | load 0 4 0x10000");
}

TEST_WITH(record_physical_addresses_of_vmload, V4)
{
    LsTb *tb;

    captured_first_block();
    tb = fake_translate(0x402000, "90;0f 01 da");
    fake_enter(tb);
    fake_load(tb, 1, 8, 0x7f000);
    CHECK_TEXT(captured_text(), "block 1 | phys | load 1 8 0x7f000");
}

/* vCPUs */

TEST_WITH(record_two_vcpus_of_one_thread, V4)
{
    LsTb *tb;

    fake_cpu_make(1);
    captured_start(2);
    fake_cpu_run(1);
    fake_start_vcpu(1);
    fake_cpu_run(0);
    fake_map_ram(0x10, 0x80);
    tb = fake_translate(0x401000, LOAD_STORE);
    captured_text();
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10000);
    fake_cpu_run(1);
    fake_cpu_set(1, LS_VIEW_CR3, 0x5000);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10000);
    fake_enter(tb);
    fake_cpu_run(0);
    fake_enter(tb);
    CHECK_TEXT(captured_text(),
               "block 0 | map 0x10 0x80 | load 0 4 0x10000 | "
               "vcpu 1 | unmap | cr3 0x5000 | unmap | block 0 | "
               "map 0x10 0x80 | load 0 4 0x10000 | block 0 | "
               "vcpu 0 | unmap | cr3 0 | unmap | block 0");
    CHECK_EQ(atomic_load(&ls_recorder_count), 1);
}

TEST_WITH(record_two_vcpus_of_one_thread_with_api_1, V1)
{
    LsTb *tb;

    fake_cpu_make(1);
    captured_start(2);
    tb = fake_translate(0x401000, LOAD_STORE);
    fake_enter(tb);
    fake_cpu_run(1);
    fake_enter(tb);
    CHECK_TEXT(captured_text(),
               "vcpu 0 | block 0 | vcpu 1 | unmap | cr3 0 | unmap | block 0");
}

/* Event delivery that QEMU 7.2 gives to the block's last instruction. */
TEST_WITH(record_rejects_strays_of_api_1, V1)
{
    LsTb *tb;

    fake_log_open(check_path("log"));
    CHECK_TEXT(ls_events_open(check_path("log")), NULL);
    tb = captured_first_block();
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10000);
    fake_log("Servicing hardware INT=0x20\n");
    fake_store(tb, 1, 8, 0x10008);
    fake_store(tb, 1, 8, 0x10000);
    CHECK_TEXT(captured_text(), "block 0 | map 0x10 0x80 | load 0 4 0x10000");
    CHECK_EQ(captured_recorder()->stray_count, 2);
    fake_enter(tb);
    fake_store(tb, 1, 8, 0x10000);
    CHECK_EQ(captured_recorder()->strays, 2);
    CHECK_EQ(captured_recorder()->stray_count, 0);
}

TEST_WITH(record_takes_events_before_the_next_block, V4)
{
    LsTb *tb;

    fake_log_open(check_path("log"));
    CHECK_TEXT(ls_events_open(check_path("log")), NULL);
    tb = captured_first_block();
    fake_enter(tb);
    fake_log("     0: v=0e e=0002 i=0 cpl=3 IP=0033:0000000000401002 "
             "pc=0000000000401002 SP=002b:00007ffc00000000 "
             "CR2=00007ffc00001000\n");
    fake_cpu_set(0, LS_VIEW_CR3, 0x2000);
    fake_enter(tb);
    CHECK_TEXT(captured_text(),
               "block 0 | event 0xe error 2 ip 401002 cr2 7ffc00001000 | "
               "cr3 0x2000 | unmap | block 0");
}
