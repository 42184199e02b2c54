// SPDX-License-Identifier: Apache-2.0
// Feeds addresses to the reuse distance tool of DynamoRIO's drcachesim, without a trace file of its own:
// standard input has u64 after u64, little-endian. Its report goes to standard error. Each is told as an instruction of
// one byte, since the tool prints the distances of those alone. See scripts/referee-reuse.mjs.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "analysis_tool.h"
#include "memref.h"
#include "reuse_distance.h"

using namespace dynamorio::drmemtrace;

namespace {

class shard_tool_t : public reuse_distance_t {
public:
    explicit shard_tool_t(const reuse_distance_knobs_t &knobs)
        : reuse_distance_t(knobs)
        , shard_(knobs.distance_threshold, knobs.skip_list_distance, knobs.distance_limit,
                 false)
    {
    }
    void
    take(uint64_t address)
    {
        memref_t memref = {};
        memref.instr.type = TRACE_TYPE_INSTR;
        memref.instr.addr = address;
        memref.instr.size = 1;
        parallel_shard_memref(&shard_, memref);
    }
    void
    report()
    {
        print_shard_results(&shard_);
    }

private:
    shard_data_t shard_;
};

} // namespace

int
main(int argc, char **argv)
{
    reuse_distance_knobs_t knobs;
    knobs.report_histogram = true;
    knobs.distance_threshold = argc > 1 ? static_cast<unsigned>(atoi(argv[1])) : 100;
    shard_tool_t tool(knobs);
    std::vector<uint64_t> addresses(1 << 16);
    for (;;) {
        size_t count = fread(addresses.data(), 8, addresses.size(), stdin);
        if (count == 0)
            break;
        for (size_t i = 0; i < count; ++i)
            tool.take(addresses[i]);
    }
    tool.report();
    return 0;
}
