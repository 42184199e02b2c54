/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Install, encoder threads, exit.  Everything here is cold.
 *
 * vCPU threads run record.c; each has a ring and an encoder thread, which
 * appends chunks to one file.  At exit QEMU has stopped its vCPUs: the encoders
 * drain their rings, then totals, index and trailer are written.
 */
#define _GNU_SOURCE
#include "audit.h"
#include "clock.h"
#include "control.h"
#include "deliver.h"
#include "encoder.h"
#include "events.h"
#include "fault.h"
#include "guest_memory.h"
#include "options.h"
#include "pages.h"
#include "push.h"
#include "qemu_api.h"
#include "record.h"
#include "report.h"
#include "sink.h"
#include "walker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static LsPluginId plugin_id;
static LsOptions options;
static LsAbilities abilities;
static LsEncoder *encoders[LS_MAX_THREADS];
static pthread_t threads[LS_MAX_THREADS];
static pthread_t controller;
static _Atomic bool closing;
static _Atomic bool recording; /* not paused */
static _Atomic(const char *) stop_cause;
static _Atomic bool failed;

/* Ends the recording and the guest; the first cause stands. */
static void stop(const char *cause)
{
    const char *none = NULL;

    if (atomic_compare_exchange_strong(&stop_cause, &none, cause)) {
        atomic_store(&ls_control->state, LS_STATE_CLOSING);
        /* QEMU shuts down in an orderly way and calls on_exit(). */
        kill(getpid(), SIGTERM);
    }
}

static void show_progress(void)
{
    uint64_t sums[4] = { 0 }, waits = 0;
    unsigned count = atomic_load(&ls_recorder_count);

    for (unsigned i = 0; i < count; i++) {
        /* The recorder is there a little earlier than its encoder. */
        LsEncoder *e = __atomic_load_n(&encoders[i], __ATOMIC_ACQUIRE);

        if (e) {
            sums[0] += e->totals.instructions;
            sums[1] += e->totals.accesses;
            sums[2] += e->totals.blocks;
            sums[3] += e->totals.events;
            waits += ls_recorders[i]->waits;
        }
    }
    atomic_store(&ls_control->instructions, sums[0]);
    atomic_store(&ls_control->accesses, sums[1]);
    atomic_store(&ls_control->blocks, sums[2]);
    atomic_store(&ls_control->events, sums[3]);
    atomic_store(&ls_control->waits, waits);
    atomic_store(&ls_control->bytes, ls_sink_bytes());
    atomic_store(&ls_control->host_ns, ls_now_ns());
}

/* Ends the recording for an error, which the first one tells. */
static void fail(int error, const char *what)
{
    if (!atomic_exchange(&failed, true)) {
        snprintf(ls_control->message, sizeof(ls_control->message), "%s: %s",
                 what, strerror(error));
        fprintf(stderr, "loadstore: %s\n", ls_control->message);
        atomic_store(&ls_control->error, (uint64_t)error);
    }
    stop("write-error");
}

enum {
    /* The encoder keeps its distance: close behind the vCPU thread, both would
     * fight for the same cache lines. */
    DISTANCE_WORDS = 1 << 19,
    /* How many words it takes before it gives their room back. */
    BATCH_WORDS = 1 << 18,
    PATIENCE_NS = 20000000,
};

static size_t words_there(const LsRecorder *r)
{
    return ls_ring_between(
        &r->ring, atomic_load_explicit(&r->ring.tail, memory_order_relaxed),
        atomic_load_explicit(&r->head, memory_order_acquire));
}

