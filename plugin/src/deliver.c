/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells the stream of events and their delivery (see deliver.h). */
#include "deliver.h"

#include "audit.h"
#include "cpu_view.h"
#include "fault.h"
#include "guest_memory.h"
#include "nested.h"
#include "pages.h"
#include "push.h"
#include "walker.h"

#include <string.h>

bool ls_deliver_is_possible(void)
{
    return ls_guest_memory_is_readable();
}

static void push_event(LsRecorder *r, const LsOpenEvent *event,
                       uint64_t flags)
{
    r->events++;
    ls_push(r, (event->what | flags) << 16 | LS_W_EVENT);
    ls_push(r, event->error);
    ls_push(r, event->ip);
    ls_push_checked(r, event->cr2);
}

/* The block without code for what no instruction does at this CPL. */
static uint32_t block_id(LsRecorder *r, const LsCpuDump *cpu, unsigned cpl)
{
    LsBlockDraft *draft = &r->draft;

    draft->vaddr = 0;
    draft->eip = 0;
    draft->hflags = cpl | (cpu->paging.cr0 & LS_CR0_PE ? LS_HF_PE : 0u) |
                    (cpu->paging.long_mode ? LS_HF_LMA : 0u) |
                    (cpu->smm ? LS_HF_SMM : 0u);
    draft->flags = LS_BLOCK_MODE_KNOWN | LS_BLOCK_DELIVERY;
    draft->insn_count = 0;
    draft->offset[0] = 0;
    return ls_code_intern(draft);
}

static uint64_t access_word(const LsDeliveryAccess *a)
{
    static const uint8_t log2[9] = { [2] = 1, [4] = 2, [8] = 3 };

    return a->vaddr << 16 |
           (uint64_t)log2[a->bytes] << LS_ACCESS_SIZE_SHIFT |
           (a->store ? (uint64_t)LS_ACCESS_STORE : 0u);
}

static void explain(const LsPaging *paging, const LsDeliveryAccess *a)
{
    LsWalk walk;

    for (unsigned i = 0; i < a->bytes; i++) {
        if (ls_walk(paging, a->vaddr + i, &walk)) {
            ls_audit_explain(walk.paddr, 1, LS_BY_EVENT_DELIVERY);
        }
    }
}

static bool push_access(LsRecorder *r, const LsPaging *paging,
                        const LsDeliveryAccess *a)
{
    uint64_t last = a->vaddr + a->bytes - 1;
    LsWalk walk;

    if (!ls_walk(paging, a->vaddr, &walk)) {
        return false;
    }
    ls_pages_tell_known(r, a->vaddr, ls_guest_told_page(walk.paddr >> 12),
                        access_word(a) & 0xffff);
    if (last >> 12 != a->vaddr >> 12) {
        if (!ls_walk(paging, last, &walk)) {
            return false;
        }
        ls_pages_tell_known(r, last & ~UINT64_C(0xfff),
                            ls_guest_told_page(walk.paddr >> 12),
                            access_word(a) & 0xffff);
    }
    if (ls_page_is_wide(a->vaddr)) {
        ls_push(r, LS_W_WIDE);
        ls_push(r, a->vaddr);
    }
    ls_push_checked(r, access_word(a));
    if (a->store && ls_audit_is_on()) {
        explain(paging, a);
    }
    return true;
}

/* Every access must be in RAM before any is told. */
static bool can_be_told(const LsPaging *paging, const LsDelivery *d,
                        unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const LsDeliveryAccess *a = &d->access[i];
        uint64_t value;

        if (!ls_read_linear(paging, a->vaddr, a->bytes, &value)) {
            return false;
        }
    }
    return true;
}

/* Compares a delivery with what QEMU 7.2 reported: all of it, or nothing. */
static void compare_strays(LsRecorder *r, const LsDelivery *d, unsigned count)
{
    if (r->stray_count < count || r->stray_count > LS_MAX_STRAYS) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        if (r->stray[i] != access_word(&d->access[i])) {
            return;
        }
    }
    r->stray_count -= count;
    memmove(r->stray, r->stray + count, r->stray_count * sizeof(*r->stray));
    r->confirmed_deliveries++;
}

void ls_deliver_settle_strays(LsRecorder *r)
{
    r->delivery_mismatches += r->stray_count > 0;
    r->strays += r->stray_count;
    r->stray_count = 0;
}

