/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encodes words that are written as text (see encoded.h). */
#define _GNU_SOURCE
#include "encoded.h"

#include "check.h"
#include "clock.h"
#include "crc32.h"
#include "hex.h"
#include "insn_class.h"

#include <inttypes.h>
#include <stdarg.h>
#include <zstd.h>

bool clock_stands;
uint64_t fixed_now;
bool zstd_is_off;

/* The linker puts these in the plugin's way (--wrap). */
uint64_t __real_ls_now_ns(void);
uint64_t __wrap_ls_now_ns(void);
size_t __real_ZSTD_compress(void *to, size_t room, const void *from,
                            size_t bytes, int level);
size_t __wrap_ZSTD_compress(void *to, size_t room, const void *from,
                            size_t bytes, int level);
size_t __real_ZSTD_compressCCtx(ZSTD_CCtx *context, void *to, size_t room,
                                const void *from, size_t bytes, int level);
size_t __wrap_ZSTD_compressCCtx(ZSTD_CCtx *context, void *to, size_t room,
                                const void *from, size_t bytes, int level);

uint64_t __wrap_ls_now_ns(void)
{
    return clock_stands ? fixed_now : __real_ls_now_ns();
}

size_t __wrap_ZSTD_compress(void *to, size_t room, const void *from,
                            size_t bytes, int level)
{
    return zstd_is_off ? bytes
                       : __real_ZSTD_compress(to, room, from, bytes, level);
}

size_t __wrap_ZSTD_compressCCtx(ZSTD_CCtx *context, void *to, size_t room,
                                const void *from, size_t bytes, int level)
{
    return zstd_is_off ? bytes
                       : __real_ZSTD_compressCCtx(context, to, room, from,
                                                  bytes, level);
}

uint32_t code_add(uint64_t vaddr, int mode, const char *code)
{
    LsBlockDraft *draft = calloc(1, sizeof(*draft));
    char *copy = strdup(code), *rest = copy, *one;
    bool code64 = mode >= 0 && mode & 1 << 15;
    size_t at = 0, len = 0;
    uint32_t id;

    draft->vaddr = draft->eip = vaddr;
    draft->hflags = mode == MODE_UNKNOWN ? 0 : (uint32_t)mode;
    draft->flags = mode == MODE_UNKNOWN ? 0 : LS_BLOCK_MODE_KNOWN;
    if (!*code) { /* what no instruction does */
        draft->flags |= LS_BLOCK_DELIVERY;
        rest = NULL;
    }
    while ((one = strsep(&rest, ";"))) {
        len = hex_bytes(one, draft->bytes + at, 15);
        draft->offset[draft->insn_count++] = (uint16_t)at;
        at += len;
    }
    draft->offset[draft->insn_count] = (uint16_t)at;
    if (ls_insn_class(draft->bytes + at - len, (unsigned)len, code64) &
        LS_INSN_REP) {
        draft->flags |= LS_BLOCK_LAST_REP;
    }
    id = ls_code_intern(draft);
    free(draft);
    free(copy);
    return id;
}

/* Reads `count` numbers; "unknown" is all ones. */
static const char *numbers(const char *text, uint64_t *to, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char *end;

        text += strspn(text, " ");
        if (!strncmp(text, "unknown", 7)) {
            to[i] = UINT64_MAX;
            text += 7;
            continue;
        }
        to[i] = strtoull(text, &end, 0);
        if (end == text) {
            fprintf(stderr, "a number is missing: %s\n", text);
            abort();
        }
        text = end;
    }
    return text;
}

