/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What event delivery accesses, from tables in made-up guest memory.  The layouts
 * of gates, descriptors and TSS are those of SDM 3A chapters 3, 6 and 8. */
#include "check.h"
#include "delivery.h"
#include "guest_ram.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    IDT = 0x1000,
    GDT = 0x2000,
    TSS = 0x3000,
    STACK = 0x8000,
    CODE0 = 0x08, /* of CPL 0 */
    DATA0 = 0x10,
    CODE3 = 0x18 | 3,
    DATA3 = 0x20 | 3,
};

static LsCpuDump cpu;
static LsDelivery plan;

static void descriptor(unsigned selector, uint64_t value)
{
    guest_put(GDT + (selector & ~7u), 8, value);
}

static void start(bool long_mode, unsigned cpl)
{
    guest_ram_start();
    memset(&cpu, 0, sizeof(cpu));
    cpu.paging.cr0 = LS_CR0_PE;
    cpu.paging.long_mode = long_mode;
    cpu.cpl = cpl;
    cpu.ip = 0x401000;
    cpu.sp = STACK;
    cpu.flags = 0x246;
    cpu.segment[LS_CS].selector = cpl ? CODE3 : CODE0;
    cpu.segment[LS_SS].selector = cpl ? DATA3 : DATA0;
    cpu.segment[LS_SS].flags = 1 << 22;
    cpu.segment[LS_IDT] = (LsSegment){ .base = IDT, .limit = 0xfff };
    cpu.segment[LS_GDT] = (LsSegment){ .base = GDT, .limit = 0x2f };
    cpu.segment[LS_TR] = (LsSegment){ .base = TSS, .limit = 0x67,
                                      .flags = 0x8900 };
    descriptor(CODE0, long_mode ? 0x00af9b000000ffff : 0x00cf9b000000ffff);
    descriptor(DATA0, 0x00cf93000000ffff);
    descriptor(CODE3, long_mode ? 0x00affb000000ffff : 0x00cffb000000ffff);
    descriptor(DATA3, 0x00cff3000000ffff);
}

static void gate64(unsigned vector, unsigned type, unsigned ist)
{
    guest_put(IDT + vector * 16, 4, (uint32_t)CODE0 << 16 | 0x5678);
    guest_put(IDT + vector * 16 + 4, 4, 0x12340000 | type << 8 | ist);
    guest_put(IDT + vector * 16 + 8, 8, 0xffffffff);
}

static void gate32(unsigned vector, unsigned selector, unsigned type)
{
    guest_put(IDT + vector * 8, 4, (uint64_t)selector << 16 | 0x5678);
    guest_put(IDT + vector * 8 + 4, 4, 0x12340000 | type << 8);
}

/* "r4 1000 w8 7ff8=10 ...": a pushed value is told when it is known. */
static const char *planned(const LsDeliveryCause *cause)
{
    static char text[1024];
    size_t length = 0;

    ls_delivery_plan(&plan, &cpu, cause);
    text[0] = 0;
    for (unsigned i = 0; i < plan.count; i++) {
        const LsDeliveryAccess *a = &plan.access[i];

        length += (size_t)snprintf(
            text + length, sizeof(text) - length, "%s%c%u %" PRIx64,
            i ? " " : "", a->store ? 'w' : 'r', a->bytes, a->vaddr);
        if (a->known) {
            length += (size_t)snprintf(text + length, sizeof(text) - length,
                                       "=%" PRIx64, a->value);
        }
    }
    return text;
}

static const LsDeliveryCause page_fault = { .vector = 14, .error = 6 };
static const LsDeliveryCause timer = { .vector = 0x20, .outside = true };
static const LsDeliveryCause system_call = { .vector = 0x80,
                                             .software = true };

#define GATE64_14 "r4 10e0 r4 10e4 r4 10e8 r4 2008 r4 200c "
#define GATE32_14 "r4 1070 r4 1074 r4 2008 r4 200c "

TEST(delivery_long_mode_same_level)
{
    start(true, 0);
    gate64(14, 0x8e, 0);
    cpu.sp = STACK + 4; /* is aligned first */
    CHECK_TEXT(planned(&page_fault),
               GATE64_14 "w8 7ff8=10 w8 7ff0=8004 w8 7fe8=246 w8 7fe0=8 "
                         "w8 7fd8=401000 w8 7fd0=6");
    CHECK_EQ(plan.outcome, LS_DELIVERED);
    CHECK_EQ(plan.ip, 0xffffffff12345678);
    CHECK_EQ(plan.sp, 0x7fd0);
}

