/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints layout.h, for the test that compares it with the reader's side and the
 * document (src/format/layout.test.ts):
 *   Struct.field OFFSET SIZE
 *   Struct SIZE
 *   NAME NUMBER
 */
#include "code.h"
#include "layout.h"
#include "words.h"

#include <stddef.h>
#include <stdio.h>

#define FIELD(type, field)                                                 \
    printf(#type "." #field " %zu %zu\n", offsetof(type, field),           \
           sizeof(((type *)NULL)->field))
#define SIZE(type) printf(#type " %zu\n", sizeof(type))
#define NUMBER(name) printf(#name " %llu\n", (unsigned long long)(name))

static void print_structs(void)
{
    SIZE(LsFileHeader);
    FIELD(LsFileHeader, magic);
    FIELD(LsFileHeader, version);
    FIELD(LsFileHeader, reserved);

    SIZE(LsSectionHeader);
    FIELD(LsSectionHeader, magic);
    FIELD(LsSectionHeader, kind);
    FIELD(LsSectionHeader, reserved);
    FIELD(LsSectionHeader, stream);
    FIELD(LsSectionHeader, payload_bytes);
    FIELD(LsSectionHeader, payload_crc);
    FIELD(LsSectionHeader, header_crc);

    SIZE(LsCodeHeader);
    FIELD(LsCodeHeader, first_id);
    FIELD(LsCodeHeader, count);
    FIELD(LsCodeHeader, raw_bytes);
    FIELD(LsCodeHeader, stored_bytes);

    SIZE(LsChunkHeader);
    FIELD(LsChunkHeader, page_slots);
    FIELD(LsChunkHeader, access_count);
    FIELD(LsChunkHeader, block_count);
    FIELD(LsChunkHeader, note_count);
    FIELD(LsChunkHeader, first_ordinal);
    FIELD(LsChunkHeader, first_block);
    FIELD(LsChunkHeader, instruction_count);
    FIELD(LsChunkHeader, host_begin);
    FIELD(LsChunkHeader, host_end);
    FIELD(LsChunkHeader, lowest_vaddr);
    FIELD(LsChunkHeader, highest_vaddr);
    FIELD(LsChunkHeader, loads);
    FIELD(LsChunkHeader, stores);
    FIELD(LsChunkHeader, aborted);
    FIELD(LsChunkHeader, user_accesses);
    FIELD(LsChunkHeader, events);
    FIELD(LsChunkHeader, vcpu);
    FIELD(LsChunkHeader, vcpu_count);
    FIELD(LsChunkHeader, stream_count);

    SIZE(LsVcpuState);
    FIELD(LsVcpuState, vcpu);
    FIELD(LsVcpuState, reserved);
    FIELD(LsVcpuState, icount);
    FIELD(LsVcpuState, cr3);
    FIELD(LsVcpuState, pending_rep);

    SIZE(LsStreamSize);
    FIELD(LsStreamSize, raw_bytes);
    FIELD(LsStreamSize, stored_bytes);

    SIZE(LsIndexEntry);
    FIELD(LsIndexEntry, file_offset);
    FIELD(LsIndexEntry, kind);
    FIELD(LsIndexEntry, reserved);
    FIELD(LsIndexEntry, stream);
    FIELD(LsIndexEntry, first_ordinal);
    FIELD(LsIndexEntry, access_count);
    FIELD(LsIndexEntry, block_count);
    FIELD(LsIndexEntry, icount);
    FIELD(LsIndexEntry, lowest_vaddr);
    FIELD(LsIndexEntry, highest_vaddr);
    FIELD(LsIndexEntry, host_begin);
}

static void print_numbers(void)
{
    NUMBER(LS_FORMAT_VERSION);
    NUMBER(LS_SECTION_MAGIC);
    NUMBER(LS_NO_STREAM);

    NUMBER(LS_SECTION_HEADER);
    NUMBER(LS_SECTION_CODE);
    NUMBER(LS_SECTION_CHUNK);
    NUMBER(LS_SECTION_TOTALS);
    NUMBER(LS_SECTION_INDEX);
    NUMBER(LS_SECTION_TRAILER);

    NUMBER(LS_S_BLOCK_RUNS);
    NUMBER(LS_S_BLOCK_CODES);
    NUMBER(LS_S_BLOCK_IDS);
    NUMBER(LS_S_SHAPES);
    NUMBER(LS_S_ACCESS_RUNS);
    NUMBER(LS_S_ACCESS_CODES);
    NUMBER(LS_S_DELTA1);
    NUMBER(LS_S_DELTA2);
    NUMBER(LS_S_DELTA3);
    NUMBER(LS_S_DELTA6);
    NUMBER(LS_S_NOTES);
    NUMBER(LS_STREAMS);

    NUMBER(LS_BLOCK_NEXT3);
    NUMBER(LS_BLOCK_NEXT1);
    NUMBER(LS_BLOCK_EXPLICIT);
    NUMBER(LS_BLOCK_NEW_SHAPE);
    NUMBER(LS_ACCESS_WALK);
    NUMBER(LS_ACCESS_EXPLICIT);

    NUMBER(LS_NOTE_MAP);
    NUMBER(LS_NOTE_MAP_UNKNOWN);
    NUMBER(LS_NOTE_UNMAP);
    NUMBER(LS_NOTE_VCPU);
    NUMBER(LS_NOTE_CR3);
    NUMBER(LS_NOTE_DEVICE);
    NUMBER(LS_NOTE_WIDE);
    NUMBER(LS_NOTE_PHYS);
    NUMBER(LS_NOTE_EVENT);
    NUMBER(LS_NOTE_CUT);
    NUMBER(LS_NOTE_GAP);

    NUMBER(LS_CUT_EXCEPTION);
    NUMBER(LS_CUT_DEVICE);
    NUMBER(LS_CUT_MODIFIED);
    NUMBER(LS_CUT_REP);
    NUMBER(LS_CUT_LIMIT);

    NUMBER(LS_PAGE_SLOTS);
    NUMBER(LS_NEXT3_BITS);
    NUMBER(LS_WALK_BITS);
    NUMBER(LS_MAX_INSNS);
    NUMBER(LS_BLOCK_ID_BITS);
    NUMBER(LS_BLOCK_MODE_KNOWN);
    NUMBER(LS_BLOCK_LAST_REP);
    NUMBER(LS_EV_HARDWARE);
    NUMBER(LS_EV_SOFTWARE);
    NUMBER(LS_EV_SMM_ENTER);
    NUMBER(LS_EV_SMM_LEAVE);
    NUMBER(LS_EV_RESET);
    NUMBER(LS_EV_RESTORED);
    NUMBER(LS_EV_GUEST_EXIT);
}

int main(void)
{
    printf("LS_FILE_MAGIC %s\n", LS_FILE_MAGIC);
    print_structs();
    print_numbers();
    return 0;
}
