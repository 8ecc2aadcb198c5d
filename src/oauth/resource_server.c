/* SPDX-License-Identifier: Apache-2.0 */
/* Who may introspect. */
#include "config.h"

#include "oauth/resource_server.h"

#include "base/hash.h"
#include "base/rand.h"
#include "base/secret_hash.h"
#include "json/json.h"
#include "oauth/client.h"
#include "oauth/rate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { PROVED_MAX = 64, HASHING_MAX = 2 };

/*
 * Secrets are hashed slowly, and introspection is asked for often: a secret that was found right is
 * known again by a MAC under a key that lives and dies with this process.
 */
static struct {
	pthread_mutex_t lock;
	unsigned char key[HASH_LEN];
	unsigned char macs[PROVED_MAX][HASH_LEN];
	size_t n; /* so many were remembered */
} proved = { .lock = PTHREAD_MUTEX_INITIALIZER };

static pthread_once_t proved_once = PTHREAD_ONCE_INIT;

static void proved_start(void)
{
	rand_bytes(proved.key, sizeof(proved.key));
}

static void proof_of(
    unsigned char mac[HASH_LEN], struct arena *a, const char *hash, const char *secret)
{
	/* a hash has no line break: one spelling for each pair */
	char *text = arena_printf(a, "%s\n%s", hash, secret);

	pthread_once(&proved_once, proved_start);
	hash_hmac(mac, proved.key, sizeof(proved.key), text, strlen(text));
	explicit_bzero(text, strlen(text));
}

static bool was_proved(const unsigned char mac[HASH_LEN])
{
	bool found = false;

	pthread_mutex_lock(&proved.lock);
	for (size_t i = 0; i < PROVED_MAX && i < proved.n; i++)
		found |= hash_equal(proved.macs[i], mac, HASH_LEN);
	pthread_mutex_unlock(&proved.lock);
	return found;
}

static void remember(const unsigned char mac[HASH_LEN])
{
	pthread_mutex_lock(&proved.lock);
	memcpy(proved.macs[proved.n++ % PROVED_MAX], mac, HASH_LEN);
	pthread_mutex_unlock(&proved.lock);
}

/*
 * A hash takes half a second of a processor, and who guesses may ask from many addresses: so many are
 * made at a time, and the other threads serve.
 */
static bool matches(const char *hash, const char *secret, bool *right)
{
	static atomic_int hashing;
	bool free_place = atomic_fetch_add(&hashing, 1) < HASHING_MAX;

	*right = free_place && secret_hash_matches(hash, secret);
	atomic_fetch_sub(&hashing, 1);
	return free_place;
}

/* The entry of this id, or NULL. */
static struct json_object *entry_of(const struct project *p, const char *id)
{
	struct json_object *list = p->introspection_clients;

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);
		const char *own = json_get_string(entry, "id");

		if (own && !strcmp(own, id))
			return entry;
	}
	return NULL;
}

static bool check_secret(struct req *r, struct resp *p, const struct client_claim *claim,
    const char *hash, struct err *e)
{
	unsigned char mac[HASH_LEN];
	bool right;

	if (!claim->secret)
		return err_set(e, ERR_INVALID_CLIENT, "client authentication failed",
		    "resource server '%s' sent no secret", claim->id);
	proof_of(mac, r->arena, hash, claim->secret);
	if (was_proved(mac))
		return true;
	if (!rate_take(r, p, RATE_TOKEN, claim->id, e))
		return false;
	if (!matches(hash, claim->secret, &right))
		return err_reason(e, ERR_UNAVAILABLE, "secret_busy",
		    "too many are being authenticated at this moment", "resource server '%s'", claim->id);
	if (!right)
		return err_reason(e, ERR_INVALID_CLIENT, "wrong_secret",
		    "client authentication failed", "resource server '%s'", claim->id);
	remember(mac);
	return true;
}

/* One that is a client here. A public one proves nothing. */
static bool check_client(struct req *r, struct resp *p, const struct form *f, struct err *e)
{
	struct client c;

	if (!client_authenticate(r, p, f, CIMD_KEPT, &c, e))
		return false;
	return strcmp(c.auth_method, "none") ||
	       err_set(e, ERR_INVALID_CLIENT, "client authentication failed",
		   "resource server '%s' is a public client", c.id);
}

bool resource_server_authenticate(
    struct req *r, struct resp *p, const struct form *f, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	struct json_object *entry = NULL;
	struct client_claim claim;
	const char *hash;

	if (client_claim_read(r, f, &claim, &why)) {
		entry = entry_of(r->project, claim.id);
		if (!entry && claim.decoded) {
			claim = *claim.decoded;
			entry = entry_of(r->project, claim.id);
		}
		if (!entry)
			err_reason(&why, ERR_INVALID_CLIENT, "unknown_client",
			    "client authentication failed", "not one of introspectionClients");
	}
	if (!entry) {
		if (rate_take(r, p, RATE_TOKEN, NULL, e))
			*e = why;
		return false;
	}
	hash = json_get_string(entry, "secretHash");
	if (!hash)
		return check_client(r, p, f, e);
	r->event.client_id = claim.id;
	return check_secret(r, p, &claim, hash, e);
}
