/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the header and totals as JSON (see report.h). */
#define _GNU_SOURCE
#include "report.h"

#include "audit.h"
#include "cpu_view.h"
#include "deliver.h"
#include "fault.h"
#include "guest_memory.h"

#include <inttypes.h>
#include <stdarg.h>

__attribute__((format(printf, 2, 3))) static void
add(LsBuffer *out, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ls_buffer_reserve(out, (size_t)length + 1);
    va_start(args, format);
    vsnprintf((char *)out->bytes + out->length, (size_t)length + 1, format,
              args);
    va_end(args);
    out->length += (size_t)length;
}

/* Text as a JSON string. */
static void add_string(LsBuffer *out, const char *text)
{
    add(out, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\' || c < 0x20) {
            add(out, "\\u%04x", c);
        } else {
            add(out, "%c", c);
        }
    }
    add(out, "\"");
}

static void add_ability(LsBuffer *out, const char *name, const char *status,
                        const char *why)
{
    add(out, "\"%s\":{\"status\":\"%s\"", name, status);
    if (why) {
        add(out, ",\"why\":");
        add_string(out, why);
    }
    add(out, "},");
}

static void add_view_ability(LsBuffer *out, const char *name, bool view,
                             const char *status, const char *lost)
{
    static const char hidden[] = "the vCPU's registers cannot be read in "
                                 "this QEMU: no current_cpu, or unknown "
                                 "layout; ";
    char why[256];

    snprintf(why, sizeof(why), "%s%s", hidden, lost);
    add_ability(out, name, view ? "yes" : status, view ? NULL : why);
}

static void add_delivery_ability(LsBuffer *out, const LsAbilities *a)
{
    bool can = a->events && a->view && ls_deliver_is_possible();

    add_ability(out, "event-delivery", can ? "partial" : "no",
                !a->events ? "events are not recorded"
                : !can ? "guest memory cannot be read in this QEMU: it does "
                         "not export the functions"
                       : "not of the state save on entering SMM, nor in a "
                         "nested guest with nested paging");
}

static void add_walk_abilities(LsBuffer *out, const LsAbilities *a)
{
    bool can = a->view && !a->parallel && ls_guest_memory_is_readable();
    char partly[512];
    const char *why =
        a->parallel ? "with thread=multi page tables change while they are "
                      "looked at"
                    : "the vCPU's registers or guest memory cannot be read "
                      "in this QEMU";

    snprintf(partly, sizeof(partly), "accessed and dirty bits that the MMU "
             "sets, told when they are first used or seen%s%s; its reads of "
             "page tables are not recorded",
             ls_api.version == 1 ? ", but not those of the first fetch through "
                                   "tables that CR3 is newly loaded with"
                                 : "",
             a->events && a->restores
                 ? "" : ", but not those of fetches before QEMU dropped its "
                        "translated code");
    add_ability(out, "page-walk", can ? "partial" : "no", can ? partly : why);
    add_ability(out, "page-attributes", can ? "yes" : "no",
                can ? NULL : why);
}

#define LOGGED_EVENTS \
    "from QEMU's -d int log, which is silent about exceptions in real mode: " \
    "those are told when the stack and the vector table show them"

static void add_abilities(LsBuffer *out, const LsAbilities *a)
{
    const char *parallel = "with thread=multi the order is that of each vCPU; "
                           "nothing is said about the order between them";

    add(out, "{");
    add_ability(out, "vaddr", "yes", NULL);
    if (ls_api.version == 1) {
        add_ability(out, "paddr", "partial",
                    "QEMU 7.2 gives offsets into its RAM blocks, which differ "
                    "from guest-physical addresses above 4 GiB and in ROM");
    } else {
        add_ability(out, "paddr", "yes", NULL);
    }
    add_view_ability(out, "pc", a->view || ls_api.version == 1, "partial",
                     "code shared by several virtual addresses may be "
                     "reported at another of them");
    if (a->events) {
        add_ability(out, "icount", a->view ? "yes" : "partial",
                    a->view ? NULL
                            : "a block that an exception in real mode leaves "
                              "early counts whole: QEMU does not log it");
        add_ability(out, "events", "partial",
                    a->restores ? LOGGED_EVENTS
                                : LOGGED_EVENTS "; that a snapshot was loaded "
                                  "is not told, for this QEMU's log has no "
                                  "trace events");
    } else {
        add_ability(out, "icount", "partial",
                    "events are not recorded, so a block that an exception "
                    "leaves early counts whole");
        add_ability(out, "events", "no", a->parallel
                        ? "QEMU's -d int log is one for all vCPU threads"
                        : "no event log was given");
    }
    add_view_ability(out, "cpl", a->view, "no", "blocks have no mode");
    add_view_ability(out, "mode", a->view, "no", "blocks have no mode");
    add_view_ability(out, "address-space", a->view, "no", "CR3 is not known");
    add_delivery_ability(out, a);
    add_walk_abilities(out, a);
    add_ability(out, "region", ls_api_names_regions() ? "yes" : "no",
                ls_api_names_regions()
                    ? NULL : "this QEMU does not export the functions");
    add_ability(out, "port-io",
                !a->view ? "no" : ls_api.version == 1 ? "partial" : "yes",
                !a->view ? "the vCPU's registers cannot be read in this QEMU"
                : ls_api.version == 1 ? "QEMU 7.2 keeps registers where they "
                                        "cannot be read: no values, and no "
                                        "port that is in DX"
                                      : NULL);
    add_ability(out, "device", "yes", NULL);
    add_ability(out, "vcpu", "yes", NULL);
    add_ability(out, "global-order", a->parallel ? "no" : "yes",
                a->parallel ? parallel : NULL);
    add_ability(out, "values", "no", "not recorded");
    out->length--; /* the last comma */
    add(out, "}");
}

