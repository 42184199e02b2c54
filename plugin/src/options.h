/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows `-plugin loadstore.so,` on QEMU's command line. */
#ifndef LOADSTORE_OPTIONS_H
#define LOADSTORE_OPTIONS_H

#include <stdbool.h>

#include "encoder.h"

typedef struct {
    const char *out;      /* out=FILE: the trace, must not exist */
    const char *meta;     /* meta=FILE: JSON for the header's `recorder` */
    const char *control;  /* control=FILE: the control page */
    const char *events;   /* events=FILE: QEMU's -D file, with -d int */
    const char *fault;    /* fault=KIND:N, for tests (fault.h) */
    bool paused;          /* start=paused */
    bool audit;           /* audit=memory */
    bool restores_are_logged; /* restores=logged: the log tells of a snapshot that
                               is loaded, for which QEMU needs a trace backend */
    LsLimits limits;      /* max-accesses=, max-instructions=, max-bytes= */
} LsOptions;

/* Returns NULL, or the argument that is not understood. */
const char *ls_options_parse(LsOptions *options, int argc, char **argv);

#endif
