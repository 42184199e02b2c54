/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Injects faults for tests (see fault.h). */
#include "fault.h"

#include "code.h"
#include "pages.h"
#include "push.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INFO_DIRECTION (UINT32_C(3) << 16) /* load, store */

typedef enum { NONE, DROP, SHIFT, NEIGHBOUR, SWAP, FRAME } Kind;

static const char *chosen;
static Kind kind;
static uint64_t every;
static LsMemCb behind;
/* With thread=multi several threads count. */
static _Atomic uint64_t seen, injected;

bool ls_fault_choose(const char *text)
{
    static const struct {
        const char *name;
        Kind kind;
    } known[] = {
        { "drop:", DROP }, { "shift:", SHIFT }, { "neighbour:", NEIGHBOUR },
        { "swap:", SWAP }, { "frame:", FRAME },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const char *number = text + strlen(known[i].name);
        char *end;

        if (strncmp(text, known[i].name, strlen(known[i].name)) != 0) {
            continue;
        }
        errno = 0;
        every = strtoull(number, &end, 10);
        if (!isdigit((unsigned char)*number) || *end || errno || !every) {
            return false;
        }
        kind = known[i].kind;
        chosen = text;
        return true;
    }
    return false;
}

static bool is_due(void)
{
    if ((atomic_fetch_add(&seen, 1) + 1) % every) {
        return false;
    }
    atomic_fetch_add(&injected, 1);
    return true;
}

/* The index of an instruction beside this one in its block; the same when it is
 * alone. */
static uint64_t neighbour_of(const LsRecorder *r, uint64_t index)
{
    unsigned count = ls_code_block(ls_word_id(r->current))->insn_count;

    return index > 0 ? index - 1 : count > 1 ? 1 : 0;
}

static void mem_faulty(unsigned vcpu, LsMemInfo info, uint64_t vaddr,
                       void *userdata)
{
    LsRecorder *r = ls_self;
    uint64_t site = (uint64_t)(uintptr_t)userdata;
    uint64_t index = ls_access_index(site);

    if (ls_site_id(site) != ls_word_id(r->current) || *r->log ||
        !ls_page_is_placed(r, vaddr, ls_api.mem_is_store(info)) ||
        (kind == NEIGHBOUR && neighbour_of(r, index) == index) || !is_due()) {
        behind(vcpu, info, vaddr, userdata);
        return;
    }
    switch (kind) {
    case DROP:
        return;
    case SHIFT:
        vaddr += 8;
        break;
    case NEIGHBOUR:
        site = ls_site(ls_site_id(site), neighbour_of(r, index));
        break;
    case SWAP:
        info ^= INFO_DIRECTION;
        break;
    case NONE:
    case FRAME:
        break;
    }
    behind(vcpu, info, vaddr, (void *)(uintptr_t)site);
}

LsMemCb ls_fault_before(LsMemCb cb)
{
    behind = cb;
    return kind == NONE || kind == FRAME ? cb : mem_faulty;
}

bool ls_fault_loses_frame(void)
{
    return kind == FRAME && is_due();
}

const char *ls_fault_chosen(void)
{
    return chosen;
}

uint64_t ls_fault_count(void)
{
    return atomic_load(&injected);
}
