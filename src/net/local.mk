# src/net: every connection that leaves
libgatehouse_a_SOURCES += \
	src/net/address.c src/net/address.h \
	src/net/guard.c src/net/guard.h
