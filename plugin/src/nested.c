/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds where nested guests were left (see nested.h). */
#include "nested.h"

#include "audit.h"
#include "cpu_view.h"
#include "deliver.h"
#include "guest_memory.h"
#include "pages.h"
#include "push.h"
#include "words.h"

#include <string.h>

/* Offsets in a VMCB: APM 2, appendix B. */
enum {
    INT_CONTROL = 0x60,
    EXIT_CODE = 0x70,
    EXIT_INFO_2 = 0x80,
    EXIT_END = 0x90,
    NESTED_CONTROL = 0x90,
    EVENT_INJECTION = 0xa8, /* QEMU notes there what it delivers to the guest */
    EVENT_END = 0xb0,
    ES = 0x400, /* the first field that vmrun loads as a segment */
    CS_BASE = 0x418,
    RIP = 0x578,
    STATE_END = 0x648, /* behind CR2 */
    PAGED = 1, /* of NESTED_CONTROL */
};

static bool runs_guest(const LsRecorder *r)
{
    return r->eip && ls_view_u32(r->eip, LS_VIEW_HFLAGS) & LS_HF_GUEST;
}

/* What is stored of a VMCB, or of the host's state in the same form. */
static void explain_state(uint64_t at)
{
    if (!at) {
        return; /* not known */
    }
    ls_audit_explain(at + INT_CONTROL, EXIT_END - INT_CONTROL,
                     LS_BY_NESTED_STATE);
    ls_audit_explain(at + EVENT_INJECTION, EVENT_END - EVENT_INJECTION,
                     LS_BY_NESTED_STATE);
    ls_audit_explain(at + ES, STATE_END - ES, LS_BY_NESTED_STATE);
}

void ls_nested_enter(LsRecorder *r)
{
    if (!r->nested[r->vcpu] && ls_audit_is_on()) {
        explain_state(r->host_state[r->vcpu]);
        explain_state(r->vmcb[r->vcpu]);
    }
    r->nested[r->vcpu] = true;
    ls_look_closely(r);
}

void ls_nested_accessed(LsRecorder *r, uint64_t paddr, bool store)
{
    if ((paddr & 4095) == ES) { /* vmload and vmsave have others */
        (store ? r->host_state : r->vmcb)[r->vcpu] = paddr - ES;
    }
}

bool ls_nested_is_paged(const LsRecorder *r)
{
    uint64_t control;

    if (!r->nested[r->vcpu] && !runs_guest(r)) {
        return false;
    }
    return !r->vmcb[r->vcpu] ||
           !ls_guest_read(r->vmcb[r->vcpu] + NESTED_CONTROL, 8, &control) ||
           control & PAGED;
}

/* The vCPU runs the host again; RAX has the address of the VMCB. */
static COLD void leave(LsRecorder *r)
{
    LsOpenEvent event = { .what = LS_EV_GUEST_EXIT, .ip = UINT64_MAX };
    uint64_t vmcb = ls_view_register(r->eip, LS_RAX), rip, base;

    r->nested[r->vcpu] = false;
    if (!(ls_view_u32(r->eip, LS_VIEW_HFLAGS) & LS_HF_CS64)) {
        vmcb &= UINT32_MAX;
    }
    if (r->vmcb[r->vcpu] && vmcb != r->vmcb[r->vcpu]) {
        vmcb = 0; /* reset meanwhile */
    }
    if (vmcb && !(vmcb & 4095) && ls_guest_read(vmcb + EXIT_CODE, 8, &event.error) &&
        ls_guest_read(vmcb + EXIT_INFO_2, 8, &event.cr2) &&
        ls_guest_read(vmcb + CS_BASE, 8, &base) &&
        ls_guest_read(vmcb + RIP, 8, &rip)) {
        event.ip = base + rip;
        if (ls_audit_is_on()) {
            explain_state(vmcb);
        }
    }
    ls_deliver_tell(r, &event, NULL);
    ls_pages_unmap(r); /* CR3 may be the same, and what it leads to another */
}

void ls_nested_look(LsRecorder *r)
{
    if (UNLIKELY(r->nested[r->vcpu]) && r->eip && !runs_guest(r)) {
        leave(r);
    }
}

void ls_nested_forget(LsRecorder *r)
{
    memset(r->nested, 0, sizeof(r->nested));
    memset(r->vmcb, 0, sizeof(r->vmcb));
    memset(r->host_state, 0, sizeof(r->host_state));
}