TEST(delivery_long_mode_to_a_lower_level)
{
    start(true, 3);
    gate64(0x20, 0x8e, 0);
    guest_put(TSS + 4, 8, 0x9000);
    CHECK_TEXT(planned(&timer),
               "r4 1200 r4 1204 r4 1208 r4 2008 r4 200c r8 3004 "
               "w8 8ff8=23 w8 8ff0=8000 w8 8fe8=246 w8 8fe0=1b "
               "w8 8fd8=401000");
    CHECK_EQ(plan.cpl, 0);
}

TEST(delivery_long_mode_with_a_stack_of_its_own)
{
    start(true, 0);
    gate64(14, 0x8f, 3);
    guest_put(TSS + 0x24 + 2 * 8, 8, 0xa000);
    CHECK_TEXT(planned(&page_fault),
               GATE64_14 "r8 3034 w8 9ff8=10 w8 9ff0=8000 w8 9fe8=246 "
                         "w8 9fe0=8 w8 9fd8=401000 w8 9fd0=6");
}

/* Where a software interrupt returns to is not in the state before it. */
TEST(delivery_of_a_software_interrupt)
{
    start(true, 0);
    gate64(0x80, 0xee, 0);
    CHECK_TEXT(planned(&system_call),
               "r4 1800 r4 1804 r4 1808 r4 2008 r4 200c w8 7ff8=10 "
               "w8 7ff0=8000 w8 7fe8=246 w8 7fe0=8 w8 7fd8");
}

TEST(delivery_that_a_check_stops)
{
    start(true, 3);
    gate64(0x80, 0x8e, 0); /* for CPL 0 only */
    CHECK_TEXT(planned(&system_call), "r4 1800 r4 1804 r4 1808");
    CHECK_EQ(plan.outcome, LS_REFUSED);
    gate64(14, 0x0e, 0); /* not present */
    CHECK_TEXT(planned(&page_fault), "r4 10e0 r4 10e4 r4 10e8");
    CHECK_EQ(plan.outcome, LS_REFUSED);
    cpu.segment[LS_IDT].limit = 0xef - 1;
    CHECK_TEXT(planned(&page_fault), "");
    CHECK_EQ(plan.outcome, LS_REFUSED);
}

TEST(delivery_protected_mode_same_level)
{
    start(false, 0);
    gate32(14, CODE0, 0x8e);
    CHECK_TEXT(planned(&page_fault),
               GATE32_14 "w4 7ffc=246 w4 7ff8=8 w4 7ff4=401000 w4 7ff0=6");
    CHECK_EQ(plan.ip, 0x12345678);
    CHECK_EQ(plan.sp, 0x7ff0);
}

TEST(delivery_protected_mode_16_bit_gate_and_stack)
{
    start(false, 0);
    gate32(14, CODE0, 0x86);
    cpu.segment[LS_SS].flags = 0;
    cpu.segment[LS_SS].base = 0x10000;
    cpu.sp = 0xabcd0002; /* the upper half of ESP stays */
    CHECK_TEXT(planned(&page_fault),
               GATE32_14 "w2 10000=246 w2 1fffe=8 w2 1fffc=401000 w2 1fffa=6");
    CHECK_EQ(plan.sp, 0xfffa);
    CHECK_EQ(plan.sp_mask, 0xffff);
}

TEST(delivery_protected_mode_to_a_lower_level)
{
    start(false, 3);
    gate32(14, CODE0, 0x8e);
    guest_put(TSS + 4, 4, 0x9000);
    guest_put(TSS + 8, 2, DATA0);
    CHECK_TEXT(planned(&page_fault),
               GATE32_14 "r4 3004 r2 3008 r4 2010 r4 2014 w4 8ffc=23 "
                         "w4 8ff8=8000 w4 8ff4=246 w4 8ff0=1b w4 8fec=401000 "
                         "w4 8fe8=6");
    cpu.segment[LS_TR].flags = 0x8100; /* a 16-bit TSS */
    guest_put(TSS + 2, 2, 0x9000);
    guest_put(TSS + 4, 2, DATA0);
    CHECK_TEXT(planned(&page_fault),
               GATE32_14 "r2 3002 r2 3004 r4 2010 r4 2014 w4 8ffc=23 "
                         "w4 8ff8=8000 w4 8ff4=246 w4 8ff0=1b w4 8fec=401000 "
                         "w4 8fe8=6");
}

