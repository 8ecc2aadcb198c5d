/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identity providers that have a policy of their own, as rows of one table: what a project says
 * about its tenant, and the addresses that follow from it. gatehouse-policies(5) has the list.
 */
#ifndef GATEHOUSE_IDP_PROVIDER_H
#define GATEHOUSE_IDP_PROVIDER_H

#include "conf/project.h"
#include "json/json.h"

/* What a text of the project must be. */
enum input_kind {
	INPUT_END = 0,
	INPUT_DOMAIN,   /* a host name with a dot, alone */
	INPUT_LABEL,    /* one part of a host name */
	INPUT_ORIGIN,   /* https:// and a host name, without a path */
	INPUT_BASE_URL, /* an URL, perhaps with a path */
	INPUT_SEGMENT,  /* one part of a path */
	INPUT_UUID,
	INPUT_PREFIX, /* begins with `word` */
	INPUT_SUFFIX, /* ends with `word`, which is not all of it */
	INPUT_REGION, /* one of AWS: "eu-central-1" */
	INPUT_POOL, /* a user pool of Cognito: the value of option `word`, "_", letters and digits */
	INPUT_PING, /* one of PingOne's regions; becomes the domain that it has */
};

struct provider_input {
	const char *option;
	enum input_kind kind;
	const char *want; /* for the message: "the domain alone, such as example.us.auth0.com" */
	const char *word;
};

struct provider {
	const char *type;                /* the policy type */
	struct provider_input inputs[5]; /* an absent option is not looked at */
	/*
	 * Addresses: {name} is the value of an option, {issuer} the issuer. A text in [brackets] is left
	 * out where its option is absent. NULL: the provider has none that we use.
	 */
	const char *issuer, *jwks, *authorize, *token, *userinfo, *end_session;
	enum login_method method; /* how its token endpoint wants us to authenticate */
	enum login_reply reply;
	const char *extra;         /* more of the query of its authorization endpoint, encoded */
	const char *either[2];     /* exactly one of these two options must be there */
	const char *either_issuer; /* the issuer where it is the second */
};

/* The row of a policy type; NULL if there is none. */
const struct provider *provider_find(const char *policy_type);

/*
 * Checks the options DOC by the row and fills issuer and addresses of C, in the arena. Every fault is
 * a problem that says what was given and what is wanted; false if there was one. POINTER is that of
 * the options.
 */
bool provider_derive(const struct provider *, struct oauth_conf *, struct json_object *doc,
    struct arena *, struct problems *, const char *file, const char *pointer);

#endif
