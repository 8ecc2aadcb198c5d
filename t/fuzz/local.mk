# t/fuzz: one target for each parser of foreign bytes. A new one takes its file, a folder of
# small inputs t/fuzz/corpus/NAME, and three lines here.
REPLAY = t/fuzz/replay.c t/fuzz/fuzz.h

check_PROGRAMS += t/fuzz/address
t_fuzz_address_SOURCES = t/fuzz/address.c $(REPLAY)
TESTS += t/fuzz/address
check_PROGRAMS += t/fuzz/b64
t_fuzz_b64_SOURCES = t/fuzz/b64.c $(REPLAY)
TESTS += t/fuzz/b64
check_PROGRAMS += t/fuzz/bearer
t_fuzz_bearer_SOURCES = t/fuzz/bearer.c $(REPLAY)
TESTS += t/fuzz/bearer

check_PROGRAMS += t/fuzz/canon
t_fuzz_canon_SOURCES = t/fuzz/canon.c $(REPLAY)
TESTS += t/fuzz/canon
check_PROGRAMS += t/fuzz/catalog
t_fuzz_catalog_SOURCES = t/fuzz/catalog.c $(REPLAY)
TESTS += t/fuzz/catalog
check_PROGRAMS += t/fuzz/challenge
t_fuzz_challenge_SOURCES = t/fuzz/challenge.c $(REPLAY)
TESTS += t/fuzz/challenge
check_PROGRAMS += t/fuzz/blob
t_fuzz_blob_SOURCES = t/fuzz/blob.c $(REPLAY)
TESTS += t/fuzz/blob
check_PROGRAMS += t/fuzz/dlp
t_fuzz_dlp_SOURCES = t/fuzz/dlp.c $(REPLAY)
TESTS += t/fuzz/dlp
check_PROGRAMS += t/fuzz/edit
t_fuzz_edit_SOURCES = t/fuzz/edit.c $(REPLAY)
TESTS += t/fuzz/edit
check_PROGRAMS += t/fuzz/fcgi
t_fuzz_fcgi_SOURCES = t/fuzz/fcgi.c $(REPLAY)
TESTS += t/fuzz/fcgi
check_PROGRAMS += t/fuzz/frame
t_fuzz_frame_SOURCES = t/fuzz/frame.c $(REPLAY)
TESTS += t/fuzz/frame
check_PROGRAMS += t/fuzz/head
t_fuzz_head_SOURCES = t/fuzz/head.c $(REPLAY)
TESTS += t/fuzz/head
check_PROGRAMS += t/fuzz/html
t_fuzz_html_SOURCES = t/fuzz/html.c $(REPLAY)
TESTS += t/fuzz/html
check_PROGRAMS += t/fuzz/env
t_fuzz_env_SOURCES = t/fuzz/env.c $(REPLAY)
TESTS += t/fuzz/env
check_PROGRAMS += t/fuzz/cimd
t_fuzz_cimd_SOURCES = t/fuzz/cimd.c $(REPLAY)
TESTS += t/fuzz/cimd
check_PROGRAMS += t/fuzz/id_token
t_fuzz_id_token_SOURCES = t/fuzz/id_token.c $(REPLAY)
TESTS += t/fuzz/id_token
check_PROGRAMS += t/fuzz/jose
t_fuzz_jose_SOURCES = t/fuzz/jose.c $(REPLAY)
TESTS += t/fuzz/jose
check_PROGRAMS += t/fuzz/jsonc
t_fuzz_jsonc_SOURCES = t/fuzz/jsonc.c $(REPLAY)
TESTS += t/fuzz/jsonc
check_PROGRAMS += t/fuzz/keyfile
t_fuzz_keyfile_SOURCES = t/fuzz/keyfile.c $(REPLAY)
TESTS += t/fuzz/keyfile
check_PROGRAMS += t/fuzz/packed
t_fuzz_packed_SOURCES = t/fuzz/packed.c $(REPLAY)
TESTS += t/fuzz/packed
check_PROGRAMS += t/fuzz/outcome
t_fuzz_outcome_SOURCES = t/fuzz/outcome.c $(REPLAY)
TESTS += t/fuzz/outcome
check_PROGRAMS += t/fuzz/bridge
t_fuzz_bridge_SOURCES = t/fuzz/bridge.c $(REPLAY)
TESTS += t/fuzz/bridge
check_PROGRAMS += t/fuzz/param
t_fuzz_param_SOURCES = t/fuzz/param.c $(REPLAY)
TESTS += t/fuzz/param
check_PROGRAMS += t/fuzz/query
t_fuzz_query_SOURCES = t/fuzz/query.c $(REPLAY)
TESTS += t/fuzz/query
check_PROGRAMS += t/fuzz/redirect
t_fuzz_redirect_SOURCES = t/fuzz/redirect.c $(REPLAY)
TESTS += t/fuzz/redirect
check_PROGRAMS += t/fuzz/project
t_fuzz_project_SOURCES = t/fuzz/project.c $(REPLAY)
TESTS += t/fuzz/project
check_PROGRAMS += t/fuzz/rpc
t_fuzz_rpc_SOURCES = t/fuzz/rpc.c $(REPLAY)
TESTS += t/fuzz/rpc
check_PROGRAMS += t/fuzz/scan
t_fuzz_scan_SOURCES = t/fuzz/scan.c $(REPLAY)
TESTS += t/fuzz/scan
check_PROGRAMS += t/fuzz/script
t_fuzz_script_SOURCES = t/fuzz/script.c $(REPLAY)
TESTS += t/fuzz/script
check_PROGRAMS += t/fuzz/session
t_fuzz_session_SOURCES = t/fuzz/session.c $(REPLAY)
TESTS += t/fuzz/session
check_PROGRAMS += t/fuzz/links
t_fuzz_links_SOURCES = t/fuzz/links.c $(REPLAY)
TESTS += t/fuzz/links
check_PROGRAMS += t/fuzz/sse
t_fuzz_sse_SOURCES = t/fuzz/sse.c $(REPLAY)
TESTS += t/fuzz/sse
check_PROGRAMS += t/fuzz/trace
t_fuzz_trace_SOURCES = t/fuzz/trace.c $(REPLAY)
TESTS += t/fuzz/trace
check_PROGRAMS += t/fuzz/uri
t_fuzz_uri_SOURCES = t/fuzz/uri.c $(REPLAY)
TESTS += t/fuzz/uri

# With --enable-fuzz: every target once more, under libFuzzer. `make fuzz` runs each for
# FUZZ_SECONDS and keeps what it finds in the build tree; FUZZ_ONLY="scan rpc" runs some.
if FUZZ
FUZZ_SECONDS = 60
FUZZ_ONLY = $(patsubst t/fuzz/%,%,$(filter t/fuzz/%,$(TESTS)))

t/fuzz/%.fuzz: t/fuzz/%.o libgatehouse.a
	$(AM_V_CCLD)$(CC) $(CFLAGS) -fsanitize=fuzzer,address,undefined $(LDFLAGS) -o $@ $< $(LDADD)

fuzz: $(FUZZ_ONLY:%=t/fuzz/%.fuzz)
	@for name in $(FUZZ_ONLY); do \
	    mkdir -p "t/fuzz/found/$$name" && \
	    "t/fuzz/$$name.fuzz" -max_total_time=$(FUZZ_SECONDS) -timeout=5 -max_len=4096 \
	        -artifact_prefix="t/fuzz/found/$$name-" "t/fuzz/found/$$name" \
	        '$(srcdir)/t/fuzz/corpus/'"$$name" || exit 1; \
	done
endif
