/* SPDX-License-Identifier: Apache-2.0 */
/* The key ring: key files in rows, and what is refused of them. */
#include "config.h"

#include "keys/ring.h"

#include "base/buf.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_A    "q1ZtMG8zR2hTd1lYbFB4UkV2Q2pLbkZ1T2lBZUh5ZDk"
#define KEY_B    "wVRub3A3TGtKaEdmRHNBcVdlUnRZdUlvUHpYY1ZiTm0"
#define ZEROS    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define COUNTING "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define LETTERS  "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE"

static const struct {
	const char *text, *wrong, *name;
} rows[] = {
	{ "a primary " KEY_A "\n", NULL, "one primary key is enough" },
	{ "# made by hand\n\n a\tprimary  " KEY_A "", NULL,
	    "comments, blank lines and a last line without end pass" },
	{ "a active " KEY_A "\nb primary " KEY_B "\n", NULL,
	    "the primary key need not come first" },
	{ "", "is empty", "an empty file is refused" },
	{ "# nothing\n", "is empty", "a file of comments is empty" },
	{ "a active " KEY_A "\n", "has no primary key", "a file without a primary key is refused" },
	{ "a primary " KEY_A "\nb primary " KEY_B "\n", "has two primary keys",
	    "two primary keys are refused" },
	{ "a primary " KEY_A "\na active " KEY_B "\n", "has an id twice",
	    "an id twice is refused" },
	{ "a primary\n", "is malformed (a line is ID STATE KEY)",
	    "a line without a key is refused" },
	{ "a primary " KEY_A " x\n", "is malformed (a line is ID STATE KEY)",
	    "a fourth word is refused" },
	{ "A primary " KEY_A "\n", "has an id that is not of a-z, 0-9 and '-', 32 at most",
	    "a capital in an id is refused" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa primary " KEY_A "\n",
	    "has an id that is not of a-z, 0-9 and '-', 32 at most",
	    "an id of 33 characters is refused" },
	{ "a first " KEY_A "\n", "has a state that is not primary, active or retired",
	    "an unknown state is refused" },
	{ "a primary " KEY_A "=\n", "has a key that is not base64url", "padding is refused" },
	{ "a primary " ZEROS "A\n", "has a key that is not 32 bytes long",
	    "a long key is refused" },
	{ "a primary AAAA\n", "has a key that is not 32 bytes long", "a short key is refused" },
	{ "a primary " ZEROS "\n", "holds a known test key", "zeros are a test key" },
	{ "a primary " COUNTING "\n", "holds a known test key", "counting bytes are a test key" },
	{ "a primary " LETTERS "\n", "holds a known test key",
	    "one letter repeated is a test key" },
	{ "b primary " KEY_A "\na retired " ZEROS "\n", "holds a known test key",
	    "a test key is refused in any state" },
};

static char dir[] = "/tmp/gh-keys-XXXXXX";

static const char *path(const char *name)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s/%s", dir, name);
	return text;
}

