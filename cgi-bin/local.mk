# cgi-bin

cgi_PROGRAMS += consent.fcgi
consent_fcgi_SOURCES = cgi-bin/consent.c