static void push_delivery(LsRecorder *r, const LsCpuDump *cpu,
                          const LsDelivery *d, unsigned count)
{
    bool frame_is_lost = ls_fault_loses_frame();

    compare_strays(r, d, count);
    ls_push_checked(r, ls_word_of_block(block_id(r, cpu, d->level), 0));
    for (unsigned i = 0; i < count; i++) {
        if (!(frame_is_lost && d->access[i].store)) {
            push_access(r, &cpu->paging, &d->access[i]);
        }
    }
    r->deliveries++;
}

/* How many accesses were made; -1 when that cannot be said. */
static int made(const LsDelivery *d, const LsCpuDump *after)
{
    if (d->outcome == LS_REFUSED || ls_delivery_is_complete(d, after)) {
        return (int)d->count;
    }
    return d->outcome == LS_DELIVERED ? ls_delivery_faulted_at(d, after->cr2)
                                      : -1;
}

static void work_out(const LsOpenEvent *event, LsDelivery *d)
{
    const LsDeliveryCause cause = {
        .vector = event->what & 0xff,
        .error = event->error,
        .software = event->what & LS_EV_SOFTWARE,
        .outside = event->what & LS_EV_HARDWARE,
    };

    ls_delivery_plan(d, &event->before, &cause);
}

bool ls_deliver_led_to(const LsOpenEvent *event, const LsCpuDump *now)
{
    LsDelivery d;

    if (!event->dumped || !ls_deliver_is_possible()) {
        return false;
    }
    work_out(event, &d);
    return ls_delivery_is_complete(&d, now);
}

bool ls_deliver_led_to_real(const LsOpenEvent *event, const LsCpuDump *now)
{
    LsDelivery d;

    if (!ls_deliver_is_possible()) {
        return false;
    }
    ls_delivery_plan_real(&d, now, event->what & 0xff);
    return ls_delivery_is_complete(&d, now);
}

void ls_deliver_tell(LsRecorder *r, const LsOpenEvent *event,
                     const LsCpuDump *after)
{
    const LsCpuDump *before = &event->before;
    LsDelivery d;
    bool complete;
    int count = -1;

    if (event->what & LS_EV_APART) {
        r->apart_events++;
        push_event(r, event, 0);
        return;
    }
    if (event->dumped && after && ls_deliver_is_possible() &&
        !ls_nested_is_paged(r)) {
        work_out(event, &d);
        count = made(&d, after);
        if (count >= 0 && !can_be_told(&before->paging, &d, (unsigned)count)) {
            count = -1;
        }
    }
    complete = count >= 0 && ls_delivery_is_complete(&d, after);
    push_event(r, event, (count >= 0 ? LS_EV_DELIVERED : 0) |
                             (count >= 0 && !complete ? LS_EV_FAILED : 0));
    if (count >= 0) {
        if (complete &&
            !ls_delivery_agrees(&d, before, (unsigned)count)) {
            r->delivery_mismatches++;
        }
        push_delivery(r, before, &d, (unsigned)count);
    } else {
        r->missing_deliveries++;
    }
}

void ls_deliver_tell_real(LsRecorder *r, uint64_t what, uint64_t ip)
{
    LsOpenEvent event = { .what = what, .ip = ip };
    LsCpuDump cpu;
    LsDelivery d = { 0 };
    uint64_t frame_ip, frame_cs, stack;

    if (r->eip && ls_deliver_is_possible() && !ls_nested_is_paged(r)) {
        ls_cpu_dump_view(r->eip, &cpu);
        ls_delivery_plan_real(&d, &cpu, what & 0xff);
        stack = cpu.segment[LS_SS].base + (cpu.sp & 0xffff);
        if (ls_delivery_is_complete(&d, &cpu) &&
            can_be_told(&cpu.paging, &d, d.count) &&
            ls_read_linear(&cpu.paging, stack, 2, &frame_ip) &&
            ls_read_linear(&cpu.paging, stack + 2, 2, &frame_cs)) {
            if (ip == UINT64_MAX) {
                event.ip = (frame_cs << 4) + frame_ip;
            }
            push_event(r, &event, LS_EV_DELIVERED);
            push_delivery(r, &cpu, &d, d.count);
            return;
        }
    }
    if (what == (LS_EV_SOFTWARE | 4)) {
        return; /* into, without overflow */
    }
    r->missing_deliveries++;
    push_event(r, &event, 0);
}

void ls_deliver_walks(LsRecorder *r)
{
    LsCpuDump cpu;

    if (r->eip && ls_walker_differs(r)) {
        ls_cpu_dump_view(r->eip, &cpu);
        ls_push_checked(r, ls_word_of_block(block_id(r, &cpu, cpu.cpl), 0));
        ls_walker_compare_all(r, 0);
    }
}
