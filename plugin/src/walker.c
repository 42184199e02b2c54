/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds what the MMU stored (see walker.h). */
#include "walker.h"

#include "audit.h"
#include "cpu_view.h"
#include "guest_memory.h"
#include "pages.h"
#include "push.h"

#include <stdlib.h>
#include <string.h>

enum {
    TABLE_SLOTS = 1 << 14, /* a power of two */
    MAX_TABLES = 1 << 13,
    ROOTS = 64,
    SAME_BITS = 10,
    EVER_BITS = 1 << 17, /* a power of two; 512 MiB of pages */
    PAGE_BYTES = 4096,
    AD_BITS = LS_PTE_ACCESSED | LS_PTE_DIRTY,
};

typedef struct {
    uint64_t page;     /* guest-physical page + 1, 0 when the slot is free */
    uint64_t told;     /* the page as callbacks call it */
    uint32_t links;    /* entries of other tables, and roots, that lead here */
    uint8_t level;     /* 1 maps 4 KiB pages */
    uint8_t entry_bytes;
    bool large;        /* an entry with PTE_LARGE maps a page */
    uint8_t *copy;
} Table;

/* An entry that was found equal to its copy.  It still is when it has the same value
 * and its copy was changed by nothing but the MMU's bits. */
typedef struct {
    uint64_t paddr;
    uint64_t value;
    uint64_t era;      /* of the walker, then */
} Same;

typedef struct LsWalker {
    Table table[TABLE_SLOTS];
    unsigned count;
    uint64_t root[ROOTS]; /* CR3s, oldest first from `oldest` on */
    unsigned oldest;
    bool renumbered;      /* callbacks call a table's page otherwise */
    Same same[1 << SAME_BITS];
    uint64_t era;         /* those of earlier ones are forgotten */
    /* By the low bits of a page, as callbacks call it: clear when it never was a
     * table.  Asked for every page that is told. */
    uint8_t ever[EVER_BITS / 8];
} LsWalker;

static LsPaging paging_of(const LsRecorder *r)
{
    return (LsPaging){
        .cr0 = ls_view_u64(r->eip, LS_VIEW_CR0),
        .cr3 = ls_view_u64(r->eip, LS_VIEW_CR3),
        .cr4 = ls_view_u64(r->eip, LS_VIEW_CR4),
        .long_mode = ls_view_u32(r->eip, LS_VIEW_HFLAGS) & LS_HF_LMA,
    };
}

bool ls_walker_is_possible(const LsRecorder *r)
{
    return r->eip && ls_guest_memory_is_readable() &&
           atomic_load(&ls_recorder_count) <= 1 &&
           /* Not in SMM, whose memory is another, nor in a nested guest. */
           !(ls_view_u32(r->eip, LS_VIEW_HFLAGS) &
             (LS_HF_SMM | LS_HF_GUEST));
}

/* So many bits that depend on all of the value (Knuth, TAOCP 3, 6.4). */
static unsigned hash(uint64_t value, unsigned bits)
{
    return (unsigned)(value * UINT64_C(0x9E3779B97F4A7C15) >> (64 - bits));
}

static unsigned slot_of(uint64_t page)
{
    return hash(page, 14);
}

/* The table, or the free slot where it would be. */
static Table *find(LsWalker *w, uint64_t page)
{
    unsigned at = slot_of(page);

    while (w->table[at].page && w->table[at].page != page + 1) {
        at = (at + 1) & (TABLE_SLOTS - 1);
    }
    return &w->table[at];
}

/* Frees the slot, and moves up what had to stand behind it. */
static void remove_slot(LsWalker *w, Table *t)
{
    unsigned hole = (unsigned)(t - w->table), at = hole;

    free(t->copy);
    w->count--;
    for (;;) {
        unsigned home;

        at = (at + 1) & (TABLE_SLOTS - 1);
        if (!w->table[at].page) {
            break;
        }
        home = slot_of(w->table[at].page - 1);
        if (((at - home) & (TABLE_SLOTS - 1)) >=
            ((at - hole) & (TABLE_SLOTS - 1))) {
            w->table[hole] = w->table[at];
            hole = at;
        }
    }
    w->table[hole] = (Table){ 0 };
}

