/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Maps the control page (see control.h). */
#define _GNU_SOURCE
#include "control.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static_assert(offsetof(LsControl, error) == 88, "control-page.ts");
static_assert(offsetof(LsControl, message) == 128, "control-page.ts");

static LsControl own;
LsControl *ls_control = &own;

const char *ls_control_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat st;
    void *at;

    if (fd < 0) {
        return strerror(errno);
    }
    if (fstat(fd, &st) != 0 || st.st_size < LS_CONTROL_BYTES) {
        close(fd);
        return "it is shorter than 4096 bytes";
    }
    at = mmap(NULL, LS_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
              0);
    close(fd);
    if (at == MAP_FAILED) {
        return strerror(errno);
    }
    if (memcmp(at, "LSCTRL01", 8) != 0) {
        munmap(at, LS_CONTROL_BYTES);
        return "it does not begin with LSCTRL01";
    }
    ls_control = at;
    return NULL;
}
