/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webconfig: the web server's half of a project, its routes and paths filled in. With --generic the
 * configuration that fits any project whose routes lie under /mcp/: etc/ holds what that prints.
 */
#include "config.h"

#include "ctl.h"

#include "conf/project.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES_MAX = 4096 };

struct place { /* one path, or all below one */
	const char *program, *path;
	bool below;
};

struct web {
	struct arena *arena;
	const char *sockets, *programs, *project; /* folders */
	struct place *places;
	size_t n;
};

/* Where two fit, web servers take the later section: consent's paths lie among oauth's. */
static const char *const program_names[] = { "discovery", "mcp", "oauth", "consent", "connect", "console", NULL };

static void add(struct web *w, const char *program, const char *path, bool below)
{
	if (w->n < PLACES_MAX)
		w->places[w->n++] = (struct place){ program, path, below };
}

/* Narrower places come first: mod_fcgid's aliases and rewrite rules take the first that fits. */
static void fill(struct web *w, const struct project *p)
{
	const char *b = p ? p->base_path : "";
	const char *registry = p ? p->registry_path : "/mcp-registry";

	w->places = arena_calloc(w->arena, PLACES_MAX, sizeof(*w->places));
	for (const char *const *name = program_names; *name; name++)
		add(w, *name, arena_printf(w->arena, "%s/health/%s/", b, *name), true);
	add(w, "consent", arena_printf(w->arena, "%s/metrics", b), false);
	add(w, "consent", arena_printf(w->arena, "%s/oauth/setup", b), false);
	add(w, "consent", arena_printf(w->arena, "%s/oauth/grants", b), false);
	add(w, "oauth", arena_printf(w->arena, "%s/oauth/", b), true);
	add(w, "connect", arena_printf(w->arena, "%s/auth/connections/", b), true);
	add(w, "console", arena_printf(w->arena, "%s/console/", b), true);
	add(w, "console", arena_printf(w->arena, "%s/console", b), false);
	add(w, "discovery", "/.well-known/", true);
	if (*b)
		add(w, "discovery", arena_printf(w->arena, "%s/.well-known/oauth-client/", b), true);
	if (!p || p->registry_enabled)
		add(w, "discovery", arena_printf(w->arena, "%s/", registry), true);
	if (!p)
		add(w, "mcp", "/mcp/", true);
	for (size_t i = 0; p && i < p->routes_n; i++) {
		add(w, "mcp", arena_printf(w->arena, "%s/.well-known/openid-configuration", p->routes[i].path), false);
		add(w, "mcp", p->routes[i].path, false);
	}
}

/* The path as a regular expression, without anchors. */
static void print_pattern(const char *path)
{
	for (; *path; path++) {
		if (strchr(".+$()[]{}^|?*\\", *path))
			putchar('\\');
		putchar(*path);
	}
}

static void print_match(const struct place *p)
{
	putchar('^');
	print_pattern(p->path);
	if (!p->below)
		putchar('$');
}

/* All places of a program as one alternation. */
static void print_matches(const struct web *w, const char *program)
{
	const char *join = "";

	for (size_t i = 0; i < w->n; i++) {
		if (strcmp(w->places[i].program, program))
			continue;
		fputs(join, stdout);
		print_match(&w->places[i]);
		join = "|";
	}
}

/* ---- lighttpd */

static void lighttpd_head(bool spawned)
{
	if (spawned)
		fputs("# Gatehouse behind lighttpd, which starts the programs itself. For small machines: a program that\n"
		      "# dies takes the calls waiting at its socket with it. Better, where there is a supervisor: standing\n"
		      "# programs (gatehousectl webconfig lighttpd).\n",
		    stdout);
	else
		fputs("# Gatehouse behind lighttpd: standing programs on Unix sockets (see gatehouse(7)).\n"
		      "#\n"
		      "# Each program listens on one socket that several of its processes share; a supervisor outside\n"
		      "# lighttpd starts them (systemd with the units of etc/systemd, or spawn-fcgi with multiwatch).\n"
		      "# A process that dies takes its own calls with it and nothing else: the socket stays, its\n"
		      "# siblings go on.\n",
		    stdout);
	fputs("#\n"
	      "# To use: copy it to /etc/lighttpd/conf-enabled/, or include it at the top level of your own file. This\n"
	      "# is what `gatehousectl webconfig` prints; run it again when the project's routes change.\n\n",
	    stdout);
}

