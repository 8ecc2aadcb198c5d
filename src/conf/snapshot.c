/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing: copy, read the copy, rename. What is checked is what is published: an editor that
 * saves in between changes neither.
 */
#include "config.h"

#include "conf/snapshot.h"

#include "base/hash.h"
#include "conf/file.h"
#include "conf/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char *const files[] = { "gateway.jsonc", "zuplo.jsonc", ROUTES_FILE, POLICIES_FILE };
enum { FILES = sizeof(files) / sizeof(files[0]) };

/* ---- which files ---- */

bool snapshot_holds_module(const char *path)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t n = sizeof(MODULES_DIR "/") - 1, m;

	if (strncmp(path, MODULES_DIR "/", n) != 0)
		return false;
	m = strspn(path + n, name);
	return m && !strcmp(path + n + m, ".lua");
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* What there may be to copy of the project, or snapshot, in DIR: paths relative to it, ended by NULL, in the arena. */
static const char *const *files_in(struct arena *a, const char *dir)
{
	DIR *d = opendir(conf_path(a, dir, MODULES_DIR));
	const char **list = arena_calloc(a, FILES + MODULES_MAX + 1, sizeof(*list));
	struct dirent *entry;
	size_t n = FILES;

	memcpy(list, files, sizeof(files));
	while (d && n < FILES + MODULES_MAX && (entry = readdir(d))) {
		const char *path = arena_printf(a, MODULES_DIR "/%s", entry->d_name);

		if (snapshot_holds_module(path))
			list[n++] = path;
	}
	if (d)
		closedir(d);
	qsort(list + FILES, n - FILES, sizeof(*list), by_name);
	return list;
}

/* ---- where ---- */

static const char *absolute(struct arena *a, const char *dir)
{
	char cwd[PATH_MAX];
	char *path;
	size_t n;

	if (dir[0] != '/' && getcwd(cwd, sizeof(cwd)))
		path = arena_printf(a, "%s/%s", cwd, dir);
	else
		path = arena_strdup(a, dir);
	for (n = strlen(path); n > 1 && (path[n - 1] == '/' || !strcmp(path + n - 2, "/.")); n--)
		path[n - 1] = '\0';
	return path;
}

/* Past the string or comment at S, or the one character; at its end past what never ends. */
static const char *skip(const char *s)
{
	const char *end;

	if (!strncmp(s, "//", 2))
		return s + strcspn(s, "\n");
	if (!strncmp(s, "/*", 2)) {
		end = strstr(s + 2, "*/");
		return end ? end + 2 : s + strlen(s);
	}
	if (*s++ != '"')
		return s;
	while (*s && *s != '"')
		s += *s == '\\' && s[1] ? 2 : 1;
	return s + (*s == '"');
}

/* The plain string behind the name at S, which is "stateDir"; NULL if there is none. */
static const char *state_dir_at(struct arena *a, const char *s)
{
	size_t n;

	s = skip(s);
	s += strspn(s, " \t\r\n");
	if (*s++ != ':')
		return NULL;
	s += strspn(s, " \t\r\n");
	if (*s++ != '"')
		return NULL;
	n = strcspn(s, "\"\\\n");
	return n && s[n] == '"' ? arena_strndup(a, s, n) : NULL;
}

/*
 * The value of "stateDir" in a gateway.jsonc that may be half-edited: the first such member, outside of comments,
 * whose value is a plain string. A reader this lenient is only asked where to look, never what to do; but what
 * is found there is served.
 */
static const char *state_dir_in(struct arena *a, const char *text)
{
	static const char name[] = "\"stateDir\"";
	const char *found = NULL;

	for (const char *s = text; *s && !found; s = skip(s))
		if (!strncmp(s, name, sizeof(name) - 1))
			found = state_dir_at(a, s);
	return found;
}

static const char *state_dir(struct arena *a, const char *project_dir)
{
	struct conf_text text;
	const char *found = NULL;

	for (int i = 0; i < 2 && !found; i++)
		if (conf_read(&text, a, conf_path(a, project_dir, files[i]), CONF_FILE_MAX, NULL))
			found = state_dir_in(a, text.p);
	return conf_path(a, project_dir, found ? found : gateway_state_dir_default(project_dir));
}

