/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three system calls. Numbers and structures are written out: distributions ship kernel headers
 * that are older than the kernels they run on, and what a kernel does not know it must not be asked.
 */
#include "config.h"

#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset /* the same on every architecture but alpha, which had none */
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* linux/landlock.h */
enum { RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };
enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_ALL_1 = (1 << 13) - 1,
	FS_REFER = 1 << 13,     /* version 2 */
	FS_TRUNCATE = 1 << 14,  /* version 3 */
	FS_IOCTL_DEV = 1 << 15, /* version 5 */
	FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
	NET_BIND_TCP = 1 << 0, /* version 4 */
	SCOPE_SIGNAL = 1 << 1, /* version 6 */
};

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct __attribute__((packed)) path_attr {
	uint64_t allowed;
	int32_t parent_fd;
};

/* What a kernel of this version can take away. */
static struct ruleset_attr handled_by(int version)
{
	struct ruleset_attr attr = { .fs = FS_ALL_1 };

	if (version >= 2)
		attr.fs |= FS_REFER;
	if (version >= 3)
		attr.fs |= FS_TRUNCATE;
	if (version >= 4)
		attr.net = NET_BIND_TCP;
	if (version >= 5)
		attr.fs |= FS_IOCTL_DEV;
	if (version >= 6)
		attr.scoped = SCOPE_SIGNAL;
	return attr;
}

static int kernel_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, RULESET_VERSION);
}

int landlock_begin(void)
{
	int version = kernel_version();
	struct ruleset_attr attr = handled_by(version);
	/* an older kernel refuses a longer structure */
	size_t size = version >= 6 ? sizeof(attr)
	    : version >= 4         ? offsetof(struct ruleset_attr, scoped)
	                           : offsetof(struct ruleset_attr, net);

	if (version < 1)
		return -1;
	return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
}

static uint64_t rights(unsigned may)
{
	uint64_t fs = 0;

	if (may & LANDLOCK_MAY_READ)
		fs |= FS_READ_FILE | FS_READ_DIR;
	if (may & (LANDLOCK_MAY_APPEND | LANDLOCK_MAY_CHANGE))
		fs |= FS_WRITE_FILE | FS_MAKE_REG;
	if (may & LANDLOCK_MAY_CHANGE)
		fs |= FS_READ_DIR | FS_MAKE_DIR | FS_REMOVE_FILE | FS_REMOVE_DIR | FS_REFER | FS_TRUNCATE;
	return fs & handled_by(kernel_version()).fs;
}

bool landlock_allow(int rules, const char *path, unsigned may)
{
	struct path_attr attr = { .allowed = rights(may) };
	struct stat st;
	bool ok;

	attr.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (attr.parent_fd < 0)
		return false;
	if (!fstat(attr.parent_fd, &st) && !S_ISDIR(st.st_mode))
		attr.allowed &= FS_OF_FILES;
	ok = !syscall(SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &attr, 0);
	close(attr.parent_fd);
	return ok;
}

bool landlock_enforce(int rules)
{
	bool ok = !syscall(SYS_landlock_restrict_self, rules, 0);
	int why = errno;

	close(rules);
	errno = why;
	return ok;
}