static uint64_t entry_at(const Table *t, const uint8_t *bytes,
                         unsigned offset)
{
    uint64_t value = 0;

    memcpy(&value, bytes + offset, t->entry_bytes);
    return value;
}

/* The page that an entry leads to: a table, or the first of those that it maps. */
static uint64_t frame_page(const Table *t, uint64_t entry)
{
    return entry >> 12 & (t->entry_bytes == 4 ? 0xfffff
                                              : (UINT64_C(1) << 40) - 1);
}

/* The page of the table that an entry leads to, or -1; a table that leads to itself is
 * not held by that. */
static uint64_t child_of(const Table *t, uint64_t entry)
{
    if (t->level == 1 || !(entry & LS_PTE_PRESENT) ||
        (t->large && entry & LS_PTE_LARGE) ||
        frame_page(t, entry) == t->page - 1) {
        return UINT64_MAX;
    }
    return frame_page(t, entry);
}

static Same *same_of(LsWalker *w, uint64_t paddr)
{
    return &w->same[hash(paddr, SAME_BITS)];
}

/* No entry is known to be equal to its copy. */
static void forget_same(LsWalker *w)
{
    w->era++;
}

static void link_table(LsRecorder *r, uint64_t page, unsigned level,
                       const LsPaging *paging);

static void unlink_table(LsWalker *w, uint64_t page)
{
    Table *t = find(w, page), gone;

    if (!t->page || --t->links) {
        return;
    }
    gone = *t;
    t->copy = NULL;
    remove_slot(w, t);
    for (unsigned at = 0; at < PAGE_BYTES; at += gone.entry_bytes) {
        uint64_t child = child_of(&gone, entry_at(&gone, gone.copy, at));

        if (child != UINT64_MAX) {
            unlink_table(w, child);
        }
    }
    free(gone.copy);
}

/* Stores to it are looked at from here on. */
static void watch(LsRecorder *r, uint64_t told)
{
    for (unsigned i = 0; i < r->told_count; i++) {
        unsigned slot = r->page_told[i];

        if ((r->page_phys[slot] & LS_MAP_PAGE) == told) {
            ls_pages_doubt(r, slot);
        }
    }
}

static void link_children(LsRecorder *r, const Table *t,
                          const LsPaging *paging)
{
    const Table copy = *t; /* the slots move */

    for (unsigned at = 0; at < PAGE_BYTES; at += copy.entry_bytes) {
        uint64_t child = child_of(&copy, entry_at(&copy, copy.copy, at));

        if (child != UINT64_MAX) {
            link_table(r, child, copy.level - 1u, paging);
        }
    }
}

static void link_table(LsRecorder *r, uint64_t page, unsigned level,
                       const LsPaging *paging)
{
    Table *t = find(r->walker, page);
    const uint8_t *bytes = ls_guest_page(page);

    if (t->page) {
        t->links++;
        return;
    }
    if (!bytes || r->walker->count == MAX_TABLES) {
        return;
    }
    *t = (Table){
        .page = page + 1,
        .told = ls_guest_told_page(page),
        .links = 1,
        .level = (uint8_t)level,
        .entry_bytes = paging->long_mode || paging->cr4 & LS_CR4_PAE ? 8 : 4,
        .large = level == 2 ? paging->long_mode ||
                                  paging->cr4 & (LS_CR4_PAE | LS_CR4_PSE)
                            : level == 3 && paging->long_mode,
        .copy = malloc(PAGE_BYTES),
    };
    if (!t->copy) {
        *t = (Table){ 0 };
        return;
    }
    r->walker->count++;
    r->walker->renumbered |= t->told != page;
    r->walker->ever[t->told / 8 % sizeof(r->walker->ever)] |=
        (uint8_t)(1 << t->told % 8);
    memcpy(t->copy, bytes, PAGE_BYTES);
    forget_same(r->walker);
    watch(r, t->told);
    link_children(r, t, paging);
}

