/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which interface version is claimed, from what this QEMU exports. */
#include "check.h"
#include "fake_qemu.h"

#include <string.h>

extern int qemu_plugin_version;

static void check_version(int expected)
{
    CHECK_EQ(qemu_plugin_version, expected);
    CHECK_EQ(ls_api.version, expected);
    CHECK_TEXT(ls_api_bind(), NULL);
    CHECK(ls_api.current_cpu && ls_api.get_cpu);
}

TEST_WITH(api_1_is_recognised, "FAKE_QEMU=1") { check_version(1); }
TEST_WITH(api_2_is_recognised, "FAKE_QEMU=2") { check_version(2); }
TEST_WITH(api_4_is_recognised, "FAKE_QEMU=4") { check_version(4); }
TEST_WITH(api_5_is_recognised, "FAKE_QEMU=5") { check_version(5); }
TEST_WITH(api_7_is_recognised, "FAKE_QEMU=7") { check_version(7); }
/* The launcher knows better: versions 6 and 7 export the same names. */
TEST_WITH(api_that_was_told_stands, "LOADSTORE_PLUGIN_API=6")
{
    check_version(6);
}
TEST_WITH(api_that_was_told_wrongly_does_not, "LOADSTORE_PLUGIN_API=x")
{
    check_version(4);
}
TEST_WITH(api_that_was_told_with_two_digits_does_not,
          "LOADSTORE_PLUGIN_API=12")
{
    check_version(4);
}

TEST_WITH(api_without_vcpu_objects, "FAKE_QEMU=4,bare")
{
    CHECK_TEXT(ls_api_bind(), NULL);
    CHECK(!ls_api.current_cpu);
    CHECK(!ls_api.get_cpu);
    CHECK(!ls_api_reset(7, NULL));
}

static LsTb *translated;

static void note_translation(LsTb *tb)
{
    translated = tb;
}

static void check_bytes(void)
{
    uint8_t bytes[16];
    LsTb *tb;

    CHECK_TEXT(ls_api_bind(), NULL);
    ls_api_on_translate(7, note_translation);
    tb = fake_translate(0x1000, "90;66 0f 38 82 00");
    CHECK(translated == tb);
    memset(bytes, 0xee, sizeof(bytes));
    CHECK_EQ(ls_api_insn_bytes(ls_api.tb_get_insn(tb, 1), bytes), 5);
    CHECK_EQ(bytes[0], 0x66);
    CHECK_EQ(bytes[4], 0);
    CHECK_EQ(bytes[5], 0xee);
    CHECK_EQ(ls_api.insn_vaddr(ls_api.tb_get_insn(tb, 1)), 0x1001);
}

TEST_WITH(api_1_gives_bytes_of_instructions, "FAKE_QEMU=1") { check_bytes(); }
TEST_WITH(api_4_gives_bytes_of_instructions, "FAKE_QEMU=4") { check_bytes(); }
TEST_WITH(api_7_gives_bytes_of_instructions, "FAKE_QEMU=7") { check_bytes(); }
