/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The harness itself: what must count as failed does. */
#include "check.h"

#include <stdlib.h>

TEST(hidden_checks_nothing)
{
}

TEST(hidden_fails_then_passes)
{
    CHECK_EQ(1, 2);
    CHECK_EQ(2, 2);
}

TEST(hidden_aborts)
{
    CHECK(true);
    abort();
}

TEST(hidden_passes)
{
    CHECK(true);
    CHECK_TEXT("a", "a");
}

TEST_WITH(hidden_passes_with_setting, "LOADSTORE_CHECK=there")
{
    CHECK_TEXT(getenv("LOADSTORE_CHECK"), "there");
}

TEST(check_tells_good_from_bad)
{
    CHECK(check_passes("hidden_passes", true));
    CHECK(check_passes("hidden_passes_with_setting", true));
    CHECK(!check_passes("hidden_checks_nothing", true));
    CHECK(!check_passes("hidden_fails_then_passes", true));
    CHECK(!check_passes("hidden_aborts", true));
}