TEST(delivery_from_virtual_8086_mode)
{
    start(false, 3);
    gate32(0x20, CODE0, 0x8e);
    guest_put(TSS + 4, 4, 0x9000);
    guest_put(TSS + 8, 2, DATA0);
    cpu.flags |= LS_EFLAGS_VM;
    cpu.segment[LS_ES].selector = 1;
    cpu.segment[LS_DS].selector = 2;
    cpu.segment[LS_FS].selector = 3;
    cpu.segment[LS_GS].selector = 4;
    CHECK_TEXT(planned(&timer),
               "r4 1100 r4 1104 r4 2008 r4 200c r4 3004 r2 3008 r4 2010 "
               "r4 2014 w4 8ffc=4 w4 8ff8=3 w4 8ff4=2 w4 8ff0=1 w4 8fec=23 "
               "w4 8fe8=8000 w4 8fe4=20246 w4 8fe0=1b w4 8fdc=401000");
}

/* A task with this TSS: code and stack of CPL 0, data in ES, nothing in DS. */
static void task32(uint64_t tss)
{
    cpu.segment[LS_GDT].limit = 0x37;
    cpu.segment[LS_TR].selector = 0x28;
    descriptor(0x30, 0x0000890000000067 | tss << 16);
    guest_put(tss + 0x1c, 8, 0x0000500000000000); /* CR3, EIP */
    guest_put(tss + 0x24, 4, 2);
    guest_put(tss + 0x38, 4, 0x9000);
    guest_put(tss + 0x48, 4, DATA0);
    guest_put(tss + 0x4c, 4, CODE0);
    guest_put(tss + 0x50, 4, DATA0);
}

TEST(delivery_by_a_task_gate)
{
    start(false, 0);
    gate32(3, 0x30, 0x85);
    task32(0x4000);
    CHECK_TEXT(planned(&(LsDeliveryCause){ .vector = 3 }),
               "r4 1018 r4 101c r4 2030 r4 2034 "
               "r4 401c r4 4020 r4 4024 r4 4028 r4 402c r4 4030 r4 4034 r4 4038 "
               "r4 403c r4 4040 r4 4044 r2 4048 r2 404c r2 4050 r2 4054 r2 4058 "
               "r2 405c r2 4060 r2 4064 "
               "w4 3020=401000 w4 3024=246 w4 3028 w4 302c w4 3030 w4 3034 "
               "w4 3038=8000 w4 303c w4 3040 w4 3044 w2 3048=0 w2 304c=8 "
               "w2 3050=10 w2 3054=0 w2 3058=0 w2 305c=0 w2 4000=28 "
               "r4 2034 w4 2034=8b00 r4 2008 r4 200c r4 2010 r4 2014 "
               "r4 2010 r4 2014");
    CHECK_EQ(plan.outcome, LS_DELIVERED);
    CHECK_EQ(plan.ip, 0x5000);
    CHECK_EQ(plan.sp, 0x9000);
    CHECK_EQ(plan.cpl, 0);
}

TEST(delivery_by_a_task_gate_from_a_tss_of_16_bits_with_an_error_code)
{
    start(false, 0);
    gate32(14, 0x30, 0x85);
    task32(0x4000);
    cpu.segment[LS_TR].flags = 0x8100;
    planned(&page_fault);
    CHECK_EQ(plan.outcome, LS_DELIVERED);
    CHECK_EQ(plan.access[23].vaddr, 0x300e);
    CHECK_EQ(plan.access[23].bytes, 2);
    CHECK_EQ(plan.access[36].vaddr, 0x3028); /* DS */
    CHECK_EQ(plan.access[plan.count - 1].vaddr, 0x8ffc);
    CHECK_EQ(plan.access[plan.count - 1].value, 6);
    CHECK_EQ(plan.sp, 0x8ffc);
}

TEST(delivery_to_a_task_of_16_bits)
{
    start(false, 0);
    gate32(14, 0x30, 0x85);
    cpu.segment[LS_GDT].limit = 0x37;
    descriptor(0x30, 0x000081400000002b);
    guest_put(0x400e, 4, 0x25000);         /* IP, FLAGS */
    guest_put(0x401a, 2, 0x9000);          /* SP */
    guest_put(0x4024, 4, DATA0 << 16 | CODE0);
    planned(&page_fault);
    CHECK_EQ(plan.outcome, LS_NOT_WORKED_OUT); /* its base is elsewhere */
    descriptor(0x30, 0x000081004000002b);
    planned(&page_fault);
    CHECK_EQ(plan.outcome, LS_DELIVERED);
    CHECK_EQ(plan.ip, 0x5000);
    CHECK_EQ(plan.access[plan.count - 1].vaddr, 0x8ffe);
    CHECK_EQ(plan.access[plan.count - 1].bytes, 2);
}

