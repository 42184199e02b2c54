/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"
#include "fake_qemu.h"

static void *start(size_t eip_at, uint64_t eip)
{
    fake_eip_offset = eip_at;
    fake_cpu_make(0);
    fake_cpu_set(0, 0, eip);
    return fake_cpu_object(0);
}

TEST(cpu_view_finds_eip_wherever_it_lies)
{
    uint8_t *cpu = start(0x1238, 0xffffffff81000123);

    CHECK(ls_view_at_translation(cpu, 0xffffffff81000123) == cpu + 0x1238);
    CHECK(ls_view_eip(cpu) == cpu + 0x1238);
    CHECK_EQ(ls_view_mismatches(), 0);
}

TEST(cpu_view_needs_an_object)
{
    uint8_t *cpu = start(0x1238, 0x1000);

    CHECK(!ls_view_at_translation(NULL, 0x1000));
    CHECK(!ls_view_eip(NULL));
    CHECK(!ls_view_eip(cpu));
    CHECK(ls_view_at_translation(cpu, 0x1000) == cpu + 0x1238);
}

/* At reset: CS.base 0xffff0000, eip 0xfff0, no protection. */
TEST(cpu_view_adds_the_base_of_cs)
{
    uint8_t *cpu = start(0x800, 0xfff0);

    fake_cpu_set(0, LS_VIEW_CS_BASE, 0xffff0000);
    fake_cpu_set_u32(0, LS_VIEW_HFLAGS, 0);
    fake_cpu_set(0, LS_VIEW_CR0, 0x60000010);
    CHECK(ls_view_at_translation(cpu, 0xfffffff0) == cpu + 0x800);
}

/* Outside 64-bit code the sum wraps at 4 GiB. */
TEST(cpu_view_wraps_at_4_gib)
{
    uint8_t *cpu = start(0x800, 0xfff0);

    fake_cpu_set(0, LS_VIEW_CS_BASE, 0xffff8000);
    fake_cpu_set_u32(0, LS_VIEW_HFLAGS, LS_HF_PE | LS_HF_CS32);
    CHECK(ls_view_at_translation(cpu, 0x7ff0) == cpu + 0x800);
}

/* Another field that happens to hold the address has no mode bits that fit. */
TEST(cpu_view_passes_over_look_alikes)
{
    uint8_t *cpu = start(0x1800, 0x401000);

    *(uint64_t *)(void *)(cpu + 0x200) = 0x401000;
    *(uint64_t *)(void *)(cpu + 0x208) = 0x401000;
    CHECK(ls_view_at_translation(cpu, 0x401000) == cpu + 0x1800);
}

TEST(cpu_view_is_off_for_good_when_nothing_fits)
{
    uint8_t *cpu = start(0x1238, 0x1000);

    CHECK(!ls_view_at_translation(cpu, 0x2000));
    CHECK(!ls_view_at_translation(cpu, 0x1000));
    CHECK(!ls_view_eip(cpu));
    CHECK_EQ(ls_view_mismatches(), 0);
}

TEST(cpu_view_that_lies_once_is_off_for_good)
{
    uint8_t *cpu = start(0x1238, 0x1000);

    CHECK(ls_view_at_translation(cpu, 0x1000) != NULL);
    fake_cpu_set(0, 0, 0x1040);
    CHECK(ls_view_at_translation(cpu, 0x1040) != NULL);
    CHECK(!ls_view_at_translation(cpu, 0x1080));
    CHECK_EQ(ls_view_mismatches(), 1);
    CHECK(!ls_view_at_translation(cpu, 0x1040));
    CHECK(!ls_view_eip(cpu));
    CHECK_EQ(ls_view_mismatches(), 1);
}

TEST(cpu_view_notices_mode_bits_that_cannot_be)
{
    uint8_t *cpu = start(0x1238, 0x1000);

    CHECK(ls_view_at_translation(cpu, 0x1000) != NULL);
    fake_cpu_set(0, LS_VIEW_CR0, 0);
    CHECK(!ls_view_at_translation(cpu, 0x1000));
    CHECK_EQ(ls_view_mismatches(), 1);
}

TEST(cpu_view_holds_for_every_vcpu)
{
    uint8_t *cpu = start(0x1238, 0x1000);
    uint8_t *other;

    fake_cpu_make(1);
    fake_cpu_set(1, 0, 0x2000);
    other = fake_cpu_object(1);
    CHECK(ls_view_at_translation(cpu, 0x1000) == cpu + 0x1238);
    CHECK(ls_view_eip(other) == other + 0x1238);
    CHECK(ls_view_at_translation(other, 0x2000) == other + 0x1238);
    CHECK(!ls_view_at_translation(other, 0x1000));
    CHECK(!ls_view_at_translation(cpu, 0x1000));
}
