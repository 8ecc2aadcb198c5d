/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys: the files of the key ring. No command shows a key.
 *
 * A key changes in steps, with a reload between each two: add (every program can read what is written
 * under it), primary (every program writes under it), reencrypt (nothing kept is under the old one), retire. A step that comes too early would
 * make programs that have not changed over refuse what others wrote: so each looks for the reload.
 */
#include "config.h"

#include "ctl.h"
#include "reencrypt.h"

#include "base/b64.h"
#include "base/rand.h"
#include "base/secret_hash.h"
#include "conf/snapshot.h"
#include "keys/ring.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	SETTLE_S = 3, /* programs change over within a second, and end the requests that they have */
	REVOKE_BATCH = 500
};

struct keys_call {
	struct ctl *ctl;
	struct project *project;
	enum purpose purpose;
	const char *id;
	bool revoke;
	int64_t resealed; /* cells, by reencrypt, even if others did not open */
};

/* ---- what the audit trail is told: ids and states, never bytes ---- */

static struct json_object *states_of(struct ctl *ctl, const char *dir, enum purpose purpose)
{
	struct json_object *o = json_new_object(ctl->arena);
	struct ring *r = ring_open(dir, 1u << purpose, NULL);
	const struct key *key;

	for (size_t i = 0; r && (key = ring_entry(r, purpose, i)); i++)
		json_add_string(o, key->id, key_state_name(key->state));
	ring_close(r);
	return o;
}

static struct json_object *states_of_all(struct ctl *ctl, const char *dir)
{
	struct json_object *o = json_new_object(ctl->arena);

	for (enum purpose p = 0; p < KEY_PURPOSES; p++)
		json_add(o, purpose_name(p), states_of(ctl, dir, p));
	return o;
}

/* The programs that have a folder of their own in the ring. */
static struct json_object *sharers(struct ctl *ctl, const char *dir)
{
	struct json_object *o = json_new_object(ctl->arena);

	for (size_t i = 0; ring_reader(i); i++)
		json_add_bool(o, ring_reader(i), ring_folder(ctl->arena, dir, ring_reader(i)) != dir);
	return o;
}

static bool same(struct ctl *ctl, struct json_object *a, struct json_object *b)
{
	return !strcmp(json_text(ctl->arena, a), json_text(ctl->arena, b));
}

/* ---- init and list: of the project's ring or another ---- */

static int keys_init(const char *dir)
{
	struct err e = { .code = ERR_NONE };
	unsigned made;

	if (!ring_init(dir, &made, &e) || !ring_publish(dir, &e))
		return ctl_fail(&ctl_keys, &e);
	if (made)
		printf("%s: made %u key file%s\n", dir, made, made == 1 ? "" : "s");
	else
		printf("%s: every purpose has its key already\n", dir);
	return CTL_OK;
}

/* The first ring is made before there is a database: then nobody is told that the trail does not have it. */
static bool has_trail(const struct project *p)
{
	struct err e = { .code = ERR_NONE };
	struct db *db = ctl_db(p, &e);

	if (db)
		db_close(db);
	return db != NULL;
}

static int init_own(struct ctl *ctl)
{
	struct project *p = ctl_project(ctl, &ctl_keys);
	struct json_object *before, *after;
	bool is_first;
	int status;

	if (!p)
		return CTL_FAILED;
	before = states_of_all(ctl, p->keyring);
	is_first = access(p->keyring, F_OK) < 0;
	status = keys_init(p->keyring);
	after = states_of_all(ctl, p->keyring);
	if (!same(ctl, before, after) && (!is_first || has_trail(p)))
		ctl_note(ctl, p, "keys_made", "keys:", before, after);
	project_unref(p);
	return status;
}

static void show(const struct ring *r, enum purpose p)
{
	const struct key *k;

	for (size_t i = 0; (k = ring_entry(r, p, i)); i++)
		printf("%-8s %-32s %s\n", purpose_name(p), k->id, key_state_name(k->state));
}

/* Every purpose is shown or complained about: one bad file does not hide the next. */
static int keys_list(const char *dir)
{
	int status = CTL_OK;

	for (enum purpose p = 0; p < KEY_PURPOSES; p++) {
		struct err e = { .code = ERR_NONE };
		struct ring *r = ring_open(dir, 1u << p, &e);

		if (r)
			show(r, p);
		else
			status = ctl_fail(&ctl_keys, &e);
		ring_close(r);
	}
	return status;
}

static int on_directory(struct ctl *ctl, int (*verb)(const char *dir), const char *dir)
{
	struct project *p;
	int status;

	if (dir)
		return verb(dir);
	p = ctl_project(ctl, &ctl_keys);
	if (!p)
		return CTL_FAILED;
	status = verb(p->keyring);
	project_unref(p);
	return status;
}

