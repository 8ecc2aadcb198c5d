/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one JSON object a line. A call gives constant text, then pairs of name and
 * value, then NULL; the logger adds time, level, program, process and, from the context,
 * the request. Values are strings; a NULL value leaves its pair out.
 * Lines go out with one write each, so that processes can share a file.
 *
 * Secrets have a type of their own (struct secret), which no function here takes.
 */
#ifndef GATEHOUSE_BASE_LOG_H
#define GATEHOUSE_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* What is known of the request at hand; every member may be NULL. */
struct log_ctx {
	const char *request_id;
	const char *route; /* operationId, or the endpoint's path */
	const char *client_ip;
};

/* A secret: bytes that no log function accepts. Wiped by secret_wipe(). */
struct secret {
	unsigned char *bytes;
	size_t len;
};
void secret_wipe(struct secret *);

/* PROGRAM names every line; it must outlive the log. Starts at LOG_LEVEL_INFO on stderr. */
void log_init(const char *program);
void log_level_set(enum log_level);
/* "error", "warn", "info" or "debug"; false for another word. */
bool log_level_parse(const char *word, enum log_level *);
bool log_enabled(enum log_level);

/*
 * DESTINATION: "stderr", "syslog" or an absolute file path (appended to, mode 0640).
 * Returns false, and logs why to stderr, if the file cannot be opened; the old one stays.
 */
bool log_open(const char *destination);

/* CTX may be NULL. Pairs of const char *, ended by NULL. */
void log_error(const struct log_ctx *, const char *text, ...) __attribute__((sentinel));
void log_warn(const struct log_ctx *, const char *text, ...) __attribute__((sentinel));
void log_info(const struct log_ctx *, const char *text, ...) __attribute__((sentinel));
void log_debug(const struct log_ctx *, const char *text, ...) __attribute__((sentinel));

/*
 * Writes a finished line (LEN bytes without the newline, no newline inside) as it is: for the
 * event sink, which batches. Several lines may be given at once, separated by newlines.
 */
void log_raw(enum log_level, const char *lines, size_t len);
/* So many bytes are written in one piece, whoever else writes there: as many as a pipe takes whole, or of a file what is worth a call. */
size_t log_whole(void);

#endif
