/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata document of the gateway as a client of an upstream's authorization server (protocol 3.4). */
#ifndef GATEHOUSE_UPSTREAM_DOCUMENT_H
#define GATEHOUSE_UPSTREAM_DOCUMENT_H

#include "http/http.h"

/* Handler of "{b}/.well-known/oauth-client/ *" (without the blank). ERR_NOT_FOUND. */
bool ep_client_document(struct req *, struct resp *, struct err *);

#endif