static void lighttpd_settings(void)
{
	fputs("server.modules += ( \"mod_fastcgi\" )\n\n"
	      "# Events of a stream pass as they come; without this lighttpd keeps them until its buffer is full.\n"
	      "server.stream-response-body = 1\n\n"
	      "# Requests reach the programs whole: a client that sends slowly holds no program.\n"
	      "server.stream-request-body = 0\n\n"
	      "# In KB, above the gateway's own limit (limits.body), which answers 413 itself.\n"
	      "server.max-request-size = 8192\n\n"
	      "# One descriptor for the client and one for the program per call in flight.\n"
	      "server.max-fds = 8192\n\n"
	      "# The programs judge the path as it was sent. Encoded slashes belong to names in the server registry.\n"
	      "server.http-parseopts = (\n"
	      "\t\"header-strict\"          => \"enable\",\n"
	      "\t\"host-strict\"            => \"enable\",\n"
	      "\t\"host-normalize\"         => \"enable\",\n"
	      "\t\"url-normalize\"          => \"enable\",\n"
	      "\t\"url-ctrls-reject\"       => \"enable\",\n"
	      "\t\"url-path-2f-decode\"     => \"disable\",\n"
	      "\t\"url-path-dotseg-remove\" => \"disable\",\n"
	      "\t\"url-path-dotseg-reject\" => \"enable\"\n"
	      ")\n\n"
	      "# tcp-fin-propagate: a client that leaves is seen at once, even while the upstream is silent.\n"
	      "# disable-time 0: a program that was away is asked again with the next request.\n"
	      "# Where two blocks fit, the later one wins. The programs judge the path again, as it was sent.\n",
	    stdout);
}

/* One block a program, so that a program that lighttpd starts is started once. */
static void lighttpd_places(const struct web *w, bool spawned)
{
	for (const char *const *name = program_names; *name; name++) {
		fputs("$HTTP[\"url\"] =~ \"", stdout);
		print_matches(w, *name);
		printf("\" {\n\tfastcgi.server = ( \"/\" => ( \"%s\" => (\n"
		       "\t\t\"socket\" => gatehouse_sockets + \"/%s.sock\",\n",
		    *name, *name);
		if (spawned)
			printf("\t\t\"bin-path\" => gatehouse_programs + \"/%s.fcgi -c \" + gatehouse_project,\n"
			       "\t\t\"max-procs\" => 1,\n",
			    *name);
		fputs("\t\t\"check-local\" => \"disable\", \"disable-time\" => 0, \"tcp-fin-propagate\" => \"enable\"\n"
		      "\t) ) )\n}\n", stdout);
	}
}

static void lighttpd(const struct web *w, bool spawned)
{
	lighttpd_head(spawned);
	printf("var.gatehouse_sockets = \"%s\"\n", w->sockets);
	if (spawned)
		printf("var.gatehouse_programs = \"%s\"\nvar.gatehouse_project = \"%s\"\n", w->programs, w->project);
	putchar('\n');
	lighttpd_settings();
	lighttpd_places(w, spawned);
}

static void print_lighttpd(const struct web *w)
{
	lighttpd(w, false);
}

static void print_lighttpd_spawn(const struct web *w)
{
	lighttpd(w, true);
}

/* ---- Apache */

static void apache_common(void)
{
	fputs("# Names in the server registry hold an encoded slash; the programs judge it as it was sent.\n"
	      "AllowEncodedSlashes NoDecode\n\n"
	      "# Above the gateway's own limit (limits.body), which answers 413 itself.\n"
	      "LimitRequestBody 8388608\n\n",
	    stdout);
}

