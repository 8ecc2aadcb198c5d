# src: what the programs have in common. It lies in one library, so that it lies in memory once, however many programs
# and processes run. Tests, and gatehousectl, which comes and goes, take from the archive what they need.
if SHARED
PIC = -fPIC -fno-semantic-interposition -ftls-model=initial-exec -ffunction-sections -fdata-sections
libgatehouse_a_CFLAGS = $(AM_CFLAGS) $(PIC)
PROGRAM_CFLAGS = $(AM_CFLAGS) -fPIC
PRIVATE_LIBRARY = libgatehouse-$(PACKAGE_VERSION).so
PROGRAM_LDADD = $(PRIVATE_LIBRARY)
# Beside the program (a build tree, a copy in somebody's cgi-bin), else where it was installed.
PROGRAM_LDFLAGS = $(AM_LDFLAGS) -Wl,--enable-new-dtags -Wl,-rpath,'$$ORIGIN' -Wl,-rpath,$(pkglibdir)
privatelibdir = $(pkglibdir)
privatelib_DATA = $(PRIVATE_LIBRARY)
CLEANFILES += $(PRIVATE_LIBRARY) src/exports.map

$(PRIVATE_LIBRARY): libgatehouse.a src/exports.map
	$(AM_V_CCLD)$(CCLD) -shared $(AM_CFLAGS) $(CFLAGS) $(AM_LDFLAGS) $(LDFLAGS) -Wl,-soname,$@ -Wl,--gc-sections \
	    -Wl,--version-script,src/exports.map -o $@ -Wl,--whole-archive libgatehouse.a -Wl,--no-whole-archive $(LIBS_ALL) $(LIBS)

# Visible is what a program calls, and what another library asks for (src/net/transfer.c). Nothing else: a name of ours would come
# before other libraries' own.
PROGRAM_OBJECTS = $(connect_fcgi_OBJECTS) $(consent_fcgi_OBJECTS) $(console_fcgi_OBJECTS) $(discovery_fcgi_OBJECTS) \
	$(mcp_fcgi_OBJECTS) $(oauth_fcgi_OBJECTS)
src/exports.map: libgatehouse.a $(PROGRAM_OBJECTS)
	$(AM_V_GEN){ $(NM) -P libgatehouse.a && echo -- && $(NM) -P $(PROGRAM_OBJECTS); } | $(AWK) ' \
	    BEGIN { print "{ global: _gnutls_global_init_skip;" } \
	    /^--$$/ { programs = 1 } \
	    !programs && $$2 ~ /^[A-TV-Z]$$/ { ours[$$1] = 1 } \
	    programs && $$2 == "U" && ours[$$1] { print $$1 ";"; delete ours[$$1] } \
	    END { print "local: *; };" }' >$@.tmp && mv $@.tmp $@
else
libgatehouse_a_CFLAGS = $(AM_CFLAGS)
PROGRAM_CFLAGS = $(AM_CFLAGS)
PROGRAM_LDADD = $(LDADD)
PROGRAM_LDFLAGS = $(AM_LDFLAGS)
endif
