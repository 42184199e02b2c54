/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of `-d int`, line by line as QEMU writes it. */
#define _GNU_SOURCE
#include "captured.h"
#include "check.h"
#include "events.h"
#include "fake_qemu.h"

#include <string.h>
#include <sys/stat.h>

static const char dump[] =
    "RAX=0000000000000000 RBX=ffffffff82a14940 RCX=0000000000000001 "
    "RDX=0000000000000000\n"
    "RIP=ffffffff81c0b1ce RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 "
    "HLT=0\n"
    "CR0=80050033 CR2=dead0000beef0000 CR3=0000000002a10000 CR4=000006f0\n"
    "CCS=0000000000000000 CCD=0000000000000000 CCO=EFLAGS\n"
    "EFER=0000000000000d01\n";

static void start(void)
{
    fake_log_open(check_path("log"));
    CHECK_TEXT(ls_events_open(check_path("log")), NULL);
    captured_start(1);
    captured_text();
}

/* What the log's news become. */
static const char *taken(void)
{
    LsRecorder *r = captured_recorder();

    CHECK(*r->log != 0);
    ls_events_take(r);
    CHECK_EQ(*r->log, 0);
    return captured_text();
}

TEST(events_page_fault)
{
    start();
    CHECK_EQ(*captured_recorder()->log, 0);
    fake_log("check_exception old: 0xffffffff new 0xe\n"
             "     0: v=0e e=0006 i=0 cpl=3 IP=0033:00007f1234567890 "
             "pc=00007f1234567890 SP=002b:00007ffc12345678 "
             "CR2=00007f1234000000\n%s", dump);
    CHECK_TEXT(taken(), "event 0xe error 6 ip 7f1234567890 cr2 7f1234000000");
}

TEST(events_exception_without_cr2)
{
    start();
    fake_log("   113: v=0d e=0018 i=0 cpl=0 IP=0010:ffffffff81000000 "
             "pc=ffffffff81000000 SP=0018:ffffffff82a03e48 "
             "env->regs[R_EAX]=0000000000000bad\n%s", dump);
    CHECK_TEXT(taken(), "event 0xd error 18 ip ffffffff81000000 cr2 0");
}

TEST(events_interrupt_from_outside)
{
    start();
    fake_log("Servicing hardware INT=0x30\n"
             "     1: v=30 e=0000 i=0 cpl=0 IP=0010:ffffffff81c0b1ce "
             "pc=ffffffff81c0b1ce SP=0018:ffffffff82a03e48 "
             "env->regs[R_EAX]=0000000000000000\n%s", dump);
    CHECK_TEXT(taken(), "event 0x130 error 0 ip ffffffff81c0b1ce cr2 0");
}

TEST(events_interrupt_that_is_not_maskable)
{
    start();
    fake_log("     1: v=02 e=0000 i=0 cpl=0 IP=0010:0000000000001000 "
             "pc=0000000000001000 SP=0018:0000000000002000 "
             "env->regs[R_EAX]=0000000000000000\n");
    CHECK_TEXT(taken(), "event 0x102 error 0 ip 1000 cr2 0");
}

TEST(events_software_interrupt)
{
    start();
    fake_log("1234567: v=80 e=0000 i=1 cpl=3 IP=0023:0000000008048000 "
             "pc=0000000008048000 SP=002b:00000000ffffd000 "
             "env->regs[R_EAX]=0000000000000004\n");
    CHECK_TEXT(taken(), "event 0x280 error 0 ip 8048000 cr2 0");
}

/* In real mode only the announcement is logged. */
TEST(events_interrupt_in_real_mode)
{
    start();
    fake_log("Servicing hardware INT=0x08\n");
    CHECK_TEXT(taken(),
               "event 0x108 error 0 ip ffffffffffffffff cr2 0");
}

/* Delivering the interrupt faults: both are told, the interrupt as a fault's
 * cause only in the log. */
