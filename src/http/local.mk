# src/http: the request, the answer, and the loop that every program runs
libgatehouse_a_SOURCES += \
	src/http/confine.c src/http/confine.h \
	src/http/fcgi.c src/http/fcgi.h \
	src/http/form.c src/http/http.h \
	src/http/health.c \
	src/http/io.c src/http/io.h src/http/io_internal.h \
	src/http/io_cgi.c src/http/io_fcgi.c \
	src/http/req.c \
	src/http/http_internal.h src/http/resp.c \
	src/http/route.c \
	src/http/serve.c \
	src/http/site.c src/http/site.h

check_PROGRAMS += t/unit/http_req
TESTS += t/unit/http_req
TESTS += t/111-health.t
t_unit_http_req_SOURCES = t/unit/http_req.c t/unit/fake_io.h t/unit/tap.h
check_PROGRAMS += t/unit/http_fcgi
TESTS += t/unit/http_fcgi
t_unit_http_fcgi_SOURCES = t/unit/http_fcgi.c t/unit/tap.h
check_PROGRAMS += t/unit/http_io
TESTS += t/unit/http_io
t_unit_http_io_SOURCES = t/unit/http_io.c t/unit/tap.h
check_PROGRAMS += t/unit/http_confine
TESTS += t/unit/http_confine
t_unit_http_confine_SOURCES = t/unit/http_confine.c t/unit/tap.h
