/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests, preloaded into a program: leads names of hosts to a port of this machine, so that the
 * program can be run with the addresses that it derives itself (https://accounts.google.com, say).
 * GATEHOUSE_TEST_PORT is where all names lead that are no addresses.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **out)
{
	int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	const char *port = getenv("GATEHOUSE_TEST_PORT");
	unsigned char address[16];

	*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	if (!port || !node || inet_pton(AF_INET, node, address) == 1 ||
	    inet_pton(AF_INET6, node, address) == 1)
		return next(node, service, hints, out);
	return next("127.0.0.1", port, hints, out);
}