TEST(events_fault_while_an_interrupt_is_delivered)
{
    start();
    fake_log("Servicing hardware INT=0x20\n"
             "     0: v=20 e=0000 i=0 cpl=3 IP=0033:0000000000401000 "
             "pc=0000000000401000 SP=002b:0000000000007000 "
             "env->regs[R_EAX]=0000000000000000\n"
             "check_exception old: 0xffffffff new 0xe\n"
             "     1: v=0e e=0002 i=0 cpl=3 IP=0033:0000000000401000 "
             "pc=0000000000401000 SP=002b:0000000000007000 "
             "CR2=0000000000006ff8\n");
    CHECK_TEXT(taken(), "event 0x120 error 0 ip 401000 cr2 0 | "
                        "event 0xe error 2 ip 401000 cr2 6ff8");
}

TEST(events_smm)
{
    start();
    fake_log("SMM: enter\n%sSMM: after RSM\n%s", dump, dump);
    CHECK_TEXT(taken(),
               "event 0x400 error 0 ip ffffffffffffffff cr2 0 | unmap | "
               "event 0x800 error 0 ip ffffffffffffffff cr2 0");
    CHECK_EQ(captured_recorder()->missing_deliveries, 0);
    CHECK_EQ(captured_recorder()->apart_events, 2);
}

/* Entering SMM may change where an address leads, without a change of CR3. */
TEST(events_smm_forgets_mappings)
{
    LsTb *tb;

    start();
    fake_map_ram(0x10, 0x80);
    tb = fake_translate(0x401000, LOAD_STORE);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10010);
    captured_text();
    fake_log("SMM: enter\n%s", dump);
    fake_map_ram(0x10, 0x99);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10020);
    CHECK_TEXT(captured_text(),
               "event 0x400 error 0 ip ffffffffffffffff cr2 0 | unmap | "
               "block 0 | map 0x10 0x99 | load 0 4 0x10020");
}

TEST(events_triple_fault)
{
    start();
    fake_log("Triple fault\n%s", dump);
    CHECK_TEXT(taken(), "event 0x1000 error 0 ip ffffffffffffffff cr2 0");
}

/* A snapshot is loaded: where an address leads is asked anew, and what came of an
 * event before it is not known. */
TEST(events_snapshot)
{
    LsTb *tb;

    start();
    fake_map_ram(0x10, 0x80);
    tb = fake_translate(0x401000, LOAD_STORE);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10010);
    captured_text();
    fake_log("     0: v=0d e=0018 i=0 cpl=0 IP=0010:0000000000401000 "
             "pc=0000000000401000 SP=0018:0000000000007000 "
             "env->regs[R_EAX]=0000000000000bad\n%s"
             "Servicing hardware INT=0x08\n"
             "loadvm_state_setup \n"
             "Servicing hardware INT=0x09\n", dump);
    fake_map_ram(0x10, 0x99);
    fake_enter(tb);
    fake_load(tb, 0, 4, 0x10020);
    CHECK_TEXT(captured_text(),
               "event 0xd error 18 ip 401000 cr2 0 | "
               "event 0x108 error 0 ip ffffffffffffffff cr2 0 | "
               "event 0x4000 error 0 ip ffffffffffffffff cr2 0 | unmap | "
               "event 0x109 error 0 ip ffffffffffffffff cr2 0 | "
               "block 0 | map 0x10 0x99 | load 0 4 0x10020");
    CHECK_EQ(captured_recorder()->missing_deliveries, 3);
    CHECK_EQ(captured_recorder()->map_mismatches, 0);
}

/* The registers are those of the snapshot, and not what an `in` has read. */
TEST_WITH(events_snapshot_behind_an_in, "FAKE_QEMU=4")
{
    LsTb *tb;

    fake_log_open(check_path("log"));
    CHECK_TEXT(ls_events_open(check_path("log")), NULL);
    captured_first_block();
    tb = fake_translate(0x402000, "e4 71");
    fake_enter(tb);
    fake_insn(tb, 0);
    captured_text();
    fake_log("loadvm_state_setup \n");
    fake_cpu_set(0, -128, 0x77);
    fake_enter(tb);
    CHECK_TEXT(captured_text(),
               "port 0x71 0 | "
               "event 0x4000 error 0 ip ffffffffffffffff cr2 0 | unmap | "
               "block 1");
}

