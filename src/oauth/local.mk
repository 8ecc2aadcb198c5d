# src/oauth: the authorization server: rules, and one file per endpoint
libgatehouse_a_SOURCES += \
	src/oauth/session.c src/oauth/session.h \
	src/oauth/token.c src/oauth/token.h
