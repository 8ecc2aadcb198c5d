/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where each program runs as a user of its own, no file can belong to all who need it, and one that its
 * group may read is refused. So each program gets a folder in the ring with copies of what it
 * reads, and nothing else.
 */
#include "config.h"

#include "keys/ring_internal.h"

#include "base/rand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

static const struct {
	const char *program;
	unsigned purposes;
} readers[] = {
	{ "oauth", 1u << KEY_PEPPER | 1u << KEY_SESSION | 1u << KEY_CLAIMS | 1u << KEY_SIGNING },
	{ "consent", 1u << KEY_PEPPER | 1u << KEY_SESSION | 1u << KEY_AUDIT },
	{ "connect",
	    1u << KEY_PEPPER | 1u << KEY_SESSION | 1u << KEY_VAULT | 1u << KEY_SIGNING },
	{ "mcp",
	    1u << KEY_PEPPER | 1u << KEY_SESSION | 1u << KEY_CLAIMS | 1u << KEY_VAULT |
		1u << KEY_SIGNING },
	{ "console", 1u << KEY_PEPPER | 1u << KEY_SESSION },
};

const char *ring_reader(size_t i)
{
	return i < sizeof(readers) / sizeof(*readers) ? readers[i].program : NULL;
}

const char *ring_folder(struct arena *a, const char *dir, const char *program)
{
	const char *own = arena_printf(a, "%s/%s", dir, program);
	struct stat st;

	return stat(own, &st) == 0 && S_ISDIR(st.st_mode) ? own : dir;
}

static bool cannot(struct err *e, const char *dir, const char *program)
{
	int why = errno;

	err_set(e, ERR_CONFIG, "", "share");
	return err_text(e, "cannot share the key ring %s with %s: %s", dir, program, strerror(why));
}

/* The folder, which its program may enter but not change. The ring itself must be open to enter, too. */
static int open_folder(int ring, const char *program)
{
	struct stat st;
	int fd;

	if (fstat(ring, &st) < 0 || fchmod(ring, (st.st_mode & 07777) | 0111) < 0 ||
	    (mkdirat(ring, program, 0700) < 0 && errno != EEXIST))
		return -1;
	fd = openat(ring, program, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fchmod(fd, 0711) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The owner is changed before the name is: nobody finds a file that is not for them yet. */
static bool write_copy(int folder, enum purpose p, const char *text, size_t n, uid_t uid, gid_t gid)
{
	char unique[UUID_TEXT], temporary[UUID_TEXT + 8];
	int why;

	rand_uuid(unique);
	snprintf(temporary, sizeof(temporary), ".new-%s", unique);
	if (ring_write_file(folder, temporary, 0400, text, n) &&
	    fchownat(folder, temporary, uid, gid, AT_SYMLINK_NOFOLLOW) == 0 &&
	    renameat(folder, temporary, folder, purpose_name(p)) == 0)
		return true;
	why = errno;
	unlinkat(folder, temporary, 0);
	errno = why;
	return false;
}

static bool copy_purpose(const char *dir, int folder, size_t reader, enum purpose p, uid_t uid,
    gid_t gid, struct err *e)
{
	char text[RING_FILE_MAX + 2];
	size_t n;
	bool ok = ring_read_text(dir, p, text, &n, NULL, e);

	if (ok && !write_copy(folder, p, text, n, uid, gid))
		ok = cannot(e, dir, readers[reader].program);
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

bool ring_share(const char *dir, size_t reader, uid_t uid, gid_t gid, struct err *e)
{
	const char *program = readers[reader].program;
	int ring = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int folder = ring < 0 ? -1 : open_folder(ring, program);
	bool ok = folder >= 0 || cannot(e, dir, program);

	for (enum purpose p = 0; ok && p < KEY_PURPOSES; p++)
		if (readers[reader].purposes & 1u << p)
			ok = copy_purpose(dir, folder, reader, p, uid, gid, e);
	if (folder >= 0)
		close(folder);
	if (ring >= 0)
		close(ring);
	return ok;
}
