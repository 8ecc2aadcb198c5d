# src/upstream: users' connections to upstreams: how they are made, kept and renewed
libgatehouse_a_SOURCES += \
	src/upstream/challenge.c src/upstream/challenge.h \
	src/upstream/connect.c src/upstream/connect.h \
	src/upstream/discover.c src/upstream/discover.h \
	src/upstream/document.h \
	src/upstream/ep_callback.c \
	src/upstream/ep_connect.c \
	src/upstream/ep_disconnect.c \
	src/upstream/ep_document.c \
	src/upstream/id_jag.c src/upstream/id_jag.h \
	src/upstream/register.c src/upstream/register.h \
	src/upstream/required.c src/upstream/required.h \
	src/upstream/ticket.c src/upstream/ticket.h \
	src/upstream/tokens.c src/upstream/tokens.h \
	src/upstream/upstream.c src/upstream/upstream.h \
	src/upstream/vault.c src/upstream/vault.h

TESTS += t/500-connect.t
TESTS += t/510-upstream-calls.t
TESTS += t/520-shared.t
TESTS += t/530-hostile-upstream.t
TESTS += t/531-hostile-calls.t
TESTS += t/540-oidc-provider.t
TESTS += t/550-id-jag.t
TESTS += t/551-registration.t
TESTS += t/552-public-origin.t
TESTS += t/560-reencrypt.t
TESTS += t/570-upstream-kill.t
TESTS += t/571-secrets.t

check_PROGRAMS += t/lib/sealed-rows
t_lib_sealed_rows_SOURCES = t/lib/sealed-rows.c

check_PROGRAMS += t/unit/upstream_challenge
t_unit_upstream_challenge_SOURCES = t/unit/upstream_challenge.c t/unit/tap.h
TESTS += t/unit/upstream_challenge
