#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The consent page as browsers and attackers meet it (protocol 6, A18 to A27).
use strict;
use warnings;
use utf8;
use Encode qw(encode_utf8);
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(form_encode parallel request);
use Gatehouse::Pg;
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent)],
	gateway => { rates => { register => 0, authorize => 0, token => 0 } },
	routes => {
		'/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp', summary => 'The <first> service' },
		'/mcp/two' => { upstream => 'http://127.0.0.1:9/mcp' },
	});
my $STATE = encode_utf8("s\"<b>&=?#%41+é");

sub browser { return Gatehouse::Flow->new(origin => $gw->origin) }

# A browser that is signed in and looks at a consent page: (flow, page, what was asked).
sub at_page {
	my (%o) = @_;
	my $flow = $o{flow} || browser();
	my $client = $flow->register(client_name => $o{name} // 'Test client',
		($o{redirect} ? (redirect_uris => [$o{redirect}]) : ()));
	my $ask = $flow->ask(route => $o{route} || '/mcp/one', client => $client, state => $o{state} // 'st');
	return ($flow, $flow->open($ask->{url}), $ask);
}

# Posts the page's form with DECISION; %with replaces fields (undef: left out), headers => [...] headers.
sub post {
	my ($flow, $page, $decision, %with) = @_;
	my $headers = delete $with{headers} || [['Origin', $gw->origin]];
	my $form = $flow->form($page) or die "no form:\n$page->{content}";
	my %fields = ((map { $_->[0] => $_->[1] } @{ $form->{fields} }), decision => $decision, %with);
	return $flow->browse('POST', $form->{action}, headers => [
		['Content-Type', 'application/x-www-form-urlencoded'], @$headers ],
		content => form_encode(map { $_ => $fields{$_} } grep { defined $fields{$_} } sort keys %fields));
}

sub refused {
	my ($r, $status, $reason, $name) = @_;
	is($r->{status}, $status, "$name: $status");
	like($r->{content}, qr{<code>\Q$reason\E</code>}, "... and the page says $reason");
	is($r->header('location'), undef, '... and leads nowhere');
	return;
}

sub codes { return $pg->psql('select count(*) from gatehouse.code') + 0 }

# --- what is shown ---
{
	my ($flow, $page, $ask) = at_page();
	is($page->{status}, 200, 'whoever signed in sees the consent page');
	like($page->{url}, qr{^\Q@{[$gw->origin]}\E/oauth/setup\?request=[0-9a-f-]{36}$}, 'at its address');
	my $csp = $page->header('content-security-policy');
	like($csp, qr/^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; /, 'it runs and loads nothing');
	like($csp, qr/frame-ancestors 'none'/, 'A21: it cannot be framed');
	is($page->header('x-frame-options'), 'DENY', 'A21: not by old browsers either');
	like($csp, qr{form-action 'self' http://127\.0\.0\.1:9;}, 'its form may lead to the client, and nowhere else');
	is($page->header('cache-control'), 'no-store', 'it is not stored');
	is($page->header('x-content-type-options'), 'nosniff', 'nor guessed at');
	is($page->header('referrer-policy'), 'same-origin', 'and no other site learns its address');
	unlike($page->{content}, qr/<script|\son\w+=/i, 'it has no script');
	like($page->{content}, qr/Let <bdi>Test client<\/bdi> use <bdi>The &lt;first&gt; service<\/bdi>\?/,
		'it says who wants what, escaped');
	like($page->{content}, qr/Nobody has verified it/, 'and that the name proves nothing');
	like($page->{content}, qr/An app on this computer.*<code>127\.0\.0\.1:9<\/code>/s,
		'a loopback redirect is an app on this computer');
	like($page->{content}, qr/dev-browser-user/, 'it says who is signed in');
	unlike($page->{content}, qr/\Q$ask->{client}{client_id}\E|code_challenge/, 'and nothing that nobody can read');
	my $head = $flow->browse('HEAD', $page->{url});
	is($head->{status}, 200, 'HEAD is answered');
	is($head->{content}, '', 'without a body');
}
{
	my (undef, $page) = at_page(redirect => 'https://accounts.claude.ai.login.attacker.example:8443/cb');
	(my $content = $page->{content}) =~ s/<wbr>//g;
	like($content, qr{class="target"><bdi dir="ltr">accounts\.claude\.ai\.login\.attacker\.example:8443<},
		'a web site is named by its whole host, in large type');
	like($page->header('content-security-policy'),
		qr{form-action 'self' https://accounts\.claude\.ai\.login\.attacker\.example:8443;}, 'and may be led to');
	(undef, $page) = at_page(redirect => 'com.example.app:/cb');
	like($page->{content}, qr{An app that opens <bdi dir="ltr">com\.example\.app:<}, 'an app is named by its scheme');
	like($page->header('content-security-policy'), qr{form-action 'self' com\.example\.app:;}, 'and may be opened');
}
for (
	['<script>alert(1)</script>', qr/<bdi>&lt;script&gt;alert\(1\)&lt;\/script&gt;<\/bdi>/, 'A19: markup in a name is text'],
	['"><img src=x onerror=alert(1)>', qr/<bdi>&quot;&gt;&lt;img src=x onerror=alert\(1\)&gt;<\/bdi>/,
		'A19: so is a quote'],
	["good\x{202e}live\x{2066}", qr/<bdi>goodlive<\/bdi>/, 'A19: controls of direction are dropped'],
	['x' x 200, qr/<bdi>x{64}\x{2026}<\/bdi>/, 'A19: a long name is cut'],
	["\x{200b}\x{3164}", qr/Let an app without a name use/, 'A19: an invisible name is no name'],
	['{{csrf}}', qr/<bdi>\{\{csrf\}\}<\/bdi>/, 'A19: a name is no template'],
) {
	my ($name, $want, $what) = @$_;
	my (undef, $page) = at_page(name => $name);
	utf8::decode(my $content = $page->{content});
	like($content, $want, $what);
}

# --- the answer ---
{
	my ($flow, $page, $ask) = at_page(state => $STATE);
	my $before = codes();
	my $back = $flow->decide($page, 'approve');
	is($back->{status}, 303, 'to authorize leads back to the client');
	like($back->header('location'), qr{^http://127\.0\.0\.1:9/callback\?code=ac_}, 'with a code');
	my $answer = $flow->answer($back);
	is($answer->{state}, $STATE, 'A18: the state comes back as it was, whatever it holds');
	is(scalar(@{ $back->{header}{location} }), 1, 'A18: and makes no header of its own');
		is($answer->{iss}, $gw->origin, 'iss says who answers');
	is($back->header('cache-control'), 'no-store', 'the answer is not stored');
	is($back->header('referrer-policy'), 'no-referrer', 'and the client does not learn where it came from');
	is(codes(), $before + 1, 'there is one code');
	is($flow->redeem($ask, $answer->{code})->{status}, 200, 'it is good for a token');

	refused($flow->browse('GET', $page->{url}), 400, 'request_decided', 'back, after the answer');
	refused(post($flow, $page, 'approve'), 400, 'request_decided', 'to authorize once more');
	refused(post($flow, $page, 'cancel'), 400, 'request_decided', 'to cancel afterwards');
	is(codes(), $before + 1, 'there is still one code');
}
{
	my ($flow, $page) = at_page(state => 'x y');
	my $before = codes();
	for my $time ('once', 'twice') {
		my $back = $flow->decide($page, 'cancel');
		is($back->{status}, 303, "to cancel $time leads back to the client");
		is_deeply($flow->answer($back), { error => 'access_denied', state => 'x y', iss => $gw->origin },
			'with access_denied, state and iss');
	}
	refused(post($flow, $page, 'approve'), 400, 'request_decided', 'to authorize after that');
	is(codes(), $before, 'there is no code');
}
{
	my ($flow, $page) = at_page();
	# lighttpd refuses such a request by itself; other web servers do not
	$pg->psql("update gatehouse.authorization_request set state = E'a\\r\\nX-Made: up\\r\\n\\r\\n<b>' where decided_at is null");
	my $back = $flow->decide($page, 'approve');
	is($flow->answer($back)->{state}, "a\r\nX-Made: up\r\n\r\n<b>", 'A18: a state with line breaks comes back as it was');
	is($back->header('x-made'), undef, 'A18: and they end no line');
	is($back->{content}, '', 'nor the head');
}
{
	my $flow = browser();
	my $ask = $flow->ask(route => '/mcp/one', client => $flow->register(redirect_uris => ['http://127.0.0.1:9/cb?a=b']),
		with => { state => undef });
	my $answer = $flow->answer($flow->decide($flow->open($ask->{url}), 'approve'));
	is_deeply([sort keys %$answer], [qw(a code iss)], 'without a state none comes back; a query of the URI is kept');
}
{
	my ($flow, $page) = at_page();
	my $form = $flow->form($page);
	my $before = codes();
	my $body = form_encode((map { $_->[0] => $_->[1] } @{ $form->{fields} }), decision => 'approve');
	my $cookies = join '; ', map { "$_=$flow->{cookies}{$_}" } sort keys %{ $flow->{cookies} };
	my @r = parallel(map { ['POST', $form->{action}, { content => $body, headers => [
		['Content-Type', 'application/x-www-form-urlencoded'], ['Origin', $gw->origin], ['Cookie', $cookies]] }] } 1 .. 16);
	is(scalar(grep { $_->{status} == 303 } @r), 1, 'of 16 answers at once one counts');
	is(scalar(grep { $_->{status} == 400 } @r), 15, 'and 15 are told that it was answered');
	is(codes(), $before + 1, 'and there is one code');
}

# --- who may answer ---
{
	my ($flow, $page) = at_page();
	my (undef, $other) = at_page(flow => $flow);
	my $own = $flow->form($page);
	my $before = codes();
	my ($foreign) = map { $_->[1] } grep { $_->[0] eq 'csrf' } @{ $flow->form($other)->{fields} };
	my ($theirs) = map { $_->[1] } grep { $_->[0] eq 'csrf' } @{ browser()->form((at_page())[1])->{fields} };
	refused(post($flow, $page, 'approve', csrf => undef), 403, 'csrf_token', 'A20: without a token');
	refused(post($flow, $page, 'approve', csrf => 'x' x 43), 403, 'csrf_token', 'A20: with an invented token');
	refused(post($flow, $page, 'approve', csrf => $theirs), 403, 'csrf_token', "A20: with another person's token");
	refused(post($flow, $page, 'approve', csrf => $foreign), 403, 'csrf_token', "A22: with another request's token");
	my ($id) = map { $_->[1] } grep { $_->[0] eq 'request' } @{ $flow->form($other)->{fields} };
	refused(post($flow, $page, 'approve', request => $id), 403, 'csrf_token', 'A22: for another request');
	refused(post($flow, $page, 'approve', request => undef), 403, 'csrf_token', 'without a request');
	for (
		[[['Origin', 'https://evil.example']], 'another origin'], [[['Origin', 'null']], 'an opaque origin'],
		[[['Origin', $gw->origin], ['Sec-Fetch-Site', 'cross-site']], 'another site'],
		[[['Sec-Fetch-Site', 'same-site']], 'a sister site'],
	) {
		refused(post($flow, $page, 'approve', headers => $_->[0]), 403, 'cross_site', "from $_->[1]");
	}
	is(codes(), $before, 'none of these makes a code');
	is(post($flow, $page, 'approve', headers => [])->{status}, 303,
		'the page itself is still good, for a browser that sends neither header too');
}
{
	my ($flow, $page) = at_page();
	my ($stranger) = at_page();
	my $before = codes();
	refused($stranger->browse('GET', $page->{url}), 403, 'other_browser', 'A24: the address in another browser');
	refused(request('GET', $page->{url}), 403, 'no_session', 'the address in a browser without cookies');

	my %kept = %{ $flow->{cookies} };
	my ($attempt) = grep { /request/ } keys %kept;
	my ($session) = grep { /session/ } keys %kept;
	delete $flow->{cookies}{$attempt};
	refused($flow->browse('GET', $page->{url}), 403, 'other_browser', 'the session without the cookie of the attempt');
	refused(post($flow, $page, 'approve'), 403, 'other_browser', 'to authorize so');
	%{ $flow->{cookies} } = (%kept, $attempt => $stranger->{cookies}{ (grep { /request/ } keys %{ $stranger->{cookies} })[0] });
	refused($flow->browse('GET', $page->{url}), 403, 'other_browser', "the cookie of another's attempt");
	%{ $flow->{cookies} } = (%kept, $session => $stranger->{cookies}{$session});
	refused($flow->browse('GET', $page->{url}), 403, 'session_changed', 'A27: the session was swapped');
	refused(post($flow, $page, 'approve'), 403, 'csrf_token', 'A27: to authorize so');
	%{ $flow->{cookies} } = ($attempt => $kept{$attempt});
	refused($flow->browse('GET', $page->{url}), 403, 'no_session', 'nobody is signed in');
	refused(post($flow, $page, 'approve'), 403, 'no_session', 'to authorize so');
	%{ $flow->{cookies} } = (%kept, $session => 'bs_' . 'A' x 49);
	refused($flow->browse('GET', $page->{url}), 403, 'no_session', 'an invented session');
	is(codes(), $before, 'none of these makes a code');

	%{ $flow->{cookies} } = %kept;
	$pg->psql("update gatehouse.browser_session set expires_at = now() - interval '1 s'");
	refused($flow->browse('GET', $page->{url}), 403, 'no_session', 'the session is over');
	refused(post($flow, $page, 'approve'), 403, 'no_session', 'to authorize so');
	$pg->psql("update gatehouse.browser_session set expires_at = now() + interval '1 h'");
	$pg->psql("update gatehouse.authorization_request set expires_at = now() - interval '1 s'");
	refused($flow->browse('GET', $page->{url}), 400, 'request_expired', 'the request is over');
	refused(post($flow, $page, 'approve'), 400, 'request_expired', 'to authorize so');
	is(codes(), $before, 'there is no code of it');
}
{
	my ($flow, $page) = at_page();
	$flow->decide($page, 'approve');
	my (undef, $again) = at_page(flow => $flow, name => 'Another');
	ok($flow->form($again), 'A23: consent to one client is none to the next: the page is shown again');
	my $ask = $flow->ask(route => '/mcp/one', client => $flow->{client});
	ok($flow->form($flow->open($ask->{url})), 'and again to the same client');
}

# --- what is sent wrongly ---
{
	my ($flow, $page) = at_page();
	my $setup = $gw->url('/oauth/setup');
	for my $id ('', 'x', '4B7F2E7C-5D0A-4A53-9C3C-0D8A5F8F8A55', "4b7f2e7c-5d0a-4a53-9c3c-0d8a5f8f8a55'",
		'4b7f2e7c-5d0a-4a53-9c3c-0d8a5f8f8a5%00') {
		is($flow->browse('GET', "$setup?request=$id")->{status}, 400, "'$id' is no request: 400");
	}
	refused($flow->browse('GET', $setup), 400, 'request_unknown', 'no request at all');
	refused($flow->browse('GET', "$setup?request=4b7f2e7c-5d0a-4a53-9c3c-0d8a5f8f8a55"), 400, 'request_unknown',
		'a request that never was');
	is($flow->browse('GET', "$page->{url}&request=x")->{status}, 400, 'a request named twice: 400');
	refused(post($flow, $page, 'continue'), 400, 'invalid_request', 'a decision that there is not');
	refused(post($flow, $page, undef), 400, 'invalid_request', 'no decision');
	refused(post($flow, $page, 'approve', pad => 'x' x 17000), 413, 'request_too_large', 'a body over the limit');
	my $form = $flow->form($page);
	my @fields = map { @$_ } @{ $form->{fields} };
	my $twice = form_encode(@fields, decision => 'cancel', decision => 'approve');
	my @type = (headers => [['Content-Type', 'application/x-www-form-urlencoded'], ['Origin', $gw->origin]]);
	refused($flow->browse('POST', $form->{action}, @type, content => $twice), 400, 'invalid_request', 'two decisions');
	refused($flow->browse('POST', $form->{action}, headers => [['Content-Type', 'application/json'],
		['Origin', $gw->origin]], content => '{}'), 400, 'invalid_request', 'JSON');
	refused($flow->browse('POST', $form->{action}, @type, content => 'csrf=%zz'), 400, 'invalid_request', 'a broken escape');
	my $put = $flow->browse('PUT', $form->{action}, content => 'x');
	is($put->{status}, 405, 'PUT is not served');
	is($put->header('allow'), 'GET,POST', 'what is, is said');
	is($flow->decide($page, 'approve')->{status}, 303, 'after all this the page still works');
}

# --- what is remembered ---
$gw->stop_program('consent');
my @events = grep { ($_->{event} // $_->{name} // '') =~ /consent/ || grep { !ref && /mcp_auth_consent/ } values %$_ }
	$gw->log_lines('consent');
my ($approved) = grep { join(' ', map { $_ // '' } values %$_) =~ /mcp_auth_consent_approved/ } @events;
my ($denied) = grep { join(' ', map { $_ // '' } values %$_) =~ /mcp_auth_consent_denied/ } @events;
ok($approved, 'consent is an event');
is($approved->{operationId}, 'one', 'of the route');
is($approved->{subjectId}, 'dev-browser-user', 'and the person');
ok($denied, 'refusal is an event');
is($denied->{outcome}, 'denied', 'and its outcome says so');
my $log = $gw->log;
unlike($log, qr/\bac_[A-Za-z0-9_-]{40}/, 'no code is logged');
unlike($log, qr/\bb[as]_[A-Za-z0-9_-]{40}/, 'no cookie is logged');
unlike($log, qr{127\.0\.0\.1:9/callback}, 'no whole redirect URI is logged');

$gw->stop;
$pg->stop;
done_testing();