size_t words_from(const char *text, uint64_t *words, size_t room)
{
    static const struct {
        const char *name;
        unsigned tag;
        unsigned in_word; /* numbers that go into the word itself */
        unsigned behind;  /* and into words behind it */
    } kinds[] = {
        { "block ", LS_WORD_BLOCK, 1, 0 },
        { "far-block ", LS_WORD_BLOCK_FAR, 1, 0 }, { "redo ", LS_W_REDO, 1, 0 },
        { "vcpu ", LS_W_VCPU, 1, 0 },   { "unmap", LS_W_UNMAP, 0, 0 },
        { "phys", LS_W_PHYS, 0, 0 },    { "cr3 ", LS_W_CR3, 0, 1 },
        { "wide ", LS_W_WIDE, 0, 1 },   { "map ", LS_W_MAP, 1, 1 },
        { "device ", LS_W_DEVICE, 1, 1 }, { "gap ", LS_W_GAP, 0, 1 },
        { "page-walk", LS_W_PAGE_WALK, 0, 0 },
        { "port ", LS_W_PORT, 1, 1 },
        { "event ", LS_W_EVENT, 1, 3 },
        { "load ", 0, 3, 0 },           { "store ", LS_ACCESS_STORE, 3, 0 },
    };
    size_t count = 0;

    for (;;) {
        uint64_t n[4] = { 0 };
        unsigned k = 0;

        text += strspn(text, " |\n");
        if (!*text) {
            return count;
        }
        while (strncmp(text, kinds[k].name, strlen(kinds[k].name)) != 0) {
            if (++k == sizeof(kinds) / sizeof(kinds[0])) {
                fprintf(stderr, "no word is called so: %s\n", text);
                abort();
            }
        }
        text = numbers(text + strlen(kinds[k].name), n,
                       kinds[k].in_word + kinds[k].behind);
        if (count + 4 > room) {
            abort();
        }
        if (kinds[k].in_word == 3) {
            words[count++] = n[2] << 16 | kinds[k].tag |
                             n[0] << LS_ACCESS_INDEX_SHIFT |
                             (uint64_t)__builtin_ctzll(n[1])
                                 << LS_ACCESS_SIZE_SHIFT;
            continue;
        }
        if (ls_word_is_block(kinds[k].tag)) {
            words[count++] = n[0] << LS_WORD_ID_SHIFT | kinds[k].tag;
            continue;
        }
        words[count++] = (kinds[k].in_word ? n[0] << 16 : 0) | kinds[k].tag;
        memcpy(words + count, n + kinds[k].in_word, kinds[k].behind * 8);
        count += kinds[k].behind;
    }
}

static const char header_json[] =
    "{\"recorder\":{\"producer\":\"plugin/test\"},"
    "\"plugin\":{\"api\":4,\"accepts\":[2,4],\"vcpus\":1,\"maxVcpus\":1},"
    "\"capabilities\":{"
    "\"vaddr\":{\"status\":\"yes\"},\"paddr\":{\"status\":\"yes\"},"
    "\"pc\":{\"status\":\"yes\"},\"icount\":{\"status\":\"yes\"},"
    "\"cpl\":{\"status\":\"yes\"},\"mode\":{\"status\":\"yes\"},"
    "\"address-space\":{\"status\":\"yes\"},"
    "\"device\":{\"status\":\"yes\"},\"events\":{\"status\":\"yes\"},"
    "\"vcpu\":{\"status\":\"yes\"},\"global-order\":{\"status\":\"yes\"},"
    "\"values\":{\"status\":\"no\",\"why\":\"not recorded\"}}}";

LsEncoder *encoded_start(LsLimits limits, uint32_t vcpu_count)
{
    CHECK_EQ(ls_sink_open(check_path("trace"), header_json), 0);
    return ls_encoder_new(0, vcpu_count, limits);
}

void encoded_all(LsEncoder *e, const char *text)
{
    static uint64_t words[1 << 16];
    size_t count = words_from(text, words, 1 << 16);
    size_t used = ls_encode_words(e, words, count, true);

    e->totals.words += count;
    e->totals.undelivered += count - used;
    CHECK(used == count || e->limit_reached);
}

static char text[1 << 20];
static size_t text_length;

__attribute__((format(printf, 1, 2))) static void
add(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_length += (size_t)vsnprintf(text + text_length,
                                     sizeof(text) - text_length, format, args);
    va_end(args);
    if (text_length >= sizeof(text)) {
        abort();
    }
}

static void add_stream(const LsEncoder *e)
{
    const LsStreamTotals *t = &e->totals;
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {
        { "stream", e->stream },
        { "captured", t->words - t->side_words - t->undelivered },
        { "encoded", t->accesses + t->blocks },
        { "written", t->written },
        { "accesses", t->accesses },
        { "blocks", t->blocks },
        { "instructions", t->instructions },
        { "loads", t->loads },
        { "stores", t->stores },
        { "aborted", t->aborted },
        { "events", t->events },
        { "words", t->words },
        { "waits", 0 },
        { "unknownPaddr", 0 },
        { "mapChecks", 0 },
        { "mapMismatches", 0 },
        { "strays", 0 },
        { "aliasedBlocks", 0 },
        { "cutBlocks", t->cuts },
        { "unresolvedCuts", t->unresolved },
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        add("%c\"%s\":%" PRIu64, i ? ',' : '{', fields[i].name,
            fields[i].value);
    }
    add("}");
}

