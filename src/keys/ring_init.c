/* SPDX-License-Identifier: Apache-2.0 */
/* Making key files. A file appears whole or not at all, and none is ever replaced. */
#include "config.h"

#include "keys/ring.h"

#include "keys/ring_internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/rand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

static size_t new_secret(enum purpose p, unsigned char out[KEY_DER_MAX])
{
	unsigned char *at = out;
	EVP_PKEY *key;
	PKCS8_PRIV_KEY_INFO *info;
	int n;

	if (p != KEY_SIGNING) {
		rand_bytes(out, KEY_LEN);
		return KEY_LEN;
	}
	key = EVP_EC_gen("P-256");
	info = key ? EVP_PKEY2PKCS8(key) : NULL;
	n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : 0;
	if (n <= 0 || n > KEY_DER_MAX || i2d_PKCS8_PRIV_KEY_INFO(info, &at) != n)
		abort();
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(key);
	return (size_t)n;
}

size_t ring_new_line(enum purpose p, enum key_state state, char id[KEY_ID_MAX + 1],
    char out[RING_LINE_MAX])
{
	char text[RING_SECRET_MAX + 1], when[CLOCK_TEXT];
	unsigned char bytes[KEY_DER_MAX], salt[3];
	char hex[2 * sizeof(salt) + 1];
	size_t n = new_secret(p, bytes);
	int len;

	b64url_encode(text, bytes, n);
	rand_bytes(salt, sizeof(salt));
	hex_encode(hex, salt, sizeof(salt));
	clock_text(when);
	snprintf(id, KEY_ID_MAX + 1, "%.10s-%s", when, hex);
	len = snprintf(out, RING_LINE_MAX, "%s %s %s\n", id, key_state_name(state), text);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(text, sizeof(text));
	return (size_t)len;
}

bool ring_write_file(int dirfd, const char *name, mode_t mode, const char *text, size_t n)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
	bool ok;

	if (fd < 0)
		return false;
	ok = fchmod(fd, mode) == 0 && write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
	return close(fd) == 0 && ok;
}

/* Written under another name and linked, so that nobody reads half a file, and none is ever
 * replaced. */
static bool make_file(int dirfd, enum purpose p, unsigned *made)
{
	char line[RING_LINE_MAX], id[KEY_ID_MAX + 1], unique[UUID_TEXT], temporary[UUID_TEXT + 8];
	size_t n;
	bool ok;
	int why;

	if (faccessat(dirfd, purpose_name(p), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	n = ring_new_line(p, KEY_PRIMARY, id, line);
	rand_uuid(unique);
	snprintf(temporary, sizeof(temporary), ".new-%s", unique);
	ok = ring_write_file(dirfd, temporary, 0400, line, n) &&
	     linkat(dirfd, temporary, dirfd, purpose_name(p), 0) == 0;
	why = errno;
	unlinkat(dirfd, temporary, 0);
	OPENSSL_cleanse(line, sizeof(line));
	if (ok && made)
		++*made;
	errno = why;
	return ok || why == EEXIST;
}

bool ring_init(const char *dir, unsigned *made, struct err *e)
{
	bool ok = true;
	int dirfd;

	if (made)
		*made = 0;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		err_set(e, ERR_CONFIG, "", "mkdir");
		return err_text(e, "cannot make the key ring %s: %s", dir, strerror(errno));
	}
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (enum purpose p = 0; dirfd >= 0 && ok && p < KEY_PURPOSES; p++)
		ok = make_file(dirfd, p, made);
	if (dirfd < 0 || !ok) {
		err_set(e, ERR_CONFIG, "", "write");
		err_text(e, "cannot write the key ring %s: %s", dir, strerror(errno));
		ok = false;
	}
	if (dirfd >= 0) {
		ok = fsync(dirfd) == 0 && ok;
		close(dirfd);
	}
	return ok;
}
