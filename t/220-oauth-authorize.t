#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The hostile cases of the authorization endpoint and the sign-in (A1 to A27), each a row with its expected
# answer: a page of ours, until client and redirect URI are known good; from then on an error for the client.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(request form_encode url_decode url_encode);
use Gatehouse::Pg;
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent)],
	routes => { map { $_ => { upstream => 'http://127.0.0.1:9/mcp' } } qw(/mcp/one /mcp/two) },
	gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 } });
my $o = $gw->origin;
my $flow = Gatehouse::Flow->new(origin => $o);
my $web = 'https://app.example/cb?keep=1';
my $client = $flow->register(client_name => 'Hostile', redirect_uris => [$web, 'http://127.0.0.1:3000/cb', 'http://localhost/cb']);
my $other = $flow->register(client_name => 'Other', redirect_uris => ['http://127.0.0.1/one']);

# The URL of a good request; pairs replace parameters, undef leaves one out, a list repeats it.
sub url_with {
	my ($path, %with) = @_;
	my %p = (response_type => 'code', client_id => $client->{client_id}, redirect_uri => $web,
		code_challenge => 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method => 'S256', state => 'st',
		scope => 'mcp:tools', resource => "$o/mcp/one", %with);
	return "$o$path?" . form_encode(map { my $n = $_; map { $n => $_ } ref $p{$n} ? @{ $p{$n} } : $p{$n} }
		grep { defined $p{$_} } sort keys %p);
}

