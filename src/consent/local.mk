# src/consent: what a person decides
libgatehouse_a_SOURCES += \
	src/consent/consent.h \
	src/consent/pg_consent.c \
	src/consent/pg_grants.c \
	src/consent/show.c src/consent/show.h

TESTS += t/610-consent.t
TESTS += t/611-grants.t
TESTS += t/620-browser.t