void encoded_close(LsEncoder *const *encoders, unsigned count,
                   const char *cause)
{
    const char *between = "";

    for (unsigned i = 0; i < count; i++) {
        ls_chunk_seal(encoders[i]);
    }
    text_length = 0;
    add("{\"cause\":\"%s\",\"error\":\"\",\"streams\":[", cause);
    for (unsigned i = 0; i < count; i++) {
        add("%s", i ? "," : "");
        add_stream(encoders[i]);
    }
    add("],\"vcpus\":[");
    for (uint32_t v = 0; v < encoders[0]->vcpu_count; v++) {
        uint64_t sums[3] = { 0 };

        for (unsigned i = 0; i < count; i++) {
            sums[0] += encoders[i]->vcpus[v].icount;
            sums[1] += encoders[i]->vcpus[v].loads;
            sums[2] += encoders[i]->vcpus[v].stores;
        }
        add("%s{\"vcpu\":%u,\"instructions\":%" PRIu64 ",\"loads\":%" PRIu64
            ",\"stores\":%" PRIu64 "}", between, v, sums[0], sums[1], sums[2]);
        between = ",";
    }
    add("]}");
    ls_sink_close(text);
}

TraceFile trace_read(const char *path)
{
    TraceFile t = { 0 };
    FILE *file = fopen(path, "rb");
    size_t at = sizeof(LsFileHeader);

    if (!CHECK(file != NULL)) {
        return t;
    }
    fseek(file, 0, SEEK_END);
    t.size = (size_t)ftell(file);
    rewind(file);
    t.bytes = malloc(t.size + 1);
    t.sections = calloc(t.size / sizeof(LsSectionHeader) + 1,
                        sizeof(*t.sections));
    CHECK_EQ(fread(t.bytes, 1, t.size, file), t.size);
    fclose(file);
    if (!CHECK(t.size >= at) ||
        !CHECK(!memcmp(t.bytes, "MEMTRACE\3\0\0\0\0\0\0\0", 16))) {
        return t;
    }
    while (at < t.size) {
        LsSectionHeader h;
        TraceSection *s = &t.sections[t.count];

        if (!CHECK(t.size - at >= sizeof(h))) {
            break;
        }
        memcpy(&h, t.bytes + at, sizeof(h));
        if (!CHECK_EQ(h.magic, LS_SECTION_MAGIC) ||
            !CHECK_EQ(h.header_crc, ls_crc32(0, t.bytes + at, 20)) ||
            !CHECK(t.size - at - sizeof(h) >= h.payload_bytes)) {
            break;
        }
        *s = (TraceSection){
            .offset = at,
            .kind = h.kind,
            .stream = h.stream,
            .bytes = h.payload_bytes,
            .payload = t.bytes + at + sizeof(h),
        };
        CHECK_EQ(h.reserved, 0);
        CHECK_EQ(h.payload_crc, ls_crc32(0, s->payload, s->bytes));
        at += sizeof(h) + h.payload_bytes;
        t.count++;
    }
    return t;
}

const TraceSection *trace_section(const TraceFile *t, uint32_t kind,
                                  unsigned index)
{
    for (unsigned i = 0; i < t->count; i++) {
        if (t->sections[i].kind == kind && !index--) {
            return &t->sections[i];
        }
    }
    CHECK(!"the section is there");
    abort();
}

unsigned trace_count(const TraceFile *t, uint32_t kind)
{
    unsigned count = 0;

    for (unsigned i = 0; i < t->count; i++) {
        count += t->sections[i].kind == kind;
    }
    return count;
}

LsChunkHeader chunk_header(const TraceSection *chunk)
{
    LsChunkHeader h;

    memcpy(&h, chunk->payload, sizeof(h));
    return h;
}

LsVcpuState chunk_vcpu(const TraceSection *chunk, unsigned index)
{
    LsVcpuState state;

    memcpy(&state, chunk->payload + sizeof(LsChunkHeader) +
                       index * sizeof(state), sizeof(state));
    return state;
}

