/* SPDX-License-Identifier: Apache-2.0 */
/* The words and members of connect-required. */
#include "config.h"

#include "upstream/required.h"

#include "base/rand.h"

static const struct {
	const char *name, *message;
} states[] = {
	[REQUIRED_NOT] = { "connected", "%s is connected." },
	[REQUIRED_CONNECT] = { "authenticating", "Connect %s to continue." },
	[REQUIRED_RECONSENT] = { "reconsent_required", "%s authorization must be renewed." },
	[REQUIRED_ADMIN] = { "admin_connect_required",
	    "An administrator must connect %s before this service is available." },
};

const char *required_name(enum required_state s)
{
	return states[s].name;
}

const char *required_message(const struct upstream *u, enum required_state s)
{
	return arena_printf(u->arena, states[s].message, u->conf->display_name);
}

const char *required_url(const struct upstream *u, const char *ticket)
{
	return arena_printf(u->arena, "%s?browserTicket=%s&operationId=%s&redirect=true",
	    upstream_url(u, "connect"), ticket, uri_encode(u->arena, u->route->operation_id));
}

static struct json_object *elicitations(const struct upstream *u, enum required_state s, const char *url)
{
	struct json_object *list = json_new_array(u->arena), *one = json_new_object(u->arena);
	char id[UUID_TEXT];

	rand_uuid(id);
	json_add_string(one, "mode", "url");
	json_add_string(one, "elicitationId", id);
	json_add_string(one, "url", url);
	json_add_string(one, "message", required_message(u, s));
	json_add(list, NULL, one);
	return list;
}

struct json_object *required_data(const struct upstream *u, enum required_state s, const char *url)
{
	struct json_object *data = json_new_object(u->arena);

	json_add_string(data, "state", required_name(s));
	json_add_string(data, "upstreamServerId", u->conf->id);
	json_add_string(data, "operationId", u->route->operation_id);
	if (*url) {
		json_add_string(data, "authUrl", url);
		json_add_string(data, "nextAction", "redirect");
	}
	json_add_string(data, "authProfileId",
	    arena_printf(u->arena, "%s:%s", u->conf->id, u->conf->auth_mode));
	if (*url)
		json_add(data, "elicitations", elicitations(u, s, url));
	return data;
}
