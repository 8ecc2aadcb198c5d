/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading key files. A file is looked at through its descriptor only, after it was
 * opened without following a link: what was checked is what is read.
 */
#include "config.h"

#include "keys/ring.h"

#include "keys/ring_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

enum { KEYS_MAX = 16 /* in one file */ };

/* The whole of it lies in pages that are neither swapped nor dumped. */
struct ring {
	struct key keys[KEY_PURPOSES][KEYS_MAX]; /* primary, active, retired */
	size_t n[KEY_PURPOSES];
	bool opened[KEY_PURPOSES];
};

static const char *const purposes[KEY_PURPOSES] = {
	[KEY_PEPPER] = "pepper",
	[KEY_SESSION] = "session",
	[KEY_CLAIMS] = "claims",
	[KEY_VAULT] = "vault",
	[KEY_AUDIT] = "audit",
	[KEY_SIGNING] = "signing",
};

static const char *const states[] = {
	[KEY_PRIMARY] = "primary",
	[KEY_ACTIVE] = "active",
	[KEY_RETIRED] = "retired",
};

const char *purpose_name(enum purpose p)
{
	return purposes[p];
}

const char *key_state_name(enum key_state s)
{
	return states[s];
}

bool ring_refuse(
    struct err *e, const char *dir, enum purpose p, const char *what, const char *remedy)
{
	err_reason(
	    e, ERR_CONFIG, "key_ring", "", "key file %s/%s %s: %s", dir, purposes[p], what, remedy);
	return err_text(e, "key file %s/%s %s: %s", dir, purposes[p], what, remedy);
}

/* ---- one key ---- */

static bool parse_id(const char *s, char id[KEY_ID_MAX + 1])
{
	size_t n = strlen(s);

	if (!n || n > KEY_ID_MAX || strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
		return false;
	memcpy(id, s, n + 1);
	return true;
}

static bool parse_state(const char *s, enum key_state *out)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (!strcmp(s, states[i])) {
			*out = (enum key_state)i;
			return true;
		}
	return false;
}

/*
 * Keys that people type, and those of examples: one byte repeated, or bytes that count up or down.
 */
static bool is_test_key(const unsigned char key[KEY_LEN])
{
	int step = key[1] - key[0];

	if (step < -1 || step > 1)
		return false;
	for (size_t i = 1; i < KEY_LEN; i++)
		if (key[i] - key[i - 1] != step)
			return false;
	return true;
}

/* A PKCS #8 key as PEM, to be freed; NULL if it is none, or no P-256 key. */
static char *pem_of(const unsigned char *der, size_t n)
{
	const unsigned char *p = der;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)n);
	EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL, *data;
	long len;

	if (key && bio && p == der + n && EVP_PKEY_is_a(key, "EC") &&
	    EVP_PKEY_get_bits(key) == 256 &&
	    /* its bytes as they are: OpenSSL's encoders would be loaded for it, and stay */
	    PEM_write_bio(bio, PEM_STRING_PKCS8INF, "", der, (long)n) > 0 && (len = BIO_get_mem_data(bio, &data)) > 0)
		text = xstrndup(data, (size_t)len);
	BIO_free(bio);
	EVP_PKEY_free(key);
	PKCS8_PRIV_KEY_INFO_free(info);
	return text;
}

/* NULL, or what is wrong with the secret part of a line. */
static const char *parse_secret(enum purpose p, const char *s, struct key *k)
{
	unsigned char bytes[KEY_DER_MAX + 1];
	size_t n = strlen(s), len;
	const char *wrong = NULL;

	if (n > RING_SECRET_MAX || !b64url_decode(bytes, &len, s, n))
		return "has a key that is not base64url";
	if (p == KEY_SIGNING) {
		k->pem = pem_of(bytes, len);
		if (!k->pem)
			wrong = "has a signing key that is no P-256 key in PKCS #8 form";
	} else if (len != KEY_LEN) {
		wrong = "has a key that is not 32 bytes long";
	} else if (is_test_key(bytes)) {
		wrong = "holds a known test key";
	} else {
		memcpy(k->bytes, bytes, KEY_LEN);
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return wrong;
}

/* ---- a file ---- */

static const char *parse_line(struct ring *r, enum purpose p, char *line)
{
	struct key *k = &r->keys[p][r->n[p]];
	char *save = NULL, *id, *state, *secret;

	id = strtok_r(line, " \t", &save);
	if (!id || *id == '#')
		return NULL;
	state = strtok_r(NULL, " \t", &save);
	secret = strtok_r(NULL, " \t", &save);
	if (!secret || strtok_r(NULL, " \t", &save))
		return "is malformed (a line is ID STATE KEY)";
	if (r->n[p] == KEYS_MAX)
		return "holds more than 16 keys";
	if (!parse_id(id, k->id))
		return "has an id that is not of a-z, 0-9 and '-', 32 at most";
	if (!parse_state(state, &k->state))
		return "has a state that is not primary, active or retired";
	for (size_t i = 0; i < r->n[p]; i++)
		if (!strcmp(r->keys[p][i].id, k->id))
			return "has an id twice";
	r->n[p]++;
	return parse_secret(p, secret, k);
}

static const char *parse_lines(struct ring *r, enum purpose p, char *text)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *wrong = parse_line(r, p, line);

		if (wrong)
			return wrong;
	}
	return NULL;
}

