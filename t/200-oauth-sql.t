#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The state changes of the authorization server, as the programs' roles call them: each happens
# once, whoever else tries at the same moment, and a repetition of the very same call finds its own rows.

use strict;
use warnings;

use Test::More;

use Gatehouse::Pg;

my $pg = Gatehouse::Pg->new;
$pg->migrate;

my $n = 0;
my $challenge = 'c' x 43;

# Every hash is what a word hashes to: a test names tokens by words.
sub hash_of { my ($word) = @_; return defined $word ? "sha256('$word')" : 'null' }
sub hashes_of { return 'array[' . join(',', map { hash_of($_) } @_) . ']::bytea[]' }
sub text_of { my ($text) = @_; return defined $text ? "'$text'" : 'null' }
sub uuid { return sprintf '00000000-0000-4000-8000-%012d', ++$n }

sub oauth { return $pg->psql_as('oauth', $_[0]) }
sub consent { return $pg->psql_as('consent', $_[0]) }

sub register {
	my ($id, $print) = @_;
	return oauth("select client_id, is_new from gatehouse.client_register('$id', 'Test', 'none', null, null,
		array['http://127.0.0.1/cb'], '{\"grant_types\":[\"authorization_code\"]}', " . hash_of($print) . ')');
}

# A request of a browser ("b-NAME") without a session, or with the session given.
sub begin {
	my ($request, $browser, $session, $client) = @_;
	$client ||= 'c1';
	return oauth("select outcome from gatehouse.authorization_begin('$request', " . hash_of($browser) . ", 'p',
		" . (defined $session ? hashes_of($session) : 'null') . ", '$client', 'http://127.0.0.1/cb', 'st',
		'$challenge', 'http://h/mcp/x', 'op-x', 'mcp:tools', 'http://h/mcp/x', 900)");
}

sub sign_in {
	my ($request, $browser, $session, %o) = @_;
	my $subject = $o{subject} || 'anna';
	return oauth('select outcome from gatehouse.session_begin(' . hash_of($session) . ", 'p', '$subject', 'Anna',
		null, null, 3600, '$request', " . (defined $browser ? hashes_of($browser) : 'null') . ',
		' . (defined $o{old} ? hashes_of($o{old}) : 'null') . ", 'trace')");
}

sub approve {
	my ($request, $session, $browser, $grant, $code) = @_;
	return consent("select outcome from gatehouse.consent_approve('$request', " . hashes_of($session) . ',
		' . hashes_of($browser) . ", '$grant', " . hash_of($code) . ", 'p', 60, 1000000, 'trace')");
}

sub redeem_sql {
	my ($code, %o) = @_;
	my $access = $o{access} || uuid();
	return "select outcome from gatehouse.code_redeem(" . hashes_of($code) . ", '" . ($o{client} || 'c1') . "',
		" . text_of(exists $o{challenge} ? $o{challenge} : $challenge) . ', ' . text_of($o{redirect}) . ',
		' . text_of($o{resource}) . ", '$access', " . hash_of("at-$access") . ", '" . ($o{refresh} || uuid()) . "',
		" . hash_of($o{token} || "rt-$access") . ", 'p', 900, 'trace')";
}

sub refresh_sql {
	my ($token, %o) = @_;
	my $access = $o{access} || uuid();
	my $refresh = $o{refresh} || uuid();
	return 'select outcome, encode(pair, \'escape\') from gatehouse.token_refresh(' . hashes_of($token) . ",
		'" . ($o{client} || 'c1') . "', " . text_of($o{scope}) . ', ' . text_of($o{resource}) . ",
		'$access', " . hash_of("at-$access") . ", '$refresh', " . hash_of($o{next} || "rt-$refresh") . ", 'p',
		'" . ($o{pair} || "pair-$refresh") . "'::bytea, 900, " . ($o{grace} // 60) . ", 'trace')";
}

# A grant of its own: { grant, code }, approved and not redeemed.
sub grant {
	my ($request, $grant) = (uuid(), uuid());
	my ($browser, $session, $code) = map { "$_-$request" } qw(b s c);
	begin($request, $browser);
	sign_in($request, $browser, $session);
	is(approve($request, $session, $browser, $grant, $code), 'approved', 'a grant is made') or BAIL_OUT('no grant');
	return { grant => $grant, code => $code, request => $request, session => $session, browser => $browser };
}

# The same, redeemed: its first refresh token is named "rt-GRANT".
sub session_with_tokens {
	my $g = grant();
	is(oauth(redeem_sql($g->{code}, token => "rt-$g->{grant}")), 'issued', 'its code is redeemed');
	return $g;
}

sub state_of {
	my ($grant) = @_;
	return $pg->psql("select generation, coalesce(revoke_reason, 'live') from gatehouse.grants where grant_id = '$grant'");
}

# All of the statements in as many sessions, let go at the same moment. Their answers.
sub at_once {
	my ($program, @sql) = @_;
	my $url = $pg->conninfo_of($program);
	my @pipes;

	my $gate = open_psql($pg->superuser_conninfo);
	print { $gate->{in} } "select pg_advisory_lock(1);\n\\echo held\n";
	my $line = '';
	$line = readline $gate->{out} until $line eq "held\n";
	for my $sql (@sql) {
		my $p = open_psql($url);
		print { $p->{in} } "set lock_timeout = 0; set statement_timeout = '60s';
			select pg_advisory_lock_shared(1);\n\\echo go\n$sql;\n\\q\n";
		close $p->{in};
		push @pipes, $p;
	}
	my $waiting = 0;
	for (1 .. 600) {
		$waiting = $pg->psql("select count(*) from pg_locks l join pg_database d on d.oid = l.database
			where l.locktype = 'advisory' and not l.granted and d.datname = current_database()");
		last if $waiting == @sql;
		select undef, undef, undef, 0.05;
	}
	diag("only $waiting of " . @sql . ' wait') if $waiting != @sql;
	print { $gate->{in} } "\\q\n";
	close $gate->{in};
	my @answers;
	for my $p (@pipes) {
		my @lines = readline $p->{out};
		chomp @lines;
		shift @lines while @lines && $lines[0] ne 'go';
		push @answers, join "\n", @lines[1 .. $#lines];
		waitpid $p->{pid}, 0;
	}
	waitpid $gate->{pid}, 0;
	return @answers;
}

sub open_psql {
	my ($conninfo) = @_;
	pipe(my $their_in, my $in) or die "pipe: $!\n";
	pipe(my $out, my $their_out) or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		open STDIN, '<&', $their_in;
		open STDOUT, '>&', $their_out;
		open STDERR, '>&', $their_out;
		close $_ for $in, $out;
		exec 'psql', '-XqAt', '-d', $conninfo;
		die "psql: $!\n";
	}
	close $_ for $their_in, $their_out;
	select((select($in), $| = 1)[0]);
	return { in => $in, out => $out, pid => $pid };
}

sub count_of {
	my %seen;
	$seen{ (split /\|/, $_)[0] }++ for @_;
	return join ' ', map { "$_=$seen{$_}" } sort keys %seen;
}

# --- clients ---

is(register('c1', 'meta-1'), 'c1|t', 'a public client is registered');
is(register('c1b', 'meta-1'), 'c1|f', 'the same metadata again is the same client');
is(register('c2', 'meta-2'), 'c2|t', 'other metadata is another client');
is(register('c1', 'meta-1'), 'c1|t', 'a repeated registration finds its own row');
my @same = at_once('oauth', map { "select client_id from gatehouse.client_register('same-$_', 'Test', 'none', null,
	null, array['http://127.0.0.1/cb'], '{}', sha256('meta-same'))" } 1 .. 16);
my %ids = map { $_ => 1 } @same;
is(scalar keys %ids, 1, 'sixteen registrations of one client at the same moment make one row') or diag("@same");

$pg->psql("update gatehouse.client set last_used_at = now() - interval '8 days' where client_id = 'c2'");
is(oauth("select count(*) from gatehouse.client_find('c2')"), 0, 'a client that was never granted anything ends after 7 days');
$pg->psql("update gatehouse.client set granted_at = now() - interval '8 days' where client_id = 'c2'");
is(oauth("select count(*) from gatehouse.client_find('c2')"), 1, 'one that was granted something lives longer');
$pg->psql("update gatehouse.client set last_used_at = now() - interval '91 days' where client_id = 'c2'");
is(oauth("select count(*) from gatehouse.client_find('c2')"), 0, 'and ends after 90 days without use');
is(register('c2b', 'meta-2'), 'c2|f', 'registered again, it lives again');
is(oauth("select count(*) from gatehouse.client_find('c2')"), 1, 'and is found');

# --- sign-in and consent ---

{
	my ($request, $grant) = (uuid(), uuid());
	is(begin($request, 'b'), 'login', 'a browser without a session must sign in');
	is(begin($request, 'b'), 'login', 'the same request again is no error');
	is(begin(uuid(), 'b', undef, 'nobody'), 'unknown', 'an unknown client begins nothing');
	is(sign_in($request, 'other', 's'), 'other_browser', 'another browser cannot complete the sign-in');
	is(sign_in($request, undef, 's'), 'other_browser', 'nor can one without the cookie');
	is(sign_in(uuid(), 'b', 's'), 'unknown', 'a sign-in without a request is refused');
	is(approve($request, 's', 'b', $grant, 'code'), 'other_session', 'nobody approves before the sign-in');
	is(sign_in($request, 'b', 's'), 'begun', 'the browser that began it signs in');
	is(sign_in($request, 'b', 's'), 'begun', 'the same sign-in repeated finds its own row');
	is(sign_in($request, 'b', 's2'), 'used', 'the state is good for one sign-in');
	is(begin(uuid(), 'b2', 's'), 'consent', 'a browser with a session goes on to consent');

	is(approve($request, 'other', 'b', $grant, 'code'), 'other_session', 'another session cannot approve');
	is(approve($request, 's', 'other', $grant, 'code'), 'other_browser', 'another browser cannot approve');
	is(consent("select outcome from gatehouse.consent_approve('$request', null, null, '$grant', sha256('code'), 'p',
		60, 100, null)"), 'other_browser', 'no cookies at all cannot approve');
	is(consent("select outcome, client_id, client_name, operation_id, subject from gatehouse.consent_load('$request',
		" . hashes_of('s') . ', ' . hashes_of('b') . ')'), 'open|c1|Test|op-x|anna', 'the page learns what it shows');
	my @all = at_once('consent', map { my $id = uuid(); "select outcome from gatehouse.consent_approve('$request',
		" . hashes_of('s') . ', ' . hashes_of('b') . ", '$id', sha256('code-$id'), 'p', 60, 100, 'trace')" } 1 .. 16);
	is(count_of(@all), 'approved=1 decided=15', 'of sixteen approvals at the same moment one counts');
	my $made = $pg->psql("select grant_id from gatehouse.grants");
	is(approve($request, 's', 'b', $made, 'code-x'), 'approved', 'an approval repeated after a lost connection finds its grant');
	is($pg->psql('select count(*) from gatehouse.code'), 1, 'and makes no second code');
	is(consent("select outcome from gatehouse.consent_deny('$request', " . hashes_of('s') . ', ' . hashes_of('b') . ", 'trace')"),
		'decided', 'what is approved cannot be denied');
}
{
	my $request = uuid();
	begin($request, 'bd');
	sign_in($request, 'bd', 'sd');
	my $deny = "select outcome, redirect_uri, state from gatehouse.consent_deny('$request', " . hashes_of('sd') . ',
		' . hashes_of('bd') . ", 'trace')";
	is(consent($deny), 'denied|http://127.0.0.1/cb|st', 'a denial says where to go');
	is(consent($deny), 'denied|http://127.0.0.1/cb|st', 'to deny twice is to deny');
	is(approve($request, 'sd', 'bd', uuid(), 'cd'), 'decided', 'what is denied cannot be approved');
}
{
	my ($one, $two, $three) = (uuid(), uuid(), uuid());
	begin($_, "b$_") for $one, $two, $three;
	sign_in($one, "b$one", 'tab1');
	is(sign_in($two, "b$two", 'tab2', old => 'tab1'), 'begun', 'a second tab signs in');
	is(oauth('select count(*) from gatehouse.session_present(' . hashes_of('tab1') . ", 'p')"), 0, 'the session that it replaces has ended');
	is(approve($one, 'tab2', "b$one", uuid(), 'ct1'), 'approved', 'what the first tab had begun goes on, for the same person');
	is(sign_in($three, "b$three", 'tab3', old => 'tab2', subject => 'bert'), 'begun', 'somebody else signs in');
	is(approve($two, 'tab3', "b$two", uuid(), 'ct2'), 'unknown', 'what the former person had begun is over');
}
{
	my $request = uuid();
	begin($request, 'be');
	sign_in($request, 'be', 'se');
	$pg->psql("update gatehouse.authorization_request set expires_at = now() where request_id = '$request'");
	is(approve($request, 'se', 'be', uuid(), 'ce'), 'expired', 'a request ends');
	$pg->psql("update gatehouse.browser_session set expires_at = now() where session_hash = sha256('se')");
	is(approve($request, 'se', 'be', uuid(), 'ce'), 'other_session', 'a session ends');
}

# --- codes ---

{
	my $g = grant();
	is(oauth(redeem_sql('nothing')), 'unknown', 'an unknown code is unknown');
	is(oauth(redeem_sql($g->{code}, client => 'c2')), 'wrong_client', 'another client cannot redeem a code');
	is(oauth(redeem_sql($g->{code}, resource => 'http://h/mcp/y')), 'wrong_resource', 'nor for another resource');
	my ($access, $refresh) = (uuid(), uuid());
	my @same = (access => $access, refresh => $refresh, redirect => 'http://127.0.0.1/cb', resource => 'http://h/mcp/x');
	is(oauth(redeem_sql($g->{code}, @same)), 'issued', 'after both attempts its own client still can');
	is(oauth(redeem_sql($g->{code}, @same)), 'issued', 'the same call repeated finds its own rows');
	is($pg->psql("select count(*) from gatehouse.access_token where grant_id = '$g->{grant}'"), 1, 'and makes no second token');
	is(oauth(redeem_sql($g->{code}, client => 'c2')), 'wrong_client', 'a replay by another client is refused');
	is(oauth(redeem_sql($g->{code}, challenge => 'd' x 43)), 'used', 'so is one with a wrong verifier');
	is(state_of($g->{grant}), '1|live', 'and neither revokes anything');
	is(oauth(redeem_sql($g->{code})), 'replayed', 'a right replay is refused');
	is(state_of($g->{grant}), '1|code_replayed', 'and ends the grant');
}
for my $row (['a wrong verifier', 'wrong_verifier', challenge => 'd' x 43], ['no verifier', 'wrong_verifier', challenge => undef],
	['a wrong redirect URI', 'wrong_redirect', redirect => 'http://127.0.0.1/other']) {
	my ($name, $want, @with) = @$row;
	my $g = grant();
	is(oauth(redeem_sql($g->{code}, @with)), $want, "$name is refused");
	isnt(oauth(redeem_sql($g->{code})), 'issued', "$name uses the code up");
}
{
	my $g = grant();
	$pg->psql("update gatehouse.code set expires_at = now() where grant_id = '$g->{grant}'");
	is(oauth(redeem_sql($g->{code})), 'expired', 'a code ends');
	$g = grant();
	my @all = at_once('oauth', map { redeem_sql($g->{code}) } 1 .. 64);
	is(scalar(grep { $_ eq 'issued' } @all), 1, 'of 64 redemptions at the same moment one succeeds') or diag(count_of(@all));
	is($pg->psql("select count(*) from gatehouse.refresh_token where grant_id = '$g->{grant}'"), 1, 'and one refresh token is made');
}

# --- refresh ---

{
	my $g = session_with_tokens();
	my @all = at_once('oauth', map { refresh_sql("rt-$g->{grant}") } 1 .. 64);
	is(count_of(@all), 'issued=1 replayed=63', '64 refreshes at the same moment make one successor and 63 repetitions');
	my %pairs = map { (split /\|/, $_, 2)[1] => 1 } grep { /^replayed/ } @all;
	is(scalar keys %pairs, 1, 'all repetitions get the same pair');
	is($pg->psql("select count(*) from gatehouse.access_token where grant_id = '$g->{grant}'"), 2, 'one access token is made');
	is(state_of($g->{grant}), '2|live', 'the grant lives');
}
{
	my $g = session_with_tokens();
	my $first = "rt-$g->{grant}";
	is(oauth(refresh_sql($first, client => 'c2')), 'wrong_client|', 'another client cannot refresh');
	is(oauth(refresh_sql($first, scope => 'mcp:tools mcp:admin')), 'wrong_scope|', 'nobody can widen the scope');
	is(oauth(refresh_sql($first, resource => 'http://h/mcp/y')), 'wrong_resource|', 'nor change the resource');
	is(state_of($g->{grant}), '1|live', 'none of these costs anything');
	my @same = (access => uuid(), refresh => uuid(), next => "rt2-$g->{grant}", pair => 'sealed');
	is(oauth(refresh_sql($first, @same)), 'issued|', 'a refresh makes a pair');
	is(oauth(refresh_sql($first, @same)), 'issued|', 'the same call repeated finds its own rows');
	is(state_of($g->{grant}), '2|live', 'and makes no third generation');
	is(oauth(refresh_sql($first, @same, grace => 0)), 'issued|', 'even in strict mode');
	is(oauth(refresh_sql($first)), 'replayed|sealed', 'the same token again, in time, gets the pair');
	is(oauth(refresh_sql($first, scope => 'mcp:other')), 'differs|', 'but not for another scope');
	is(oauth(refresh_sql($first, resource => 'http://h/mcp/y')), 'differs|', 'nor for another resource');
	is(oauth(refresh_sql($first, client => 'c2')), 'wrong_client|', 'nor for another client');
	is(state_of($g->{grant}), '2|live', 'and the winner keeps its tokens');
	oauth("select gatehouse.token_revoke(array[sha256('at-$same[1]')], 'c1', null)");
	is(oauth(refresh_sql($first)), 'access_revoked|', 'a pair of which half was revoked is not given again');
	is(oauth(refresh_sql("rt2-$g->{grant}", next => "rt3-$g->{grant}")), 'issued|', 'the successor refreshes');
	is(oauth(refresh_sql($first)), 'reused|', 'an older generation is reuse, within the grace time too');
	is(state_of($g->{grant}), '3|refresh_token_reused', 'and ends the grant');
	is(oauth(refresh_sql("rt3-$g->{grant}")), 'revoked|', 'the newest token is worth nothing then');
}
{
	my $g = session_with_tokens();
	oauth(refresh_sql("rt-$g->{grant}"));
	$pg->psql("update gatehouse.refresh_token set used_at = used_at - interval '61 seconds' where grant_id = '$g->{grant}'
		and used_at is not null");
	is(oauth(refresh_sql("rt-$g->{grant}")), 'reused|', 'after the grace time a repetition is reuse');
	is(state_of($g->{grant}), '2|refresh_token_reused', 'and ends the grant');
	$g = session_with_tokens();
	oauth(refresh_sql("rt-$g->{grant}", grace => 0));
	is(oauth(refresh_sql("rt-$g->{grant}", grace => 0)), 'reused|', 'in strict mode it is reuse at once');
	$g = session_with_tokens();
	$pg->psql("update gatehouse.grants set expires_at = now() where grant_id = '$g->{grant}'");
	is(oauth(refresh_sql("rt-$g->{grant}")), 'expired|', 'a grant ends');
}
{
	my $g = session_with_tokens();
	$pg->psql("update gatehouse.grants set expires_at = now() + interval '100 seconds' where grant_id = '$g->{grant}'");
	oauth(refresh_sql("rt-$g->{grant}"));
	is($pg->psql("select a.expires_at = g.expires_at from gatehouse.access_token a join gatehouse.grants g using (grant_id)
		where g.grant_id = '$g->{grant}' and a.generation = 2"), 't', 'an access token never outlives its grant');
}

# --- revocation, and who is told ---

{
	my $g = session_with_tokens();
	my $revoke = sub { oauth("select outcome, kind from gatehouse.token_revoke(array[sha256('$_[0]')], '$_[1]', 'trace')") };
	is($revoke->('nothing', 'c1'), 'unknown|', 'an unknown token is unknown');
	is($revoke->("rt-$g->{grant}", 'c2'), 'foreign|refresh', 'another client revokes nothing');
	is(state_of($g->{grant}), '1|live', 'and the grant lives');

	my $ear = open_psql($pg->superuser_conninfo);
	print { $ear->{in} } "listen gatehouse;\n\\echo ready\n";
	my $line = '';
	$line = readline $ear->{out} until $line eq "ready\n";
	my $access = $pg->psql("select token_id from gatehouse.access_token where grant_id = '$g->{grant}'");
	oauth(refresh_sql("rt-$g->{grant}", next => "rt2-$g->{grant}"));
	is(oauth("select outcome, kind from gatehouse.token_revoke(array[(select sha256('at-$access'))], 'c1', 'trace')"),
		'revoked|access', 'an access token is revoked');
	is($revoke->("at-$access", 'c1'), 'over|access', 'once');
	is(state_of($g->{grant}), '2|live', 'its grant lives');
	is($revoke->("rt-$g->{grant}", 'c1'), 'revoked|refresh', 'a refresh token that was used revokes the grant too');
	is($revoke->("rt2-$g->{grant}", 'c1'), 'over|refresh', 'once');
	print { $ear->{in} } "select 1;\n\\q\n";
	close $ear->{in};
	my @told = map { /payload "([^"]+)"/ ? $1 : () } readline $ear->{out};
	waitpid $ear->{pid}, 0;
	is("@told", "token:$access grant:$g->{grant}", 'what takes rights away is told, and nothing else');
	is($pg->psql("select string_agg(action, ' ' order by audit_id) from gatehouse.audit where object in ('grant:$g->{grant}',
		'token:$access')"), 'consent_approved token_revoked grant_revoked', 'and is in the audit trail');
}

# --- what is over goes ---

{
	my $g = session_with_tokens();
	my $before = $pg->psql('select count(*) from gatehouse.grants');
	$pg->psql("update gatehouse.grants set expires_at = now() - interval '2 days' where grant_id = '$g->{grant}'");
	$pg->psql("update gatehouse.browser_session set expires_at = now() - interval '1 second'");
	$pg->psql("update gatehouse.client set last_used_at = now() - interval '91 days' where client_id = 'c2'");
	is($pg->psql('select gatehouse.oauth_step(1)'), 3, 'one step removes at most so many of each kind');
	$pg->psql('select gatehouse.oauth_step(1000)');
	is($pg->psql('select count(*) from gatehouse.grants'), $before - 1, 'grants that are over go with their tokens');
	is($pg->psql('select count(*) from gatehouse.browser_session'), 0, 'sessions that are over go');
	is($pg->psql("select count(*) from gatehouse.client where client_id = 'c2'"), 0, 'clients that are over go');
	is($pg->psql("select count(*) from gatehouse.client where client_id = 'c1'"), 1, 'others stay');
}

done_testing;
