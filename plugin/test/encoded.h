/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encoding without capture: words written as text, encoded into a trace file,
 * and what can be read of that file without decoding accesses.
 */
#ifndef LOADSTORE_ENCODED_H
#define LOADSTORE_ENCODED_H

#include "encoder.h"
#include "sink.h"
#include "words.h"

/* While set, the recording's clock stands at fixed_now. */
extern bool clock_stands;
extern uint64_t fixed_now;

/* While set, zstd makes nothing smaller, so everything is stored as it is. */
extern bool zstd_is_off;

/* Modes of blocks. */
enum {
    MODE_64_KERNEL = 0xc080,
    MODE_64_USER = 0xc0b3,
    MODE_32_USER = 0xb3,
    MODE_16 = 0,
    MODE_UNKNOWN = -1,
};

/* Adds a block to the code table: hex, with ';' between instructions. */
uint32_t code_add(uint64_t vaddr, int mode, const char *code);

/*
 * Words from text, one per item, with '|' between them:
 *   block ID, redo ID, vcpu N, unmap, phys, cr3 VALUE, wide ADDRESS,
 *   load INSN BYTES ADDRESS, store INSN BYTES ADDRESS,
 *   map PAGE PHYSICAL-PAGE, map PAGE unknown, device PART ADDRESS,
 *   event WHAT ERROR IP CR2, gap NANOSECONDS
 * Numbers are decimal or begin with 0x.  Returns how many words.
 */
size_t words_from(const char *text, uint64_t *words, size_t room);

/* Opens the sink, check_path("trace"), and makes an encoder. */
LsEncoder *encoded_start(LsLimits limits, uint32_t vcpu_count);

/* Encodes all of it and closes the recording; nothing more will come. */
void encoded_all(LsEncoder *e, const char *text);

/* Seals what is open and closes the file, with totals that a reader accepts. */
void encoded_close(LsEncoder *const *encoders, unsigned count,
                   const char *cause);

/* A trace file, read whole. */
typedef struct {
    uint64_t offset;   /* of the header */
    uint32_t kind;
    uint32_t stream;
    uint32_t bytes;
    const uint8_t *payload;
} TraceSection;

typedef struct {
    uint8_t *bytes;
    size_t size;
    TraceSection *sections;
    unsigned count;
} TraceFile;

/* Reads and checks every section; a failed check when one is not whole. */
TraceFile trace_read(const char *path);

/* Sections of a kind, in order; a failed check and NULL when there is none. */
const TraceSection *trace_section(const TraceFile *t, uint32_t kind,
                                  unsigned index);
unsigned trace_count(const TraceFile *t, uint32_t kind);

LsChunkHeader chunk_header(const TraceSection *chunk);
LsVcpuState chunk_vcpu(const TraceSection *chunk, unsigned index);
/* Unpacked; never freed. */
LsBuffer chunk_stream(const TraceSection *chunk, unsigned stream);

/*
 * The notes but for map notes, with the block executions and accesses before
 * them: "@0,0 vcpu 0 | @1,2 cut 1 0 cause 1".
 */
const char *chunk_notes(const TraceSection *chunk);

#endif