char *ls_report_header(const LsQemuInfo *info, const char *recorder,
                       const LsAbilities *abilities)
{
    LsBuffer out = { 0 };

    add(&out, "{\"recorder\":%s,", recorder ? recorder : "{}");
    add(&out,
        "\"plugin\":{\"api\":%d,\"accepts\":[%d,%d],\"vcpus\":%d,"
        "\"maxVcpus\":%d",
        ls_api.version, info->version.min, info->version.cur,
        info->system.smp_vcpus, info->system.max_vcpus);
    if (ls_fault_chosen()) {
        add(&out, ",\"fault\":\"%s\"", ls_fault_chosen());
    }
    add(&out, "},\"capabilities\":");
    add_abilities(&out, abilities);
    add(&out, "}");
    return (char *)out.bytes;
}

static void add_stream(LsBuffer *out, const LsEncoder *e, const LsRecorder *r)
{
    const LsStreamTotals *t = &e->totals;

    add(out, "{\"stream\":%u,", e->stream);
    /* Words counted by the vCPU thread, less those that the encoder found to
     * be neither accesses nor blocks. */
    add(out, "\"captured\":%" PRIu64 ",",
        r->words - t->side_words - t->undelivered);
    add(out, "\"encoded\":%" PRIu64 ",\"written\":%" PRIu64 ",",
        t->accesses + t->blocks, t->written);
    add(out, "\"accesses\":%" PRIu64 ",\"blocks\":%" PRIu64 ",", t->accesses,
        t->blocks);
    add(out, "\"instructions\":%" PRIu64 ",\"loads\":%" PRIu64 ",",
        t->instructions, t->loads);
    add(out, "\"stores\":%" PRIu64 ",\"aborted\":%" PRIu64 ",", t->stores,
        t->aborted);
    add(out, "\"events\":%" PRIu64 ",\"words\":%" PRIu64 ",", t->events,
        r->words);
    add(out, "\"waits\":%" PRIu64 ",\"unknownPaddr\":%" PRIu64 ",", r->waits,
        r->unknown_phys);
    add(out, "\"mapChecks\":%" PRIu64 ",\"mapMismatches\":%" PRIu64 ",",
        r->map_checks, r->map_mismatches);
    add(out, "\"strays\":%" PRIu64 ",\"aliasedBlocks\":%" PRIu64 ",",
        r->strays, r->aliased);
    add(out, "\"deliveries\":%" PRIu64 ",\"missingDeliveries\":%" PRIu64
        ",\"deliveryMismatches\":%" PRIu64 ",\"confirmedDeliveries\":%" PRIu64
        ",\"apartEvents\":%" PRIu64 ",", r->deliveries,
        r->missing_deliveries, r->delivery_mismatches,
        r->confirmed_deliveries, r->apart_events);
    add(out, "\"walkUpdates\":%" PRIu64 ",\"walkMismatches\":%" PRIu64 ",",
        r->walk_updates, r->walk_mismatches);
    add(out, "\"cutBlocks\":%" PRIu64 ",\"unresolvedCuts\":%" PRIu64 "},",
        t->cuts, t->unresolved + r->unresolved);
}

static void add_vcpus(LsBuffer *out, LsEncoder *const *encoders,
                      unsigned count)
{
    for (uint32_t v = 0; v < (count ? encoders[0]->vcpu_count : 0); v++) {
        LsVcpu sum = { 0 };

        for (unsigned i = 0; i < count; i++) {
            const LsVcpu *one = &encoders[i]->vcpus[v];

            sum.seen |= one->seen;
            sum.icount += one->icount;
            sum.loads += one->loads;
            sum.stores += one->stores;
        }
        if (sum.seen) {
            add(out,
                "{\"vcpu\":%u,\"instructions\":%" PRIu64 ",\"loads\":%" PRIu64
                ",\"stores\":%" PRIu64 "},",
                v, sum.icount, sum.loads, sum.stores);
        }
    }
}

static void end_array(LsBuffer *out)
{
    if (out->bytes[out->length - 1] == ',') {
        out->length--;
    }
    add(out, "],");
}

/* A pause is a gap in each stream; one that began later has fewer. */
static uint64_t most_gaps(LsEncoder *const *encoders, unsigned count)
{
    uint64_t most = 0;

    for (unsigned i = 0; i < count; i++) {
        if (encoders[i]->totals.gaps > most) {
            most = encoders[i]->totals.gaps;
        }
    }
    return most;
}

char *ls_report_totals(const char *cause, const char *error,
                       LsEncoder *const *encoders, unsigned count,
                       const LsAbilities *abilities)
{
    LsBuffer out = { 0 };

    add(&out, "{\"cause\":\"%s\",\"error\":", cause);
    add_string(&out, error);
    add(&out, ",\"viewMismatches\":%" PRIu64 ",\"gaps\":%" PRIu64
        ",\"streams\":[", ls_view_mismatches(), most_gaps(encoders, count));
    for (unsigned i = 0; i < count; i++) {
        add_stream(&out, encoders[i], ls_recorders[i]);
    }
    end_array(&out);
    add(&out, "\"vcpus\":[");
    add_vcpus(&out, encoders, count);
    end_array(&out);
    ls_audit_report(&out);
    if (ls_fault_chosen()) {
        add(&out, "\"injectedFaults\":%" PRIu64 ",", ls_fault_count());
    }
    add(&out, "\"capabilities\":");
    add_abilities(&out, abilities);
    add(&out, "}");
    return (char *)out.bytes;
}