LsBuffer chunk_stream(const TraceSection *chunk, unsigned stream)
{
    LsChunkHeader h = chunk_header(chunk);
    const uint8_t *at = chunk->payload + sizeof(h) +
                        h.vcpu_count * sizeof(LsVcpuState);
    LsStreamSize sizes[LS_STREAMS];
    LsBuffer out = { 0 };

    memcpy(sizes, at, sizeof(sizes));
    at += sizeof(sizes);
    for (unsigned i = 0; i < stream; i++) {
        at += sizes[i].stored_bytes;
    }
    ls_buffer_reserve(&out, sizes[stream].raw_bytes + 1);
    out.length = sizes[stream].raw_bytes;
    if (sizes[stream].stored_bytes == sizes[stream].raw_bytes) {
        memcpy(out.bytes, at, out.length);
    } else {
        CHECK_EQ(ZSTD_decompress(out.bytes, out.length, at,
                                 sizes[stream].stored_bytes), out.length);
    }
    return out;
}

static uint64_t take(const uint8_t **at, unsigned bytes)
{
    uint64_t value = 0;

    memcpy(&value, *at, bytes);
    *at += bytes;
    return value;
}

static uint64_t take_varint(const uint8_t **at)
{
    uint64_t value = 0;

    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;

        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            return value;
        }
    }
}

/* Adds a note's name and fields. */
static void add_note(unsigned kind, const uint8_t **at)
{
    uint64_t a, b;

    switch (kind) {
    case LS_NOTE_UNMAP:
        add("unmap");
        break;
    case LS_NOTE_VCPU:
        add("vcpu %" PRIu64, take_varint(at));
        break;
    case LS_NOTE_CR3:
        add("cr3 %#" PRIx64, take(at, 8));
        break;
    case LS_NOTE_DEVICE:
        a = take_varint(at);
        add("device %" PRIu64 " %#" PRIx64, a, take(at, 8));
        break;
    case LS_NOTE_WIDE:
        add("wide %#" PRIx64, take(at, 8));
        break;
    case LS_NOTE_PHYS:
        add("phys");
        break;
    case LS_NOTE_EVENT:
        a = take_varint(at);
        b = take_varint(at);
        add("event %#" PRIx64 " %" PRIu64, a, b);
        add(" %#" PRIx64, take(at, 8));
        add(" %#" PRIx64, take(at, 8));
        break;
    case LS_NOTE_CUT:
        a = take_varint(at);
        b = take_varint(at);
        add("cut %" PRIu64 " %" PRIu64 " cause %" PRIu64, a, b, take(at, 1));
        break;
    case LS_NOTE_PAGE_WALK:
        add("page-walk");
        break;
    case LS_NOTE_ATTRIBUTES:
        add("attributes %#" PRIx64, take_varint(at));
        break;
    case LS_NOTE_PORT:
        a = take_varint(at);
        b = take_varint(at);
        add("port %" PRIu64 " %#" PRIx64, a, b);
        add(" %#" PRIx64, take(at, 1));
        add(" %#" PRIx64, take_varint(at));
        break;
    case LS_NOTE_REGION:
        a = take(at, 8);
        b = take(at, 8);
        add("region %#" PRIx64 " %#" PRIx64 " ", a, b);
        a = take_varint(at);
        add("%.*s", (int)a, (const char *)*at);
        *at += a;
        break;
    case LS_NOTE_GAP:
        add("gap %" PRIu64, take(at, 8));
        break;
    default:
        add("unknown note %u", kind);
        break;
    }
}

const char *chunk_notes(const TraceSection *chunk)
{
    LsBuffer notes = chunk_stream(chunk, LS_S_NOTES);
    const uint8_t *at = notes.bytes, *end = notes.bytes + notes.length;
    uint64_t blocks = 0, accesses = 0, count = 0;

    text_length = 0;
    text[0] = 0;
    for (; at < end; count++) {
        unsigned kind = *at++;

        blocks += take_varint(&at);
        accesses += take_varint(&at);
        if (kind == LS_NOTE_MAP || kind == LS_NOTE_MAP_UNKNOWN) {
            take_varint(&at);
            if (kind == LS_NOTE_MAP) {
                take_varint(&at);
            }
            continue;
        }
        add("%s@%" PRIu64 ",%" PRIu64 " ", text_length ? " | " : "", blocks,
            accesses);
        add_note(kind, &at);
    }
    CHECK(at == end);
    CHECK_EQ(count, chunk_header(chunk).note_count);
    return text;
}
