/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public halves of the signing keys, for a program that has no business with the private ones:
 * a file beside them, which everybody may read.
 */
#include "config.h"

#include "keys/ring_internal.h"

#include "base/buf.h"
#include "base/rand.h"
#include "json/jose.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool cannot(struct err *e, const char *dir)
{
	int why = errno;

	err_set(e, ERR_CONFIG, "", "publish");
	return err_text(
	    e, "cannot write %s/" RING_PUBLISHED ": %s", dir, strerror(why));
}

/* RFC 7517, 5: primary first, then the active ones, whose signatures may still be under way. */
static const char *key_set(struct arena *a, const struct ring *r, struct err *e)
{
	const char *text = "", *one;
	const struct key *k;

	for (size_t i = 0; (k = ring_at(r, KEY_SIGNING, i)); i++) {
		one = jwk_public(a, k->pem, k->id, e);
		if (!one)
			return NULL;
		text = arena_printf(a, "%s%s%s", text, i ? ",\n" : "", one);
	}
	return arena_printf(a, "{\"keys\":[%s]}\n", text);
}

static bool is_there(int ring, const char *text, size_t n)
{
	char old[RING_FILE_MAX];
	int fd = openat(ring, RING_PUBLISHED, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, old, sizeof(old));

	if (fd >= 0)
		close(fd);
	return got == (ssize_t)n && !memcmp(old, text, n);
}

static bool replace(int ring, const char *text, size_t n)
{
	char unique[UUID_TEXT], temporary[UUID_TEXT + 8];
	int why;

	rand_uuid(unique);
	snprintf(temporary, sizeof(temporary), ".new-%s", unique);
	if (ring_write_file(ring, temporary, 0444, text, n) &&
	    renameat(ring, temporary, ring, RING_PUBLISHED) == 0 && fsync(ring) == 0)
		return true;
	why = errno;
	unlinkat(ring, temporary, 0);
	errno = why;
	return false;
}

bool ring_publish(const char *dir, struct err *e)
{
	struct arena *a = arena_new();
	/* the lock of ring_edit.c: what is read here is in force when it is written */
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_EX) == 0;
	struct ring *r = locked ? ring_open(dir, 1u << KEY_SIGNING, e) : NULL;
	const char *text = r ? key_set(a, r, e) : NULL;
	bool ok = text && (is_there(fd, text, strlen(text)) || replace(fd, text, strlen(text)) ||
			      cannot(e, dir));

	if (!locked)
		cannot(e, dir);
	ring_close(r);
	if (fd >= 0)
		close(fd);
	arena_free(a);
	return ok;
}

bool ring_is_published(const char *dir, struct err *e)
{
	struct arena *a = arena_new();
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct ring *r = ring_open(dir, 1u << KEY_SIGNING, e);
	const char *text = r ? key_set(a, r, e) : NULL;
	bool is = fd >= 0 && text && is_there(fd, text, strlen(text));

	ring_close(r);
	if (fd >= 0)
		close(fd);
	arena_free(a);
	return is;
}