static uint64_t root_page(const LsPaging *p)
{
    return (p->long_mode ? p->cr3 & ((UINT64_C(1) << 52) - 1)
                         : p->cr3 & UINT32_MAX) >> 12;
}

static void remember_root(LsRecorder *r, const LsPaging *paging)
{
    LsWalker *w = r->walker;
    uint64_t page = root_page(paging);
    unsigned levels = paging->long_mode ? paging->cr4 & LS_CR4_LA57 ? 5 : 4
                      : paging->cr4 & LS_CR4_PAE ? 3 : 2;

    for (unsigned i = 0; i < ROOTS; i++) {
        if (w->root[i] == page + 1) {
            return;
        }
    }
    if (w->root[w->oldest]) {
        unlink_table(w, w->root[w->oldest] - 1);
    }
    w->root[w->oldest] = page + 1;
    w->oldest = (w->oldest + 1) % ROOTS;
    link_table(r, page, levels, paging);
}

static void free_walker(LsWalker *w)
{
    for (unsigned i = 0; w && i < TABLE_SLOTS; i++) {
        free(w->table[i].copy);
    }
    free(w);
}

static void enter(LsRecorder *r, const LsPaging *paging)
{
    if (r->walker && r->walker->count == MAX_TABLES) {
        ls_walker_forget(r); /* stale ones fill it */
    }
    if (!r->walker) {
        r->walker = calloc(1, sizeof(*r->walker));
    }
    if (r->walker) {
        remember_root(r, paging);
    }
}

static void forget_expected(LsRecorder *r)
{
    for (unsigned i = 0; i < 2; i++) {
        free_walker(r->expected[i]);
        r->expected[i] = NULL;
    }
}

/* Tables as they would be in this mode, apart from what is known. */
static LsWalker *expect_in(LsRecorder *r, LsPaging paging, bool long_mode)
{
    LsWalker *known = r->walker, *expected;

    paging.long_mode = long_mode;
    r->walker = expected = calloc(1, sizeof(*expected));
    if (expected) {
        remember_root(r, &paging);
    }
    r->walker = known;
    return expected;
}

void ls_walker_expect(LsRecorder *r, uint64_t cr0, uint64_t cr3)
{
    LsPaging paging;

    if (!(cr0 & LS_CR0_PG) || !ls_walker_is_possible(r)) {
        return;
    }
    paging = paging_of(r);
    paging.cr3 = cr3;
    if (paging.cr0 & LS_CR0_PG) {
        enter(r, &paging);
        return;
    }
    if (r->walker && find(r->walker, root_page(&paging))->page) {
        return; /* paging was on before */
    }
    forget_expected(r);
    r->expected[false] = expect_in(r, paging, false);
    if (paging.cr4 & LS_CR4_PAE) { /* EFER.LME decides, which is not known */
        r->expected[true] = expect_in(r, paging, true);
    }
}

void ls_walker_enter(LsRecorder *r)
{
    LsPaging paging;

    if (!ls_walker_is_possible(r)) {
        return;
    }
    paging = paging_of(r);
    if (!(paging.cr0 & LS_CR0_PG)) {
        return;
    }
    if (r->expected[paging.long_mode]) {
        free_walker(r->walker);
        r->walker = r->expected[paging.long_mode];
        r->expected[paging.long_mode] = NULL;
    }
    forget_expected(r);
    enter(r, &paging);
}

static void push_update(LsRecorder *r, uint64_t paddr, unsigned bytes,
                        uint64_t low)
{
    r->walk_updates++;
    if (ls_audit_is_on()) {
        ls_audit_explain(paddr, bytes, LS_BY_PAGE_WALK);
    }
    ls_push(r, LS_W_PAGE_WALK);
    ls_push_checked(r, paddr << 16 | (low & LS_ACCESS_INDEX) |
                           LS_ACCESS_STORE |
                           (uint64_t)(bytes == 8 ? 3 : 2)
                               << LS_ACCESS_SIZE_SHIFT);
}

