/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Maps a ring twice in a row (see ring.h). */
#define _GNU_SOURCE
#include "ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 20 };

bool ls_ring_open(LsRing *ring, size_t size)
{
    size_t bytes = size * sizeof(uint64_t);
    int fd = memfd_create("loadstore-ring", MFD_CLOEXEC);
    uint8_t *at;
    bool ok;
    int saved;

    if (fd < 0) {
        return false;
    }
    at = mmap(NULL, bytes * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ok = at != MAP_FAILED && ftruncate(fd, (off_t)bytes) == 0 &&
         mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
              0) != MAP_FAILED &&
         mmap(at + bytes, bytes, PROT_READ | PROT_WRITE,
              MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
    saved = errno;
    close(fd);
    errno = saved;
    if (ok) {
        ring->words = (uint64_t *)(void *)at;
        ring->size = size;
        atomic_store(&ring->tail, ring->words);
    }
    return ok;
}

void ls_ring_populate(const LsRing *ring)
{
#ifdef MADV_POPULATE_WRITE
    /* Linux before 5.14 does not know it: the pages come as they are used. */
    uint8_t *at = (uint8_t *)ring->words;
    size_t left = ring->size * sizeof(uint64_t), some;

    /* In pieces, for meanwhile no other thread can map memory. */
    for (; left; at += some, left -= some) {
        some = left < PIECE_BYTES ? left : PIECE_BYTES;
        (void)!madvise(at, some, MADV_POPULATE_WRITE);
    }
#else
    (void)ring;
#endif
}
