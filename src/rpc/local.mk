# src/rpc: JSON-RPC and MCP messages, no I/O
libgatehouse_a_SOURCES += \
	src/rpc/era.c src/rpc/era.h \
	src/rpc/outcome.c src/rpc/outcome.h \
	src/rpc/rpc.c src/rpc/rpc.h \
	src/rpc/sse.c src/rpc/sse.h
