/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole recorder, from qemu_plugin_install() to the closed file, with vCPU
 * and encoder threads.
 */
#define _GNU_SOURCE
#include "check.h"
#include "control.h"
#include "encoded.h"
#include "fake_qemu.h"
#include "record.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static _Atomic unsigned terminations; /* SIGTERMs, QEMU's wish to end */

static void on_term(int number)
{
    (void)number;
    atomic_fetch_add(&terminations, 1);
}

static void install(const char *more, unsigned max_vcpus)
{
    char arguments[4096];

    signal(SIGTERM, on_term);
    snprintf(arguments, sizeof(arguments), "out=%s,%s", check_path("trace"),
             more);
    for (unsigned i = 0; i < max_vcpus; i++) {
        fake_cpu_make(i);
    }
    fake_map_ram(0x10, 0x80);
    CHECK_EQ(fake_install(arguments, max_vcpus), 0);
    CHECK_EQ(atomic_load(&ls_control->pid), getpid());
}

/* What one vCPU does: begins, then runs a block with two accesses. */
typedef struct {
    unsigned vcpu;
    unsigned rounds;
} Work;

static void run_rounds(LsTb *tb, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        fake_enter(tb);
        fake_load(tb, 0, 4, 0x10000 + i % 500 * 4);
        fake_store(tb, 1, 4, 0x10800 + i % 500 * 4);
    }
}

static LsTb *translate(void)
{
    return fake_translate(0x401000, "8b 03;89 01");
}

static pthread_barrier_t all_are_there;

/* QEMU announces every vCPU before the first one runs. */
static void *run_vcpu(void *argument)
{
    const Work *work = argument;

    fake_cpu_run(work->vcpu);
    fake_start_vcpu(work->vcpu);
    pthread_barrier_wait(&all_are_there);
    run_rounds(translate(), work->rounds);
    return NULL;
}

static void run_threads(Work *work, unsigned count)
{
    pthread_t threads[4];

    pthread_barrier_init(&all_are_there, NULL, count);
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, run_vcpu, &work[i]), 0);
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* The totals as text, and a number behind a name in them. */
static char *totals;

static TraceFile read_totals(void)
{
    TraceFile t = trace_read(check_path("trace"));
    const TraceSection *s = trace_section(&t, LS_SECTION_TOTALS, 0);

    totals = strndup((const char *)s->payload, s->bytes);
    return t;
}

/* In the `index`th stream. */
static uint64_t total(const char *name, unsigned index)
{
    const char *at = strstr(totals, "\"streams\":");
    char quoted[64];

    for (unsigned i = 0; i <= index && at; i++) {
        at = strstr(at + 1, "{\"stream\":");
    }
    snprintf(quoted, sizeof(quoted), "\"%s\":", name);
    at = at ? strstr(at, quoted) : NULL;
    return at ? strtoull(at + strlen(quoted), NULL, 10) : UINT64_MAX;
}

static void check_balance(unsigned index)
{
    CHECK_EQ(total("captured", index), total("encoded", index));
    CHECK_EQ(total("written", index), total("encoded", index));
}

static void wait_until(_Atomic uint64_t *place, uint64_t value)
{
    struct timespec pause = { 0, 1000000 };

    for (unsigned i = 0; i < 5000 && atomic_load(place) != value; i++) {
        nanosleep(&pause, NULL);
    }
    CHECK_EQ(atomic_load(place), value);
}

enum { ROUNDS = 60000 };

static void check_one_vcpu(void)
{
    Work work = { 0, ROUNDS };
    TraceFile t;

    install("", 1);
    run_threads(&work, 1);
    fake_exit();
    CHECK_EQ(atomic_load(&ls_control->state), LS_STATE_CLOSED);
    t = read_totals();
    CHECK_EQ(trace_count(&t, LS_SECTION_TRAILER), 1);
    CHECK(strstr(totals, "\"cause\":\"guest-exit\"") != NULL);
    CHECK_EQ(total("accesses", 0), 2 * ROUNDS);
    CHECK_EQ(total("blocks", 0), ROUNDS);
    CHECK_EQ(total("instructions", 0), 2 * ROUNDS);
    CHECK_EQ(total("loads", 0), ROUNDS);
    CHECK_EQ(total("stores", 0), ROUNDS);
    check_balance(0);
    CHECK_EQ(atomic_load(&ls_control->accesses), 2 * ROUNDS);
    CHECK_EQ(atomic_load(&ls_control->bytes), t.size);
    CHECK_EQ(atomic_load(&terminations), 0);
}

