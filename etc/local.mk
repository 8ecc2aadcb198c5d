# etc: web server configuration, as examples
examplelighttpddir = $(docdir)/examples/lighttpd
dist_examplelighttpd_DATA = etc/lighttpd/gatehouse-standing.conf etc/lighttpd/gatehouse-spawned.conf
exampleapachedir = $(docdir)/examples/apache
dist_exampleapache_DATA = etc/apache/gatehouse-proxy.conf etc/apache/gatehouse-fcgid.conf
examplecgidir = $(docdir)/examples/cgi
dist_examplecgi_DATA = etc/cgi/htaccess
examplenginxdir = $(docdir)/examples/nginx
dist_examplenginx_DATA = etc/nginx/gatehouse.conf etc/nginx/gatehouse-http.conf etc/nginx/gatehouse-fastcgi.conf
EXTRA_DIST += etc/generate

# a whole project directory, with comments
exampleprojectdir = $(docdir)/examples/project
dist_exampleproject_DATA = etc/example/gateway.jsonc etc/example/env.sample
exampleprojectconfigdir = $(docdir)/examples/project/config
dist_exampleprojectconfig_DATA = etc/example/config/routes.oas.json etc/example/config/policies.json
exampleprojectpoliciesdir = $(docdir)/examples/project/policies
dist_exampleprojectpolicies_DATA = etc/example/policies/access.lua

# Units for systemd, a socket and a service for each program: where --with-systemdsystemunitdir says, with
# users and folders beside them; else among the examples. The paths of this installation are filled in.
SYSTEMD_MADE = \
	etc/systemd/gatehouse-discovery@.service etc/systemd/gatehouse-discovery.socket \
	etc/systemd/gatehouse-oauth@.service etc/systemd/gatehouse-oauth.socket \
	etc/systemd/gatehouse-consent@.service etc/systemd/gatehouse-consent.socket \
	etc/systemd/gatehouse-connect@.service etc/systemd/gatehouse-connect.socket \
	etc/systemd/gatehouse-console@.service etc/systemd/gatehouse-console.socket \
	etc/systemd/gatehouse-mcp@.service etc/systemd/gatehouse-mcp.socket
systemdunitdir = $(SYSTEMD_UNIT_DIR)
nodist_systemdunit_DATA = $(SYSTEMD_MADE) etc/systemd/gatehouse-alerts.service
dist_systemdunit_DATA = etc/systemd/gatehouse.target etc/systemd/gatehouse-alerts.timer
systemdotherdir = $(docdir)/examples/systemd
dist_systemdother_DATA = etc/systemd/gatehouse.sysusers etc/systemd/gatehouse.tmpfiles
EXTRA_DIST += etc/systemd/gatehouse-program@.service.in etc/systemd/gatehouse-program.socket.in
EXTRA_DIST += etc/systemd/gatehouse-alerts.service.in
CLEANFILES += $(SYSTEMD_MADE) etc/systemd/gatehouse-alerts.service
TESTS += t/830-systemd.t

$(SYSTEMD_MADE): etc/systemd/gatehouse-program@.service.in etc/systemd/gatehouse-program.socket.in Makefile
	$(AM_V_GEN)$(MKDIR_P) etc/systemd && \
	name=`echo '$@' | sed 's|.*/gatehouse-||; s|[@.].*||'` && \
	case '$@' in \
	*.socket) from=gatehouse-program.socket.in ;; \
	*) from=gatehouse-program@.service.in ;; \
	esac && \
	case $$name in \
	discovery) network='PrivateNetwork=yes\nRestrictAddressFamilies=AF_UNIX' ;; \
	*) network='RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK' ;; \
	esac && \
	case $$name in \
	mcp) calls=' sched_setaffinity sched_setscheduler' ;; \
	*) calls= ;; \
	esac && \
	case $$name in \
	consent) writes='LogsDirectory=gatehouse\nLogsDirectoryMode=0750' ;; \
	*) writes='\# no folder is its own' ;; \
	esac && \
	sed -e 's|[@]cgidir[@]|$(cgidir)|; s|[@]network[@]|'"$$network"'|; s|[@]writes[@]|'"$$writes"'|; s|[@]calls[@]|'"$$calls"'|' -e 's|[@]program[@]|'"$$name"'|g' \
	    "$(srcdir)/etc/systemd/$$from" >'$@.tmp' && mv '$@.tmp' '$@'

etc/systemd/gatehouse-alerts.service: etc/systemd/gatehouse-alerts.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) etc/systemd && \
	sed -e 's|[@]bindir[@]|$(bindir)|' "$(srcdir)/etc/systemd/gatehouse-alerts.service.in" >'$@.tmp' && mv '$@.tmp' '$@'

# where there is no systemd
examplecrondir = $(docdir)/examples/cron
dist_examplecron_DATA = etc/cron/gatehouse
examplestandingdir = $(docdir)/examples/standing
dist_examplestanding_SCRIPTS = etc/standing/gatehouse-standing
TESTS += t/831-standing.t
