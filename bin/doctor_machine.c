/* SPDX-License-Identifier: Apache-2.0 */
/* What can be seen on this machine: the project, its folders, the processes. */
#include "config.h"

#include "doctor.h"

#include "conf/file.h"
#include "keys/ring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct program doctor_programs[] = {
	/* threads of cgi-bin/NAME.c; mcp listens besides */
	{ "discovery", false, 0 },
	{ "oauth", true, 8 },
	{ "consent", true, 4 },
	{ "connect", true, 8 },
	{ "console", true, 4 },
	{ "mcp", true, 3 },
	{ NULL, false, 0 },
};

enum { PROGRAMS_MAX = 16 };

static const char *user_name(struct doctor *d, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	return user ? arena_strdup(d->arena, user->pw_name) : arena_printf(d->arena, "uid %u", (unsigned)uid);
}

/* ---- whose eyes we look with */

bool doctor_as_program(struct doctor *d, const char *program)
{
	const char *name = arena_printf(d->arena, "gatehouse_%s", program);
	const struct passwd *user = geteuid() == 0 ? getpwnam(name) : NULL;

	return user && !initgroups(name, user->pw_gid) && !setegid(user->pw_gid) && !seteuid(user->pw_uid);
}

void doctor_as_root(void)
{
	if (getuid() != 0)
		return;
	if (seteuid(0) || setegid(0) || setgroups(0, NULL))
		abort(); /* what we took on can be put off */
}

/* Calls LOOK as each program's user, or once as we are where programs have none of their own. */
static void look_as_each(struct doctor *d, void (*look)(struct doctor *))
{
	bool looked = false;

	for (const struct program *p = doctor_programs; p->name; p++) {
		if (doctor_as_program(d, p->name)) {
			look(d);
			looked = true;
		}
		doctor_as_root();
	}
	if (!looked)
		look(d);
}

static bool may(const char *path, int mode)
{
	return !faccessat(AT_FDCWD, path, mode, AT_EACCESS);
}

/* ---- the project */

void check_project(struct doctor *d)
{
	struct problem one;

	for (size_t i = 0; problems_at(d->p->problems, i, &one); i++) {
		const char *at = arena_printf(d->arena, "%s%s%s", one.file, *one.pointer ? "#" : "", one.pointer);

		if (one.is_error)
			doctor_error(d, one.remedy, "%s: %s", at, one.text);
		else
			doctor_warning(d, one.remedy, "%s: %s", at, one.text);
	}
}

void check_snapshot(struct doctor *d)
{
	struct err e = { .code = ERR_NONE };
	const char *differs;
	struct snapshot s;

	if (!snapshot_current(&s, d->arena, d->home, &e)) {
		doctor_warning(d, "run `gatehousectl reload`",
		    "nothing is published: programs serve the directory as they find it%s%s",
		    e.code == ERR_NOT_FOUND ? "" : ": ", e.code == ERR_NOT_FOUND ? "" : e.text);
		return;
	}
	differs = snapshot_differs(d->arena, &s, d->dir);
	if (differs)
		doctor_warning(d, "run `gatehousectl reload` to put it in force",
		    "%s was edited after snapshot %lu was published: programs serve the older one", differs,
		    s.number);
}

static void look_at_state(struct doctor *d)
{
	const char *user = user_name(d, geteuid());

	if (!may(d->p->state_dir, R_OK | X_OK))
		doctor_error(d, arena_printf(d->arena, "let %s read it (its group, or its owner)", user),
		    "%s cannot read the state directory %s: %s", user, d->p->state_dir, strerror(errno));
	else if (getuid() != 0 && !may(d->p->state_dir, W_OK))
		doctor_warning(d, "let the programs' user write it, or run `gatehousectl reload` as its owner",
		    "programs cannot publish into the state directory %s: %s", d->p->state_dir,
		    strerror(errno));
}

void check_state(struct doctor *d)
{
	struct stat st;

	if (stat(d->p->state_dir, &st)) {
		doctor_error(d, arena_printf(d->arena, "install -d -m 0750 -o %s %s, or set \"stateDir\"",
		        user_name(d, geteuid()), d->p->state_dir),
		    "the state directory %s: %s", d->p->state_dir, strerror(errno));
		return;
	}
	if (st.st_mode & S_IWOTH)
		doctor_error(d, arena_printf(d->arena, "chmod o-w %s", d->p->state_dir),
		    "every user of this machine can write into the state directory %s", d->p->state_dir);
	look_as_each(d, look_at_state);
}

