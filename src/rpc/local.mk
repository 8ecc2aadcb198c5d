# src/rpc: JSON-RPC and MCP messages, no I/O
libgatehouse_a_SOURCES += \
	src/rpc/era.c src/rpc/era.h \
	src/rpc/bridge.c src/rpc/bridge.h \
	src/rpc/outcome.c src/rpc/outcome.h \
	src/rpc/param.c src/rpc/param.h \
	src/rpc/rpc.c src/rpc/rpc.h \
	src/rpc/sse.c src/rpc/sse.h \
	src/rpc/token_count.c src/rpc/token_count.h \
	src/rpc/trace.c src/rpc/trace.h

# the C tests of src/rpc
check_PROGRAMS += t/unit/rpc_era
t_unit_rpc_era_SOURCES = t/unit/rpc_era.c t/unit/tap.h
TESTS += t/unit/rpc_era
check_PROGRAMS += t/unit/rpc_outcome
t_unit_rpc_outcome_SOURCES = t/unit/rpc_outcome.c t/unit/tap.h
TESTS += t/unit/rpc_outcome
check_PROGRAMS += t/unit/rpc_rpc
t_unit_rpc_rpc_SOURCES = t/unit/rpc_rpc.c t/unit/tap.h
TESTS += t/unit/rpc_rpc
check_PROGRAMS += t/unit/rpc_sse
t_unit_rpc_sse_SOURCES = t/unit/rpc_sse.c t/unit/tap.h
TESTS += t/unit/rpc_sse
check_PROGRAMS += t/unit/rpc_trace
t_unit_rpc_trace_SOURCES = t/unit/rpc_trace.c t/unit/tap.h
TESTS += t/unit/rpc_trace
check_PROGRAMS += t/unit/rpc_token_count
t_unit_rpc_token_count_SOURCES = t/unit/rpc_token_count.c t/unit/tap.h
TESTS += t/unit/rpc_token_count
check_PROGRAMS += t/unit/rpc_param
t_unit_rpc_param_SOURCES = t/unit/rpc_param.c t/unit/tap.h
TESTS += t/unit/rpc_param
check_PROGRAMS += t/unit/rpc_bridge
t_unit_rpc_bridge_SOURCES = t/unit/rpc_bridge.c t/unit/tap.h
TESTS += t/unit/rpc_bridge