/* Encodes some of the `there` words in the ring.  Returns how many. */
static size_t encode_some(LsEncoder *e, LsRecorder *r, size_t there, bool last)
{
    uint64_t *tail = atomic_load_explicit(&r->ring.tail, memory_order_relaxed);
    size_t used = there;

    if (atomic_load(&stop_cause) && (e->limit_reached || ls_sink_error())) {
        e->totals.undelivered += there; /* the guest runs on until it stops */
    } else {
        used = 0;
        if (there > BATCH_WORDS) {
            used = ls_encode_words(e, tail, BATCH_WORDS, false);
        }
        if (!used) { /* the end, or a block execution of many accesses */
            used = ls_encode_words(e, tail, there, last);
        }
    }
    tail += used;
    if (tail >= r->turn) {
        tail -= r->ring.size;
    }
    atomic_store_explicit(&r->ring.tail, tail, memory_order_release);
    return used;
}

/* The ring is full of one block execution, whose end cannot come.  QEMU's
 * longest is 65,536 iterations of a rep instruction, of at most 12 words each. */
static void give_up(LsEncoder *e)
{
    e->limit_reached = true;
    fail(EOVERFLOW, "the accesses of one block execution fill the ring");
}

static void *encode_thread(void *argument)
{
    LsRecorder *r = argument;
    LsEncoder *e = encoders[r->index];
    const struct timespec pause = { 0, 200000 };
    uint64_t taken = ls_now_ns();

    for (;;) {
        bool last = atomic_load(&closing);
        size_t there = words_there(r), used = 0;

        if (!r->ring.populated && there > LS_RING_STEP) { /* not while paused */
            r->ring.populated = true;
            ls_ring_populate(&r->ring);
        }
        if (last || there >= DISTANCE_WORDS ||
            ls_now_ns() - taken > PATIENCE_NS) {
            used = encode_some(e, r, there, last);
            taken = ls_now_ns();
        }
        if (e->limit_reached) {
            stop("limit");
        }
        if (ls_sink_error()) {
            fail(ls_sink_error(), options.out);
        }
        if (used) {
            continue;
        }
        if (last) {
            break;
        }
        if (there >= ls_ring_full(&r->ring) - LS_RING_SLACK) {
            give_up(e);
        }
        ls_chunk_flush_old(e);
        nanosleep(&pause, NULL);
    }
    if (!e->resumed) { /* else it gave up within a block execution */
        ls_chunk_seal(e);
    }
    return NULL;
}

static void start_encoder(LsRecorder *r)
{
    if (r->index > 0) {
        if (ls_api.version == 1) {
            /* T1, T2: accesses get lost or misattributed, QEMU may abort. */
            fputs("loadstore: QEMU 7.2 cannot be recorded with thread=multi; "
                  "use -accel tcg,thread=single\n", stderr);
            _exit(EXIT_FAILURE); /* other vCPUs are running */
        }
        /* One log for all threads cannot say whose event it is. */
        ls_events_close();
        abilities.parallel = true;
        abilities.events = false;
    }
    __atomic_store_n(&encoders[r->index],
                     ls_encoder_new(r->index, ls_capture.max_vcpus,
                                    options.limits), __ATOMIC_RELEASE);
    if (pthread_create(&threads[r->index], NULL, encode_thread, r) != 0) {
        fputs("loadstore: cannot start an encoder thread\n", stderr);
        exit(EXIT_FAILURE);
    }
}

static void on_exit_qemu(void);

/* The tables were forgotten, and those that there are now not looked at. */
static _Atomic bool tables_are_unseen;

/* QEMU drops its translated code: it has no room for more, or loads a snapshot, of
 * which the log may tell (events.c).  Else memory and mappings may be others now, or
 * soon: QEMU 11 loads it after that.  No vCPU runs. */
static void on_flush(void)
{
    for (unsigned i = 0; i < atomic_load(&ls_recorder_count); i++) {
        ls_pages_unmap(ls_recorders[i]);
        if (!ls_events_are_read() || !options.restores_are_logged) {
            ls_walker_forget(ls_recorders[i]);
            atomic_store(&tables_are_unseen, true);
        }
    }
    ls_guest_memory_forget();
}