TEST(delivery_by_a_task_gate_that_cannot_be_told)
{
    start(false, 0);
    gate32(14, 0x30, 0x85);
    task32(0x4000);
    descriptor(0x30, 0x0000820040000067); /* an LDT */
    planned(&page_fault);
    CHECK_EQ(plan.outcome, LS_NOT_WORKED_OUT);
    descriptor(0x30, 0x0000890040000066); /* too short */
    planned(&page_fault);
    CHECK_EQ(plan.outcome, LS_NOT_WORKED_OUT);
    task32(0x4000);
    guest_put(0x404c, 2, 0); /* no code segment */
    planned(&page_fault);
    CHECK_EQ(plan.outcome, LS_NOT_WORKED_OUT);
    task32(0x4000);
    gate32(14, 0x34, 0x85); /* in the LDT */
    planned(&page_fault);
    CHECK_EQ(plan.outcome, LS_NOT_WORKED_OUT);
    gate32(14, 0x30, 0x05); /* not present: only the gate is read */
    CHECK_TEXT(planned(&page_fault), "r4 1070 r4 1074");
    CHECK_EQ(plan.outcome, LS_REFUSED);
}

/* Page tables of two levels, the first 4 MiB in pages of 4 KiB. */
static void directory(uint64_t at)
{
    guest_put(at, 4, (at + 0x1000) | 0x67);
    for (unsigned i = 0; i < 1024; i++) {
        guest_put(at + 0x1000 + i * 4, 4, i << 12 | 0x67);
    }
}

TEST(delivery_to_a_task_in_another_address_space)
{
    start(false, 0);
    gate32(14, 0x30, 0x85);
    task32(0x4000);
    directory(0x100000);
    directory(0x102000);
    guest_put(0x401c, 4, 0x102000);
    cpu.paging.cr0 |= LS_CR0_PG;
    cpu.paging.cr3 = 0x100000;
    planned(&page_fault);
    CHECK_EQ(plan.outcome, LS_DELIVERED);
    guest_put(0x103000 + 8 * 4, 4, 0x200067); /* its stack is elsewhere */
    planned(&page_fault);
    CHECK_EQ(plan.outcome, LS_NOT_WORKED_OUT);
}

TEST(delivery_real_mode)
{
    start(false, 0);
    cpu.paging.cr0 = 0;
    cpu.segment[LS_IDT].base = 0;
    cpu.segment[LS_SS].base = 0x20000;
    cpu.sp = 0x6ffa;
    guest_put(0x82 * 4, 4, 0xf0001234);
    ls_delivery_plan_real(&plan, &cpu, 0x82);
    CHECK_EQ(plan.count, 5);
    CHECK_EQ(plan.access[0].vaddr, 0x208);
    CHECK_EQ(plan.access[2].vaddr, 0x26ffe);
    CHECK_EQ(plan.access[4].vaddr, 0x26ffa);
    CHECK_EQ(plan.ip, 0x1234);
}

TEST(delivery_is_compared_with_memory)
{
    start(true, 0);
    gate64(14, 0x8e, 0);
    planned(&page_fault);
    for (unsigned i = 0; i < plan.count; i++) {
        if (plan.access[i].store) {
            guest_put(plan.access[i].vaddr, 8, plan.access[i].value);
        }
    }
    CHECK(ls_delivery_agrees(&plan, &cpu, plan.count));
    guest_put(0x7fe8, 8, 0x10246); /* RF: QEMU 10 sets it */
    CHECK(ls_delivery_agrees(&plan, &cpu, plan.count));
    guest_put(0x7fe0, 8, 0x1b);
    CHECK(!ls_delivery_agrees(&plan, &cpu, plan.count));
}

TEST(delivery_that_came_to_its_end)
{
    LsCpuDump after;

    start(true, 0);
    gate64(14, 0x8e, 0);
    planned(&page_fault);
    after = cpu;
    CHECK(!ls_delivery_is_complete(&plan, &after));
    after.ip = plan.ip;
    after.sp = plan.sp;
    CHECK(ls_delivery_is_complete(&plan, &after));
    CHECK_EQ(ls_delivery_faulted_at(&plan, 0x7fe9), 7);
    CHECK_EQ(ls_delivery_faulted_at(&plan, 0x7000), -1);
}
