# src/net: every connection that leaves
libgatehouse_a_SOURCES += \
	src/net/address.c src/net/address.h \
	src/net/guard.c src/net/guard.h \
	src/net/transfer.c src/net/transfer.h \
	src/net/trust.c src/net/trust.h
