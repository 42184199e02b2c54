/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions in real mode, which QEMU does not log. */
#define _GNU_SOURCE
#include "captured.h"
#include "check.h"
#include "events.h"
#include "fake_qemu.h"
#include "guest_ram.h"
#include "insn_class.h"

#include <string.h>

enum { STACK = 0x7000, HANDLER = 0x2000, VIEW_RSP = (LS_RSP - 16) * 8 };

static void set_sp(uint64_t sp)
{
    fake_cpu_set(0, VIEW_RSP, sp);
}

static void set_gate(unsigned vector, uint64_t ip)
{
    guest_put(vector * 4, 4, ip);
}

/* The exception pushes what delivery does; the handler's block comes next. */
static void push_frame(uint64_t ip)
{
    set_sp(STACK - 6);
    guest_put(STACK - 6, 2, ip);
    guest_put(STACK - 4, 2, 0);
    guest_put(STACK - 2, 2, 0x46);
}

static void start(void)
{
    fake_log_open(check_path("log"));
    CHECK_TEXT(ls_events_open(check_path("log")), NULL);
    captured_start(1);
    guest_ram_start();
    fake_cpu_set_u32(0, LS_VIEW_HFLAGS, 0);
    fake_cpu_set(0, LS_VIEW_CR0, 0);
    set_sp(STACK);
    for (unsigned vector = 0; vector < 20; vector++) {
        set_gate(vector, 0x3000); /* elsewhere */
    }
}

/* Runs `code` at 0x1000, then what lies at `next`; what was told of it. */
static const char *told(const char *code, uint64_t next)
{
    LsTb *tb = fake_translate(0x1000, code);

    captured_recorder()->current = UINT64_MAX; /* as after a pause */
    fake_enter(tb);
    captured_text();
    fake_enter(fake_translate(next, "90"));
    return captured_text();
}


/* nop; div cl; nop */
TEST(real_mode_fault_is_told_with_its_delivery)
{
    start();
    set_gate(0, HANDLER);
    push_frame(0x1001);
    CHECK_TEXT(told("90;f6 f1;90", HANDLER),
               "event 0x2000 error 0 ip 1001 cr2 0 | block 2 | "
               "map 0 0x8010000000000000 | load 0 2 0 | load 0 2 0x2 | "
               "map 0x6 0x8010000000000006 | "
               "store 0 2 0x6ffe | store 0 2 0x6ffc | store 0 2 0x6ffa | "
               "block 1");
    CHECK_EQ(captured_recorder()->deliveries, 1);
    CHECK_EQ(captured_recorder()->unresolved, 0);
}

/* div cl; ret: the block could have gone there by itself. */
TEST(real_mode_fault_in_a_block_that_may_go_anywhere)
{
    start();
    set_gate(0, HANDLER);
    push_frame(0x1000);
    told("f6 f1;c3", HANDLER);
    CHECK_EQ(captured_recorder()->deliveries, 1);
}

/* ret leads to a handler, and no frame is there. */
TEST(real_mode_return_is_no_fault)
{
    start();
    set_gate(0, HANDLER);
    CHECK_TEXT(told("f6 f1;c3", HANDLER), "block 1");
    CHECK_EQ(captured_recorder()->unresolved, 0);
}

/* Chained handlers: pushf; call far [0]. */
TEST(real_mode_call_through_the_vector_table_is_no_fault)
{
    start();
    set_gate(0, HANDLER);
    push_frame(0x1006);
    CHECK_TEXT(told("9c;2e ff 1e 00 00", HANDLER), "block 1");
    CHECK_EQ(captured_recorder()->unresolved, 0);
}

/* A return address on the stack that is an instruction of the block, and a
 * place that no vector names. */
TEST(real_mode_frame_without_a_gate_is_counted)
{
    start();
    push_frame(0x1000);
    CHECK_TEXT(told("f6 f1;90", HANDLER), "block 1");
    CHECK_EQ(captured_recorder()->unresolved, 1);
}

/* lea: #UD or #GP, and both lead here. */
TEST(real_mode_fault_whose_vector_is_not_known_is_counted)
{
    start();
    set_gate(6, HANDLER);
    set_gate(13, HANDLER);
    push_frame(0x1000);
    CHECK_TEXT(told("8d 06 00 00;90", HANDLER), "block 1");
    CHECK_EQ(captured_recorder()->unresolved, 1);
}

/* ud2 can be #UD alone. */
TEST(real_mode_fault_is_told_apart_by_its_instruction)
{
    start();
    set_gate(0, HANDLER);
    set_gate(6, HANDLER);
    set_gate(13, HANDLER);
    push_frame(0x1001);
    told("90;0f 0b", HANDLER);
    CHECK_EQ(captured_recorder()->deliveries, 1);
}

TEST(real_mode_trap_behind_an_instruction)
{
    start();
    set_gate(1, HANDLER);
    push_frame(0x1001);
    guest_put(STACK - 2, 2, 0x146); /* TF */
    told("90", HANDLER);
    CHECK_EQ(captured_recorder()->deliveries, 1);
}

TEST(real_mode_nmi)
{
    static const char event[] = "event 0x2102 error 0 ip 1001 cr2 0 | ";

    start();
    set_gate(2, HANDLER);
    push_frame(0x1001);
    CHECK(!strncmp(told("90", HANDLER), event, sizeof(event) - 1));
}

/* What a block leads to by itself is looked at no further. */
TEST(real_mode_blocks_that_go_on_by_themselves)
{
    static const struct {
        const char *code;
        uint64_t next;
    } flow[] = {
        { "90;90", 0x1002 },
        { "90;eb 10", 0x1013 },         /* jmp */
        { "75 fe", 0x1000 },            /* jne */
        { "75 10", 0x1002 },
        { "e9 fd ef", 0x0 },            /* jmp, over 64 KiB */
        { "66 e8 00 10 00 00", 0x2006 },
        { "0f 84 00 01", 0x1104 },
        { "e2 f0", 0xff2 },             /* loop */
        { "ff 26 00 50", 0x8888 },      /* jmp [0x5000] */
        { "ea 00 00 00 f0", 0xf0000 },  /* far */
        { "cf", 0x9000 },
        { "88 06 02 10;90", 0x1000 },   /* stored into itself */
        { "90", 0xfffffff0 },           /* was reset */
    };

    start();
    for (unsigned i = 0; i < sizeof(flow) / sizeof(*flow); i++) {
        check_context("%s", flow[i].code);
        told(flow[i].code, flow[i].next);
        CHECK_EQ(captured_recorder()->unresolved, 0);
    }
    told("eb 10", 0x1002);
    CHECK_EQ(captured_recorder()->unresolved, 1);
    told("75 10", 0x1001);
    CHECK_EQ(captured_recorder()->unresolved, 2);
}

/* What QEMU logged is not looked for. */
TEST(real_mode_interrupt_that_is_logged)
{
    LsTb *tb;

    start();
    set_gate(8, HANDLER);
    push_frame(0x1000);
    tb = fake_translate(0x1000, "90");
    fake_enter(tb);
    fake_log("Servicing hardware INT=0x08\n");
    fake_enter(fake_translate(HANDLER, "90"));
    CHECK_EQ(captured_recorder()->events, 1);
    CHECK_EQ(captured_recorder()->unresolved, 0);
}
