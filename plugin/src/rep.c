/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells the iterations of a rep string instruction apart (see rep.h). */
#include "rep.h"

#include "words.h"

/* The opcode of a rep string instruction that ends the block. */
static unsigned string_opcode(const LsBlock *code)
{
    const uint8_t *at = code->bytes + code->offset[code->insn_count - 1];
    const uint8_t *end = code->bytes + code->byte_count;

    while (at < end && !((*at >= 0x6c && *at <= 0x6f) ||
                         (*at >= 0xa4 && *at <= 0xaf))) {
        at++; /* prefixes */
    }
    return at < end ? *at : 0;
}

/* How many accesses one iteration makes here; ins stores twice (T12,
 * target/i386/tcg/translate.c gen_ins). */
static uint32_t accesses_per_iteration(unsigned opcode)
{
    return (opcode >= 0xa4 && opcode <= 0xa7) || (opcode & ~1u) == 0x6c ? 2 : 1;
}

enum { WORD_LOAD = 1 << LS_ACCESS_SIZE_SHIFT };

static bool is_word_load(uint64_t access)
{
    return (access & (7 << LS_ACCESS_SIZE_SHIFT | LS_ACCESS_STORE)) == WORD_LOAD;
}

/* How many of the first two of an instruction's accesses are looks into the I/O
 * permission bitmap (SDM 1 19.5.2): two words of the TSS, before anything else, and not
 * at CPL 0.  Words of a string follow each other; a single one is the string's. */
static uint32_t count_looks(const LsBlock *code, unsigned opcode,
                            const uint64_t *first, uint32_t count)
{
    int64_t distance = (int64_t)(first[1] - first[0]) >> 16;

    if ((opcode & ~3u) != 0x6c || !(code->hflags & 3) || !count ||
        !is_word_load(first[0])) {
        return 0;
    }
    if (opcode == 0x6f) {
        return count == 2 && is_word_load(first[1]) && distance != 2 &&
                       distance != -2
                   ? 2 : 0;
    }
    return count == 2 && is_word_load(first[1]) ? 2 : 1;
}

uint32_t ls_rep_behind_iterations(const LsBlock *code, const uint64_t *first,
                                  uint32_t count)
{
    unsigned opcode = string_opcode(code);
    uint32_t each = accesses_per_iteration(opcode);
    uint32_t looks = count_looks(code, opcode, first, count < 2 ? count : 2);

    return looks && count - looks < each ? count : (count - looks) % each;
}
