# etc: web server configuration, as examples
examplelighttpddir = $(docdir)/examples/lighttpd
dist_examplelighttpd_DATA = etc/lighttpd/gatehouse-standing.conf etc/lighttpd/gatehouse-spawned.conf
exampleapachedir = $(docdir)/examples/apache
dist_exampleapache_DATA = etc/apache/gatehouse-proxy.conf etc/apache/gatehouse-fcgid.conf
examplecgidir = $(docdir)/examples/cgi
dist_examplecgi_DATA = etc/cgi/htaccess
EXTRA_DIST += etc/generate

# a whole project directory, with comments
exampleprojectdir = $(docdir)/examples/project
dist_exampleproject_DATA = etc/example/gateway.jsonc etc/example/env.sample
exampleprojectconfigdir = $(docdir)/examples/project/config
dist_exampleprojectconfig_DATA = etc/example/config/routes.oas.json etc/example/config/policies.json

# units for systemd, as examples too: the paths of this installation are filled in
examplesystemddir = $(docdir)/examples/systemd
dist_examplesystemd_DATA = etc/systemd/gatehouse@.socket
nodist_examplesystemd_DATA = etc/systemd/gatehouse@.service
EXTRA_DIST += etc/systemd/gatehouse@.service.in
CLEANFILES += etc/systemd/gatehouse@.service

etc/systemd/gatehouse@.service: etc/systemd/gatehouse@.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) etc/systemd && \
	sed 's|[@]cgidir[@]|$(cgidir)|' '$(srcdir)/etc/systemd/gatehouse@.service.in' >'$@.tmp' && mv '$@.tmp' '$@'