static void apache_proxy(const struct web *w)
{
	fputs("# Gatehouse behind Apache: standing programs on Unix sockets, through mod_proxy_fcgi (see\n"
	      "# gatehouse(7)). A supervisor outside Apache starts them: systemd with the units of etc/systemd, or\n"
	      "# spawn-fcgi with multiwatch.\n"
	      "#\n"
	      "# To use: a2enmod proxy proxy_fcgi, and include this in the <VirtualHost>. This is what\n"
	      "# `gatehousectl webconfig` prints; run it again when the project's routes change.\n\n",
	    stdout);
	apache_common();
	fputs("# flushpackets: events of a stream pass as they come. No enablereuse: of the programs only mcp keeps\n"
	      "# connections.\n",
	    stdout);
	for (const char *const *name = program_names; *name; name++)
		printf("<Proxy \"fcgi://gatehouse-%s/\">\n\tProxySet flushpackets=on enablereuse=off timeout=700\n</Proxy>\n",
		    *name);
	fputs("\n# Where two sections fit, the later one wins. CGIPassAuth: without it Apache hides the Authorization\n"
	      "# header from the programs.\n",
	    stdout);
	for (const char *const *name = program_names; *name; name++) {
		fputs("<LocationMatch \"", stdout);
		print_matches(w, *name);
		printf("\">\n\tSetHandler \"proxy:unix:%s/%s.sock|fcgi://gatehouse-%s/\"\n\tCGIPassAuth On\n"
		       "\tRequire all granted\n</LocationMatch>\n",
		    w->sockets, *name, *name);
	}
}

static void apache_fcgid(const struct web *w)
{
	printf("# Gatehouse behind Apache with mod_fcgid, which starts the programs itself and gives each process one\n"
	       "# call at a time (see gatehouse(7)). Where a supervisor can be had, mod_proxy_fcgi with standing\n"
	       "# programs serves more calls with less memory (gatehousectl webconfig apache-proxy).\n"
	       "#\n"
	       "# To use: a2enmod fcgid, and include this in the <VirtualHost>. This is what `gatehousectl webconfig`\n"
	       "# prints; run it again when the project's routes change.\n\n");
	apache_common();
	printf("FcgidInitialEnv GATEHOUSE_PROJECT \"%s\"\n\n", w->project);
	fputs("# Events of a stream pass as they come.\n"
	      "FcgidOutputBufferSize 0\n"
	      "# Above the gateway's own limit: an overflow here would be a 500.\n"
	      "FcgidMaxRequestLen 8388608\n"
	      "# Above the longest call (timeoutMs) and the longest silence of a stream.\n"
	      "FcgidIOTimeout 700\n"
	      "FcgidBusyTimeout 700\n"
	      "FcgidBusyScanInterval 120\n"
	      "# Its scores hold back new processes just when many die or many are needed.\n"
	      "FcgidSpawnScore 0\n"
	      "FcgidTerminationScore 0\n"
	      "FcgidMinProcessesPerClass 2\n"
	      "# A call holds a process: as many as PostgreSQL's max_connections and the memory bear.\n"
	      "FcgidMaxProcessesPerClass 16\n\n",
	    stdout);
	for (size_t i = 0; i < w->n; i++) {
		fputs("ScriptAliasMatch \"", stdout);
		print_match(&w->places[i]);
		printf("\" \"%s/%s.fcgi\"\n", w->programs, w->places[i].program);
	}
	printf("\n# CGIPassAuth: without it Apache hides the Authorization header from the programs.\n"
	       "<Directory \"%s\">\n\tSetHandler fcgid-script\n\tOptions +ExecCGI\n\tCGIPassAuth On\n"
	       "\tRequire all granted\n</Directory>\n",
	    w->programs);
}

static void htaccess(const struct web *w)
{
	fputs("# Gatehouse as plain CGI, for a host that gives neither root nor a supervisor (see gatehouse(7)). Each\n"
	      "# call starts a process: fine for sign-in and for light use.\n"
	      "#\n"
	      "# To use: put the programs into a folder cgi-bin beside this file, each as NAME.cgi, with a file\n"
	      "# gatehouse.path that names the project directory (outside of the document root), and this as\n"
	      "# .htaccess into the document root. This is what `gatehousectl webconfig` prints; run it again when the\n"
	      "# project's routes change. Programs find their library (libgatehouse-*.so) where it was installed, or\n"
	      "# beside them.\n\n"
	      "# Without it Apache hides the Authorization header from the programs.\n"
	      "CGIPassAuth On\n"
	      "Options +ExecCGI\n"
	      "AddHandler cgi-script .cgi\n\n"
	      "<Files \"gatehouse.path\">\n\tRequire all denied\n</Files>\n\n"
	      "RewriteEngine On\n",
	    stdout);
	for (size_t i = 0; i < w->n; i++) {
		const struct place *p = &w->places[i];

		/* relative to this folder: no leading slash */
		fputs("RewriteRule \"^", stdout);
		print_pattern(p->path + 1);
		printf("%s\" \"cgi-bin/%s.cgi\" [END]\n", p->below ? "" : "$", p->program);
	}
}