# "page 400", "login", "consent", or what a client is told: "error ISS" with the state checked.
sub outcome_of {
	my ($r) = @_;
	my $to = $r->header('location');
	return "page $r->{status}" if !defined $to;
	return 'login' if $to =~ m{^\Q$o\E/oauth/dev-login\?state=[0-9a-f-]{36}$};
	return 'consent' if $to =~ m{^\Q$o\E/oauth/setup\?request=[0-9a-f-]{36}$};
	my %a = %{ $flow->answer($r) };
	return "elsewhere $to" if $to !~ m{^(?:https://app\.example/cb\?keep=1&|http://127\.0\.0\.1:\d+/cb\?)};
	return join ' ', $r->{status}, $a{error} // 'no error', $a{iss} // 'no iss', defined $a{state} ? "state=$a{state}" : 'no state';
}

sub told { my ($error, $state) = @_; return "303 $error $o " . ($state // 'state=st') }

my $good = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
for my $row (
	['0 a good request leads to sign-in', 'login'],
	['0 without a state', 'login', state => undef],
	['0 with an empty parameter, which counts as absent', 'login', prompt => '', response_mode => ''],
	['0 with parameters that nobody knows', 'login', foo => 'bar', nonce => 'n'],
	['0 without a scope', 'login', scope => undef],
	['0 with prompt=consent', 'login', prompt => 'consent'],
	['0 with the same resource twice', 'login', resource => ["$o/mcp/one", "$o/mcp/one"]],
	['1 an unknown client', 'page 400', client_id => '00000000-0000-4000-8000-000000000000'],
	['1 no client', 'page 400', client_id => undef],
	['1 an empty client', 'page 400', client_id => ''],
	['1 a client with a quote', 'page 400', client_id => "x' or '1'='1"],
	['1 a client of 3000 characters', 'page 400', client_id => 'c' x 3000],
	['2 a longer path', 'page 400', redirect_uri => 'https://app.example/cb/x?keep=1'],
	['2 dot segments', 'page 400', redirect_uri => 'https://app.example/x/../cb?keep=1'],
	['2 another case', 'page 400', redirect_uri => 'https://app.example/CB?keep=1'],
	['2 another query', 'page 400', redirect_uri => 'https://app.example/cb?keep=1&x=2'],
	['2 no query', 'page 400', redirect_uri => 'https://app.example/cb'],
	['2 a slash more', 'page 400', redirect_uri => 'https://app.example/cb/?keep=1'],
	['3 a user that looks like the host', 'page 400', redirect_uri => 'https://app.example@evil.example/cb?keep=1'],
	['3 a longer host', 'page 400', redirect_uri => 'https://app.example.evil.example/cb?keep=1'],
	['3 a backslash', 'page 400', redirect_uri => 'https://app.example\\@evil.example/cb?keep=1'],
	['3 a tab', 'page 400', redirect_uri => "https://app.example\t/cb?keep=1"],
	['3 a line break', 'page 400', redirect_uri => "https://app.example/cb?keep=1\r\nSet-Cookie: a=b"],
	['4 a fragment', 'page 400', redirect_uri => "$web#x"],
	['7 loopback with another port', 'login', redirect_uri => 'http://127.0.0.1:4711/cb'],
	['7 loopback with another path', 'page 400', redirect_uri => 'http://127.0.0.1:3000/other'],
	['7 loopback with another scheme', 'page 400', redirect_uri => 'https://127.0.0.1:3000/cb'],
	['7 loopback on another host', 'page 400', redirect_uri => 'http://127.0.0.2:3000/cb'],
	['8 localhost where 127.0.0.1 has that path', 'login', redirect_uri => 'http://localhost:3000/cb'],
	['8 another spelling of loopback', 'page 400', redirect_uri => 'http://[::1]:3000/cb'],
	['8 127.0.0.1 of another client', 'page 400', redirect_uri => 'http://127.0.0.1/one'],
	['9 a host that begins like loopback', 'page 400', redirect_uri => 'http://127.0.0.1.evil.example:3000/cb'],
	['9 a short spelling of loopback', 'page 400', redirect_uri => 'http://127.1:3000/cb'],
	['9 a decimal one', 'page 400', redirect_uri => 'http://2130706433:3000/cb'],
	['2 no redirect URI, where there are three', 'page 400', redirect_uri => undef],
	['10 no challenge', told('invalid_request'), code_challenge => undef],
	['10 an empty challenge', told('invalid_request'), code_challenge => ''],
	['11 the plain method', told('invalid_request'), code_challenge_method => 'plain'],
	['11 no method, which means plain', told('invalid_request'), code_challenge_method => undef],
	['11 the method in another case', told('invalid_request'), code_challenge_method => 's256'],
	['12 a short challenge', told('invalid_request'), code_challenge => 'abc'],
	['12 a long challenge', told('invalid_request'), code_challenge => "${good}A"],
	['12 a challenge of the other alphabet', told('invalid_request'), code_challenge => '+' . substr($good, 1)],
	['13 response_type token', told('unsupported_response_type'), response_type => 'token'],
	['13 response_type id_token', told('unsupported_response_type'), response_type => 'id_token'],
	['13 response_type code token', told('unsupported_response_type'), response_type => 'code token'],
	['13 no response_type', told('invalid_request'), response_type => undef],
	['14 client_id twice', 'page 400', client_id => [$client->{client_id}, $other->{client_id}]],
	['14 redirect_uri twice', 'page 400', redirect_uri => [$web, 'http://127.0.0.1:3000/cb']],
	['14 scope twice', told('invalid_request'), scope => ['mcp:tools', 'mcp:tools']],
	['14 state twice, which then is nobody\'s', told('invalid_request', 'no state'), state => ['a', 'b']],
	['14 code_challenge twice', told('invalid_request'), code_challenge => [$good, $good]],
	['15 a request object is ignored', 'login', request => 'eyJhbGciOiJub25lIn0.e30.'],
	['15 a request_uri is ignored, and not fetched', 'login', request_uri => 'http://127.0.0.1:9/x'],
	['16 a foreign resource', told('invalid_target'), resource => 'https://evil.example/mcp/one'],
	['16 a resource with a fragment', told('invalid_target'), resource => "$o/mcp/one#x"],
	['16 a relative resource', told('invalid_target'), resource => '/mcp/one'],
	['16 a resource with a slash more', told('invalid_target'), resource => "$o/mcp/one/"],
	['16 two resources', told('invalid_target'), resource => ["$o/mcp/one", "$o/mcp/two"]],
	['16 no resource, where there are two routes', told('invalid_target'), resource => undef],
	['17 an unknown scope', told('invalid_scope'), scope => 'mcp:tools admin'],
	['18 a state with a line break, which the web server already refuses', 'page 400', scope => 'x',
		state => "a\r\nSet-Cookie: x=y"],
	['18 a state with HTML', told('invalid_scope', 'state=<script>alert(1)</script>'), scope => 'x',
		state => '<script>alert(1)</script>'],
	['18 a state with all that separates', told('invalid_scope', 'state=&error=none#+ %25;'), scope => 'x',
		state => '&error=none#+ %25;'],
	['26 prompt=none', told('consent_required'), prompt => 'none'],
	['26 prompt=none among others', told('consent_required'), prompt => 'login none'],
) {
	my ($name, $want, %with) = @$row;
	my $r = request('GET', url_with('/oauth/authorize', %with));
	is(outcome_of($r), $want, "A$name");
	is(join(',', @{ $r->{header}{'set-cookie'} || [] }) =~ /gatehouse_request_/ ? 'cookie' : 'none',
		$want =~ /^(?:login|consent)$/ ? 'cookie' : 'none', '... and a cookie only if it goes on');
	is($r->header('cache-control'), 'no-store', '... and nobody keeps the answer')
	  if !grep { defined && !ref && /[\0-\x1f]/ } values %with;    # those stop at the web server
	ok(!defined $r->header('access-control-allow-origin'), '... and no other page reads it');
	is($r->header('referrer-policy'), 'no-referrer', '... and nobody learns the address') if $r->{status} == 303;
}

# --- what cannot be said with pairs ---

for my $row (
	['a broken escape', '/oauth/authorize?client_id=%zz', 'page 400'],
	['a NUL', '/oauth/authorize?client_id=%00', 'page 400'],
	['invalid UTF-8', '/oauth/authorize?client_id=%ff', 'page 400'],
	['no query at all', '/oauth/authorize', 'page 400'],
	['too many parameters', '/oauth/authorize?' . join('&', map { "p$_=1" } 1 .. 40), 'page 400'],
	['an address past the limit', '/oauth/authorize?client_id=' . 'x' x 4200, 'page 414'],
	['a route that is not', '/oauth/authorize/mcp/none', 'page 404'],
) {
	my ($name, $path, $want) = @$row;
	my $r = request('GET', $o . $path);
	is(outcome_of($r), $want, "$name gets a page");
	like($r->header('content-type') // '', qr{^text/html}, '... for people') if $want ne 'page 414';
}
is(request('POST', "$o/oauth/authorize", { content => '' })->{status}, 405, 'authorize is not posted to');

# --- the path names the route, and the issuer ---

my $r = request('GET', url_with('/oauth/authorize/mcp/one', resource => undef));
is(outcome_of($r), 'login', 'the path implies the resource');
$r = request('GET', url_with('/oauth/authorize/mcp/one', resource => "$o/mcp/two"));
like(outcome_of($r), qr{^303 invalid_target \Q$o\E/mcp/one state=st$}, 'another resource is refused, by the issuer of the route');
$r = request('GET', url_with('/oauth/authorize', client_id => $other->{client_id}, redirect_uri => undef));
is(outcome_of($r), 'login', 'a client with one redirect URI need not send it');

# --- 19: names ---

for my $row (
	['<script>alert(1)</script>', qr/&lt;script&gt;alert\(1\)/, qr/<script>alert/, 'a name with markup is escaped'],
	["Bank\x{202e}evil", qr/Bankevil/, qr/\x{202e}|\xe2\x80\xae/, 'a name that turns the direction is straightened'],
	['N' x 500, qr/N{50}/, qr/N{200}/, 'a long name is cut'],
) {
	my ($client_name, $has, $lacks, $name) = @$row;
	my $browser = Gatehouse::Flow->new(origin => $o);
	my $c = $browser->register(client_name => $client_name, redirect_uris => ['http://127.0.0.1/x']);
	my $page = $browser->open($browser->ask(route => '/mcp/one', client => $c)->{url});
	like($page->{content}, $has, "A19 $name");
	unlike($page->{content}, $lacks, '... for good');
}

# --- 20 to 23: consent ---

{
	my $browser = Gatehouse::Flow->new(origin => $o);
	my $c = $browser->register;
	my $ask = $browser->ask(route => '/mcp/one', client => $c);
	my $page = $browser->open($ask->{url});
	is($page->{status}, 200, 'the consent page opens');
	like(join(' ', @{ $page->{header}{'content-security-policy'} || [] }), qr/frame-ancestors 'none'/, 'A21 it cannot be framed');
	is($browser->decide($page, 'approve', csrf => undef)->{status}, 403, 'A20 without its token it is refused');
	is($browser->decide($page, 'approve', csrf => 'A' x 43)->{status}, 403, 'A20 with another too');

	my $second = $browser->open($browser->ask(route => '/mcp/two', client => $c)->{url});
	my ($token) = map { $_->[1] } grep { $_->[0] eq 'csrf' } @{ $browser->form($second)->{fields} };
	is($browser->decide($page, 'approve', csrf => $token)->{status}, 403, 'A22 the token of one request is worth nothing for another');

	my $back = $browser->decide($page, 'approve');
	my $answer = $browser->answer($back);
	like($answer->{code}, qr/^ac_/, 'with its own it is approved');
	is($answer->{iss}, $o, 'and the answer says who says so');
	is($answer->{state}, $ask->{state}, 'and gives the state back');
	isnt($browser->decide($page, 'approve')->{status}, 303, 'A22 it is decided once');

	my $again = $browser->open($browser->ask(route => '/mcp/one', client => $c)->{url});
	ok($browser->form($again), 'A23 the same client is asked about again, nothing is approved silently');
	my $third = $browser->open($browser->ask(route => '/mcp/one', client => $browser->register(client_name => 'Third'))->{url});
	ok($browser->form($third), 'A23 so is another client');
	my $denied = $browser->answer($browser->decide($third, 'cancel'));
	is($denied->{error}, 'access_denied', 'a denial reaches the client');
	is($denied->{iss}, $o, 'with iss');
}

# --- 24, 25, 27: the browser that began is the one that goes on ---

{
	my $browser = Gatehouse::Flow->new(origin => $o);
	my $thief = Gatehouse::Flow->new(origin => $o);
	my $ask = $browser->ask(route => '/mcp/one', client => $client, redirect_uri => $web);
	my $login = $browser->browse('GET', $ask->{url})->header('location');
	is($thief->browse('GET', $login)->{status}, 400, 'A24 a sign-in without the cookie of its attempt is refused');
	my ($cookie) = keys %{ $browser->{cookies} };
	$thief->{cookies}{$cookie} = 'ba_' . 'A' x 49;
	is($thief->browse('GET', $login)->{status}, 400, 'A24 so is one with another cookie');
	ok(!$thief->{cookies}{gatehouse_session}, '... and nobody is signed in');
	my $in = $browser->browse('GET', $login);
	is(outcome_of($in), 'consent', 'the right browser signs in');
	ok($browser->{cookies}{gatehouse_session}, '... and has a session');
	is($browser->browse('GET', $login)->{status}, 400, 'A25 a state is good once');
	$pg->psql("update gatehouse.authorization_request set expires_at = now()");
	is($browser->browse('GET', $in->header('location'))->{status}, 400, 'A25 and only for a time');
	is($browser->browse('GET', "$o/oauth/dev-login?state=x")->{status}, 400, 'A25 a made-up state is none');
	is($browser->browse('GET', "$o/oauth/dev-login")->{status}, 400, 'A25 nor is no state');
}
{
	my $browser = Gatehouse::Flow->new(origin => $o);
	my $page = $browser->open($browser->ask(route => '/mcp/one', client => $client, redirect_uri => $web)->{url});
	my %mine = %{ $browser->{cookies} };
	my $attacker = Gatehouse::Flow->new(origin => $o);
	$attacker->open($attacker->ask(route => '/mcp/one', client => $client, redirect_uri => $web)->{url});
	$browser->{cookies}{gatehouse_session} = $attacker->{cookies}{gatehouse_session};
	my $r = $browser->decide($page, 'approve');
	ok(!defined $r->header('location') && $r->{status} >= 400, 'A27 a session that was swapped decides nothing') or diag(outcome_of($r));
	$r = $browser->open($page->{url});
	ok(!$browser->form($r), 'A27 and must start again');
	$browser->{cookies} = \%mine;
	like($browser->answer($browser->decide($page, 'approve'))->{code}, qr/^ac_/, 'the one that began still can');
}
{
	my $browser = Gatehouse::Flow->new(origin => $o);
	$browser->open($browser->ask(route => '/mcp/one', client => $client, redirect_uri => $web)->{url});
	my $session = $browser->{cookies}{gatehouse_session};
	is(outcome_of($browser->browse('GET', $browser->ask(route => '/mcp/two', client => $client, redirect_uri => $web)->{url})),
		'consent', 'who is signed in goes to consent at once');
	for my $prompt ('login', 'select_account', 'consent login') {
		is(outcome_of($browser->browse('GET', url_with('/oauth/authorize', prompt => $prompt))), 'login',
			"... but with prompt=$prompt to a new sign-in");
	}
	is(outcome_of($browser->browse('GET', url_with('/oauth/authorize', login_hint => 'alice@example.org'))),
		'consent', '... and a login_hint changes nothing for who is signed in');
	$browser->{cookies}{gatehouse_session} = 'bs_' . substr($session, 3, 40) . 'AAA' . substr $session, 46;
	is(outcome_of($browser->browse('GET', $browser->ask(route => '/mcp/two', client => $client, redirect_uri => $web)->{url})),
		'login', 'a damaged session signs in again');
	isnt($browser->{cookies}{gatehouse_session}, $session, '... and gets a new one');
	$browser->{cookies} = { map { sprintf('gatehouse_request_%016x', $_) => 'ba_x' } 1 .. 40 };
	$browser->browse('GET', $browser->ask(route => '/mcp/two', client => $client, redirect_uri => $web)->{url});
	is(scalar(grep { /^gatehouse_request_/ } keys %{ $browser->{cookies} }), 1, 'a browser with too many attempts forgets the old ones');
}

# --- dev-login: on this computer alone ---

for my $row (['Forwarded', 'for=192.0.2.1'], ['X-Forwarded-For', '192.0.2.1'], ['X-Forwarded-Host', 'evil.example'],
	['X-Forwarded-Proto', 'https'], ['X-Forwarded-Anything', 'x'], ['Via', '1.1 proxy']) {
	my $browser = Gatehouse::Flow->new(origin => $o);
	my $login = $browser->browse('GET', $browser->ask(route => '/mcp/one', client => $client, redirect_uri => $web)->{url})
	  ->header('location');
	is($browser->browse('GET', $login, headers => [$row])->{status}, 403, "dev-login with $row->[0] is refused");
	ok(!$browser->{cookies}{gatehouse_session}, '... and nobody is signed in');
}

# --- nothing of what must not be logged is ---

{
	my $log = $gw->log;
	unlike($log, qr/\b(?:at|rt|ac|cs|bs|ba)_[A-Za-z0-9_-]{49}\b/, 'no token, code or cookie is in the log');
	unlike($log, qr{app\.example/cb}, 'no whole redirect URI is in the log');
	unlike($log, qr/$good/, 'no challenge is in the log');
}

$gw->stop;
done_testing;
