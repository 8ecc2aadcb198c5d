# src/registry: the MCP server registry API, read-only
libgatehouse_a_SOURCES += src/registry/registry.c src/registry/registry.h

check_PROGRAMS += t/unit/registry_registry
TESTS += t/unit/registry_registry
TESTS += t/110-registry.t
t_unit_registry_registry_SOURCES = t/unit/registry_registry.c t/unit/tap.h