static void look_at_key(struct doctor *d, const char *dir, enum purpose p)
{
	struct err e = { .code = ERR_NONE };
	struct ring *r = ring_open(dir, 1u << p, &e);
	/* "key file PATH is open to its group: chmod 0400 it" */
	const char *remedy = strrchr(e.text, ':');

	if (!r)
		doctor_error(d, remedy ? remedy + 2 : NULL, "%.*s",
		    (int)(remedy ? remedy - e.text : (long)strlen(e.text)), e.text);
	ring_close(r);
}

/* What discovery.fcgi publishes of them; keys that cannot be read are told of already. */
static void look_at_public_keys(struct doctor *d)
{
	struct err e = { .code = ERR_NONE };

	if (!ring_is_published(d->p->keyring, &e) && !e.code)
		doctor_error(d, "run `gatehousectl reload`",
		    "%s/" RING_PUBLISHED " is missing, or is not what the signing keys are", d->p->keyring);
}

/* The copies of a program with a user of its own: those that are there. */
static void look_at_copies(struct doctor *d, const char *program)
{
	const char *folder = ring_folder(d->arena, d->p->keyring, program);

	if (strcmp(folder, d->p->keyring) != 0 && doctor_as_program(d, program))
		for (enum purpose p = 0; p < KEY_PURPOSES; p++)
			if (!faccessat(AT_FDCWD, arena_printf(d->arena, "%s/%s", folder, purpose_name(p)), F_OK, 0))
				look_at_key(d, folder, p);
	doctor_as_root();
}

void check_keys(struct doctor *d)
{
	struct stat st;

	if (geteuid() != 0 && !stat(d->p->keyring, &st) && st.st_uid == 0) {
		doctor_skip(d, "the key ring belongs to root: only root can look at it");
		return;
	}
	for (enum purpose p = 0; p < KEY_PURPOSES; p++)
		look_at_key(d, d->p->keyring, p);
	look_at_public_keys(d);
	for (const struct program *p = doctor_programs; p->name && geteuid() == 0; p++)
		look_at_copies(d, p->name);
}

/* ---- mail */

enum { CRONTAB_BYTES = 256 * 1024 };