const char *snapshot_home(struct arena *a, const char *project_dir)
{
	const char *dir = absolute(a, project_dir);
	unsigned char digest[HASH_LEN];
	char hex[17];

	hash_sha256(digest, dir, strlen(dir));
	hex_encode(hex, digest, 8);
	return arena_printf(a, "%s/%s", state_dir(a, dir), hex);
}

/* ---- what is there ---- */

static const char *snapshot_dir(struct arena *a, const char *home, unsigned long number)
{
	return arena_printf(a, "%s/%lu", home, number);
}

static bool read_number(struct arena *a, const char *home, unsigned long *number, struct err *e)
{
	const char *path = conf_path(a, home, "current");
	struct conf_text text;
	char *end;

	if (!conf_read(&text, a, path, 32, e))
		return false;
	*number = strtoul(text.p, &end, 10);
	if (*number == 0 || *end != '\n') {
		err_set(e, ERR_IO, "", "");
		return err_text(e, "%.200s names no snapshot: run gatehousectl reload", path);
	}
	return true;
}

bool snapshot_current(struct snapshot *s, struct arena *a, const char *home, struct err *e)
{
	if (!read_number(a, home, &s->number, e))
		return false;
	s->dir = snapshot_dir(a, home, s->number);
	return true;
}

static int ascending(const void *x, const void *y)
{
	unsigned long a = *(const unsigned long *)x, b = *(const unsigned long *)y;

	return a < b ? -1 : a > b;
}

size_t snapshot_list(struct arena *a, const char *home, unsigned long **numbers)
{
	DIR *d = opendir(home);
	struct dirent *entry;
	size_t n = 0, cap = 0;
	unsigned long *list = NULL;

	while (d && (entry = readdir(d))) {
		char *end;
		unsigned long number = strtoul(entry->d_name, &end, 10);

		if (!number || *end || entry->d_name[0] == '+')
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 16;
			list = xrealloc(list, cap * sizeof(*list));
		}
		list[n++] = number;
	}
	if (d)
		closedir(d);
	*numbers = arena_calloc(a, n + 1, sizeof(**numbers));
	if (n)
		memcpy(*numbers, list, n * sizeof(*list));
	free(list);
	qsort(*numbers, n, sizeof(**numbers), ascending);
	return n;
}

static unsigned long long stat_mark(unsigned long long mark, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return mark * 31 + 1;
	mark = mark * 1000003 + (unsigned long long)st.st_ino;
	mark = mark * 1000003 + (unsigned long long)st.st_size;
	mark = mark * 1000003 + (unsigned long long)st.st_mtim.tv_sec;
	return mark * 1000003 + (unsigned long long)st.st_mtim.tv_nsec;
}

unsigned long long snapshot_mark(const char *home)
{
	struct arena *a = arena_new();
	const char *path = conf_path(a, home, "current");
	unsigned long long mark = access(path, F_OK) ? 0 : stat_mark(1, path) | 1;

	arena_free(a);
	return mark;
}

unsigned long long snapshot_source_mark(const char *project_dir)
{
	struct arena *a = arena_new();
	unsigned long long mark = stat_mark(1, conf_path(a, project_dir, ".env"));

	for (const char *const *file = files_in(a, project_dir); *file; file++)
		mark = stat_mark(mark, conf_path(a, project_dir, *file));
	arena_free(a);
	return mark;
}

/* ---- writing ---- */

static bool cannot(struct err *e, const char *verb, const char *path)
{
	int number = errno;

	err_set(e, ERR_IO, "", "");
	return err_text(e, "cannot %s %.140s: %s; let this user write stateDir, or set another", verb, path,
	    strerror(number));
}

/* Whoever may read the project may read its copy: the same mode and, where we may, the same group. */
static void like(int fd, const struct stat *st, mode_t mode)
{
	int rc = fchown(fd, (uid_t)-1, st->st_gid);

	(void)rc; /* not a member of that group: the mode alone decides */
	fchmod(fd, st->st_mode & mode);
}