static int by_state(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	return x->state != y->state ? (int)x->state - (int)y->state : strcmp(x->id, y->id);
}

const char *ring_parse(struct ring *r, enum purpose p, char *text, size_t n)
{
	const char *wrong;

	if (memchr(text, '\0', n))
		return "is malformed (a zero byte)";
	wrong = parse_lines(r, p, text);
	if (wrong)
		return wrong;
	if (!r->n[p])
		return "is empty";
	qsort(r->keys[p], r->n[p], sizeof(struct key), by_state);
	if (r->keys[p][0].state != KEY_PRIMARY)
		return "has no primary key";
	if (r->n[p] > 1 && r->keys[p][1].state == KEY_PRIMARY)
		return "has two primary keys";
	r->opened[p] = true;
	return NULL;
}

/* The descriptor of a file that may be believed, or -1. */
static int open_checked(const char *dir, enum purpose p, struct stat *st, struct err *e)
{
	static const char init[] = "run `gatehousectl keys init`";
	char path[4096];
	const char *what = NULL, *remedy = "chmod 0400 it";
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", dir, purposes[p]) >= (int)sizeof(path)) {
		ring_refuse(e, dir, p, "has too long a name", "move the key ring");
		return -1;
	}
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		if (errno == ELOOP)
			ring_refuse(e, dir, p, "is a symbolic link", "put the file itself there");
		else
			ring_refuse(e, dir, p, strerror(errno),
			    errno == ENOENT ? init : "it must belong to the user of this program");
		return -1;
	}
	if (fstat(fd, st) < 0) {
		what = strerror(errno);
	} else if (!S_ISREG(st->st_mode)) {
		what = "is no regular file";
		remedy = init;
	} else if (st->st_uid != geteuid()) {
		what = "belongs to another user";
		remedy = "chown it to the user of this program";
	} else if (st->st_mode & 077) {
		what = "is open to its group or to all";
	} else if (st->st_size > RING_FILE_MAX) {
		what = "is longer than 16 KiB";
		remedy = "remove retired keys";
	}
	if (!what)
		return fd;
	ring_refuse(e, dir, p, what, remedy);
	close(fd);
	return -1;
}

static bool read_all(int fd, char *out, size_t size, size_t *n)
{
	*n = 0;
	for (;;) {
		ssize_t got = read(fd, out + *n, size - *n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		*n += (size_t)got;
		if (*n == size)
			return false;
	}
}

bool ring_read_text(const char *dir, enum purpose p, char text[RING_FILE_MAX + 2], size_t *n,
    struct stat *st, struct err *e)
{
	struct stat own;
	int fd = open_checked(dir, p, st ? st : &own, e);
	bool read;

	if (fd < 0)
		return false;
	read = read_all(fd, text, RING_FILE_MAX + 1, n);
	close(fd);
	if (!read)
		return ring_refuse(e, dir, p, "cannot be read", "see gatehouse-keys(5)");
	text[*n] = '\0';
	return true;
}

static bool ring_read(struct ring *r, const char *dir, enum purpose p, struct err *e)
{
	char text[RING_FILE_MAX + 2];
	const char *wrong = NULL;
	size_t n;
	bool read = ring_read_text(dir, p, text, &n, NULL, e);

	if (read)
		wrong = ring_parse(r, p, text, n);
	OPENSSL_cleanse(text, sizeof(text));
	return read && (!wrong || ring_refuse(e, dir, p, wrong, "see gatehouse-keys(5)"));
}

/* ---- the ring ---- */

struct ring *ring_new(void)
{
	struct ring *r =
	    mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (r == MAP_FAILED)
		abort();
	mlock(r, sizeof(*r)); /* may be denied by RLIMIT_MEMLOCK: then swap must be trusted */
	madvise(r, sizeof(*r), MADV_DONTDUMP);
	return r;
}

struct ring *ring_open(const char *dir, unsigned mask, struct err *e)
{
	struct ring *r = ring_new();

	for (enum purpose p = 0; p < KEY_PURPOSES; p++)
		if (mask & 1u << p && !ring_read(r, dir, p, e)) {
			ring_close(r);
			return NULL;
		}
	return r;
}

void ring_close(struct ring *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < KEYS_MAX; i++) {
		char *pem = r->keys[KEY_SIGNING][i].pem;

		if (pem)
			OPENSSL_cleanse(pem, strlen(pem));
		free(pem);
	}
	OPENSSL_cleanse(r, sizeof(*r));
	munmap(r, sizeof(*r));
}

const struct key *ring_primary(const struct ring *r, enum purpose p)
{
	if (!r->opened[p])
		abort(); /* a program asked for a key that is not its business */
	return &r->keys[p][0];
}

const struct key *ring_entry(const struct ring *r, enum purpose p, size_t i)
{
	return i < r->n[p] ? &r->keys[p][i] : NULL;
}

const struct key *ring_at(const struct ring *r, enum purpose p, size_t i)
{
	const struct key *k = ring_entry(r, p, i);

	return k && k->state != KEY_RETIRED ? k : NULL;
}

const struct key *ring_find(const struct ring *r, enum purpose p, const char *id)
{
	const struct key *k;

	for (size_t i = 0; (k = ring_at(r, p, i)); i++)
		if (!strcmp(k->id, id))
			return k;
	return NULL;
}