/* ---- share: with programs that run as users of their own ---- */

/* The user that a program runs as, named like its database role. */
static const struct passwd *user_of(size_t reader)
{
	char name[64];

	snprintf(name, sizeof(name), "gatehouse_%s", ring_reader(reader));
	return getpwnam(name);
}

static int keys_share(const char *dir)
{
	struct err e = { .code = ERR_NONE };
	const struct passwd *user;
	unsigned shared = 0;

	if (!ring_publish(dir, &e))
		return ctl_fail(&ctl_keys, &e);
	for (size_t i = 0; ring_reader(i); i++) {
		user = user_of(i);
		if (!user)
			continue;
		if (!ring_share(dir, i, user->pw_uid, user->pw_gid, &e))
			return ctl_fail(&ctl_keys, &e);
		printf("%s/%s: for the user %s\n", dir, ring_reader(i), user->pw_name);
		shared++;
	}
	if (shared)
		return CTL_OK;
	err_set(&e, ERR_CONFIG, "", "");
	err_text(&e, "no program has a user of its own: there is no user gatehouse_mcp, say");
	return ctl_fail(&ctl_keys, &e);
}

/* What changes is published again and, once shared, shared again. */
static int publish_again(struct ctl *ctl, const char *dir)
{
	struct err e = { .code = ERR_NONE };

	if (!ring_publish(dir, &e))
		return ctl_fail(&ctl_keys, &e);
	for (size_t i = 0; ring_reader(i); i++)
		if (ring_folder(ctl->arena, dir, ring_reader(i)) != dir)
			return keys_share(dir);
	return CTL_OK;
}

static int share_own(struct ctl *ctl)
{
	struct project *p = ctl_project(ctl, &ctl_keys);
	struct json_object *before, *after;
	int status;

	if (!p)
		return CTL_FAILED;
	before = sharers(ctl, p->keyring);
	status = keys_share(p->keyring);
	after = sharers(ctl, p->keyring);
	if (status == CTL_OK || !same(ctl, before, after))
		ctl_note(ctl, p, "keys_shared", "keys:", before, after);
	project_unref(p);
	return status;
}

/* ---- add, primary, retire: of the project's ring ---- */

/*
 * Whether the programs of this machine have read the file since it last changed: a snapshot was put in
 * force after it. Waits until they had the time to change over. Where nothing was ever published,
 * nothing runs, or the directory is served, and a restart is the operator's to do.
 */
static bool programs_have_read(const struct keys_call *k, struct err *e)
{
	const char *dir = project_find_dir(k->ctl->arena, k->ctl->dir, k->ctl->argv0, NULL);
	const char *home = snapshot_home(k->ctl->arena, dir);
	struct stat key, published;

	if (stat(arena_printf(k->ctl->arena, "%s/current", home), &published) < 0)
		return true;
	if (stat(arena_printf(k->ctl->arena, "%s/%s", k->project->keyring,
		     purpose_name(k->purpose)),
		&key) < 0)
		return true; /* the change itself will say what is wrong */
	if (key.st_mtim.tv_sec > published.st_mtim.tv_sec ||
	    (key.st_mtim.tv_sec == published.st_mtim.tv_sec &&
		key.st_mtim.tv_nsec > published.st_mtim.tv_nsec)) {
		err_set(e, ERR_CONFIG, "", "");
		return err_text(e,
		    "the programs do not know yet how the %s keys last changed: run "
		    "`gatehousectl reload` first (on every machine)",
		    purpose_name(k->purpose));
	}
	while (time(NULL) < published.st_mtim.tv_sec + SETTLE_S)
		sleep(1);
	return true;
}

static int keys_add(struct keys_call *k)
{
	struct err e = { .code = ERR_NONE };
	char id[KEY_ID_MAX + 1];

	if (!ring_add(k->project->keyring, k->purpose, id, &e))
		return ctl_fail(&ctl_keys, &e);
	printf("%s\n", id);
	fprintf(stderr,
	    "added as active; next: gatehousectl reload, then gatehousectl keys primary %s %s\n",
	    purpose_name(k->purpose), id);
	return CTL_OK;
}

static int keys_primary(struct keys_call *k)
{
	struct err e = { .code = ERR_NONE };

	if (!programs_have_read(k, &e) ||
	    !ring_make_primary(k->project->keyring, k->purpose, k->id, &e))
		return ctl_fail(&ctl_keys, &e);
	printf("%s is primary; next: gatehousectl reload\n", k->id);
	return CTL_OK;
}