/* A vCPU is about to run a block for the first time since code was dropped. */
static void on_translate(LsTb *tb)
{
    if (ls_self && atomic_load_explicit(&tables_are_unseen,
                                        memory_order_relaxed)) {
        ls_walker_enter(ls_self); /* before the first access */
        /* In a nested guest or SMM they cannot be looked at yet. */
        atomic_store(&tables_are_unseen, !ls_self->walker);
    }
    ls_record_translate(tb);
}

static void register_callbacks(void)
{
    ls_api_on_vcpu_init(plugin_id, ls_record_vcpu_init);
    ls_api_on_exit(plugin_id, on_exit_qemu);
    if (atomic_load(&recording)) {
        ls_api_on_translate(plugin_id, on_translate);
        ls_api_on_flush(plugin_id, on_flush);
    }
}

/* QEMU has dropped all translated code; no vCPU runs. */
static void on_reset(void)
{
    bool on = atomic_load(&recording);
    unsigned count = atomic_load(&ls_recorder_count);

    ls_capture.late = on && !count; /* QEMU 7.2: recorders come later */
    for (unsigned i = 0; on && i < count; i++) {
        ls_record_gap(ls_recorders[i]);
    }
    register_callbacks();
    atomic_store(&ls_control->state, on ? LS_STATE_RECORDING
                                        : LS_STATE_PAUSED);
}

/* Takes the launcher's command back and says why. */
static void refuse_change(uint64_t command, const char *why)
{
    atomic_store(&ls_control->command, command);
    snprintf(ls_control->message, sizeof(ls_control->message),
             "cannot pause or resume: %s", why);
    fprintf(stderr, "loadstore: %s\n", ls_control->message);
}

/* A paused guest is translated without callbacks and runs at QEMU's speed. */
static void set_recording(bool on)
{
    if (on == atomic_load(&recording)) {
        return;
    }
    if (!on && ls_api.version == 1) {
        /* T2: a pointer into the dropped code may be used once more. */
        refuse_change(LS_COMMAND_RUN, "QEMU 7.2 cannot drop the callbacks of "
                                      "a running recording safely");
        return;
    }
    atomic_store(&recording, on);
    if (!ls_api_reset(plugin_id, on_reset)) {
        atomic_store(&recording, !on);
        refuse_change(on ? LS_COMMAND_PAUSE : LS_COMMAND_RUN,
                      "this QEMU does not export current_cpu and "
                      "qemu_get_cpu");
    }
}

/* Shows the progress and does what the launcher asks for. */
static void *control_thread(void *prepared)
{
    const struct timespec pause = { 0, 10000000 };

    if (prepared) {
        ls_ring_populate(prepared);
    }
    while (!atomic_load(&closing)) {
        uint64_t command = atomic_load(&ls_control->command);

        show_progress();
        if (command == LS_COMMAND_STOP) {
            stop("stopped");
        } else if (!atomic_load(&stop_cause)) {
            set_recording(command == LS_COMMAND_RUN);
        }
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void on_exit_qemu(void)
{
    unsigned count = atomic_load(&ls_recorder_count);
    const char *cause;
    char *totals;

    atomic_store(&ls_control->state, LS_STATE_CLOSING);
    for (unsigned i = 0; i < count; i++) {
        if (count == 1 && atomic_load(&recording)) {
            ls_events_finish(ls_recorders[i]);
            ls_deliver_walks(ls_recorders[i]);
        }
        if (ls_audit_is_on() && i == 0) {
            ls_audit_compare(ls_recorders[i]);
        }
        ls_record_count_words(ls_recorders[i]);
    }
    atomic_store(&closing, true);
    pthread_join(controller, NULL);
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        if (encoders[i]->totals.blocks) { /* a halted vCPU saw nothing */
            abilities.view = abilities.view && ls_recorders[i]->eip;
        }
    }
    cause = atomic_load(&stop_cause);
    totals = ls_report_totals(cause ? cause : "guest-exit",
                              atomic_load(&failed) ? ls_control->message : "",
                              encoders, count, &abilities);
    ls_sink_close(totals);
    free(totals);
    show_progress();
    if (ls_sink_error()) {
        fail(ls_sink_error(), options.out);
    }
    atomic_store(&ls_control->state, atomic_load(&failed) ? LS_STATE_FAILED
                                                          : LS_STATE_CLOSED);
}

/* The whole file as text, or NULL with errno set. */
static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    LsBuffer text = { 0 };
    size_t got;

    if (!file) {
        return NULL;
    }
    do {
        ls_buffer_reserve(&text, 65536);
        got = fread(text.bytes + text.length, 1, 65535, file);
        text.length += got;
    } while (got);
    fclose(file);
    text.bytes[text.length] = 0;
    return (char *)text.bytes;
}

