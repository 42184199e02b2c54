/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of several vCPUs in one log: each is told of its own. */
#define _GNU_SOURCE
#include "captured.h"
#include "check.h"
#include "cpu_dump.h"
#include "deliver.h"
#include "events.h"
#include "fake_qemu.h"
#include "guest_ram.h"

#include <string.h>

enum {
    IDT = 0x1000,
    GDT = 0x2000,
    CODE = 0x08,
    HANDLER = 0x405000,     /* of vector 0x30; that of 0x31 is behind it */
    HANDLER_31 = HANDLER + 0x100,
    HANDLER_PF = HANDLER + 0x200,
    HANDLER_DF = HANDLER + 0x300,
    FRAME = 5 * 8,
    REGISTERS = -128,       /* from eip */
};

static LsTb *tb;

static void segment(unsigned vcpu, unsigned number, uint64_t base,
                    uint32_t limit)
{
    int at = LS_VIEW_CS_BASE - 32 + (int)number * 24;

    fake_cpu_set(vcpu, at + 8, base);
    fake_cpu_set_u32(vcpu, at + 16, limit);
}

static void gate(unsigned vector, uint64_t handler)
{
    guest_put(IDT + vector * 16, 8,
              (handler & 0xffff) | CODE << 16 | UINT64_C(0x8e00) << 32 |
                  (handler >> 16 & 0xffff) << 48);
}

static void set_register(unsigned vcpu, unsigned number, uint64_t value)
{
    fake_cpu_set(vcpu, REGISTERS + (int)number * 8, value);
}

static void start(void)
{
    fake_log_open(check_path("log"));
    CHECK_TEXT(ls_events_open(check_path("log")), NULL);
    captured_start(2);
    guest_ram_start();
    gate(0x30, HANDLER);
    gate(0x31, HANDLER_31);
    gate(14, HANDLER_PF);
    guest_put(GDT + CODE, 8, 0x00af9b000000ffff);
    fake_cpu_make(1);
    for (unsigned vcpu = 0; vcpu < 2; vcpu++) {
        segment(vcpu, LS_IDT, IDT, 0xfff);
        segment(vcpu, LS_GDT, GDT, 0x2f);
        set_register(vcpu, LS_RAX, 0xa0 + vcpu);
        set_register(vcpu, LS_RDX, 0xd0);
    }
    fake_cpu_run(1);
    fake_start_vcpu(1);
    fake_cpu_run(0);
    tb = fake_translate(0x401000, "90");
    fake_enter(tb);
    captured_text();
}

static unsigned in_smm; /* the vCPU of the next event is */

/* QEMU logs an event of a vCPU that is at this place. */
static void log_event(unsigned vcpu, const char *line, uint64_t ip, uint64_t sp)
{
    fake_log("%s pc=%016x SP=0010:%016x CR2=%016x\n"
             "RAX=%016x RBX=%016x RCX=%016x RDX=%016x\n"
             "RSI=%016x RDI=%016x RBP=%016x RSP=%016x\n"
             "RIP=%016x RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=%u HLT=0\n"
             "ES =0010 0000000000000000 ffffffff 00cf9300\n"
             "CS =0008 0000000000000000 ffffffff 00af9b00\n"
             "SS =0010 0000000000000000 ffffffff 00cf9300\n"
             "DS =0010 0000000000000000 ffffffff 00cf9300\n"
             "FS =0010 0000000000000000 ffffffff 00cf9300\n"
             "GS =0010 0000000000000000 ffffffff 00cf9300\n"
             "LDT=0000 0000000000000000 0000ffff 00008200\n"
             "TR =0030 0000000000003000 00000067 00008900\n"
             "GDT=     0000000000002000 0000002f\n"
             "IDT=     0000000000001000 00000fff\n"
             "CR0=00000001 CR2=0000000000000000 CR3=0000000000000000 "
             "CR4=00000620\n"
             "EFER=0000000000000d01\n",
             line, (unsigned)ip, (unsigned)sp, 0u, 0xa0 + vcpu, 0u, 0u, 0xd0u,
             0u, 0u, 0u, (unsigned)sp, (unsigned)ip, in_smm);
}

static const char interrupt[] =
    "Servicing hardware INT=0x30\n     0: v=30 e=0000 i=0 cpl=0";
static const char interrupt_31[] =
    "Servicing hardware INT=0x31\n     0: v=31 e=0000 i=0 cpl=0";
static const char double_fault[] = "     1: v=08 e=0000 i=0 cpl=0";
static const char page_fault[] = "     0: v=0e e=0000 i=0 cpl=0";