TEST_WITH(threads_plugin_with_api_1, "FAKE_QEMU=1") { check_one_vcpu(); }
TEST_WITH(threads_plugin_with_api_4, "FAKE_QEMU=4") { check_one_vcpu(); }
TEST_WITH(threads_plugin_with_api_7, "FAKE_QEMU=7")
{
    fake_mmu_index_bits = 5;
    check_one_vcpu();
}

/* Three words a round: the ring turns. */
TEST_WITH(threads_plugin_over_the_turn_of_the_ring, "FAKE_QEMU=4")
{
    enum { MANY = LS_RING_WORDS_SMP / 2 };
    Work work = { 0, MANY };

    install("", 2);
    run_threads(&work, 1);
    fake_exit();
    read_totals();
    CHECK_EQ(total("accesses", 0), 2 * MANY);
    CHECK_EQ(total("blocks", 0), MANY);
    check_balance(0);
}

TEST_WITH(threads_plugin_with_two_vcpu_threads, "FAKE_QEMU=4")
{
    Work work[2] = { { 0, ROUNDS }, { 1, ROUNDS / 2 } };
    TraceFile t;
    uint64_t sum = 0;

    install("", 2);
    run_threads(work, 2);
    CHECK(ls_recorders[0]->ring.words != ls_recorders[1]->ring.words);
    fake_exit();
    t = read_totals();
    for (unsigned i = 0; i < 2; i++) {
        sum += total("accesses", i);
        check_balance(i);
    }
    CHECK_EQ(sum, 3 * ROUNDS);
    CHECK(trace_count(&t, LS_SECTION_CHUNK) >= 2);
    CHECK(strstr(totals, "\"global-order\":{\"status\":\"no\"") != NULL);
}

static LsTb *shared_block;

static void *translate_first(void *argument)
{
    fake_cpu_run(0);
    fake_start_vcpu(0);
    shared_block = translate();
    run_rounds(shared_block, ROUNDS);
    return argument;
}

static void *enter_what_is_translated(void *argument)
{
    fake_cpu_run(1);
    fake_start_vcpu(1);
    fake_cpu_set(1, LS_VIEW_CR3, 0x5000);
    run_rounds(shared_block, ROUNDS);
    return argument;
}

/* As secondary processors do, which begin where the first one wrote. */
TEST_WITH(threads_plugin_second_thread_never_translates, "FAKE_QEMU=4")
{
    pthread_t thread;

    install("", 3); /* and a vCPU that never runs */
    CHECK_EQ(pthread_create(&thread, NULL, translate_first, NULL), 0);
    pthread_join(thread, NULL);
    CHECK_EQ(pthread_create(&thread, NULL, enter_what_is_translated, NULL), 0);
    pthread_join(thread, NULL);
    fake_exit();
    read_totals();
    CHECK_EQ(total("accesses", 1), 2 * ROUNDS);
    check_balance(1);
    CHECK(strstr(totals, "\"address-space\":{\"status\":\"yes\"") != NULL);
}

TEST_WITH(hidden_two_threads_with_api_1, "FAKE_QEMU=1")
{
    Work work[2] = { { 0, 10 }, { 1, 10 } };

    install("", 2);
    run_threads(work, 2);
    fake_exit();
    CHECK(true);
}

TEST(threads_plugin_refuses_two_of_them_with_api_1)
{
    CHECK(!check_passes("hidden_two_threads_with_api_1", true));
}

/* The guest runs on for a while: what it does is not delivered. */
TEST_WITH(threads_plugin_stops_at_the_limit, "FAKE_QEMU=4")
{
    Work work = { 0, ROUNDS };

    install("max-accesses=1001", 1);
    run_threads(&work, 1);
    fake_exit();
    CHECK_EQ(atomic_load(&terminations), 1);
    read_totals();
    CHECK(strstr(totals, "\"cause\":\"limit\"") != NULL);
    CHECK_EQ(total("accesses", 0), 1001);
    CHECK_EQ(total("blocks", 0), 501);
    check_balance(0);
}

