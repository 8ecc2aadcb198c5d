/* SPDX-License-Identifier: Apache-2.0 */
/* mcp.fcgi: the MCP routes of the project. Start reading in src/mcp/proxy.c. */
#include "config.h"

#include "http/http.h"
#include "mcp/service.h"
#include "policy/policy.h"

static const struct route_row rows[] = {
	{ 0 }, /* every path is the project's: see mcp_find() */
};

int main(int argc, char **argv)
{
	struct app app = {
		.name = "mcp",
		.rows = rows,
		.find = mcp_find,
		.threads = 2, /* they prepare calls, and wait for nothing but a token's first check */
		.heaps = 2, /* the relay's thread has much to do with its own */
		.uses_database = true,
		.key_mask = 1u << KEY_PEPPER | 1u << KEY_SESSION | 1u << KEY_CLAIMS |
		    1u << KEY_VAULT | 1u << KEY_SIGNING,
		.policy_types = policy_types,
		.adopt = mcp_adopt,
		.release = mcp_release,
		.changed = mcp_changed,
		.start = mcp_start,
		.stop = mcp_stop,
	};

	return serve(&app, argc, argv);
}