static void write_key(const char *name, const char *text, mode_t mode)
{
	int fd;

	unlink(path(name));
	fd = open(path(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
		abort();
	close(fd);
}

/* Whether the pepper file is refused as a fault of the configuration that names the file and WHAT.
 */
static bool is_refused(const char *what)
{
	struct err e = { .code = ERR_NONE };
	struct ring *r = ring_open(dir, 1u << KEY_PEPPER, &e);
	bool ok = !r && e.code == ERR_CONFIG && strstr(e.text, path("pepper")) &&
		  strstr(e.text, what) && !strstr(e.text, KEY_A) && !strstr(e.detail, KEY_A);

	if (!ok)
		printf("# %s\n", r ? "opened" : e.text);
	ring_close(r);
	return ok;
}

static void test_parse(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ring *r = ring_new();
		char *copy = strdup(rows[i].text);

		is_str(ring_parse(r, KEY_PEPPER, copy, strlen(copy)), rows[i].wrong, rows[i].name);
		free(copy);
		ring_close(r);
	}
}

/* A signing key is taken as it is: PKCS #8, P-256, to its last byte. The keys were made for this test. */
static void test_signing(void)
{
	static const char *const refused[][2] = {
		{ "SEC1",
		    "MHcCAQEEIHWqYTKtr8WfyNIxGnT6K69fKkJFTJ_zo-ylKG7XvplAoAoGCCqGSM49AwEHoUQDQgAE319JzpqZJUZM"
		    "Mk-6QBZFVBiXR2N4EMCB8tabqRVm_9cqOKXWdY6vLEnyFy0VYHfgpEeiwVjsbGNVTYqIHt8CMQ" },
		{ "P-384",
		    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDAHR8ODChWiMoOZiiUmIH6RuVdb5g7fByy_d3P3-Utr"
		    "MmkeGSLSoxB6wcXU_NrOb9GhZANiAASAaU3nkpwZQCWBPpaPqTDMUz1QooLWZDzjhFJmKD9xDy0ZyfpxWOWzlevL"
		    "U6KsK9LuNL6ulu3875BRRZbJVlTSUhY62__ArdodPMmzv218UzCtKOt3W7ghSi1SxvU2N1k" },
		{ "a byte more",
		    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdaphMq2vxZ_I0jEadPorr18qQkVMn_Oj7KUobte-"
		    "mUChRANCAATfX0nOmpklRkwyT7pAFkVUGJdHY3gQwIHy1pupFWb_1yo4pdZ1jq8sSfIXLRVgd-CkR6LBWOxsY1VN"
		    "ioge3wIxAA" },
	};
	static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
	    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdaphMq2vxZ/I0jEa\n"
	    "dPorr18qQkVMn/Oj7KUobte+mUChRANCAATfX0nOmpklRkwyT7pAFkVUGJdHY3gQ\n"
	    "wIHy1pupFWb/1yo4pdZ1jq8sSfIXLRVgd+CkR6LBWOxsY1VNioge3wIx\n"
	    "-----END PRIVATE KEY-----\n";
	char text[] = "a primary "
	    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdaphMq2vxZ_I0jEadPorr18qQkVMn_Oj7KUobte-"
	    "mUChRANCAATfX0nOmpklRkwyT7pAFkVUGJdHY3gQwIHy1pupFWb_1yo4pdZ1jq8sSfIXLRVgd-CkR6LBWOxsY1VN"
	    "ioge3wIx"
	    "\n";
	struct ring *r = ring_new();

	ok(!ring_parse(r, KEY_SIGNING, text, strlen(text)), "a signing key is read");
	is_str(ring_primary(r, KEY_SIGNING)->pem, pem, "its PEM is the same key");
	ring_close(r);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		char line[512];

		snprintf(line, sizeof(line), "a primary %s\n", refused[i][1]);
		r = ring_new();
		is_str(ring_parse(r, KEY_SIGNING, line, strlen(line)),
		    "has a signing key that is no P-256 key in PKCS #8 form", refused[i][0]);
		ring_close(r);
	}
}

static void test_states(void)
{
	char text[] = "old retired " KEY_A "\nmid active " LETTERS "x\n";
	char file[] = "old retired " KEY_A "\nnew primary " KEY_B "\nmid active "
		      "w1ZtMG8zR2hTd1lYbFB4UkV2Q2pLbkZ1T2lBZUh5ZDk\n";
	struct ring *r = ring_new();

	ok(ring_parse(r, KEY_VAULT, text, strlen(text)) != NULL, "a wrong second line is noticed");
	ring_close(r);
	r = ring_new();
	ok(!ring_parse(r, KEY_PEPPER, file, strlen(file)), "three states in one file");
	is_str(ring_primary(r, KEY_PEPPER)->id, "new", "the primary key is found");
	is_str(ring_at(r, KEY_PEPPER, 0)->id, "new", "it comes first");
	is_str(ring_at(r, KEY_PEPPER, 1)->id, "mid", "the active one next");
	ok(!ring_at(r, KEY_PEPPER, 2), "a retired key is not usable");
	ok(ring_find(r, KEY_PEPPER, "mid") && !ring_find(r, KEY_PEPPER, "old") &&
		!ring_find(r, KEY_PEPPER, "none"),
	    "by id, too, only usable keys are found");
	is_str(ring_entry(r, KEY_PEPPER, 2)->id, "old", "a list shows the retired one");
	ring_close(r);
}

static void test_files(void)
{
	write_key("pepper", "a primary " KEY_A "\n", 0440);
	ok(is_refused("is open to its group"), "a file that its group may read is refused");
	write_key("pepper", "a primary " KEY_A "\n", 0404);
	ok(is_refused("is open to its group or to all"), "a file that all may read is refused");
	write_key("pepper", "", 0400);
	ok(is_refused("is empty"), "an empty file is refused");
	write_key("pepper", "a primary " KEY_A "\nb primary " KEY_B "\n", 0400);
	ok(is_refused("has two primary keys"), "two primary keys are refused in a file, too");
	unlink(path("pepper"));
	ok(is_refused("gatehousectl keys init"),
	    "a missing file is refused, with the command that makes it");
	write_key("real", "a primary " KEY_A "\n", 0400);
	ok(symlink("real", path("pepper")) == 0 && is_refused("is a symbolic link"),
	    "a symbolic link is refused");
	unlink(path("pepper"));
	ok(mkfifo(path("pepper"), 0400) == 0 && is_refused("is no regular file"),
	    "a named pipe is refused, without waiting for a writer");
	unlink(path("pepper"));
	ok(mkdir(path("pepper"), 0700) == 0 && is_refused("is no regular file"),
	    "a directory is refused");
	rmdir(path("pepper"));
	if (geteuid() == 0) {
		write_key("pepper", "a primary " KEY_A "\n", 0400);
		ok(chown(path("pepper"), 1, 1) == 0 && is_refused("belongs to another user"),
		    "another user's file is refused, to root as well");
	} else {
		ok(true, "(another user's file can only be made by root)");
	}
	unlink(path("pepper"));
	unlink(path("real"));
}