TEST_WITH(threads_plugin_stops_when_writing_fails, "FAKE_QEMU=4")
{
    struct rlimit limit;
    TraceFile t;
    LsTb *tb;

    install("", 1);
    limit.rlim_cur = limit.rlim_max = ls_sink_bytes() + 1000;
    signal(SIGXFSZ, SIG_IGN);
    fake_cpu_run(0);
    fake_start_vcpu(0);
    tb = translate();
    setrlimit(RLIMIT_FSIZE, &limit);
    for (uint64_t page = 0x100; page < 0x800; page++) {
        fake_map_ram(page, page * 977 & 0xffff);
        fake_enter(tb);
        fake_load(tb, 0, 4, page << 12);
    }
    /* Half a second later the chunk is written. */
    wait_until(&ls_control->state, LS_STATE_CLOSING);
    run_rounds(tb, 1000);
    fake_exit();
    CHECK_EQ(atomic_load(&terminations), 1);
    CHECK_EQ(atomic_load(&ls_control->state), LS_STATE_FAILED);
    CHECK(strstr(ls_control->message, "File too large") != NULL);
    CHECK(atomic_load(&ls_control->error) != 0);
    t = trace_read(check_path("trace"));
    CHECK(t.count >= 1 && t.size <= limit.rlim_max);
    CHECK_EQ(trace_count(&t, LS_SECTION_TRAILER), 0);
}

/* A page as the launcher makes it. */
static const char *control_page(void)
{
    static char argument[4096];
    FILE *file = fopen(check_path("control"), "w");
    uint8_t page[LS_CONTROL_BYTES] = "LSCTRL01";

    fwrite(page, 1, sizeof(page), file);
    fclose(file);
    snprintf(argument, sizeof(argument), "control=%s", check_path("control"));
    return argument;
}

TEST_WITH(threads_plugin_stops_when_it_is_told_to, "FAKE_QEMU=4")
{
    Work work = { 0, 1000 };

    install(control_page(), 1);
    run_threads(&work, 1);
    atomic_store(&ls_control->command, LS_COMMAND_STOP);
    wait_until(&ls_control->state, LS_STATE_CLOSING);
    fake_exit();
    CHECK_EQ(atomic_load(&terminations), 1);
    read_totals();
    CHECK(strstr(totals, "\"cause\":\"stopped\"") != NULL);
    CHECK_EQ(total("accesses", 0), 2000);
}

/* Runs the queued reset in the vCPU's place. */
static void wait_for_reset(void)
{
    struct timespec pause = { 0, 1000000 };
    unsigned i = 0;

    while (i++ < 5000 && !fake_reset()) {
        nanosleep(&pause, NULL);
    }
    CHECK(i < 5000);
}

/* Whether a chunk says that recording was paused. */
static bool has_gap(const TraceFile *t)
{
    bool told = false;

    for (unsigned i = 0; i < trace_count(t, LS_SECTION_CHUNK); i++) {
        told |= strstr(chunk_notes(trace_section(t, LS_SECTION_CHUNK, i)),
                       " gap ") != NULL;
    }
    return told;
}

static void check_pause_and_resume(void)
{
    TraceFile t;

    install(control_page(), 1);
    fake_cpu_run(0);
    fake_start_vcpu(0);
    run_rounds(translate(), 1000);
    atomic_store(&ls_control->command, LS_COMMAND_PAUSE);
    wait_for_reset();
    CHECK_EQ(atomic_load(&ls_control->state), LS_STATE_PAUSED);
    run_rounds(translate(), 500); /* translated without callbacks */
    atomic_store(&ls_control->command, LS_COMMAND_RUN);
    wait_for_reset();
    CHECK_EQ(atomic_load(&ls_control->state), LS_STATE_RECORDING);
    run_rounds(translate(), 100);
    fake_exit();
    t = read_totals();
    CHECK_EQ(total("accesses", 0), 2200);
    CHECK_EQ(total("instructions", 0), 2200);
    check_balance(0);
    CHECK(has_gap(&t));
    CHECK(strstr(totals, "\"gaps\":1,") != NULL);
}

