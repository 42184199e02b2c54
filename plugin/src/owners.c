/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose the logged events are (see owners.h). */
#include "owners.h"

#include "cpu_view.h"
#include "words.h"

enum { SEVERAL = LS_NOBODY - 1 };

static bool same_registers(const LsCpuDump *a, const LsCpuDump *b)
{
    for (unsigned i = 0; i < LS_GENERAL; i++) {
        if (i != LS_RSP && a->general[i] != b->general[i]) {
            return false;
        }
    }
    return true;
}

/* Whether an event at `before` was not delivered and led to another at once. */
static bool same_state(const LsCpuDump *before, const LsCpuDump *now)
{
    return before->ip == now->ip && before->sp == now->sp &&
           before->paging.cr3 == now->paging.cr3 && same_registers(before, now);
}

static bool is_real(const LsCpuDump *cpu)
{
    return !(cpu->paging.cr0 & LS_CR0_PE);
}

/* Whether `now`, of the vCPU with these tables, is how the event left it. */
static bool led_to(const LsLoggedEvent *e, const uint8_t *eip, const LsCpuDump *now)
{
    LsOpenEvent event = e->event;

    if (e->real) {
        return is_real(now) && ls_deliver_led_to_real(&event, now);
    }
    if (!event.dumped || event.what & LS_EV_APART) {
        return false;
    }
    ls_cpu_dump_take_tables(eip, &event.before);
    return ls_deliver_led_to(&event, now);
}

/*
 * The later event that found the state which this one led to; SEVERAL, of which nobody
 * knows which.  Of each vCPU its first one alone can have done so: others found what
 * came of that.  `first` has those, by vCPU.
 */
static int find_next(const LsLoggedEvent *list, const int *first, unsigned i)
{
    int next = LS_NOBODY;

    for (unsigned vcpu = 0; vcpu < ls_capture.max_vcpus; vcpu++) {
        int j = first[vcpu];
        const LsCpuDump *found;

        if (j == LS_NOBODY || !list[j].event.dumped) {
            continue;
        }
        found = &list[j].event.before;
        if ((list[i].event.dumped && same_state(&list[i].event.before, found)) ||
            led_to(&list[i], ls_view_eip(ls_record_vcpu_object(vcpu)), found)) {
            next = next == LS_NOBODY ? j : SEVERAL;
        }
    }
    return next;
}

/* How well a vCPU as it is fits what the event left. */
enum { FITS_NOT, FITS_REGISTERS, FITS_STATE, FITS_BOTH };

static unsigned fit(const LsLoggedEvent *e, const uint8_t *eip)
{
    LsCpuDump now;
    bool registers, state;

    ls_cpu_dump_view(eip, &now);
    registers = e->event.dumped && same_registers(&e->event.before, &now);
    state = led_to(e, eip, &now);
    return (registers ? FITS_REGISTERS : 0u) | (state ? FITS_STATE : 0u);
}

/* The one vCPU that fits best, of those that have no later event. */
static int find_vcpu(const LsLoggedEvent *e, const int *first)
{
    unsigned best = FITS_NOT;
    int found = LS_NOBODY;

    for (unsigned vcpu = 0; vcpu < ls_capture.max_vcpus; vcpu++) {
        const uint8_t *eip = ls_view_eip(ls_record_vcpu_object(vcpu));
        unsigned now;

        if (!eip || first[vcpu] != LS_NOBODY) {
            continue;
        }
        now = fit(e, eip);
        if (now > best) {
            best = now;
            found = (int)vcpu;
        } else if (now == best) {
            found = LS_NOBODY;
        }
    }
    return found;
}

void ls_owners_find(const LsRecorder *r, LsLoggedEvent *list, unsigned count,
                    bool lost)
{
    int first[LS_MAX_VCPUS];

    for (unsigned vcpu = 0; vcpu < ls_capture.max_vcpus; vcpu++) {
        first[vcpu] = LS_NOBODY;
    }
    for (unsigned i = count; i-- > 0;) {
        LsLoggedEvent *e = &list[i];

        if (!ls_capture.smp) {
            e->vcpu = (int)r->vcpu;
            e->next = i + 1 < count ? (int)i + 1 : LS_NOBODY;
            continue;
        }
        e->next = find_next(list, first, i);
        if (e->next == SEVERAL) {
            e->next = e->vcpu = LS_NOBODY;
        } else {
            e->vcpu = e->next != LS_NOBODY ? list[e->next].vcpu
                      : lost               ? LS_NOBODY
                                           : find_vcpu(e, first);
        }
        if (e->vcpu != LS_NOBODY) {
            first[e->vcpu] = (int)i;
        }
    }
}
