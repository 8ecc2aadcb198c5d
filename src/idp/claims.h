/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a provider said of a person, as the database keeps it with session and grant: personal data,
 * sealed under the claims key for the subject. (Programs that decide by roles open it.)
 */
#ifndef GATEHOUSE_IDP_CLAIMS_H
#define GATEHOUSE_IDP_CLAIMS_H

#include "idp/identity.h"
#include "keys/seal.h"

/* CLAIMS is the text of a JSON object. */
struct blob claims_seal(
    const struct ring *, struct arena *, const char *subject, const char *claims);

/* The text; NULL with ERR_INTERNAL where it was sealed for another subject, or changed. */
const char *claims_open(
    const struct ring *, struct arena *, const char *subject, struct blob, struct err *);

/*
 * The provider's tokens of the sign-in LOGIN_ID: what renews the claims, and what ends the session
 * there. p is NULL where there are none.
 */
struct blob tokens_seal(
    const struct ring *, struct arena *, const char *login_id, const struct identity *);
/* Fills refresh_token and id_token. */
bool tokens_open(const struct ring *, struct arena *, const char *login_id, struct blob,
    struct identity *, struct err *);

/*
 * Whether a claim of CLAIMS (the text of a JSON object; NULL: none) is VALUE, or a list that has it. CLAIM is
 * taken literally first ("cognito:groups"), then as a path ("realm_access.roles").
 */
bool claims_has(struct arena *, const char *claims, const char *claim, const char *value);

#endif