TEST_WITH(threads_plugin_pauses_with_api_4, "FAKE_QEMU=4")
{
    check_pause_and_resume();
}

TEST_WITH(threads_plugin_pauses_with_api_7, "FAKE_QEMU=7")
{
    check_pause_and_resume();
}

/* How much memory the ring of the only recorder has, in pages. */
static size_t ring_pages(void)
{
    const LsRing *ring = &ls_recorders[0]->ring;
    size_t count = ring->size * sizeof(uint64_t) / 4096, there = 0;
    unsigned char *in_core = malloc(count);

    CHECK_EQ(mincore(ring->words, count * 4096, in_core), 0);
    for (size_t i = 0; i < count; i++) {
        there += in_core[i] & 1;
    }
    free(in_core);
    return there;
}

TEST_WITH(plugin_has_the_memory_of_its_ring_before_there_is_work, "FAKE_QEMU=4")
{
    const struct timespec pause = { 0, 10000000 };
    const size_t all = LS_RING_WORDS / 4096 * sizeof(uint64_t);

    install("", 1);
    fake_cpu_run(0);
    fake_start_vcpu(0);
    for (unsigned i = 0; i < 1000 && ring_pages() < all; i++) {
        nanosleep(&pause, NULL);
    }
    CHECK_EQ(ring_pages(), all);
    fake_exit();
}

TEST_WITH(plugin_needs_no_memory_for_its_ring_while_paused, "FAKE_QEMU=4")
{
    install("start=paused", 1);
    fake_cpu_run(0);
    fake_start_vcpu(0);
    run_rounds(translate(), 1000);
    CHECK(ring_pages() < 16);
    fake_exit();
}

static void check_paused_start(void)
{
    char arguments[4200];
    TraceFile t;

    snprintf(arguments, sizeof(arguments), "start=paused,%s", control_page());
    install(arguments, 1);
    CHECK_EQ(atomic_load(&ls_control->state), LS_STATE_PAUSED);
    fake_cpu_run(0);
    fake_start_vcpu(0);
    run_rounds(translate(), 1000);
    atomic_store(&ls_control->command, LS_COMMAND_RUN);
    wait_for_reset();
    run_rounds(translate(), 100);
    fake_exit();
    t = read_totals();
    CHECK_EQ(total("accesses", 0), 200);
    check_balance(0);
    CHECK(has_gap(&t));
    CHECK(strstr(totals, "\"gaps\":1,") != NULL);
}

/* Version 1 has no recorder before the first translation. */
TEST_WITH(threads_plugin_begins_paused_with_api_1, "FAKE_QEMU=1")
{
    check_paused_start();
}

TEST_WITH(threads_plugin_begins_paused_with_api_4, "FAKE_QEMU=4")
{
    check_paused_start();
}

/* Refusals */

static void check_refusal(const char *arguments, const char *message)
{
    if (!freopen("/dev/null", "w", stderr)) {
        return;
    }
    CHECK_EQ(fake_install(arguments, 1), 1);
    CHECK_EQ(atomic_load(&ls_control->state), LS_STATE_FAILED);
    CHECK_TEXT(ls_control->message, message);
}

TEST(plugin_wants_a_file)
{
    check_refusal("", "out=FILE is missing");
}

TEST(plugin_names_the_argument_it_does_not_know)
{
    check_refusal("out=a,colour=red", "argument not understood: colour=red");
}

TEST(plugin_says_that_the_file_is_there)
{
    char arguments[4096], message[4096];

    fclose(fopen(check_path("trace"), "w"));
    snprintf(arguments, sizeof(arguments), "out=%s", check_path("trace"));
    snprintf(message, sizeof(message), "%s: File exists",
             check_path("trace"));
    check_refusal(arguments, message);
}

TEST_WITH(plugin_refuses_access_info_of_an_unknown_form, "FAKE_QEMU=7")
{
    fake_mmu_index_bits = 6;
    check_refusal("out=a",
                  "the access info of this QEMU has an unknown form");
}