/* Compares an entry, as it is, with its copy. */
static void compare(LsRecorder *r, Table *t, uint64_t is, unsigned offset,
                    uint64_t low)
{
    uint64_t was = entry_at(t, t->copy, offset);

    if (LIKELY(was == is)) {
        return;
    }
    if (!((was ^ is) & ~(uint64_t)AD_BITS) && !(was & ~is) &&
        is & LS_PTE_PRESENT) {
        push_update(r, (t->page - 1) << 12 | offset, t->entry_bytes, low);
    } else {
        r->walk_mismatches++; /* someone else wrote there */
        forget_same(r->walker);
    }
    memcpy(t->copy + offset, &is, t->entry_bytes);
}

uint64_t ls_walker_translate(LsRecorder *r, uint64_t vaddr, uint64_t page,
                             uint64_t low)
{
    LsPaging paging;
    LsWalk walk;
    uint64_t attributes;
    bool settled;

    if (!ls_walker_is_possible(r)) {
        return 0;
    }
    paging = paging_of(r);
    if (!ls_walk(&paging, vaddr, &walk) ||
        ls_guest_told_page(walk.paddr >> 12) != page) {
        return 0;
    }
    if (!walk.page_shift) {
        return UINT64_C(1) << 4 | LS_ATTRIBUTE_SETTLED;
    }
    if (!r->walker || !find(r->walker, root_page(&paging))->page) {
        ls_walker_enter(r);
    }
    for (unsigned i = 0; r->walker && i < walk.depth; i++) {
        const LsPagingEntry *e = &walk.entry[i];
        Same *same = same_of(r->walker, e->paddr);
        Table *t;

        if (same->paddr == e->paddr && same->value == e->value &&
            same->era == r->walker->era) {
            continue;
        }
        t = find(r->walker, e->paddr >> 12);
        if (t->page) {
            compare(r, t, e->value, (unsigned)(e->paddr & (PAGE_BYTES - 1)),
                    low);
            *same = (Same){ e->paddr, e->value, r->walker->era };
        }
    }
    settled = walk.entry[walk.depth - 1].value & LS_PTE_DIRTY ||
              (!walk.write && paging.cr0 & LS_CR0_WP);
    attributes = (uint64_t)walk.write | (uint64_t)walk.user << 1 |
                 (uint64_t)walk.no_execute << 2 | (uint64_t)walk.global << 3 |
                 (uint64_t)walk.page_shift << 4;
    return attributes | (settled ? LS_ATTRIBUTE_SETTLED : 0);
}

/* The table that callbacks call so, or a free slot.  Only QEMU 7.2 numbers some
 * pages otherwise. */
static Table *find_told(LsWalker *w, uint64_t told)
{
    Table *t = find(w, told);

    for (unsigned i = 0; w->renumbered && i < TABLE_SLOTS; i++) {
        if (w->table[i].page && w->table[i].told == told) {
            return &w->table[i];
        }
    }
    return t;
}

bool ls_walker_has(const LsRecorder *r, uint64_t page)
{
    LsWalker *w = r->walker;

    return w && w->ever[page / 8 % sizeof(w->ever)] >> page % 8 & 1 &&
           find_told(w, page)->page;
}

bool ls_walker_is_in_doubt(const LsRecorder *r, uint64_t vaddr, uint64_t page)
{
    LsPaging paging;
    LsWalk walk;

    if (LIKELY(!r->any_changed)) {
        return false;
    }
    paging = paging_of(r);
    return !ls_walk(&paging, vaddr, &walk) ||
           ls_guest_told_page(walk.paddr >> 12) != page;
}

/* The guest changed an entry.  What it led to QEMU, like a processor, may go on to use
 * until it is told, or forgets it by itself.  An entry that leads nowhere is no doubt
 * yet: then there is a fault, and no access. */
