/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where virtio devices will write: the buffers that the driver offered them, and the
 * used rings (virtio 1.2, 2.7, split virtqueues).  QEMU's trace says which queue is
 * at work, QEMU's own functions where it is; the rest is in guest memory.
 */
#ifndef LOADSTORE_VIRTIO_H
#define LOADSTORE_VIRTIO_H

#include <stdint.h>

/* The driver told the device to look at queue `n`; the pointers are QEMU's. */
void ls_virtio_notified(uint64_t device, int n, uint64_t queue);

/* The device took something from the queue. */
void ls_virtio_popped(uint64_t queue);

/* A snapshot was loaded: what is known of queues was of another time. */
void ls_virtio_forget(void);

/* Tells the memory audit again what devices still hold, before a mark. */
void ls_virtio_expect(void);

#endif
