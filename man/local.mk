# man
dist_man_MANS += man/gatehouse-connect.8
dist_man_MANS += man/gatehouse-consent.8
dist_man_MANS += man/gatehouse-console.8
dist_man_MANS += man/gatehouse-discovery.8
dist_man_MANS += man/gatehouse-oauth.8
dist_man_MANS += man/gatehouse-standing.8
dist_man_MANS += man/gatehouse.7
dist_man_MANS += man/gatehouse-mcp.8
dist_man_MANS += man/gatehousectl.1
dist_man_MANS += man/gatehouse-keys.5
dist_man_MANS += man/gatehouse-config.5
dist_man_MANS += man/gatehouse-policies.5

# The option lists of the section 5 pages come from the tables that check a project: see man/options.c.
EXTRA_DIST += man/splice.pl
check_PROGRAMS += man/options
man_options_SOURCES = man/options.c
TESTS += t/820-manual.t

update-man: man/options
	for page in gatehouse-config.5 gatehouse-policies.5; do \
	    $(PERL) $(srcdir)/man/splice.pl man/options $(srcdir)/man/$$page > man/$$page.new && \
	    mv man/$$page.new $(srcdir)/man/$$page || exit 1; \
	done
.PHONY: update-man