/* ---- nginx */

/*
 * In three parts: what is kept open stands above servers, nginx has no macros, and what stood in the server { } would be for the site's
 * other locations, too.
 */
static void nginx_head(const char *what)
{
	printf("# Gatehouse behind nginx: standing programs on Unix sockets (see gatehouse(7)). A supervisor outside nginx\n"
	       "# starts them: systemd with the units of etc/systemd, or gatehouse-standing.\n"
	       "#\n"
	       "# %s\n"
	       "#\n"
	       "#     gatehousectl webconfig nginx-http    > /etc/nginx/conf.d/gatehouse.conf\n"
	       "#     gatehousectl webconfig nginx-fastcgi > /etc/nginx/snippets/gatehouse-fastcgi.conf\n"
	       "#     gatehousectl webconfig nginx         > /etc/nginx/snippets/gatehouse.conf\n"
	       "#\n"
	       "# and in the server { }: include snippets/gatehouse.conf; Print the last one again when the project's\n"
	       "# routes change.\n\n",
	    what);
}

static void print_nginx_http(const struct web *w)
{
	nginx_head("This is what stands above the servers. To use all three:");
	printf("# Each worker keeps so many idle connections to mcp for the next calls, which cost both a fifth less so. A process that\n"
	       "# is killed takes along what nginx sends to it until it has heard of that, too; one that is told to end loses nothing.\n"
	       "# A second gateway behind the same nginx wants another name here, and in its locations.\n"
	       "upstream gatehouse_mcp {\n\tserver \"unix:%s/mcp.sock\";\n\tkeepalive 32;\n}\n",
	    w->sockets);
}

static void print_nginx_fastcgi(const struct web *w)
{
	(void)w;
	nginx_head("This is what its locations have in common. To use all three:");
	fputs("# All that the programs read. They judge the path as it was sent, whatever nginx found its location by.\n"
	      "fastcgi_param REQUEST_METHOD $request_method;\n"
	      "fastcgi_param REQUEST_URI $request_uri;\n"
	      "fastcgi_param REMOTE_ADDR $remote_addr;\n"
	      "fastcgi_param CONTENT_TYPE $content_type if_not_empty;\n"
	      "fastcgi_param CONTENT_LENGTH $content_length if_not_empty;\n"
	      "# Of several lines only all together say who the client is; nginx before 1.23 would hand each on by itself.\n"
	      "fastcgi_param HTTP_X_FORWARDED_FOR $http_x_forwarded_for if_not_empty;\n\n"
	      "# Requests reach the programs whole: a client that sends slowly holds no program.\n"
	      "fastcgi_request_buffering on;\n"
	      "client_body_buffer_size 128k;\n"
	      "# Above the gateway's own limit (limits.body), which answers 413 itself.\n"
	      "client_max_body_size 8m;\n\n"
	      "# Never twice: nobody knows what a call has done before its connection broke.\n"
	      "fastcgi_next_upstream off;\n"
	      "# A client that leaves is seen at once, even while the upstream is silent.\n"
	      "fastcgi_ignore_client_abort off;\n"
	      "# Above the longest call (timeoutMs) and the longest silence of a stream.\n"
	      "fastcgi_read_timeout 700s;\n\n"
	      "# An answer's head must fit into the first: an address to go on to may be long.\n"
	      "fastcgi_buffer_size 32k;\n"
	      "fastcgi_buffers 8 16k;\n"
	      "# Errors are for the client's software, whatever pages the server shows else.\n"
	      "fastcgi_intercept_errors off;\n"
	      "# The programs name no file of nginx's, and nothing of theirs is for a cache.\n"
	      "fastcgi_ignore_headers X-Accel-Redirect;\n"
	      "fastcgi_cache off;\n"
	      "# A proxy before this server is to pass the events of a stream as they come, too; compression would hold them back.\n"
	      "fastcgi_pass_header X-Accel-Buffering;\n"
	      "gzip off;\n",
	    stdout);
}

