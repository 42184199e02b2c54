/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"
#include "code.h"

#include <pthread.h>
#include <string.h>

static LsBlockDraft draft_of(uint64_t vaddr, unsigned insns, unsigned len)
{
    LsBlockDraft draft = { .vaddr = vaddr, .eip = vaddr,
                           .insn_count = insns };

    for (unsigned i = 0; i <= insns; i++) {
        draft.offset[i] = (uint16_t)(i * len);
    }
    memset(draft.bytes, 0x90, insns * len);
    return draft;
}

TEST(code_interns_by_address_mode_and_bytes)
{
    LsBlockDraft a = draft_of(0x1000, 3, 2);
    LsBlockDraft b = a;

    CHECK_EQ(ls_code_count(), 0);
    CHECK_EQ(ls_code_intern(&a), 0);
    CHECK_EQ(ls_code_intern(&b), 0);
    b.vaddr++;
    CHECK_EQ(ls_code_intern(&b), 1);
    b = a;
    b.eip++; /* another CS.base */
    CHECK_EQ(ls_code_intern(&b), 2);
    b = a;
    b.hflags = 3;
    CHECK_EQ(ls_code_intern(&b), 3);
    b = a;
    b.flags = LS_BLOCK_LAST_REP;
    CHECK_EQ(ls_code_intern(&b), 4);
    b = a;
    b.bytes[5] = 0x91;
    CHECK_EQ(ls_code_intern(&b), 5);
    b = a;
    b.offset[1] = 1; /* the same bytes cut otherwise */
    CHECK_EQ(ls_code_intern(&b), 6);
    b = draft_of(0x1000, 2, 2);
    CHECK_EQ(ls_code_intern(&b), 7);
    CHECK_EQ(ls_code_intern(&a), 0);
    CHECK_EQ(ls_code_count(), 8);
}

TEST(code_keeps_what_it_was_given)
{
    LsBlockDraft draft = draft_of(0xffffffff81000000, 3, 5);
    const LsBlock *b;

    draft.hflags = 0x8003;
    draft.flags = LS_BLOCK_MODE_KNOWN;
    draft.bytes[14] = 0xc3;
    b = ls_code_block(ls_code_intern(&draft));
    memset(&draft, 0xee, sizeof(draft));
    CHECK_EQ(b->vaddr, 0xffffffff81000000);
    CHECK_EQ(b->hflags, 0x8003);
    CHECK_EQ(b->flags, LS_BLOCK_MODE_KNOWN);
    CHECK_EQ(b->insn_count, 3);
    CHECK_EQ(b->byte_count, 15);
    CHECK_EQ(b->offset[2], 10);
    CHECK_EQ(b->bytes[13], 0x90);
    CHECK_EQ(b->bytes[14], 0xc3);
    CHECK_EQ(b->alias_of, UINT32_MAX);
}

TEST(code_alias_has_its_own_address_and_the_same_code)
{
    LsBlockDraft draft = draft_of(0x401000, 2, 3);
    LsBlockDraft other = draft_of(0x701000, 2, 3);
    uint32_t id = ls_code_intern(&draft);
    uint32_t alias = ls_code_alias(id, 0x300000);
    const LsBlock *b = ls_code_block(alias);

    CHECK(alias != id);
    CHECK_EQ(ls_code_alias(id, 0x300000), alias);
    CHECK(ls_code_alias(id, (uint64_t)-0x1000) != alias);
    CHECK_EQ(b->vaddr, 0x701000);
    CHECK_EQ(b->eip, 0x701000);
    CHECK_EQ(b->alias_of, id);
    CHECK(b->bytes == ls_code_block(id)->bytes);
    /* Translated there in earnest, it is a block of its own. */
    CHECK(ls_code_intern(&other) != alias);
}

TEST(code_finds_instructions_by_address)
{
    LsBlockDraft draft = draft_of(0xfffffffffffffff8, 3, 4); /* wraps */
    const LsBlock *b = ls_code_block(ls_code_intern(&draft));

    CHECK_EQ(ls_code_find_insn(b, 0xfffffffffffffff8), 0);
    CHECK_EQ(ls_code_find_insn(b, 0xfffffffffffffffc), 1);
    CHECK_EQ(ls_code_find_insn(b, 0), 2);
    CHECK_EQ(ls_code_find_insn(b, 1), -1);
    CHECK_EQ(ls_code_find_insn(b, 4), -1);
    CHECK_EQ(ls_code_find_insn(b, 0xfffffffffffffff7), -1);
}

TEST(code_grows_and_blocks_stay_where_they_are)
{
    enum { COUNT = 70000 }; /* two growths of the table, five pages */
    static LsBlockDraft draft;
    const LsBlock *first;

    draft = draft_of(0, 1, 1);
    ls_code_intern(&draft);
    first = ls_code_block(0);
    for (uint32_t i = 1; i < COUNT; i++) {
        draft.vaddr = draft.eip = (uint64_t)i << 12;
        if (ls_code_intern(&draft) != i) {
            CHECK_EQ(ls_code_intern(&draft), i);
            return;
        }
    }
    CHECK_EQ(ls_code_count(), COUNT);
    CHECK(ls_code_block(0) == first);
    for (uint32_t i = 0; i < COUNT; i += 997) {
        draft.vaddr = draft.eip = (uint64_t)i << 12;
        CHECK_EQ(ls_code_intern(&draft), i);
        CHECK_EQ(ls_code_block(i)->vaddr, draft.vaddr);
    }
    CHECK_EQ(ls_code_count(), COUNT);
}

enum { THREADS = 4, SHARED_BLOCKS = 400 };

/* Interns the same blocks as the other threads; notes the ids. */
static void *intern_all(void *argument)
{
    uint32_t *ids = argument;
    LsBlockDraft *draft = &(LsBlockDraft){ 0 };

    *draft = draft_of(0, 2, 2);
    for (uint32_t i = 0; i < SHARED_BLOCKS; i++) {
        draft->vaddr = i;
        ids[i] = ls_code_intern(draft);
    }
    return NULL;
}

TEST(threads_agree_on_the_ids_of_code)
{
    static uint32_t ids[THREADS][SHARED_BLOCKS];
    pthread_t threads[THREADS];

    for (unsigned t = 0; t < THREADS; t++) {
        CHECK_EQ(pthread_create(&threads[t], NULL, intern_all, ids[t]), 0);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
    }
    for (unsigned t = 1; t < THREADS; t++) {
        CHECK(!memcmp(ids[0], ids[t], sizeof(ids[0])));
    }
    CHECK_EQ(ls_code_count(), SHARED_BLOCKS);
}
