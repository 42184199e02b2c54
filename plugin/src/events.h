/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts and exceptions, from QEMU's own `-d int` log.
 *
 * QEMU writes the log (-D FILE) and flushes it at each message, in the vCPU's
 * thread, before the delivery touches memory.  We map the same file: a byte
 * that is no longer zero says that something happened between the previous
 * callback and this one, for the price of a load.
 */
#ifndef LOADSTORE_EVENTS_H
#define LOADSTORE_EVENTS_H

#include "record.h"

/* Maps the log file.  Returns NULL or what went wrong. */
const char *ls_events_open(const char *path);

/* Lets this recorder read from the log's present end on. */
void ls_events_start(LsRecorder *r);

/* Stops listening, in every recorder; while no vCPU runs. */
void ls_events_close(void);

/* Whether events are told at all. */
bool ls_events_are_read(void);

/* Where the next event was taken that the log has and that was not read, all ones
 * when there is none. */
uint64_t ls_events_next_ip(const LsRecorder *r);

/* Whether what the log has and was not read says that a snapshot was loaded: what is
 * in the vCPU's registers no instruction left there. */
bool ls_events_restored(const LsRecorder *r);

/* Reads what the log has, pushes the events, each for its vCPU, which the recorder then
 * has changed to; to be called when *r->log. */
void ls_events_take(LsRecorder *r);

/* Reads what `-trace` logged for the memory audit.  True when an event is next. */
bool ls_events_take_traces(LsRecorder *r);

/* Reads what is left at the end; when the vCPU does not run any more. */
void ls_events_finish(LsRecorder *r);

#endif
