/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Appends sections to the trace file (see sink.h). */
#define _GNU_SOURCE
#include "sink.h"

#include "buffer.h"
#include "code.h"
#include "crc32.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zstd.h>

enum { CODE_BATCH = 1 << 16 };

static int fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t file_bytes;
static _Atomic int first_error;
static uint32_t code_written;
static uint64_t code_bytes_written; /* before packing */
static uint32_t code_counted; /* blocks whose bytes are in code_bytes */
static uint64_t code_bytes;
static LsIndexEntry *entries;
static uint32_t entry_count, entry_capacity;

uint64_t ls_sink_bytes(void)
{
    return atomic_load(&file_bytes);
}

int ls_sink_error(void)
{
    return atomic_load(&first_error);
}

static size_t entry_bytes(const LsBlock *b)
{
    return 20u + b->insn_count + b->byte_count;
}

uint64_t ls_sink_closing_bytes(void)
{
    uint32_t count = ls_code_count();
    uint64_t bytes;

    pthread_mutex_lock(&lock);
    while (code_counted < count) {
        code_bytes += entry_bytes(ls_code_block(code_counted++));
    }
    bytes = (entry_count + 4) * sizeof(*entries) + code_bytes -
            code_bytes_written;
    pthread_mutex_unlock(&lock);
    return bytes;
}

/* Writes all of both parts or latches the error. */
static bool write_all(const void *head, size_t head_bytes, const void *body,
                      size_t body_bytes)
{
    struct iovec parts[2] = {
        { (void *)(uintptr_t)head, head_bytes },
        { (void *)(uintptr_t)body, body_bytes },
    };
    struct iovec *part = parts;
    int left = 2;

    if (atomic_load(&first_error)) {
        return false;
    }
    while (left) {
        ssize_t done = writev(fd, part, left);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            atomic_store(&first_error, done < 0 ? errno : EIO);
            (void)!ftruncate(fd, (off_t)atomic_load(&file_bytes));
            return false;
        }
        while (left && (size_t)done >= part->iov_len) {
            done -= (ssize_t)part->iov_len;
            part++;
            left--;
        }
        if (left) {
            part->iov_base = (char *)part->iov_base + done;
            part->iov_len -= (size_t)done;
        }
    }
    atomic_fetch_add(&file_bytes, head_bytes + body_bytes);
    return true;
}

static bool append_locked(uint16_t kind, uint32_t stream, const void *payload,
                          size_t bytes, LsIndexEntry *index)
{
    LsSectionHeader header = {
        .magic = LS_SECTION_MAGIC,
        .kind = kind,
        .stream = stream,
        .payload_bytes = (uint32_t)bytes,
        .payload_crc = ls_crc32(0, payload, bytes),
    };
    uint64_t offset = atomic_load(&file_bytes);

    header.header_crc = ls_crc32(0, &header,
                                 offsetof(LsSectionHeader, header_crc));
    if (!write_all(&header, sizeof(header), payload, bytes)) {
        return false;
    }
    if (index) {
        index->file_offset = offset;
        index->kind = kind;
        index->stream = stream;
        if (entry_count == entry_capacity) {
            entry_capacity = entry_capacity ? entry_capacity * 2 : 1024;
            entries = ls_grow(entries, entry_capacity * sizeof(*entries));
        }
        entries[entry_count++] = *index;
    }
    return true;
}

bool ls_sink_append(uint16_t kind, uint32_t stream, const void *payload,
                    size_t bytes, LsIndexEntry *index)
{
    bool ok;

    pthread_mutex_lock(&lock);
    ok = append_locked(kind, stream, payload, bytes, index);
    pthread_mutex_unlock(&lock);
    return ok;
}

static void put_block(LsBuffer *out, const LsBlock *b)
{
    ls_buffer_reserve(out, entry_bytes(b) + 8);
    ls_put_low(out, b->vaddr, 8);
    ls_put_low(out, b->hflags, 4);
    ls_put_low(out, b->flags, 4);
    ls_put_low(out, b->insn_count, 2);
    ls_put_low(out, b->byte_count, 2);
    for (unsigned i = 0; i < b->insn_count; i++) {
        ls_put_u8(out, (uint8_t)(b->offset[i + 1] - b->offset[i]));
    }
    memcpy(out->bytes + out->length, b->bytes, b->byte_count);
    out->length += b->byte_count;
}

static bool code_batch(uint32_t first, uint32_t end, LsBuffer *raw,
                       LsBuffer *payload)
{
    LsCodeHeader header = { .first_id = first, .count = end - first };
    LsIndexEntry index = { .first_ordinal = first,
                           .access_count = end - first };
    size_t bound, stored;

    raw->length = 0;
    for (uint32_t id = first; id < end; id++) {
        put_block(raw, ls_code_block(id));
    }
    bound = ZSTD_compressBound(raw->length);
    payload->length = 0;
    ls_buffer_reserve(payload, sizeof(header) + bound);
    stored = ZSTD_compress(payload->bytes + sizeof(header), bound, raw->bytes,
                           raw->length, 3);
    if (ZSTD_isError(stored) || stored >= raw->length) {
        stored = raw->length;
        memcpy(payload->bytes + sizeof(header), raw->bytes, stored);
    }
    code_bytes_written += raw->length;
    header.raw_bytes = (uint32_t)raw->length;
    header.stored_bytes = (uint32_t)stored;
    memcpy(payload->bytes, &header, sizeof(header));
    return append_locked(LS_SECTION_CODE, LS_NO_STREAM, payload->bytes,
                         sizeof(header) + stored, &index);
}

bool ls_sink_code(uint32_t upto)
{
    static LsBuffer raw, payload; /* under the lock */
    bool ok = true;

    pthread_mutex_lock(&lock);
    while (ok && code_written < upto) {
        uint32_t end = upto - code_written > CODE_BATCH
                           ? code_written + CODE_BATCH : upto;

        ok = code_batch(code_written, end, &raw, &payload);
        code_written = end;
    }
    pthread_mutex_unlock(&lock);
    return ok;
}

int ls_sink_open(const char *path, const char *header_json)
{
    LsFileHeader header = { .version = LS_FORMAT_VERSION };

    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    memcpy(header.magic, LS_FILE_MAGIC, sizeof(header.magic));
    if (write_all(&header, sizeof(header), "", 0)) {
        ls_sink_append(LS_SECTION_HEADER, LS_NO_STREAM, header_json,
                       strlen(header_json), NULL);
    }
    return ls_sink_error();
}

void ls_sink_close(const char *totals_json)
{
    LsBuffer index = { 0 };
    uint64_t at;

    ls_sink_append(LS_SECTION_TOTALS, LS_NO_STREAM, totals_json,
                   strlen(totals_json), NULL);
    ls_buffer_reserve(&index, 16 + entry_count * sizeof(*entries));
    ls_put_low(&index, entry_count, 4);
    ls_put_low(&index, 0, 4);
    if (entry_count) {
        memcpy(index.bytes + 8, entries, entry_count * sizeof(*entries));
    }
    index.length += entry_count * sizeof(*entries);
    at = ls_sink_bytes();
    if (ls_sink_append(LS_SECTION_INDEX, LS_NO_STREAM, index.bytes,
                       index.length, NULL)) {
        ls_sink_append(LS_SECTION_TRAILER, LS_NO_STREAM, &at, sizeof(at),
                       NULL);
    }
    if (close(fd) != 0 && !ls_sink_error()) {
        atomic_store(&first_error, errno);
    }
    free(index.bytes);
}
