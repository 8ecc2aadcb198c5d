/* SPDX-License-Identifier: Apache-2.0 */
/* What a sign-in yields, whoever vouches for it. */
#ifndef GATEHOUSE_IDP_IDENTITY_H
#define GATEHOUSE_IDP_IDENTITY_H

struct identity { /* strings live as long as the request */
	const char *subject;
	const char *name, *email; /* NULL where the provider does not say */
};

#endif
