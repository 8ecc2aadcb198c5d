/* SPDX-License-Identifier: Apache-2.0 */
/* What a confined program can open, tried by a child that the same rules were put on. */
#include "config.h"

#include "http/confine.h"

#include "base/landlock.h"
#include "policy/policy.h"
#include "tap.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct arena *arena;
static const char *top;

static const char *at(const char *name)
{
	return arena_printf(arena, "%s/%s", top, name);
}

static void put(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

static void make(const char *name)
{
	if (mkdir(at(name), 0700))
		abort();
}

static void make_project(const char *gateway)
{
	put("project/gateway.jsonc", gateway);
	put("project/config/routes.oas.json", "{\"openapi\": \"3.1.0\", \"paths\": {}}");
	put("project/config/policies.json", "{\"policies\": []}");
	put("project/.env", "A='b'\n");
}

static struct confine *list_of(struct project **p)
{
	const struct project_options options = { .dir = at("project"), .types = policy_types };

	*p = project_load(&options);
	if ((*p)->fault)
		printf("# %s\n", (*p)->fault);
	return confine_new(arena, &(struct confine_options){ .project = *p, .dir = at("project"),
	    .program = "mcp", .snapshots = at("state/x") });
}

static bool can(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool can_list(const char *path)
{
	DIR *d = opendir(path);

	if (d)
		closedir(d);
	return d != NULL;
}

static bool can_connect(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool ok;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s/outside/socket", top);
	ok = !connect(fd, (struct sockaddr *)&to, sizeof(to));
	close(fd);
	return ok;
}

static int listen_outside(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s/outside/socket", top);
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) || listen(fd, 1))
		abort();
	return fd;
}

static bool can_resolve(void)
{
	struct addrinfo *found = NULL;
	bool ok = !getaddrinfo("localhost", NULL, NULL, &found);

	if (ok)
		freeaddrinfo(found);
	return ok;
}

/* A child's results are bits; which one says what is the same list on both sides. */
enum {
	PROJECT = 1 << 0, KEYS = 1 << 1, STATE = 1 << 2, RESOLVES = 1 << 3, CA = 1 << 4, LOG = 1 << 5,
	PASSWORDS = 1 << 6, SOCKET = 1 << 7, VALUE = 1 << 8,
	OUTSIDE = 1 << 16, LIST = 1 << 17, WRITE_STATE = 1 << 18, WRITE_PROJECT = 1 << 19, HOME = 1 << 20,
	EXECUTE = 1 << 21, ENVIRON = 1 << 22, REMOVE = 1 << 23,
};

static unsigned try_all(void)
{
	unsigned got = 0;

	got |= can(at("project/gateway.jsonc"), O_RDONLY) ? PROJECT : 0;
	got |= can(at("keys/pepper"), O_RDONLY) ? KEYS : 0;
	got |= can(at("state/x/current"), O_RDONLY) ? STATE : 0;
	got |= can_resolve() && can("/etc/hosts", O_RDONLY) ? RESOLVES : 0;
	got |= can(at("ca/ca.pem"), O_RDONLY) ? CA : 0;
	got |= can(at("log/new.log"), O_WRONLY | O_APPEND | O_CREAT) ? LOG : 0;
	got |= can(at("home/.pgpass"), O_RDONLY) ? PASSWORDS : 0;
	got |= can_connect() ? SOCKET : 0;
	got |= can(at("values/later"), O_RDONLY) ? VALUE : 0;
	got |= can(at("outside/secret"), O_RDONLY) ? OUTSIDE : 0;
	got |= can_list(at("outside")) ? LIST : 0;
	got |= can(at("state/x/other"), O_WRONLY | O_CREAT) ? WRITE_STATE : 0;
	got |= can(at("project/.env"), O_WRONLY) ? WRITE_PROJECT : 0;
	got |= can(at("home/mail"), O_RDONLY) ? HOME : 0;
	got |= can("/proc/1/environ", O_RDONLY) || can("/proc/1/status", O_RDONLY) ? ENVIRON : 0;
	got |= !unlink(at("log/new.log")) ? REMOVE : 0;
	if (fork() == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	} else {
		int status = 1;

		wait(&status);
		got |= status == 0 ? EXECUTE : 0;
	}
	return got;
}

/* What a child that is confined can do; *APPLIED: it was. */
static unsigned confined(const struct confine *c, bool *applied)
{
	unsigned answer[2] = { 0, 0 };
	int ends[2];

	if (pipe(ends))
		abort();
	if (fork() == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		answer[0] = confine_apply(c);
		answer[1] = try_all();
		_exit(write(ends[1], answer, sizeof(answer)) != sizeof(answer));
	}
	if (read(ends[0], answer, sizeof(answer)) != sizeof(answer))
		abort();
	wait(NULL);
	close(ends[0]);
	close(ends[1]);
	*applied = answer[0] != 0;
	return answer[1];
}

