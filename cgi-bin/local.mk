# cgi-bin

cgi_PROGRAMS += connect.fcgi
connect_fcgi_SOURCES = cgi-bin/connect.c
connect_fcgi_CFLAGS = $(PROGRAM_CFLAGS)
connect_fcgi_LDADD = $(PROGRAM_LDADD)
connect_fcgi_LDFLAGS = $(PROGRAM_LDFLAGS)

cgi_PROGRAMS += consent.fcgi
consent_fcgi_SOURCES = cgi-bin/consent.c
consent_fcgi_CFLAGS = $(PROGRAM_CFLAGS)
consent_fcgi_LDADD = $(PROGRAM_LDADD)
consent_fcgi_LDFLAGS = $(PROGRAM_LDFLAGS)

cgi_PROGRAMS += console.fcgi
console_fcgi_SOURCES = cgi-bin/console.c
console_fcgi_CFLAGS = $(PROGRAM_CFLAGS)
console_fcgi_LDADD = $(PROGRAM_LDADD)
console_fcgi_LDFLAGS = $(PROGRAM_LDFLAGS)

cgi_PROGRAMS += discovery.fcgi
discovery_fcgi_SOURCES = cgi-bin/discovery.c
discovery_fcgi_CFLAGS = $(PROGRAM_CFLAGS)
discovery_fcgi_LDADD = $(PROGRAM_LDADD)
discovery_fcgi_LDFLAGS = $(PROGRAM_LDFLAGS)

cgi_PROGRAMS += oauth.fcgi
oauth_fcgi_SOURCES = cgi-bin/oauth.c
oauth_fcgi_CFLAGS = $(PROGRAM_CFLAGS)
oauth_fcgi_LDADD = $(PROGRAM_LDADD)
oauth_fcgi_LDFLAGS = $(PROGRAM_LDFLAGS)

cgi_PROGRAMS += mcp.fcgi
mcp_fcgi_SOURCES = cgi-bin/mcp.c
mcp_fcgi_CFLAGS = $(PROGRAM_CFLAGS)
mcp_fcgi_LDADD = $(PROGRAM_LDADD)
mcp_fcgi_LDFLAGS = $(PROGRAM_LDFLAGS)
