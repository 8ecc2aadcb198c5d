/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificates that upstreams are checked against: parsed once per process, at the first https
 * transfer (parsing costs milliseconds and megabytes), then shared by all connections.
 */
#ifndef GATEHOUSE_NET_TRUST_H
#define GATEHOUSE_NET_TRUST_H

#include <stdbool.h>

/*
 * Gives the SSL_CTX (as void *, so that callers need no OpenSSL) the store of FILE, a PEM bundle;
 * NULL: the system's. False, and logged, if it cannot be read: then nothing is trusted.
 */
bool trust_use(void *ssl_ctx, const char *file);

#endif