/* The vCPU is where a delivery to this handler has left it. */
static void at_handler(unsigned vcpu, uint64_t handler, uint64_t sp)
{
    fake_cpu_set(vcpu, 0, handler);
    set_register(vcpu, LS_RSP, sp);
}

/* The words of vCPUs and events, and the first thing that is pushed. */
static const char *told(void)
{
    static char text[1024];
    const char *last = "";
    char *all = strdup(captured_text()), *rest = all, *one;

    text[0] = 0;
    while ((one = strsep(&rest, "|"))) {
        one += strspn(one, " ");
        if (!strncmp(one, "vcpu", 4) || !strncmp(one, "event", 5) ||
            (!strncmp(one, "store", 5) && strncmp(last, "store", 5) != 0)) {
            strcat(strcat(text, *text ? "| " : ""), one);
        }
        last = strncmp(one, "map", 3) ? one : last;
    }
    if (*text && text[strlen(text) - 1] == ' ') {
        text[strlen(text) - 1] = 0;
    }
    return text;
}

static const LsRecorder *recorder(void)
{
    return captured_recorder();
}

/* The other vCPU's turn came and went with the delivery alone. */
TEST(owners_turn_without_a_block)
{
    start();
    log_event(1, interrupt, 0x402000, 0x9000);
    at_handler(1, HANDLER, 0x9000 - FRAME);
    fake_enter(tb);
    CHECK_TEXT(told(), "vcpu 1 | event 0x2130 error 0 ip 402000 cr2 0 | "
                       "store 0 8 0x8ff8 | vcpu 0");
    CHECK_EQ(recorder()->deliveries, 1);
    CHECK_EQ(recorder()->missing_deliveries, 0);
    CHECK_EQ(recorder()->vcpu, 0);
}

/* The block that stands for a delivery has the mode it was made in. */
TEST(owners_delivery_in_smm)
{
    start();
    in_smm = 1;
    log_event(1, interrupt, 0x402000, 0x9000);
    at_handler(1, HANDLER, 0x9000 - FRAME);
    fake_enter(tb);
    CHECK_EQ(recorder()->deliveries, 1);
    CHECK_EQ(ls_code_block(1)->flags,
             LS_BLOCK_MODE_KNOWN | LS_BLOCK_DELIVERY);
    CHECK_EQ(ls_code_block(1)->hflags, LS_HF_SMM | LS_HF_PE | LS_HF_LMA);
}

TEST(owners_one_each)
{
    start();
    log_event(0, interrupt_31, 0x401001, 0x7000);
    at_handler(0, HANDLER_31, 0x7000 - FRAME);
    log_event(1, interrupt, 0x402000, 0x9000);
    at_handler(1, HANDLER, 0x9000 - FRAME);
    fake_cpu_run(1);
    fake_enter_at(tb, HANDLER);
    CHECK_TEXT(told(), "event 0x2131 error 0 ip 401001 cr2 0 | "
                       "store 0 8 0x6ff8 | vcpu 1 | "
                       "event 0x2130 error 0 ip 402000 cr2 0 | "
                       "store 0 8 0x8ff8");
    CHECK_EQ(recorder()->deliveries, 2);
}

/* The same vector, the same code: they differ in their stacks. */
TEST(owners_one_each_in_the_other_order)
{
    start();
    log_event(1, interrupt, 0x401000, 0x9000);
    at_handler(1, HANDLER, 0x9000 - FRAME);
    log_event(0, interrupt, 0x401000, 0x7000);
    at_handler(0, HANDLER, 0x7000 - FRAME);
    set_register(1, LS_RAX, 0xa0);
    fake_enter_at(tb, HANDLER);
    CHECK_TEXT(told(), "vcpu 1 | event 0x2130 error 0 ip 401000 cr2 0 | "
                       "store 0 8 0x8ff8 | vcpu 0 | "
                       "event 0x2130 error 0 ip 401000 cr2 0 | "
                       "store 0 8 0x6ff8");
    CHECK_EQ(recorder()->deliveries, 2);
}

