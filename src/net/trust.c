/* SPDX-License-Identifier: Apache-2.0 */
/* The trust store: one X509_STORE for the whole process. */
#include "config.h"

#include "net/trust.h"

#include "base/arena.h"
#include "base/log.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static X509_STORE *store; /* NULL: not read yet */
static char *store_file;  /* whose content it is; "" is the system's */

static X509_STORE *store_load(const char *file)
{
	X509_STORE *s = X509_STORE_new();
	int ok = s && (*file ? X509_STORE_load_locations(s, file, NULL) : X509_STORE_set_default_paths(s));

	ERR_clear_error(); /* libcurl would find it in our queue */
	if (ok)
		return s;
	log_error(NULL, "cannot read the trusted certificates", "file", *file ? file : "(system)", NULL);
	X509_STORE_free(s);
	return NULL;
}

/* Called with the lock held. A file that could not be read is tried again at the next transfer. */
static X509_STORE *store_of(const char *file)
{
	if (store && !strcmp(store_file, file))
		return store;
	X509_STORE_free(store); /* connections that use it hold their own reference */
	free(store_file);
	store_file = xstrdup(file);
	store = store_load(file);
	return store;
}

bool trust_use(void *ssl_ctx, const char *file)
{
	X509_STORE *s;

	pthread_mutex_lock(&lock);
	s = store_of(file ? file : "");
	if (s)
		SSL_CTX_set1_cert_store(ssl_ctx, s);
	pthread_mutex_unlock(&lock);
	return s != NULL;
}