static void test_init(void)
{
	struct err e = { .code = ERR_NONE };
	unsigned made = 0, all = (1u << KEY_PURPOSES) - 1;
	struct ring *r, *again;
	struct stat st;

	rmdir(dir);
	ok(ring_init(dir, &made, &e), "a ring is made");
	is_int(made, KEY_PURPOSES, "with a file for each purpose");
	ok(stat(dir, &st) == 0 && (st.st_mode & 07777) == 0700, "in a directory of its owner's");
	ok(stat(path("vault"), &st) == 0 && (st.st_mode & 07777) == 0400,
	    "each can only be read, by its owner");
	r = ring_open(dir, all, &e);
	ok(r, "it opens");
	ok(r && strstr(ring_primary(r, KEY_SIGNING)->pem, "BEGIN PRIVATE KEY"),
	    "the signing key is a PEM");
	ok(r && memcmp(ring_primary(r, KEY_PEPPER)->bytes, ring_primary(r, KEY_SESSION)->bytes,
		    KEY_LEN) != 0,
	    "each purpose has a key of its own");
	unlink(path("claims"));
	ok(ring_init(dir, &made, &e) && made == 1, "a second run makes what is missing only");
	again = ring_open(dir, 1u << KEY_PEPPER, &e);
	ok(r && again &&
		!memcmp(ring_primary(r, KEY_PEPPER)->bytes, ring_primary(again, KEY_PEPPER)->bytes,
		    KEY_LEN),
	    "and leaves the others as they were");
	ring_close(r);
	ring_close(again);
	ok(!ring_init("/nonexistent/keys", &made, &e) && e.code == ERR_CONFIG &&
		strstr(e.text, "/nonexistent/keys"),
	    "a directory that cannot be made is named");
	for (enum purpose p = 0; p < KEY_PURPOSES; p++)
		unlink(path(purpose_name(p)));
	ok(rmdir(dir) == 0, "no other file is left");
}

static void test_share(void)
{
	struct arena *a = arena_new();
	struct err e = { .code = ERR_NONE };
	size_t consent = 0;
	const char *own;
	struct ring *r;
	struct stat st;

	while (strcmp(ring_reader(consent), "consent") != 0)
		consent++;
	ring_init(dir, NULL, &e);
	ok(!strcmp(ring_folder(a, dir, "consent"), dir), "a ring that is not shared is one for all");
	ok(ring_share(dir, consent, geteuid(), getegid(), &e), "a ring is shared with a program");
	own = ring_folder(a, dir, "consent");
	ok(strcmp(own, dir) != 0, "which reads a folder of its own then");
	ok(!strcmp(ring_folder(a, dir, "mcp"), dir), "and others do not");
	ok(stat(path("consent/pepper"), &st) == 0 && (st.st_mode & 07777) == 0400, "only its owner reads a copy");
	ok(stat(dir, &st) == 0 && (st.st_mode & 07777) == 0711, "everybody may pass, and nobody look around");
	r = ring_open(own, 1u << KEY_PEPPER | 1u << KEY_SESSION, &e);
	ok(r, "what it reads is there");
	ring_close(r);
	ok(!ring_open(own, 1u << KEY_VAULT, &e), "and nothing else is");
	ok(ring_share(dir, consent, geteuid(), getegid(), &e), "it can be shared again");
	err_clear(&e);
	ok(!ring_share("/nonexistent", consent, 0, 0, &e) && e.code == ERR_CONFIG, "a ring that is not there cannot");
	unlink(path("consent/pepper"));
	unlink(path("consent/session"));
	unlink(path("consent/audit"));
	ok(rmdir(path("consent")) == 0, "no other file is left");
	for (enum purpose p = 0; p < KEY_PURPOSES; p++)
		unlink(path(purpose_name(p)));
	rmdir(dir);
	arena_free(a);
}

int main(void)
{
	if (!mkdtemp(dir))
		abort();
	test_parse();
	test_signing();
	test_states();
	test_files();
	test_init();
	test_share();
	return done();
}
