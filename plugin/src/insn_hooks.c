/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Callbacks of single instructions (see insn_hooks.h). */
#include "insn_hooks.h"

#include "cpu_view.h"
#include "deliver.h"
#include "events.h"
#include "insn_class.h"
#include "pages.h"
#include "push.h"
#include "regions.h"
#include "walker.h"

enum { INTO = 4 }; /* its vector */

/* Before an instruction after which addresses may lead elsewhere, and behind
 * it. */
static void on_remap(unsigned vcpu, void *userdata)
{
    (void)vcpu;
    (void)userdata;
    ls_pages_unmap(ls_self);
    ls_regions_forget();
}

/* Before `mov` to CR0 or CR3; userdata: see ls_insn_mov_cr(). */
static void on_mov_cr(unsigned vcpu, void *userdata)
{
    LsRecorder *r = ls_self;
    unsigned what = (unsigned)(uintptr_t)userdata;
    bool is_cr3 = what >> LS_MOV_CR_NUMBER_SHIFT & 3;
    uint64_t cr0, cr3;

    on_remap(vcpu, userdata);
    if (!r->eip) {
        return;
    }
    cr0 = ls_view_u64(r->eip, LS_VIEW_CR0);
    cr3 = ls_view_u64(r->eip, LS_VIEW_CR3);
    if (ls_api.version > 1) {
        *(is_cr3 ? &cr3 : &cr0) = ls_view_register(r->eip, what & 15);
    } else if (is_cr3) {
        return; /* QEMU 7.2: the register cannot be read */
    } else if (cr3) {
        cr0 |= LS_CR0_PG; /* nor this one: it may be */
    }
    ls_walker_expect(r, cr0, cr3);
}

/* Before `out dx`: flush only for ports that can remap memory. */
static void on_out_dx(unsigned vcpu, void *userdata)
{
    LsRecorder *r = ls_self;

    (void)vcpu;
    (void)userdata;
    if (!r->eip || ls_port_remaps(
                       (uint16_t)ls_view_register(r->eip, LS_RDX))) {
        ls_pages_unmap(r);
        ls_regions_forget();
    }
}

static void hook_remap(LsInsn *insn, unsigned class, bool after, unsigned cr)
{
    if (cr) {
        ls_api.on_insn(insn, on_mov_cr, LS_CB_R_REGS, (void *)(uintptr_t)cr);
    } else if (after || class & (LS_INSN_REMAPS | LS_INSN_OUT_REMAPS)) {
        ls_api.on_insn(insn, on_remap, LS_CB_NO_REGS, NULL);
    } else if (class & LS_INSN_OUT_DX && ls_api.version == 1) {
        /* QEMU 7.2 does not keep registers where we could look at DX. */
        ls_api.on_insn(insn, on_remap, LS_CB_NO_REGS, NULL);
    } else if (class & LS_INSN_OUT_DX) {
        ls_api.on_insn(insn, on_out_dx, LS_CB_R_REGS, NULL);
    }
}

static uint64_t low_bytes(uint64_t value, uint64_t port)
{
    unsigned bits = 8u << (port >> LS_PORT_SIZE_SHIFT & 3);

    return value & ((UINT64_C(1) << bits) - 1);
}

static void push_port(LsRecorder *r, uint64_t port, uint64_t value)
{
    ls_push(r, ls_word(port, LS_W_PORT));
    ls_push_checked(r, value);
}

void ls_insn_look_again(LsRecorder *r)
{
    if (!r->kept_log) {
        r->kept_log = r->log;
        r->log = "!";
    }
}

static void look_again(LsRecorder *r, unsigned index)
{
    const LsBlock *code = ls_code_block(ls_word_id(r->current));

    ls_insn_look_again(r);
    r->pending_ip = code->vaddr + code->offset[index];
}

/* Before in, out, ins, outs; userdata: see ls_insn_port(), and the index. */
static void on_port(unsigned vcpu, void *userdata)
{
    LsRecorder *r = ls_self;
    uint64_t port = (uint64_t)(uintptr_t)userdata;
    bool knows = r->eip && ls_api.version > 1; /* 7.2: registers are not kept */
    bool is_string = port & LS_PORT_STRING;

    (void)vcpu;
    if (port & LS_PORT_DX && knows) {
        port &= ~(uint64_t)LS_PORT_DX;
        port |= ls_view_register(r->eip, LS_RDX) & 0xffff;
    }
    if (!knows || is_string) {
        push_port(r, port, 0);
    } else if (port & LS_PORT_OUT) {
        uint64_t value = low_bytes(ls_view_register(r->eip, LS_RAX), port);

        push_port(r, port | LS_PORT_VALUE, value);
    } else {
        r->pending_in = port;
        look_again(r, (unsigned)(port >> LS_PORT_INDEX_SHIFT));
    }
}

