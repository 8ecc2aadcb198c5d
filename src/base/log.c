/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: built on the stack, written with one write(2). */
#include "config.h"

#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <openssl/crypto.h>

enum { LINE_MAX_BYTES = 8192, FILE_BYTES = 16384 };

static const char *program = "gatehouse";
static atomic_int level = LOG_LEVEL_INFO;
static atomic_int target = STDERR_FILENO;
static atomic_bool to_syslog;

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void secret_wipe(struct secret *s)
{
	if (s->bytes)
		OPENSSL_cleanse(s->bytes, s->len);
	s->len = 0;
}

void log_init(const char *name)
{
	program = name;
}

void log_level_set(enum log_level l)
{
	level = (int)l;
}

bool log_enabled(enum log_level l)
{
	return (int)l <= level;
}

bool log_level_parse(const char *word, enum log_level *out)
{
	for (int i = 0; i <= LOG_LEVEL_DEBUG; i++)
		if (!strcmp(word, level_names[i])) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

/*
 * Another thread may be about to write to the file that was open: its descriptor keeps its number and gets
 * the new file. Closed, it could be a client's connection by the time of that write.
 */
static bool open_file(const char *path)
{
	static int file = -1;
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	bool ok = fd >= 0;

	if (ok && file < 0) {
		file = fd;
	} else if (ok) {
		ok = dup3(fd, file, O_CLOEXEC) == file;
		close(fd);
	}
	if (!ok)
		log_error(NULL, "cannot open log file", "file", path, "error", strerror(errno), NULL);
	else
		target = file;
	return ok;
}

bool log_open(const char *destination)
{
	if (!strcmp(destination, "syslog")) {
		openlog(program, LOG_PID, LOG_DAEMON);
		to_syslog = true;
		return true;
	}
	if (!strcmp(destination, "stderr"))
		target = STDERR_FILENO;
	else if (!open_file(destination))
		return false;
	to_syslog = false;
	return true;
}

size_t log_whole(void)
{
	struct stat st;

	return !to_syslog && !fstat(target, &st) && S_ISREG(st.st_mode) ? FILE_BYTES : PIPE_BUF;
}

void log_raw(enum log_level l, const char *lines, size_t len)
{
	static const int priority[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
	ssize_t n;

	if (to_syslog) {
		while (len) {
			const char *end = memchr(lines, '\n', len);
			size_t one = end ? (size_t)(end - lines) : len;

			syslog(priority[l], "%.*s", (int)one, lines);
			lines += one + (end != NULL);
			len -= one + (end != NULL);
		}
		return;
	}
	while (len) {
		n = write(target, lines, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody left to tell */
		lines += n;
		len -= (size_t)n;
	}
}

static void log_pairs(struct buf *b, va_list ap)
{
	const char *name, *value;

	while ((name = va_arg(ap, const char *))) {
		value = va_arg(ap, const char *);
		if (!value)
			continue;
		buf_char(b, ',');
		buf_json(b, name);
		buf_char(b, ':');
		buf_json_n(b, value, strnlen(value, 1024));
	}
}

static void log_line(enum log_level l, const struct log_ctx *ctx, const char *text, va_list ap)
{
	struct buf b;
	char when[CLOCK_TEXT];

	buf_init(&b, LINE_MAX_BYTES);
	clock_text(when);
	buf_printf(&b, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":", when, level_names[l]);
	buf_json(&b, program);
	buf_printf(&b, ",\"pid\":%ld", (long)getpid());
	if (ctx && ctx->request_id) {
		buf_str(&b, ",\"requestId\":");
		buf_json(&b, ctx->request_id);
	}
	if (ctx && ctx->route) {
		buf_str(&b, ",\"route\":");
		buf_json(&b, ctx->route);
	}
	if (ctx && ctx->client_ip) {
		buf_str(&b, ",\"clientIp\":");
		buf_json(&b, ctx->client_ip);
	}
	buf_str(&b, ",\"message\":");
	buf_json(&b, text);
	log_pairs(&b, ap);
	buf_str(&b, "}\n");
	if (b.over) { /* a pair too many: say that much, in a whole line */
		buf_clear(&b);
		buf_printf(&b, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", when, level_names[l]);
		buf_json(&b, text);
		buf_str(&b, ",\"truncated\":true}\n");
	}
	log_raw(l, buf_text(&b), b.len);
	buf_release(&b);
}

#define LOG_FUNCTION(name, l)                                          \
	void name(const struct log_ctx *ctx, const char *text, ...)    \
	{                                                              \
		va_list ap;                                            \
                                                                       \
		if (!log_enabled(l))                                   \
			return;                                        \
		va_start(ap, text);                                    \
		log_line(l, ctx, text, ap);                            \
		va_end(ap);                                            \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