static void mind_change(LsRecorder *r, const Table *t, unsigned offset,
                        uint64_t was, uint64_t is)
{
    uint64_t paddr = (t->page - 1) << 12 | offset;
    unsigned bit = hash(paddr, 12);
    uint8_t *cleared = &r->cleared[bit / 8 % sizeof(r->cleared)];

    if (!(is & LS_PTE_PRESENT)) {
        r->any_cleared |= was & LS_PTE_PRESENT;
        *cleared |= (uint8_t)((was & LS_PTE_PRESENT) << bit % 8);
        return;
    }
    if (was & LS_PTE_PRESENT
            ? frame_page(t, was) == frame_page(t, is) &&
                  !(t->level > 1 && (was ^ is) & LS_PTE_LARGE)
            : !(*cleared >> bit % 8 & 1)) {
        return;
    }
    r->any_changed = true;
    ls_pages_forget(r); /* each is compared when next used */
}

static bool differs(const Table *t)
{
    const uint8_t *now = t->page ? ls_guest_page(t->page - 1) : NULL;

    return now && memcmp(now, t->copy, PAGE_BYTES);
}

void ls_walker_compare_all(LsRecorder *r, uint64_t low)
{
    for (unsigned i = 0; r->walker && i < TABLE_SLOTS; i++) {
        Table *t = &r->walker->table[i];
        for (unsigned at = 0; differs(t) && at < PAGE_BYTES;
             at += t->entry_bytes) {
            compare(r, t, entry_at(t, ls_guest_page(t->page - 1), at), at, low);
        }
    }
}

/* The guest wrote to this root.  When it is not the one it runs on it is forgotten, and
 * read anew when it is again: its process may have ended, and what is written there be
 * anything but entries. */
static void leave_root(LsRecorder *r, uint64_t page, const LsPaging *paging,
                       uint64_t low)
{
    LsWalker *w = r->walker;

    for (unsigned i = 0; page != root_page(paging) && i < ROOTS; i++) {
        if (w->root[i] == page + 1) {
            ls_walker_compare_all(r, low);
            w->root[i] = 0;
            unlink_table(w, page);
        }
    }
}

/* The guest wrote an entry: other tables may be linked now. */
static void follow_store(LsRecorder *r, Table *t, const uint8_t *bytes,
                         unsigned offset, const LsPaging *paging)
{
    uint64_t was = entry_at(t, t->copy, offset);
    uint64_t is = entry_at(t, bytes, offset);
    uint64_t before = child_of(t, was), now = child_of(t, is);
    unsigned level = t->level;

    mind_change(r, t, offset, was, is);
    memcpy(t->copy + offset, bytes + offset, t->entry_bytes);
    /* No walk has an entry of 0. */
    same_of(r->walker, (t->page - 1) << 12 | offset)->value = 0;
    if (before == now) {
        return;
    }
    if (now != UINT64_MAX) { /* `t` may move */
        link_table(r, now, level - 1, paging);
    }
    if (before != UINT64_MAX) {
        unlink_table(r->walker, before);
    }
}

void ls_walker_access(LsRecorder *r, uint64_t page, unsigned offset,
                      uint64_t low)
{
    unsigned end = offset + ls_access_bytes(low);
    const LsPaging paging = paging_of(r);
    unsigned step = find_told(r->walker, page)->entry_bytes;
    bool changed = false;
    const Table *left;

    for (unsigned at = offset & ~(step - 1); at < end && at < PAGE_BYTES;
         at += step) {
        Table *t = find_told(r->walker, page);
        const uint8_t *now = t->page ? ls_guest_page(t->page - 1) : NULL;

        if (now && low & LS_ACCESS_STORE) {
            changed |= entry_at(t, t->copy, at) != entry_at(t, now, at);
            follow_store(r, t, now, at, &paging);
        } else if (now) {
            compare(r, t, entry_at(t, now, at), at, low);
        }
    }
    left = find_told(r->walker, page);
    if (changed && left->page) {
        leave_root(r, left->page - 1, &paging, low);
    }
}

bool ls_walker_differs(const LsRecorder *r)
{
    for (unsigned i = 0; r->walker && i < TABLE_SLOTS; i++) {
        if (differs(&r->walker->table[i])) {
            return true;
        }
    }
    return false;
}

void ls_walker_forget(LsRecorder *r)
{
    free_walker(r->walker);
    r->walker = NULL;
    forget_expected(r);
}