static bool runs_alerts(struct doctor *d, const char *path)
{
	struct conf_text text;
	char *save = NULL;

	if (!conf_read(&text, d->arena, path, CRONTAB_BYTES, NULL))
		return false;
	for (char *line = strtok_r(text.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (line[strspn(line, " \t")] != '#' && strstr(line, "alerts send"))
			return true;
	return false;
}

/* Where timers stand that are enabled, and where cron looks. */
static bool somebody_mails(struct doctor *d)
{
	static const char *const timers = "/etc/systemd/system/*.wants/gatehouse-alerts.timer";
	static const char *const crontabs[] = { "/etc/crontab", "/etc/cron.*/*", "/var/spool/cron/crontabs/*" };
	glob_t found;
	bool yes = glob(timers, 0, NULL, &found) == 0;

	if (yes)
		globfree(&found);
	for (size_t i = 0; i < sizeof(crontabs) / sizeof(*crontabs) && !yes; i++) {
		if (glob(crontabs[i], 0, NULL, &found) != 0)
			continue;
		for (size_t j = 0; j < found.gl_pathc && !yes; j++)
			yes = runs_alerts(d, found.gl_pathv[j]);
		globfree(&found);
	}
	return yes;
}

void check_mail(struct doctor *d)
{
	const struct alert_conf *a = d->p->alerts;
	bool mails = false;

	for (size_t i = 0; a && i < a->to_n; i++)
		mails |= a->to[i].mail;
	if (!mails)
		return;
	if (access(a->sendmail, X_OK) < 0)
		doctor_warning(d, "install one (Debian: msmtp-mta or postfix), or set alerts.sendmail to yours",
		    "alerts go by mail, and %s is no program that can be run: nobody is told", a->sendmail);
	if (!somebody_mails(d))
		doctor_warning(d, arena_printf(d->arena, "systemctl enable --now gatehouse-alerts.timer, or a line for cron: * * * * * "
						       "USER gatehousectl -c %s alerts send", d->dir),
		    "alerts go by mail, and no timer or crontab that can be seen here runs `gatehousectl alerts send`: nobody is "
		    "told, unless another machine does it");
}

/* A file that is not there yet is made in its folder. */
static void look_at_log(struct doctor *d)
{
	const char *to = d->p->log_destination, *slash = strrchr(to, '/');
	const char *folder = slash > to ? arena_strndup(d->arena, to, (size_t)(slash - to)) : "/";
	const char *user = user_name(d, geteuid());
	bool there = !access(to, F_OK);

	if (!may(there ? to : folder, there ? W_OK : W_OK | X_OK))
		doctor_error(d, arena_printf(d->arena, "let %s write it, or change \"log\": {\"destination\": ...}", user),
		    "the log file %s cannot be written by %s: %s", to, user, strerror(errno));
}

void check_log(struct doctor *d)
{
	const char *to = d->p->log_destination;

	if (to && *to == '/')
		look_as_each(d, look_at_log);
	else if (to && !strcmp(to, "syslog") && access("/dev/log", F_OK))
		doctor_error(d, "set \"log\": {\"destination\": \"stderr\"}, or run a syslog daemon",
		    "the log goes to syslog, and nobody listens at /dev/log");
}

/* ---- the processes */

struct process {
	int program; /* index of doctor_programs */
	uid_t uid;
	bool known; /* to be of this project; web servers that start programs name it in the environment alone */
};

/* The value behind "Name:" in a text of lines; "" if there is none. */
static const char *line_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? at + strlen(name) + strspn(at + strlen(name), " \t") : "";
}

static bool read_proc(const char *pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/%.20s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	for (ssize_t i = 0; i + 1 < n; i++) /* arguments end with NULs */
		if (!text[i])
			text[i] = '\n';
	return n > 0;
}

/* Whether a command line of one of our programs speaks of this project, or of none. */
static bool is_of_project(struct doctor *d, const char *arguments, bool *known)
{
	const char *option = strstr(arguments, "\n-c\n"), *dir;
	char real[PATH_MAX];

	*known = option != NULL;
	if (!option)
		return true;
	dir = arena_strndup(d->arena, option + 4, strcspn(option + 4, "\n"));
	return realpath(dir, real) && !strcmp(real, d->p->dir);
}

static bool is_process(struct doctor *d, const char *pid, struct process *out)
{
	char status[4096], arguments[4096];
	const char *name;
	size_t n;

	if (!read_proc(pid, "status", status, sizeof(status)) ||
	    !read_proc(pid, "cmdline", arguments, sizeof(arguments)))
		return false;
	name = line_of(status, "Name:");
	n = strcspn(name, "\n");
	for (int i = 0; doctor_programs[i].name; i++) {
		size_t len = strlen(doctor_programs[i].name);

		if (strncmp(name, doctor_programs[i].name, len) || n != len + 5 ||
		    (strncmp(name + len, ".fcgi", 5) && strncmp(name + len, ".cgi", 4)))
			continue;
		*out = (struct process){ .program = i,
			.uid = (uid_t)strtoul(line_of(status, "\nUid:"), NULL, 10) };
		return is_of_project(d, arguments, &out->known);
	}
	return false;
}

/* Those that are known to be of this project; only where there is none, those that may be. */
static size_t keep_known(struct process *all, size_t n)
{
	size_t known = 0;

	for (size_t i = 0; i < n; i++)
		if (all[i].known)
			all[known++] = all[i];
	return known ? known : n;
}

/* At most MAX of them, in the arena. */
static struct process *find_processes(struct doctor *d, size_t max, size_t *n)
{
	struct process *all = arena_calloc(d->arena, max, sizeof(*all));
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	*n = 0;
	while (proc && (entry = readdir(proc)) && *n < max)
		if (*entry->d_name >= '0' && *entry->d_name <= '9' && is_process(d, entry->d_name, &all[*n]))
			(*n)++;
	if (proc)
		closedir(proc);
	*n = keep_known(all, *n);
	return all;
}

enum { PROCESSES_MAX = 1024 };

bool doctor_count_processes(struct doctor *d, unsigned counts[])
{
	size_t n, known = 0;
	struct process *all = find_processes(d, PROCESSES_MAX, &n);

	for (int i = 0; doctor_programs[i].name; i++)
		counts[i] = 0;
	for (size_t i = 0; i < n; i++) {
		counts[all[i].program] += all[i].known;
		known += all[i].known;
	}
	return known > 0;
}

void check_users(struct doctor *d)
{
	bool seen[PROGRAMS_MAX] = { false }, one_user = true, root = false;
	unsigned programs = 0;
	size_t n;
	struct process *all = find_processes(d, PROCESSES_MAX, &n);

	if (!n) {
		doctor_skip(d, "no process of this project can be seen on this machine");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		programs += !seen[all[i].program];
		seen[all[i].program] = true;
		one_user &= all[i].uid == all[0].uid;
		root |= all[i].uid == 0;
	}
	if (root)
		doctor_error(d, "start them as a user of their own: User= in the systemd unit, -u of spawn-fcgi",
		    "programs run as root");
	if (one_user && programs > 1)
		doctor_warning(d, "where root installs: a Unix user for each program, as the systemd units have it (gatehouse(7))",
		    "one Unix user, %s, runs all programs: database roles stop mistakes in SQL, not a worker that was "
		    "broken into", user_name(d, all[0].uid));
}
