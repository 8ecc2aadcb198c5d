# src/policy: one file per policy, one line here; the registry is generated from the list
POLICIES += src/policy/p_remove_headers.c
POLICIES += src/policy/p_set_headers.c
POLICIES += src/policy/p_set_query_params.c
POLICIES += src/policy/p_set_upstream_api_key.c

libgatehouse_a_SOURCES += src/policy/policy.c src/policy/policy.h \
	src/policy/upstream_request.c src/policy/upstream_request.h $(POLICIES)
nodist_libgatehouse_a_SOURCES += src/policy/registry.c
EXTRA_DIST += src/policy/gen-registry.pl
CLEANFILES += src/policy/registry.c

src/policy/registry.c: $(POLICIES) src/policy/gen-registry.pl src/policy/local.mk
	$(AM_V_GEN)$(MKDIR_P) src/policy && cd $(srcdir) && \
	    $(PERL) src/policy/gen-registry.pl $(POLICIES) > $(abs_builddir)/$@.new
	$(AM_V_at)mv $@.new $@