/* What came of the first one shows in the state that the third one found. */
TEST(owners_two_of_one_around_another)
{
    start();
    log_event(1, page_fault, 0x402000, 0x9000);
    log_event(0, interrupt, 0x401001, 0x7000);
    at_handler(0, HANDLER, 0x7000 - FRAME);
    log_event(1, interrupt_31, HANDLER_PF, 0x9000 - FRAME - 8);
    at_handler(1, HANDLER_31, 0x9000 - 2 * FRAME - 8);
    fake_enter_at(tb, HANDLER);
    CHECK_TEXT(told(), "vcpu 1 | event 0x200e error 0 ip 402000 cr2 0 | "
                       "store 0 8 0x8ff8 | vcpu 0 | "
                       "event 0x2130 error 0 ip 401001 cr2 0 | "
                       "store 0 8 0x6ff8 | vcpu 1 | "
                       "event 0x2131 error 0 ip 405200 cr2 0 | "
                       "store 0 8 0x8fc8 | vcpu 0");
    CHECK_EQ(recorder()->deliveries, 3);
    CHECK_EQ(recorder()->missing_deliveries, 0);
}

/* No gate: the page fault ends in a double fault, of the same vCPU. */
TEST(owners_fault_in_a_delivery)
{
    start();
    gate(8, HANDLER_DF);
    guest_put(IDT + 14 * 16, 8, 0);
    log_event(1, page_fault, 0x402000, 0x9000);
    log_event(1, double_fault, 0x402000, 0x9000);
    at_handler(1, HANDLER_DF, 0x9000 - FRAME - 8);
    fake_enter(tb);
    CHECK_TEXT(told(), "vcpu 1 | event 0x1200e error 0 ip 402000 cr2 0 | "
                       "event 0x2008 error 0 ip 402000 cr2 0 | "
                       "store 0 8 0x8ff8 | vcpu 0");
    CHECK_EQ(recorder()->deliveries, 2);
    CHECK_EQ(recorder()->missing_deliveries, 0);
}

/* The handler's page is not there: each fetch faults, and no block runs between
 * hundreds of events. */
TEST(owners_of_a_storm)
{
    enum { EVENTS = 300, BYTES = 48 };

    start();
    log_event(1, page_fault, 0x402000, 0x9000);
    for (unsigned i = 1; i < EVENTS; i++) {
        log_event(1, page_fault, HANDLER_PF, 0x9000 - i * BYTES);
    }
    at_handler(1, HANDLER_PF, 0x9000 - EVENTS * BYTES);
    log_event(0, interrupt, 0x401000, 0x7000);
    at_handler(0, HANDLER, 0x7000 - FRAME);
    fake_enter_at(tb, HANDLER);
    CHECK_EQ(recorder()->deliveries, EVENTS + 1);
    CHECK_EQ(recorder()->missing_deliveries, 0);
    CHECK_EQ(recorder()->vcpu, 0);
}

static unsigned long comparisons;
bool __real_ls_deliver_led_to(const LsOpenEvent *event, const LsCpuDump *now);
bool __wrap_ls_deliver_led_to(const LsOpenEvent *event, const LsCpuDump *now);

bool __wrap_ls_deliver_led_to(const LsOpenEvent *event, const LsCpuDump *now)
{
    comparisons++;
    return __real_ls_deliver_led_to(event, now);
}

/* Events that lead to nothing known, among those of a storm: each is compared with one
 * event and one state of a vCPU, not with all that come behind it. */
TEST(owners_of_a_storm_cost_the_same_each)
{
    enum { EVENTS = 400, BYTES = 48, VCPUS = 2 };

    start();
    for (unsigned i = 0; i < EVENTS; i++) {
        log_event(7, interrupt, 0x402000 + i, 0xf000);
        log_event(1, page_fault, HANDLER_PF, 0x9000 - i * BYTES);
    }
    at_handler(1, HANDLER_PF, 0x9000 - EVENTS * BYTES);
    comparisons = 0;
    fake_enter(tb);
    CHECK_EQ(recorder()->deliveries, EVENTS);
    CHECK_EQ(recorder()->missing_deliveries, EVENTS);
    CHECK(comparisons >= EVENTS);
    CHECK(comparisons <= 2 * EVENTS * 2 * VCPUS);
}

/* No gate leads into SMM: the registers are what tells. */
TEST(owners_smm)
{
    start();
    log_event(1, "SMM: enter", 0x402000, 0x9000);
    fake_cpu_set_u32(1, LS_VIEW_HFLAGS, LS_HF_SMM);
    at_handler(1, 0x8000, 0x9000);
    fake_enter(tb);
    CHECK_TEXT(told(), "vcpu 1 | event 0x400 error 0 ip ffffffffffffffff "
                       "cr2 0 | vcpu 0");
    CHECK_EQ(recorder()->missing_deliveries, 0);
}