/* Says what hangs on the key, and refuses, if anything does. */
static bool refuse_used(const struct keys_call *k, const struct db_rows *rows, const char *remedy, struct err *e)
{
	for (size_t i = 0; i < rows->rows; i++) {
		const char *gone = db_text(rows, i, 2);

		fprintf(stderr, "%s %s under it%s%s\n", db_text(rows, i, 1),
		    db_text(rows, i, 0), gone ? ", the last of them until " : "",
		    gone ? gone : "");
	}
	if (!rows->rows)
		return true;
	err_set(e, ERR_CONFIG, "", "");
	return err_text(e, "%s is still in use; %s", k->id, remedy);
}

static bool pepper_is_free(const struct keys_call *k, struct db *db, struct err *e)
{
	const struct db_param id = DB_TEXT(k->id);
	struct db_rows rows;

	return db_call(db, STMT_PEPPER_ROWS, &id, 1, k->ctl->arena, &rows, e) &&
	    refuse_used(k, &rows,
		"rows leave it as their tokens are presented: wait, or end what is left with --revoke", e);
}

/* A key that cells are sealed under. */
static bool free_sealed(const struct keys_call *k, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(purpose_name(k->purpose)), DB_TEXT(k->id) };
	struct db *db = ctl_db(k->project, e);
	struct db_rows rows;
	bool ok = db && db_call(db, STMT_SEALED_ROWS, params, 2, k->ctl->arena, &rows, e) &&
	    refuse_used(k, &rows,
		arena_printf(k->ctl->arena, "run `gatehousectl keys reencrypt %s`", purpose_name(k->purpose)), e);

	if (db)
		db_close(db);
	return ok;
}

static bool run_reencrypt(const struct keys_call *k, struct reencrypted *count, struct err *e)
{
	struct ring *ring = ring_open(k->project->keyring, 1u << k->purpose, e);
	struct db *db = ring ? ctl_db(k->project, e) : NULL;
	bool ok = db && reencrypt(db, ring, k->purpose, count, e);

	if (db)
		db_close(db);
	ring_close(ring);
	return ok;
}

static int keys_reencrypt(struct keys_call *k)
{
	struct err e = { .code = ERR_NONE };
	struct reencrypted count = { .cells = 0 };
	bool ok;

	if (!reencrypt_is_for(k->purpose)) {
		err_set(&e, ERR_CONFIG, "", "");
		err_text(&e, "nothing that is kept is sealed under %s keys: only vault and claims",
		    purpose_name(k->purpose));
		return ctl_fail(&ctl_keys, &e);
	}
	ok = programs_have_read(k, &e) && run_reencrypt(k, &count, &e);
	k->resealed = count.cells;
	if (!ok)
		return ctl_fail(&ctl_keys, &e);
	printf("sealed anew: %lld\n", (long long)count.cells);
	if (!count.broken)
		return CTL_OK;
	fprintf(stderr, "gatehousectl: keys: %lld did not open and were left as they are\n", (long long)count.broken);
	return CTL_FAILED;
}

static bool pepper_revoke(const struct keys_call *k, struct db *db, struct err *e)
{
	struct arena *a = k->ctl->arena;
	const struct db_param params[] = { DB_TEXT(k->id), db_int(a, REVOKE_BATCH),
		DB_TEXT(ctl_actor(a)), DB_TEXT(ctl_trace(a)) };
	struct db_rows rows;
	int64_t total = 0;

	do {
		if (!db_call(db, STMT_PEPPER_REVOKE, params, 4, a, &rows, e))
			return false;
		total += db_int_at(&rows, 0, 0);
	} while (db_int_at(&rows, 0, 0));
	printf("ended %lld sessions, requests, grants and clients\n", (long long)total);
	return true;
}

static bool free_pepper(const struct keys_call *k, struct err *e)
{
	struct db *db = ctl_db(k->project, e);
	bool ok = db && (!k->revoke || pepper_revoke(k, db, e)) && pepper_is_free(k, db, e);

	if (db)
		db_close(db);
	return ok;
}

/* Asked while the key is fit to be retired, and nobody else changes the file. */
static bool may_retire(void *own, struct err *e)
{
	const struct keys_call *k = own;

	return programs_have_read(k, e) && (k->purpose != KEY_PEPPER || free_pepper(k, e)) &&
	    (!reencrypt_is_for(k->purpose) || free_sealed(k, e));
}

static int keys_retire(struct keys_call *k)
{
	struct err e = { .code = ERR_NONE };

	if (k->purpose == KEY_AUDIT) {
		err_set(&e, ERR_CONFIG, "", "");
		err_text(&e,
		    "%s keys are not retired: what was sealed under one could not be verified any more",
		    purpose_name(k->purpose));
		return ctl_fail(&ctl_keys, &e);
	}
	if (!ring_retire(k->project->keyring, k->purpose, k->id, may_retire, k, &e))
		return ctl_fail(&ctl_keys, &e);
	printf("%s is retired; next: gatehousectl reload\n", k->id);
	return CTL_OK;
}

/* ---- hash-secret: for introspectionClients ---- */