static void nginx_location(const struct web *w, const struct place *p)
{
	printf("location %s %s {\n", p->below ? "^~" : "=", p->path);
	if (!strcmp(p->program, "mcp"))
		fputs("\tfastcgi_pass gatehouse_mcp;\n\tfastcgi_keep_conn on;\n\tfastcgi_buffering off;\n", stdout);
	else
		printf("\tfastcgi_pass \"unix:%s/%s.sock\";\n", w->sockets, p->program);
	fputs("\tinclude snippets/gatehouse-fastcgi.conf;\n}\n", stdout);
}

static void print_nginx(const struct web *w)
{
	nginx_head("These are its locations, for the server { } that clients reach. To use all three:");
	fputs("# A call in flight takes two connections: worker_connections in nginx.conf is to be more than twice as many.\n"
	      "# What makes calls faster by about a tenth stands elsewhere, too: `worker_processes auto; worker_cpu_affinity auto;` in nginx.conf, so that a\n"
	      "# worker stays on its core; `reuseport` in `listen`, once for each address, so that workers have equal shares of the clients; and\n"
	      "# `client_header_buffer_size 4k;` in the server { }, so that a call, with its token over 1 kB, is read at once.\n\n"
	      "# Paths, which nginx takes before patterns of your own; a longer path of yours, as that of ACME's challenges, it\n"
	      "# takes before these. The programs judge the path again, as it was sent.\n"
	      "# fastcgi_buffering off: events of a stream pass as they come, and a large answer as fast as its client reads.\n",
	    stdout);
	for (const char *const *name = program_names; *name; name++)
		for (size_t i = 0; i < w->n; i++)
			if (!strcmp(w->places[i].program, *name))
				nginx_location(w, &w->places[i]);
}

/* ---- the command */

static const struct {
	const char *name;
	void (*print)(const struct web *);
} kinds[] = {
	{ "lighttpd", print_lighttpd },
	{ "lighttpd-spawn", print_lighttpd_spawn },
	{ "apache-proxy", apache_proxy },
	{ "apache-fcgid", apache_fcgid },
	{ "nginx", print_nginx },
	{ "nginx-http", print_nginx_http },
	{ "nginx-fastcgi", print_nginx_fastcgi },
	{ "htaccess", htaccess },
};

static bool read_options(struct web *w, int argc, char **argv, bool *generic)
{
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--generic"))
			*generic = true;
		else if (i + 1 < argc && !strcmp(argv[i], "--sockets"))
			w->sockets = argv[++i];
		else if (i + 1 < argc && !strcmp(argv[i], "--programs"))
			w->programs = argv[++i];
		else
			return false;
	}
	return true;
}

static bool is_plain(const char *path)
{
	return !strpbrk(path, "\"\\\n$");
}

static int webconfig_run(struct ctl *ctl, int argc, char **argv)
{
	struct web w = { .arena = ctl->arena, .sockets = "/run/gatehouse", .programs = PROGRAM_DIR,
		.project = "/etc/gatehouse" };
	struct project *p = NULL;
	bool generic = false;
	size_t kind = 0;

	while (argc > 1 && kind < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[kind].name, argv[1]))
		kind++;
	if (argc < 2 || kind == sizeof(kinds) / sizeof(kinds[0]) || !read_options(&w, argc, argv, &generic))
		return ctl_usage(&ctl_webconfig);
	if (!generic) {
		p = ctl_project(ctl, &ctl_webconfig);
		if (!p)
			return CTL_FAILED;
		w.project = p->dir;
	}
	if (!is_plain(w.sockets) || !is_plain(w.programs) || !is_plain(w.project)) {
		fputs("gatehousectl: webconfig: a folder's name has a quote, a backslash or a dollar sign\n", stderr);
		project_unref(p);
		return CTL_FAILED;
	}
	fill(&w, p);
	kinds[kind].print(&w);
	project_unref(p);
	return CTL_OK;
}

static const struct ctl_act acts[] = {
	{ "*", NULL },
	{ NULL, NULL },
};

const struct ctl_command ctl_webconfig = {
	.name = "webconfig",
	.usage = "lighttpd|lighttpd-spawn|apache-proxy|apache-fcgid|nginx|nginx-http|nginx-fastcgi|htaccess [--generic] [--sockets DIR] [--programs DIR]",
	.about = "print the web server's configuration for the project",
	.acts = acts,
	.run = webconfig_run,
};