/* Behind an `in`, in its block: not in every QEMU does it end one. */
static void on_in_done(unsigned vcpu, void *userdata)
{
    (void)vcpu;
    (void)userdata;
    if (ls_self->kept_log) {
        ls_insn_settle(ls_self);
    }
}

/* Before a software interrupt in real mode, which QEMU does not log. */
static void on_real_int(unsigned vcpu, void *userdata)
{
    unsigned told = (unsigned)(uintptr_t)userdata;

    (void)vcpu;
    if (ls_events_are_read()) {
        ls_self->pending_int = (told & 0xff) + 1;
        look_again(ls_self, told >> 8);
    }
}

/* Behind an into, in its block: it was not taken. */
static void on_into_done(unsigned vcpu, void *userdata)
{
    (void)vcpu;
    (void)userdata;
    if (ls_self->kept_log) {
        ls_self->pending_int = 0;
        ls_insn_settle(ls_self);
    }
}

void ls_insn_settle(LsRecorder *r)
{
    uint64_t port = r->pending_in;
    unsigned interrupt = r->pending_int;
    bool lost; /* the registers are those of a snapshot */

    r->log = r->kept_log;
    ls_insn_forget(r);
    lost = ls_events_restored(r);
    if (port && r->eip && !lost && ls_events_next_ip(r) != r->pending_ip) {
        push_port(r, port | LS_PORT_VALUE,
                  low_bytes(ls_view_register(r->eip, LS_RAX), port));
    } else if (port) {
        push_port(r, port, 0); /* it faulted */
    }
    if (interrupt == INTO + 1 && lost) {
        return; /* taken or not */
    }
    if (interrupt && lost) {
        LsOpenEvent event = { .what = (interrupt - 1) | LS_EV_SOFTWARE,
                              .ip = r->pending_ip };

        ls_deliver_tell(r, &event, NULL);
    } else if (interrupt) {
        ls_deliver_tell_real(r, (interrupt - 1) | LS_EV_SOFTWARE,
                             r->pending_ip);
    }
}

void ls_insn_forget(LsRecorder *r)
{
    r->kept_log = NULL;
    r->pending_in = 0;
    r->pending_int = 0;
}

void ls_hook_insn_events(LsInsn *insn, const LsBlockDraft *draft, unsigned i,
                         unsigned class, unsigned class_before)
{
    const uint8_t *bytes = draft->bytes + draft->offset[i];
    unsigned len = draft->offset[i + 1] - draft->offset[i];

    hook_remap(insn, class, class_before & LS_INSN_REMAPS,
               ls_insn_mov_cr(bytes, len, draft->hflags & LS_HF_CS64));
    if (!(draft->flags & LS_BLOCK_MODE_KNOWN)) {
        return; /* neither operand size nor registers are known */
    }
    if (class_before & LS_INSN_PORT) {
        ls_api.on_insn(insn, on_in_done, LS_CB_R_REGS, NULL);
    }
    if (class & LS_INSN_PORT) {
        uint64_t port = ls_insn_port(bytes, len,
                                     draft->hflags & (LS_HF_CS32 | LS_HF_CS64));

        ls_api.on_insn(insn, on_port, LS_CB_R_REGS,
                       (void *)(uintptr_t)(port | (uint64_t)i
                                                  << LS_PORT_INDEX_SHIFT));
    }
    if (class_before & LS_INSN_INT && !(draft->hflags & LS_HF_PE)) {
        ls_api.on_insn(insn, on_into_done, LS_CB_NO_REGS, NULL);
    }
    if (class & LS_INSN_INT && !(draft->hflags & LS_HF_PE)) {
        ls_api.on_insn(insn, on_real_int, LS_CB_NO_REGS,
                       (void *)(uintptr_t)(ls_insn_vector(bytes, len) | i << 8));
    }
}
