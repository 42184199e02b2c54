/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control page: 4 KiB shared with the launcher, which reads the progress
 * and writes commands.  Layout as src/capture/control-page.ts; u64 each.
 */
#ifndef LOADSTORE_CONTROL_H
#define LOADSTORE_CONTROL_H

#include <stdatomic.h>
#include <stdint.h>

enum { LS_CONTROL_BYTES = 4096 };

enum { LS_COMMAND_RUN = 0, LS_COMMAND_PAUSE = 1, LS_COMMAND_STOP = 2 };

enum {
    LS_STATE_RECORDING = 1,
    LS_STATE_PAUSED = 2,
    LS_STATE_CLOSING = 3,
    LS_STATE_CLOSED = 4,
    LS_STATE_FAILED = 5,
};

typedef struct {
    char magic[8];              /* "LSCTRL01", by the launcher */
    _Atomic uint64_t command;   /* by the launcher */
    _Atomic uint64_t state;
    _Atomic uint64_t pid;
    _Atomic uint64_t instructions;
    _Atomic uint64_t accesses;
    _Atomic uint64_t blocks;
    _Atomic uint64_t bytes;
    _Atomic uint64_t waits;
    _Atomic uint64_t host_ns;
    _Atomic uint64_t events;
    _Atomic uint64_t error;
    uint64_t spare[4];
    char message[512];
} LsControl;

/* The page; a private one when the launcher gave none. */
extern LsControl *ls_control;

/* Maps the launcher's page.  Returns NULL or what went wrong. */
const char *ls_control_open(const char *path);

#endif