static int refuse(const char *what, const char *detail)
{
    fprintf(stderr, "loadstore: %s%s%s\n", what, *detail ? ": " : "", detail);
    snprintf(ls_control->message, sizeof(ls_control->message), "%s%s%s", what,
             *detail ? ": " : "", detail);
    atomic_store(&ls_control->state, LS_STATE_FAILED);
    return 1;
}

static int open_trace(const LsQemuInfo *info)
{
    char *recorder = NULL, *header;
    int error;

    if (options.meta) {
        recorder = read_text(options.meta);
        if (!recorder) {
            return refuse(options.meta, strerror(errno));
        }
    }
    header = ls_report_header(info, recorder, &abilities);
    error = ls_sink_open(options.out, header);
    free(header);
    free(recorder);
    return error ? refuse(options.out, strerror(error)) : 0;
}

LS_EXPORT int qemu_plugin_install(LsPluginId id, const LsQemuInfo *info,
                                  int argc, char **argv);

int qemu_plugin_install(LsPluginId id, const LsQemuInfo *info, int argc,
                        char **argv)
{
    const char *problem = ls_options_parse(&options, argc, argv);
    LsRing *prepared;

    plugin_id = id;
    if (problem) {
        return refuse("argument not understood", problem);
    }
    if (options.control && (problem = ls_control_open(options.control))) {
        return refuse(options.control, problem);
    }
    if (!options.out) {
        return refuse("out=FILE is missing", "");
    }
    if (!info->system_emulation || strcmp(info->target_name, "x86_64")) {
        return refuse("only qemu-system-x86_64 can be recorded, not",
                      info->target_name);
    }
    if ((problem = ls_api_bind())) {
        return refuse("this QEMU lacks", problem);
    }
    if (options.fault && !ls_fault_choose(options.fault)) {
        return refuse("argument not understood: fault", options.fault);
    }
    ls_capture.audit = options.audit;
    ls_capture.max_vcpus = (unsigned)info->system.max_vcpus;
    ls_capture.smp = info->system.max_vcpus > 1;
    if (ls_capture.max_vcpus > LS_MAX_VCPUS) {
        return refuse("more than 1024 vCPUs", "");
    }
    if (!ls_record_choose_callbacks()) {
        return refuse("the access info of this QEMU has an unknown form", "");
    }
    if (options.events && (problem = ls_events_open(options.events))) {
        return refuse(options.events, problem);
    }
    abilities.events = options.events != NULL;
    abilities.restores = options.restores_are_logged;
    abilities.view = ls_api.current_cpu != NULL;
    ls_now_ns();
    if (open_trace(info)) {
        return 1;
    }
    atomic_store(&ls_control->pid, (uint64_t)getpid());
    if (options.paused) {
        atomic_store(&ls_control->command, LS_COMMAND_PAUSE);
    }
    atomic_store(&recording, !options.paused);
    atomic_store(&ls_control->state, options.paused ? LS_STATE_PAUSED
                                                    : LS_STATE_RECORDING);
    ls_record_started = start_encoder;
    register_callbacks();
    /* QEMU makes its machine meanwhile. */
    prepared = options.paused ? NULL : ls_record_prepare();
    if (pthread_create(&controller, NULL, control_thread, prepared)) {
        return refuse("cannot start a thread", "");
    }
    return 0;
}
