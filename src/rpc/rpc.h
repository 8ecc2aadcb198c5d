/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON-RPC as MCP uses it: what a client's body holds, read without building a tree, and
 * the errors that answer it. Everything read is a span of the body, or a copy in the arena;
 * the body itself is not changed, so that it can be forwarded byte for byte.
 *
 * Beyond the gate (json/scan.h) it refuses a member that spells one of JSON-RPC's or MCP's in another
 * case ("Method"): some parsers take it for the real one, and would read another call than we did.
 */
#ifndef GATEHOUSE_RPC_RPC_H
#define GATEHOUSE_RPC_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "json/scan.h"

enum {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL_ERROR = -32603,
	RPC_SERVER_ERROR = -32000,          /* legacy eras: no meaning agreed on */
	RPC_HEADER_MISMATCH = -32020,
	RPC_MISSING_CAPABILITY = -32021,
	RPC_UNSUPPORTED_VERSION = -32022,
	RPC_URL_ELICITATION_REQUIRED = -32042,
	RPC_BATCH_MAX = 100
};

enum rpc_kind { RPC_REQUEST, RPC_NOTIFICATION, RPC_RESPONSE };

struct rpc_msg {
	enum rpc_kind kind;
	struct span whole;
	struct span id;              /* as spelled; a string or an integer; absent for a notification */
	const char *method;          /* NULL for a response */
	struct span params;          /* an object, or absent */
	struct span arguments, meta; /* its members "arguments" and "_meta", whatever they are; absent if there are none */
	const char *capability_type; /* "tool", "prompt", "resource"; NULL: the method uses none */
	const char *capability_name; /* a tool's or prompt's name, a resource's URI; NULL: not given */
	struct span mirrored;        /* what Mcp-Name repeats; absent if the method has no such thing */
	bool is_initialize;
	bool modern;                 /* params._meta holds io.modelcontextprotocol/protocolVersion (any type) */
	const char *version;         /* its text; of initialize: params.protocolVersion; NULL: none, or no string */
	struct span capabilities;    /* modern: _meta's clientCapabilities; initialize: params.capabilities */
};

struct rpc_body {
	struct rpc_msg *msgs; /* at least one */
	size_t n;
	size_t requests;      /* how many of them want an answer */
	bool batch;           /* the body is an array */
};

/* Why a body is refused, as the answer to it. */
struct rpc_fault {
	int status;         /* HTTP */
	int code;           /* JSON-RPC */
	struct span id;     /* of the request at fault, where it could be read */
	const char *data;   /* JSON for error.data, or NULL */
	const char *reason; /* reason code for the event, of static storage */
	char text[256];
};

/*
 * Reads N bytes of a body of at most LIMITS. Parts that need memory are in the arena; spans point into
 * TEXT. False with the fault: 400 with -32700 (no JSON, or past the gate's limits), -32600 (no
 * JSON-RPC; a batch that is empty, too long, or holds initialize or a modern message), -32602 (a
 * capability's name that is no string).
 */
bool rpc_read(struct rpc_body *, struct arena *, const char *text, size_t n,
    const struct scan_limits *, struct rpc_fault *);

/* Fills F (the id is kept); returns false. */
bool rpc_fail(struct rpc_fault *f, int status, int code, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* {"jsonrpc":"2.0","id":ID,"error":{…}}; an absent ID is written as null. DATA_JSON may be NULL. */
void rpc_error(struct buf *, struct span id, int code, const char *message, const char *data_json);

/* The body that reports F. */
void rpc_fault_write(struct buf *, const struct rpc_fault *);

/*
 * The same error for every request of BODY: an array if it is a batch. Returns false, and writes
 * nothing, if no message of it wants an answer.
 */
bool rpc_error_all(
    struct buf *, const struct rpc_body *, int code, const char *message, const char *data_json);

#endif
