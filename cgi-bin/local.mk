# cgi-bin

cgi_PROGRAMS += connect.fcgi
connect_fcgi_SOURCES = cgi-bin/connect.c

cgi_PROGRAMS += consent.fcgi
consent_fcgi_SOURCES = cgi-bin/consent.c

cgi_PROGRAMS += console.fcgi
console_fcgi_SOURCES = cgi-bin/console.c

cgi_PROGRAMS += discovery.fcgi
discovery_fcgi_SOURCES = cgi-bin/discovery.c

cgi_PROGRAMS += oauth.fcgi
oauth_fcgi_SOURCES = cgi-bin/oauth.c

cgi_PROGRAMS += mcp.fcgi
mcp_fcgi_SOURCES = cgi-bin/mcp.c