TEST(events_other_lines_are_none)
{
    start();
    fake_log("%sdo_interrupt: v=0e e=0002\n0: w=0e\n: v=0e\n\n   5\n"
             "INT=0x20 Servicing\n", dump);
    CHECK_TEXT(taken(), "");
}

/* The rest of the line comes with the next look. */
TEST(events_line_that_is_not_whole)
{
    LsRecorder *r;

    start();
    r = captured_recorder();
    fake_log("     0: v=0e e=0006 i=0 cpl=3 IP=0033:0000000000401000 pc=00");
    ls_events_take(r);
    CHECK_TEXT(captured_text(), "");
    CHECK(*r->log != 0);
    fake_log("00000000401000 SP=002b:0000000000007000 CR2=0000000000000123\n");
    CHECK_TEXT(taken(), "event 0xe error 6 ip 401000 cr2 123");
}

TEST(events_one_after_another)
{
    start();
    for (unsigned i = 0; i < 5; i++) {
        char expected[64];

        fake_log("%6u: v=0e e=0000 i=0 cpl=0 IP=0010:%016x pc=%016x "
                 "SP=0018:0000000000000000 CR2=%016x\n%s", i, 0x1000 + i,
                 0x1000 + i, i, dump);
        snprintf(expected, sizeof(expected),
                 "event 0xe error 0 ip %x cr2 %x", 0x1000 + i, i);
        CHECK_TEXT(taken(), expected);
    }
}

/* What was read is given back to the file system, and reading goes on. */
TEST(events_of_a_long_log)
{
    struct stat st;
    unsigned events = 0, written = 0;

    start();
    while (written < 6000) {
        char expected[64];

        for (unsigned i = 0; i < 3; i++, written++) {
            fake_log("%6u: v=0e e=0000 i=0 cpl=0 IP=0010:%016x pc=%016x "
                     "SP=0018:0000000000000000 CR2=%016x\n%s%s", written,
                     written, written, written, dump, dump);
        }
        snprintf(expected, sizeof(expected),
                 "event 0xe error 0 ip %x cr2 %x", written - 1, written - 1);
        events += strstr(taken(), expected) != NULL;
    }
    CHECK_EQ(events, written / 3);
    CHECK_EQ(stat(check_path("log"), &st), 0);
    CHECK(captured_recorder()->log != NULL);
    CHECK(st.st_blocks * INT64_C(512) < (INT64_C(4) << 20));
}

/* A recorder that starts later begins where the log ends. */
TEST(events_before_the_start_are_not_told)
{
    fake_log_open(check_path("log"));
    CHECK_TEXT(ls_events_open(check_path("log")), NULL);
    fake_log("     0: v=0e e=0000 i=0 cpl=0 pc=0000000000001000 CR2=0\n");
    captured_start(1);
    CHECK_EQ(*captured_recorder()->log, 0);
    captured_text();
    fake_log("     1: v=06 e=0000 i=0 cpl=0 pc=0000000000002000 CR2=0\n");
    CHECK_TEXT(taken(), "event 0x6 error 0 ip 2000 cr2 0");
}

TEST(events_log_that_cannot_be_opened)
{
    CHECK_TEXT(ls_events_open(check_path("none")),
               "No such file or directory");
}

TEST(events_closed_are_not_read)
{
    LsRecorder *r;

    start();
    r = captured_recorder();
    fake_log("Triple fault\n");
    CHECK(*r->log != 0);
    ls_events_close();
    CHECK_EQ(*r->log, 0);
    fake_log("Triple fault\n");
    CHECK_EQ(*r->log, 0);
}

/* Taken at the very end, when no block follows. */
TEST(events_left_at_the_end)
{
    start();
    fake_log("     0: v=06 e=0000 i=0 cpl=0 pc=0000000000002000 CR2=0\n");
    ls_events_finish(captured_recorder());
    CHECK_TEXT(captured_text(), "event 0x6 error 0 ip 2000 cr2 0");
    ls_events_finish(captured_recorder());
    CHECK_TEXT(captured_text(), "");
}
