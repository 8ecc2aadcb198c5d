/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing key files: adding a key, and the states of those that are there. Only the words that
 * change are replaced; the rest of the file stays as its owner wrote it.
 */
#include "config.h"

#include "keys/ring.h"

#include "keys/ring_internal.h"

#include "base/buf.h"
#include "base/rand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

struct edit {
	const char *dir;
	enum purpose purpose;
	int dirfd;
	struct ring *ring; /* the file before */
	struct stat st;
	char text[RING_FILE_MAX + 2];
	size_t n;
	struct buf out;
};

static bool refuse(const struct edit *d, const char *what, const char *remedy, struct err *e)
{
	return ring_refuse(e, d->dir, d->purpose, what, remedy);
}

/* One change at a time: the folder is locked until the end. */
static bool edit_begin(struct edit *d, const char *dir, enum purpose p, struct err *e)
{
	char copy[RING_FILE_MAX + 2];
	const char *wrong;

	*d = (struct edit){ .dir = dir, .purpose = p };
	buf_init(&d->out, RING_FILE_MAX);
	d->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->dirfd < 0 || flock(d->dirfd, LOCK_EX) < 0)
		return refuse(d, strerror(errno), "look at the key ring's directory", e);
	if (!ring_read_text(dir, p, d->text, &d->n, &d->st, e))
		return false;
	d->ring = ring_new();
	memcpy(copy, d->text, d->n + 1);
	wrong = ring_parse(d->ring, p, copy, d->n);
	OPENSSL_cleanse(copy, sizeof(copy));
	return !wrong || refuse(d, wrong, "see gatehouse-keys(5)", e);
}

static void edit_end(struct edit *d)
{
	OPENSSL_cleanse(d->text, sizeof(d->text));
	if (d->out.data)
		OPENSSL_cleanse(d->out.data, d->out.cap);
	buf_release(&d->out);
	ring_close(d->ring);
	if (d->dirfd >= 0)
		close(d->dirfd);
}

/* What is about to be written must be a file that programs take. */
static bool is_sound(struct edit *d, struct err *e)
{
	struct ring *r = ring_new();
	char copy[RING_FILE_MAX + 2];
	const char *wrong = "is longer than 16 KiB";

	if (!d->out.over) {
		memcpy(copy, buf_text(&d->out), d->out.len + 1);
		wrong = ring_parse(r, d->purpose, copy, d->out.len);
		OPENSSL_cleanse(copy, sizeof(copy));
	}
	ring_close(r);
	return !wrong ||
	       refuse(d, wrong, "remove lines of retired keys; the file was left as it is", e);
}

static bool edit_write(struct edit *d, struct err *e)
{
	char unique[UUID_TEXT], temporary[UUID_TEXT + 8];
	const char *name = purpose_name(d->purpose);
	bool ok;
	int why;

	if (!is_sound(d, e))
		return false;
	rand_uuid(unique);
	snprintf(temporary, sizeof(temporary), ".new-%s", unique);
	ok = ring_write_file(
	    d->dirfd, temporary, d->st.st_mode & 07777, buf_text(&d->out), d->out.len);
	/* its group, where we may: without rights for it, that is a matter of looks */
	ok = ok && (fchownat(d->dirfd, temporary, (uid_t)-1, d->st.st_gid, AT_SYMLINK_NOFOLLOW) ==
			0 ||
		       errno == EPERM);
	ok = ok && renameat(d->dirfd, temporary, d->dirfd, name) == 0;
	why = errno;
	if (!ok)
		unlinkat(d->dirfd, temporary, 0);
	if (ok && fsync(d->dirfd) == 0)
		return true;
	return refuse(d, strerror(ok ? errno : why), "the directory must be writable", e);
}

/* The file with KEY (and the key OTHER, if not NULL) in another state. */
static void set_states(struct edit *d, const char *key, enum key_state state, const char *other,
    enum key_state other_state)
{
	const char *line = d->text, *end = d->text + d->n;

	while (line < end) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		const char *next = stop ? stop + 1 : end;
		const char *id = line + strspn(line, " \t");
		size_t id_n = strcspn(id, " \t\n");
		const char *old = id + id_n + strspn(id + id_n, " \t");
		bool is_key = strlen(key) == id_n && !memcmp(id, key, id_n);
		bool is_other = other && strlen(other) == id_n && !memcmp(id, other, id_n);

		if (is_key || is_other) {
			buf_add(&d->out, line, (size_t)(old - line));
			buf_str(&d->out, key_state_name(is_key ? state : other_state));
			old += strcspn(old, " \t\n");
			buf_add(&d->out, old, (size_t)(next - old));
		} else {
			buf_add(&d->out, line, (size_t)(next - line));
		}
		line = next;
	}
}

/* The key of this id in state active; NULL: said why. */
static const struct key *active_key(struct edit *d, const char *id, struct err *e)
{
	const struct key *k;

	for (size_t i = 0; (k = ring_entry(d->ring, d->purpose, i)); i++)
		if (!strcmp(k->id, id))
			break;
	if (!k)
		refuse(d, "has no key of this id", "see `gatehousectl keys list`", e);
	else if (k->state == KEY_PRIMARY)
		refuse(d, "has it as its primary key", "make another one primary first", e);
	else if (k->state == KEY_RETIRED)
		refuse(d, "has it as a retired key", "add a new key instead", e);
	return k && k->state == KEY_ACTIVE ? k : NULL;
}

bool ring_add(const char *dir, enum purpose p, char id[KEY_ID_MAX + 1], struct err *e)
{
	char line[RING_LINE_MAX];
	struct edit d;
	bool ok = edit_begin(&d, dir, p, e);

	if (ok) {
		size_t n = ring_new_line(p, KEY_ACTIVE, id, line);

		buf_add(&d.out, d.text, d.n);
		if (d.n && d.text[d.n - 1] != '\n')
			buf_char(&d.out, '\n');
		buf_add(&d.out, line, n);
		OPENSSL_cleanse(line, sizeof(line));
		ok = edit_write(&d, e);
	}
	edit_end(&d);
	return ok;
}

bool ring_make_primary(const char *dir, enum purpose p, const char *id, struct err *e)
{
	struct edit d;
	bool ok = edit_begin(&d, dir, p, e) && active_key(&d, id, e);

	if (ok) {
		set_states(&d, id, KEY_PRIMARY, ring_primary(d.ring, p)->id, KEY_ACTIVE);
		ok = edit_write(&d, e);
	}
	edit_end(&d);
	return ok;
}

bool ring_retire(const char *dir, enum purpose p, const char *id,
    bool (*may)(void *own, struct err *), void *own, struct err *e)
{
	struct edit d;
	bool ok = edit_begin(&d, dir, p, e) && active_key(&d, id, e) && may(own, e);

	if (ok) {
		set_states(&d, id, KEY_RETIRED, NULL, KEY_RETIRED);
		ok = edit_write(&d, e);
	}
	edit_end(&d);
	return ok;
}