static int hash_secret(bool make)
{
	char secret[256], hash[SECRET_HASH_TEXT];
	unsigned char bytes[KEY_LEN];

	if (make) {
		rand_bytes(bytes, sizeof(bytes));
		b64url_encode(secret, bytes, sizeof(bytes));
		printf("secret %s\n", secret);
	} else if (!fgets(secret, sizeof(secret), stdin)) {
		fputs("gatehousectl: keys: write the secret to standard input\n", stderr);
		return CTL_FAILED;
	}
	secret[strcspn(secret, "\r\n")] = '\0';
	if (!*secret || strlen(secret) == sizeof(secret) - 1) {
		fputs("gatehousectl: keys: a secret has 1 to 254 bytes\n", stderr);
		return CTL_FAILED;
	}
	secret_hash_make(hash, secret);
	explicit_bzero(secret, sizeof(secret));
	printf("%s%s\n", make ? "secretHash " : "", hash);
	return CTL_OK;
}

/* ---- the command ---- */

static bool read_purpose(const char *word, enum purpose *out)
{
	for (enum purpose p = 0; p < KEY_PURPOSES; p++)
		if (!strcmp(word, purpose_name(p))) {
			*out = p;
			return true;
		}
	return false;
}

static int on_purpose(struct keys_call *k, int (*verb)(struct keys_call *), const char *action)
{
	struct json_object *before, *after;
	int status;

	k->project = ctl_project(k->ctl, &ctl_keys);
	if (!k->project)
		return CTL_FAILED;
	before = states_of(k->ctl, k->project->keyring, k->purpose);
	status = verb(k);
	after = states_of(k->ctl, k->project->keyring, k->purpose);
	if (k->resealed) {
		json_add_int(after, "sealedAnew", k->resealed);
		json_add_int(before, "sealedAnew", 0);
	}
	if (status == CTL_OK || k->resealed)
		ctl_note(k->ctl, k->project, action, arena_printf(k->ctl->arena, "keys:%s", purpose_name(k->purpose)), before, after);
	if (status == CTL_OK)
		status = publish_again(k->ctl, k->project->keyring);
	project_unref(k->project);
	return status;
}

static int keys_run(struct ctl *ctl, int argc, char **argv)
{
	struct keys_call k = { .ctl = ctl };
	const char *word = argc > 1 ? argv[1] : "";

	if (!strcmp(word, "init") && argc <= 3)
		return argc == 3 ? keys_init(argv[2]) : init_own(ctl);
	if (!strcmp(word, "list") && argc <= 3)
		return on_directory(ctl, keys_list, argv[2]);
	if (!strcmp(word, "share") && argc <= 3)
		return argc == 3 ? keys_share(argv[2]) : share_own(ctl);
	if (!strcmp(word, "hash-secret") &&
	    (argc == 2 || (argc == 3 && !strcmp(argv[2], "--new"))))
		return hash_secret(argc == 3);
	if (argc < 3 || !read_purpose(argv[2], &k.purpose))
		return ctl_usage(&ctl_keys);
	if (!strcmp(word, "add") && argc == 3)
		return on_purpose(&k, keys_add, "key_added");
	if (!strcmp(word, "reencrypt") && argc == 3)
		return on_purpose(&k, keys_reencrypt, "keys_reencrypted");
	if (argc < 4)
		return ctl_usage(&ctl_keys);
	k.id = argv[3];
	k.revoke = argc == 5 && !strcmp(argv[4], "--revoke");
	if (!strcmp(word, "primary") && argc == 4)
		return on_purpose(&k, keys_primary, "key_made_primary");
	if (!strcmp(word, "retire") && (argc == 4 || k.revoke))
		return on_purpose(&k, keys_retire, "key_retired");
	return ctl_usage(&ctl_keys);
}

static const struct ctl_act acts[] = {
	{ "init", "keys_made" },
	{ "list", NULL },
	{ "share", "keys_shared" },
	{ "add", "key_added" },
	{ "primary", "key_made_primary" },
	{ "reencrypt", "keys_reencrypted" },
	{ "retire", "key_retired" },
	{ "hash-secret", NULL },
	{ NULL, NULL },
};

const struct ctl_command ctl_keys = {
	.name = "keys",
	.usage = "init|list|share [DIR] | add PURPOSE | primary PURPOSE ID | reencrypt PURPOSE"
		 " | retire PURPOSE ID [--revoke]"
		 " | hash-secret [--new]",
	.about = "make the missing files of the key ring (the project's, or DIR); list its keys, "
		 "never their bytes; give each program that runs as a user of its own what it reads; "
		 "change the key of a purpose in steps, with a reload between, and seal anew what is kept; hash a secret (of "
		 "standard input, or a new one) for introspectionClients",
	.acts = acts,
	.run = keys_run,
};
