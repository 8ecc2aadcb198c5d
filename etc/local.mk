# etc: web server configuration, as examples
examplelighttpddir = $(docdir)/examples/lighttpd
dist_examplelighttpd_DATA = etc/lighttpd/gatehouse-standing.conf