/* What came of the first one, nobody found: the vCPU is as the second left it. */
TEST(owners_what_a_vcpu_is_says_nothing_of_earlier_events)
{
    start();
    log_event(1, interrupt, 0x402000, 0x9000);
    log_event(1, interrupt_31, 0x403000, 0x8000);
    at_handler(1, HANDLER_31, 0x8000 - FRAME);
    fake_enter(tb);
    CHECK_TEXT(told(), "event 0x20130 error 0 ip 402000 cr2 0 | vcpu 1 | "
                       "event 0x2131 error 0 ip 403000 cr2 0 | "
                       "store 0 8 0x7ff8 | vcpu 0");
    CHECK_EQ(recorder()->missing_deliveries, 1);
}

/* The instruction before the interrupt has changed CR3. */
TEST(owners_cr3_that_no_block_has_shown)
{
    const char *text, *cr3;

    start();
    log_event(1, interrupt, 0x402000, 0x9000);
    at_handler(1, HANDLER, 0x9000 - FRAME);
    fake_cpu_set(0, LS_VIEW_CR3, 0x5000);
    fake_enter(tb);
    text = captured_text();
    cr3 = strstr(text, "cr3 0 |");
    CHECK(cr3 != NULL && cr3 < strstr(text, "event 0x2130"));
    CHECK(strstr(strstr(text, "event 0x2130"), "vcpu 0 | unmap | cr3 0x5000"));
}

/* No vCPU is as the event would have left it: nobody is said to have pushed. */
TEST(owners_that_cannot_be_known)
{
    start();
    log_event(7, interrupt, 0x402000, 0x9000);
    fake_enter(tb);
    CHECK_TEXT(told(), "event 0x20130 error 0 ip 402000 cr2 0");
    CHECK_EQ(recorder()->deliveries, 0);
    CHECK_EQ(recorder()->missing_deliveries, 1);
}

/* Two are: the same stack pointer, the same registers. */
TEST(owners_that_cannot_be_told_apart)
{
    start();
    set_register(1, LS_RAX, 0xa0);
    log_event(0, interrupt, 0x402000, 0x9000);
    at_handler(0, HANDLER, 0x9000 - FRAME);
    at_handler(1, HANDLER, 0x9000 - FRAME);
    fake_enter_at(tb, HANDLER);
    CHECK_TEXT(told(), "event 0x20130 error 0 ip 402000 cr2 0");
    CHECK_EQ(recorder()->missing_deliveries, 1);
}

/* Each of two has a later event that found what this one led to. */
TEST(owners_that_later_events_cannot_tell_apart)
{
    start();
    log_event(1, interrupt, 0x402000, 0x9000);
    log_event(0, interrupt_31, HANDLER, 0x9000 - FRAME);
    at_handler(0, HANDLER_31, 0x9000 - 2 * FRAME - 8);
    log_event(1, interrupt_31, HANDLER, 0x9000 - FRAME);
    at_handler(1, HANDLER_31, 0x9000 - 2 * FRAME - 8);
    fake_enter_at(tb, HANDLER_31);
    CHECK_TEXT(told(), "event 0x20130 error 0 ip 402000 cr2 0 | "
                       "event 0x2131 error 0 ip 405000 cr2 0 | "
                       "store 0 8 0x8fc8 | vcpu 1 | "
                       "event 0x2131 error 0 ip 405000 cr2 0 | "
                       "store 0 8 0x8fc8 | vcpu 0");
    CHECK_EQ(recorder()->missing_deliveries, 1);
}

/* In real mode only that it came is logged. */
TEST(owners_in_real_mode)
{
    start();
    segment(1, LS_IDT, 0, 0x3ff);
    guest_put(0x30 * 4, 4, 0x10000040);
    fake_cpu_set_u32(1, LS_VIEW_HFLAGS, 0);
    fake_cpu_set(1, LS_VIEW_CR0, 0);
    fake_log("Servicing hardware INT=0x30\n");
    at_handler(1, 0x40, 0x6ffa);
    log_event(0, interrupt_31, 0x401001, 0x7800);
    at_handler(0, HANDLER_31, 0x7800 - FRAME);
    fake_enter_at(tb, HANDLER_31);
    CHECK_TEXT(told(), "vcpu 1 | event 0x2130 error 0 ip 0 cr2 0 | "
                       "store 0 2 0x6ffe | vcpu 0 | "
                       "event 0x2131 error 0 ip 401001 cr2 0 | "
                       "store 0 8 0x77f8");
    CHECK_EQ(recorder()->deliveries, 2);
}
