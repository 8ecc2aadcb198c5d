/* SPDX-License-Identifier: Apache-2.0 */
/* What a sign-in yields, whoever vouches for it. */
#ifndef GATEHOUSE_IDP_IDENTITY_H
#define GATEHOUSE_IDP_IDENTITY_H

struct identity { /* strings live as long as the request */
	/*
	 * Stable, and told apart by who vouches: "ISSUER|SUB" as the provider's ID token has both. An
	 * issuer has no '|', so that two providers never have a subject in common.
	 */
	const char *subject;
	const char *name, *email; /* for people; NULL where the provider does not say */

	/* of a provider only, else NULL */
	const char *issuer;
	const char *claims;        /* all that it said, a JSON object */
	const char *sid;           /* its name for the session that the person has there */
	const char *refresh_token; /* to ask again later */
	const char *id_token;      /* for the sign-out there */
};

#endif
