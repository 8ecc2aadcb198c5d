/* SPDX-License-Identifier: Apache-2.0 */
/* The log: whole JSON lines whatever is put into them, and levels. */
#include "config.h"

#include "base/log.h"

#include "tap.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/gatehouse-log-XXXXXX";
static char text[65536];

/* What the log file holds; empties it. */
static const char *written(void)
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	if (truncate(path, 0))
		return "cannot truncate";
	return text;
}

static int lines(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void levels(void)
{
	enum log_level l = LOG_LEVEL_INFO;

	log_debug(NULL, "quiet", NULL);
	is_str(written(), "", "debug is not written at level info");
	ok(log_level_parse("debug", &l) && l == LOG_LEVEL_DEBUG, "a level is known by its word");
	ok(!log_level_parse("DEBUG", &l) && !log_level_parse("", &l), "other words are refused");
	log_level_set(LOG_LEVEL_ERROR);
	log_warn(NULL, "quiet", NULL);
	is_str(written(), "", "a warning is not written at level error");
	ok(log_enabled(LOG_LEVEL_ERROR) && !log_enabled(LOG_LEVEL_WARN), "one can ask before");
	log_level_set(LOG_LEVEL_DEBUG);
	log_debug(NULL, "loud", NULL);
	ok(strstr(written(), "\"level\":\"debug\"") != NULL, "debug is written at level debug");
}

static void one_line(void)
{
	struct log_ctx ctx = { .request_id = "r1", .route = "op", .client_ip = "192.0.2.1" };
	static char huge[4000];

	log_info(&ctx, "hello", "evil", "a\"b\n{\"level\":\"x\"}", "none", NULL, "last", "z", NULL);
	is_int(lines(written()), 1, "a newline in a value does not break the line");
	ok(strstr(text, "\"evil\":\"a\\\"b\\n{\\\"level\\\":\\\"x\\\"}\"") != NULL, "values are escaped");
	ok(strstr(text, "none") == NULL && strstr(text, "\"last\":\"z\"}") != NULL,
	    "a NULL value leaves out its pair only");
	ok(strstr(text, "\"requestId\":\"r1\",\"route\":\"op\",\"clientIp\":\"192.0.2.1\"") != NULL,
	    "the context is added");
	memset(huge, '\x01', sizeof(huge) - 1);
	log_info(NULL, "cut", "v", huge, NULL);
	ok(strlen(written()) < 8192 && lines(text) == 1 && strstr(text, "}\n"),
	    "a value of kilobytes is cut and the line stays whole");
	log_info(NULL, "many", "a", huge, "b", huge, "c", huge, NULL);
	ok(lines(written()) == 1 && strstr(text, "\"message\":\"many\",\"truncated\":true}\n"),
	    "a line that would pass its limit says so, and is whole");
}

/* The number of the descriptor that the log file has here; -1: it is not open. */
static int descriptor(void)
{
	char link[64], name[64];

	for (int fd = 3; fd < 64; fd++) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		memset(link, 0, sizeof(link));
		if (readlink(name, link, sizeof(link) - 1) > 0 && !strcmp(link, path))
			return fd;
	}
	return -1;
}

static void again(void)
{
	int before = descriptor(), taken;

	taken = dup(0);
	ok(log_open(path) && descriptor() == before,
	    "a file that is opened again keeps its descriptor: another thread may be writing to it");
	ok(log_open("stderr") && descriptor() == before, "also while the log goes elsewhere");
	ok(log_open(path) && descriptor() == before, "and after");
	close(taken);
	log_info(NULL, "back", NULL);
	ok(strstr(written(), "back") != NULL, "and is written to");
}

/* Lines of several processes in one pipe are not torn. */
static void whole(void)
{
	int ends[2], before = dup(STDERR_FILENO);
	size_t of_pipe;

	ok(log_whole() > PIPE_BUF, "a file is written to in large pieces");
	if (before < 0 || pipe(ends) || dup2(ends[1], STDERR_FILENO) < 0)
		abort();
	log_open("stderr");
	of_pipe = log_whole();
	dup2(before, STDERR_FILENO);
	is_int(of_pipe, PIPE_BUF, "a pipe in those that it takes whole");
	log_open("syslog");
	is_int(log_whole(), PIPE_BUF, "so is syslog");
	log_open(path);
}

int main(void)
{
	int fd = mkstemp(path);
	struct stat st;

	close(fd);
	unlink(path);
	log_init("test");
	ok(log_open(path), "a log file is made");
	ok(stat(path, &st) == 0 && (st.st_mode & 07) == 0, "that others cannot read");
	levels();
	one_line();
	ok(!log_open("/nonexistent/dir/log"), "a file that cannot be made is refused");
	ok(strstr(written(), "cannot open log file") != NULL, "the old one stays and says why");
	log_raw(LOG_LEVEL_INFO, "{}\n{}\n", 6);
	is_str(written(), "{}\n{}\n", "raw lines pass as they are");
	whole();
	again();
	unlink(path);
	return done();
}