static void test_rules(const struct confine *c)
{
	bool applied;
	unsigned got = confined(c, &applied);

	ok(applied, "the rules are in force");
	ok(got & PROJECT, "the project can be read");
	ok(got & KEYS, "so can the key ring, wherever it lies");
	ok(got & STATE, "and what is published");
	ok(got & RESOLVES, "names are resolved");
	ok(got & CA, "the certificates of outbound.caFile are there");
	ok(got & LOG, "the log file can be made anew after it was rotated");
	ok(got & PASSWORDS, "libpq finds its passwords");
	ok(got & SOCKET, "sockets can be connected to, wherever they lie");
	ok(got & VALUE, "a file that replaces the one of NAME_FILE can be read");
	ok(!(got & OUTSIDE), "another site's file cannot be read");
	ok(!(got & LIST), "nor its folder listed");
	ok(!(got & WRITE_STATE), "a program that does not publish cannot write snapshots");
	ok(!(got & WRITE_PROJECT), "no program can change its project");
	ok(!(got & HOME), "of the home only libpq's files are there");
	ok(!(got & ENVIRON), "other processes cannot be looked at");
	ok(!(got & EXECUTE), "nothing can be executed");
	ok(!(got & REMOVE), "log files cannot be removed");
}

static void test_hatch(const struct confine *c)
{
	bool applied;

	setenv("GATEHOUSE_LANDLOCK", "0", 1);
	ok(confined(c, &applied) & OUTSIDE, "GATEHOUSE_LANDLOCK=0 leaves it out");
	ok(!applied, "which is not taken for being confined");
	unsetenv("GATEHOUSE_LANDLOCK");
}

static void test_reload(const struct confine *c, const char *gateway)
{
	struct project *p;

	make_project(gateway);
	ok(!confine_lacks(c, list_of(&p)), "the same project needs nothing more");
	project_unref(p);
	make_project(arena_printf(arena, "{\"compatibilityDate\": \"2026-03-01\", \"keyring\": \"%s\"}",
	    at("outside")));
	is_str(confine_lacks(c, list_of(&p)), at("outside"), "a key ring that moved out of reach is found");
	project_unref(p);
	make_project(arena_printf(arena,
	    "{\"compatibilityDate\": \"2026-03-01\", \"keyring\": \"%s\", \"development\": true, "
	    "\"autoReload\": true}", at("keys")));
	is_str(confine_lacks(c, list_of(&p)), at("state/x"), "so is one that wants to publish now");
	project_unref(p);
}

static void remove_top(void)
{
	if (fork() == 0) {
		execl("/bin/rm", "rm", "-rf", top, (char *)NULL);
		_exit(1);
	}
	wait(NULL);
}

int main(void)
{
	char name[] = "/tmp/gatehouse-confine-XXXXXX";
	const char *gateway;
	struct project *p;
	struct confine *c;

	arena = arena_new();
	top = realpath(mkdtemp(name), NULL);
	for (const char *const *d = (const char *const[]){ "project", "project/config", "keys", "state",
	    "state/x", "ca", "log", "home", "values", "outside", NULL }; *d; d++)
		make(*d);
	for (const char *const *f = (const char *const[]){ "keys/pepper", "state/x/current", "ca/ca.pem",
	    "home/.pgpass", "home/mail", "values/later", "values/now", "outside/secret", NULL }; *f; f++)
		put(*f, "x");
	setenv("HOME", at("home"), 1);
	setenv("SECRET_FILE", at("values/now"), 1);
	gateway = arena_printf(arena,
	    "{\"compatibilityDate\": \"2026-03-01\", \"keyring\": \"%s\", \"stateDir\": \"%s\", "
	    "\"log\": {\"destination\": \"%s\"}, \"outbound\": {\"caFile\": \"%s\"}}",
	    at("keys"), at("state"), at("log/gatehouse.log"), at("ca/ca.pem"));
	make_project(gateway);
	put("project/config/policies.json", "{\"policies\": [{\"name\": \"x\", \"policyType\": "
	    "\"set-headers-inbound\", \"handler\": {\"export\": \"default\", \"options\": {\"headers\": "
	    "[{\"name\": \"a\", \"value\": \"$env(SECRET)\"}]}}}]}");
	put("project/config/routes.oas.json", "{\"openapi\": \"3.1.0\", \"paths\": {\"/mcp/a\": {\"post\": "
	    "{\"operationId\": \"a\", \"x-gatehouse-route\": {\"public\": true, \"handler\": {\"export\": "
	    "\"McpProxyHandler\", \"options\": {\"rewritePattern\": \"https://a.example/\"}}, \"policies\": "
	    "{\"inbound\": [\"x\"], \"outbound\": []}}}}}}");
	listen_outside();
	c = list_of(&p);
	if (landlock_begin() < 0) {
		puts("1..0 # SKIP this kernel has no Landlock");
		remove_top();
		return 0;
	}
	test_rules(c);
	test_hatch(c);
	project_unref(p);
	test_reload(c, gateway);
	remove_top();
	return done();
}