static bool make_dir(const char *path, const struct stat *st, struct err *e)
{
	int fd;

	if (mkdir(path, 0700) && errno != EEXIST)
		return cannot(e, "make", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cannot(e, "open", path);
	like(fd, st, 0755);
	close(fd);
	return true;
}

static bool make_home(struct arena *a, const char *home, const struct stat *st, struct err *e)
{
	char *parent = arena_strdup(a, home);
	struct stat there;

	if (!stat(home, &there))
		return true;
	*strrchr(parent, '/') = '\0';
	if (stat(parent, &there) && !make_dir(parent, st, e))
		return false;
	return make_dir(home, st, e);
}

static bool write_file(const char *path, const char *p, size_t n, const struct stat *st, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok = fd >= 0;

	while (ok && n) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		ok = put > 0;
		p += ok ? put : 0;
		n -= ok ? (size_t)put : 0;
	}
	if (ok)
		like(fd, st, 0644);
	ok = ok && !fsync(fd);
	if (!ok)
		cannot(e, "write", path);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool copy_files(struct arena *a, const char *from, const char *to, const struct stat *dir,
    struct err *e)
{
	if (!make_dir(to, dir, e) || !make_dir(conf_path(a, to, "config"), dir, e) ||
	    !make_dir(conf_path(a, to, MODULES_DIR), dir, e))
		return false;
	for (const char *const *file = files_in(a, from); *file; file++) {
		const char *path = conf_path(a, from, *file);
		struct conf_text text;
		struct stat st;

		if (stat(path, &st) || !conf_read(&text, a, path, CONF_FILE_MAX, NULL))
			continue; /* what is missing or unreadable is for the reader of the copy to say */
		if (!write_file(conf_path(a, to, *file), text.p, text.n, &st, e))
			return false;
		/* when it was changed is part of the configuration: the registry tells it */
		utimensat(AT_FDCWD, conf_path(a, to, *file),
		    (const struct timespec[2]){ { .tv_nsec = UTIME_OMIT }, st.st_mtim }, 0);
	}
	return true;
}

static void remove_dir(struct arena *a, const char *dir)
{
	for (const char *const *file = files_in(a, dir); *file; file++)
		unlink(conf_path(a, dir, *file));
	unlink(conf_path(a, dir, "source"));
	rmdir(conf_path(a, dir, "config"));
	rmdir(conf_path(a, dir, MODULES_DIR));
	rmdir(dir);
}

static bool put_in_force(struct arena *a, const char *home, unsigned long number, struct err *e)
{
	const char *temporary = conf_path(a, home, "current.new"), *path = conf_path(a, home, "current");
	const char *text = arena_printf(a, "%lu\n", number);
	struct stat st;

	if (stat(home, &st))
		return cannot(e, "read", home);
	unlink(temporary);
	return write_file(temporary, text, strlen(text), &st, e) &&
	    (!rename(temporary, path) || cannot(e, "replace", path));
}

/* The oldest go; never the one in force. */
static void prune(struct arena *a, const char *home, unsigned long current)
{
	unsigned long *numbers;
	size_t n = snapshot_list(a, home, &numbers);

	for (size_t i = 0; i + SNAPSHOTS_KEPT < n; i++)
		if (numbers[i] != current)
			remove_dir(a, snapshot_dir(a, home, numbers[i]));
}

static bool same_file(struct arena *a, const char *x, const char *y)
{
	struct conf_text s = { .p = NULL }, t = { .p = NULL };
	bool there = conf_read(&s, a, x, CONF_FILE_MAX, NULL);

	return there == conf_read(&t, a, y, CONF_FILE_MAX, NULL) &&
	    (!there || (s.n == t.n && !memcmp(s.p, t.p, s.n)));
}

/* The first file of X that is another, or is not there, in Y. */
static const char *other_file(struct arena *a, const char *x, const char *y)
{
	for (const char *const *file = files_in(a, x); *file; file++)
		if (!same_file(a, conf_path(a, x, *file), conf_path(a, y, *file)))
			return *file;
	return NULL;
}

/* The same, the other way round as well. */
static const char *differing_file(struct arena *a, const char *x, const char *y)
{
	const char *file = other_file(a, x, y);

	return file ? file : other_file(a, y, x);
}

static bool same_snapshot(struct arena *a, const char *x, const char *y)
{
	return !differing_file(a, x, y) && same_file(a, conf_path(a, x, "source"), conf_path(a, y, "source"));
}

const char *snapshot_differs(struct arena *a, const struct snapshot *s, const char *project_dir)
{
	const char *now = arena_printf(a, "%llx\n", stat_mark(1, conf_path(a, project_dir, ".env")));
	const char *file = differing_file(a, s->dir, project_dir);
	struct conf_text then = { .p = NULL };

	if (file)
		return file;
	conf_read(&then, a, conf_path(a, s->dir, "source"), CONF_FILE_MAX, NULL);
	return then.p && strcmp(then.p, now) != 0 ? ".env" : NULL;
}

/* The state of .env when this was published: autoReload compares it, nobody copies its content. */
static bool note_source(struct arena *a, const char *project_dir, const char *stage,
    const struct stat *dir, struct err *e)
{
	const char *text = arena_printf(
	    a, "%llx\n", stat_mark(1, conf_path(a, project_dir, ".env")));

	return write_file(conf_path(a, stage, "source"), text, strlen(text), dir, e);
}

static bool may_publish(const struct project *p, enum publish mode, struct err *e)
{
	if (!p->fault && (mode == PUBLISH_FIRST || !problems_count(p->problems, true)))
		return true;
	return err_set(e, ERR_CONFIG, "the project has errors; what was published before stays in force",
	    "%zu errors", problems_count(p->problems, true));
}

/* The lock is held. */
static bool publish(struct snapshot *s, struct arena *a, const char *home,
    const struct project_options *options, enum publish mode, struct project **project, struct err *e)
{
	const char *stage = arena_printf(a, "%s/.stage-%ld", home, (long)getpid());
	struct project_options copy = *options;
	struct snapshot old = { .number = 0 };
	struct stat dir;
	unsigned long *numbers;
	size_t n;

	if (snapshot_current(&old, a, home, NULL) && mode == PUBLISH_FIRST) {
		*s = old;
		return true;
	}
	if (stat(options->dir, &dir))
		return cannot(e, "read", options->dir);
	remove_dir(a, stage);
	copy.files_dir = stage;
	if (!copy_files(a, options->dir, stage, &dir, e) ||
	    !note_source(a, options->dir, stage, &dir, e)) {
		remove_dir(a, stage);
		return false;
	}
	*project = project_load(&copy);
	if (!may_publish(*project, mode, e)) {
		remove_dir(a, stage);
		return false;
	}
	if (mode == PUBLISH_CHANGES && old.number && same_snapshot(a, stage, old.dir)) {
		remove_dir(a, stage);
		*s = old;
		return true;
	}
	n = snapshot_list(a, home, &numbers);
	s->number = n ? numbers[n - 1] + 1 : 1;
	s->dir = snapshot_dir(a, home, s->number);
	if (rename(stage, s->dir)) {
		remove_dir(a, stage);
		return cannot(e, "make", s->dir);
	}
	if (!put_in_force(a, home, s->number, e))
		return false;
	prune(a, home, s->number);
	return true;
}

static int lock(struct arena *a, const char *home, struct err *e)
{
	const char *path = conf_path(a, home, "lock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);

	if (fd < 0 || flock(fd, LOCK_EX)) {
		cannot(e, "lock", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

bool snapshot_publish(struct snapshot *s, struct arena *a, const char *home,
    const struct project_options *options, enum publish mode, struct project **project, struct err *e)
{
	struct stat dir;
	bool ok;
	int fd;

	*project = NULL;
	if (stat(options->dir, &dir))
		return cannot(e, "read", options->dir);
	if (!make_home(a, home, &dir, e))
		return false;
	fd = lock(a, home, e);
	if (fd < 0)
		return false;
	ok = publish(s, a, home, options, mode, project, e);
	close(fd);
	return ok;
}

bool snapshot_back(struct snapshot *s, struct arena *a, const char *home, struct err *e)
{
	unsigned long *numbers, current;
	int fd = lock(a, home, e);
	bool ok;
	size_t n;

	if (fd < 0)
		return false;
	ok = read_number(a, home, &current, e);
	n = snapshot_list(a, home, &numbers);
	while (n && numbers[n - 1] >= current)
		n--;
	if (ok && !n)
		ok = err_set(e, ERR_NOT_FOUND, "there is no older snapshot to go back to", "");
	if (ok) {
		s->number = numbers[n - 1];
		s->dir = snapshot_dir(a, home, s->number);
		ok = put_in_force(a, home, s->number, e);
	}
	close(fd);
	return ok;
}
