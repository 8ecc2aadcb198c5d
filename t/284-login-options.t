#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What the options of the sign-in do, each as the provider sees it; and a provider whose documents are not to be had: it
# hangs, fails, says something else, or says too much. Whoever signs in then sees a page.

use strict;
use warnings;

use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(url_decode url_encode);
use Gatehouse::Jwt;
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file wait_until);
use Gatehouse::Server;
use Gatehouse::Upstream;

my $json = JSON::PP->new->utf8->canonical;
my $jwt = Gatehouse::Jwt->new;
my %key = (main => $jwt->key('main', 'P-256'), thief => $jwt->key('thief', 'P-256'));
my $dir = File::Temp::tempdir('gh-idp-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $issuer;

# --- the provider: what it does at a path is in a file of that name

sub let { my ($path, $how) = @_; return Gatehouse::Run::write_file("$dir/$path", $how) }
sub how { my ($path) = @_; return -e "$dir/$path" ? read_file("$dir/$path") : 'ok' }

sub token {
	my ($key, %claims) = @_;
	local $SIG{CHLD} = 'DEFAULT';    # the openssl command is waited for
	return $jwt->text($key{$key}, { alg => 'ES256', kid => $key{$key}{jwk}{kid} }, { iss => $issuer, sub => 'ada', iat => time, exp => time + 300, %claims });
}

my %access = (
	opaque => sub { 'opaque' },
	api => sub { token('main', aud => 'https://api.example') },
	'api and others' => sub { token('main', aud => ['https://other.example', 'https://api.example']) },
	other => sub { token('main', aud => 'https://other.example') },
	'no audience' => sub { token('main') },
	'another issuer' => sub { token('main', aud => 'https://api.example', iss => 'https://evil.example') },
	expired => sub { token('main', aud => 'https://api.example', exp => time - 300, iat => time - 600) },
	thief => sub { token('thief', aud => 'https://api.example') },
);

my $idp = Gatehouse::Upstream->new(sub {
	my ($c, $request) = @_;
	my ($path) = $request->{path} =~ m{([^/]+)$};
	my $base = "http://$request->{header}{host}";
	my %answer = (
		'openid-configuration' => { issuer => $base, authorization_endpoint => "$base/authorize", token_endpoint => "$base/token", jwks_uri => "$base/keys" },
		keys => { keys => [$key{main}{jwk}] },
	);
	my $how = how($path);
	if ($how eq 'hang') { sleep 30; return 0 }
	if ($how eq 'close') { return 0 }
	if ($how eq 'half') { $c->write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"issuer\":"); return 0 }
	if ($how eq 'drip') { $c->write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"); for (1 .. 300) { $c->write(' '); select undef, undef, undef, 0.1 } return 0 }
	my ($status, $type, $body) = ('200 OK', 'application/json', $json->encode($answer{$path} || {}));
	$status = '500 Oops' if $how eq '500';
	($type, $body) = ('text/html', '<h1>welcome</h1>') if $how eq 'html';
	$body = '{"x":"' . 'x' x 10_000_000 . '"}' if $how eq 'large';
	$body = '[]' if $how eq 'list';
	$status = "302 Found\r\nLocation: $base/elsewhere" if $how eq 'redirect';
	if ($path eq 'token' && $how eq 'ok') {
		my %form = map { url_decode($_) } map { split /=/, $_, 2 } split /&/, $request->{content};
		$issuer = $base;
		$body = $json->encode({ id_token => token('main', aud => $form{client_id} || 'gateway', nonce => $form{code}), token_type => 'Bearer',
			access_token => $access{ how('access') eq 'ok' ? 'opaque' : how('access') }->() });
	}
	$c->write("HTTP/1.1 $status\r\nContent-Type: $type\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body");
	return 0;
});
$issuer = 'http://127.0.0.1:' . $idp->port;

# --- the gateway

sub policy {
	my ($oidc, %login) = @_;
	return { name => 'idp', policyType => 'mcp-oauth-inbound', handler => { export => 'x', options => {
		oidc => { issuer => $issuer, %{ $oidc || { discovery => JSON::PP::true } } },
		browserLogin => { clientId => 'gateway', clientSecret => 's3cret +:%', remoteTimeoutMs => 1200, %login } } } };
}
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(oauth consent)], oauth => 'idp',
	gateway => { rates => { register => 0, authorize => 0, token => 0 } }, policies => [policy()],
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp' } });
my $client = Gatehouse::Flow->new(origin => $gw->origin)->register;

sub begin {
	my (%with) = @_;
	my $flow = Gatehouse::Flow->new(origin => $gw->origin, client => $client);
	my $r = $flow->browse('GET', $flow->ask(route => '/mcp/one', with => \%with)->{url});
	return ($flow, $r, $flow->answer($r));
}
# The code is the nonce.
sub finish {
	my ($flow, $q) = @_;
	return $flow->browse('GET', $gw->url('/oauth/callback?state=' . url_encode($q->{state}) . '&code=' . url_encode($q->{nonce})));
}
sub reason { my ($r) = @_; my ($reason) = $r->{content} =~ m{Reason</dt><dd><code>([^<]+)<}; return "$r->{status} " . ($reason // '') }
sub forget { return $pg->psql('delete from gatehouse.provider_document') }
my $published = 0;
sub serve {
	my ($policy) = @_;
	$gw->write_project(policies => [$policy]);
	my ($status, $text) = $gw->ctl('reload');
	is($status, 0, '(another sign-in)') or diag $text;
	my ($number) = $text =~ /snapshot (\d+)/;
	wait_until(30, sub { $gw->log('oauth') =~ /"snapshot":"$number"/ });
	forget();
	return;
}

# --- what the client says of the person goes on to the provider

my ($flow, $r, $q) = begin(login_hint => 'ada@example.com', prompt => 'login');
is($q->{login_hint}, 'ada@example.com', 'login_hint is passed to the provider');
is($q->{prompt}, 'login', '... and prompt=login');
(undef, undef, $q) = begin(prompt => 'select_account consent');
is($q->{prompt}, 'select_account', '... and select_account, without what is asked here');
(undef, undef, $q) = begin(prompt => 'consent');
is($q->{prompt}, undef, 'prompt=consent is not: it is asked here');
(undef, undef, $q) = begin(login_hint => 'x' x 300);
is($q->{login_hint}, undef, 'a hint that is no address is not');

# --- documents that are not to be had

my @trouble = (['hang', '504 fetch_timeout'], ['drip', '504 fetch_timeout'], ['500', '502 fetch_status'], ['html', '502 fetch_type'], ['large', '502 fetch_too_large'],
	['close', '502 fetch_unreachable'], ['half', '502 fetch_unreachable'], ['redirect', '502 fetch_status']);
for my $row (@trouble, ['list', '502 discovery_issuer']) {
	my ($how, $want) = @$row;
	forget();
	let('openid-configuration', $how);
	is(reason((begin())[1]), $want, "a discovery document that is '$how': a page that says so");
}
let('openid-configuration', 'ok');
($flow, $r, $q) = begin();
is($r->{status}, 303, 'when it is there again, sign-in goes on by itself');
for my $row (@trouble, ['list', '502 jwks_malformed']) {
	my ($how, $want) = @$row;
	forget();
	my ($flow, undef, $q) = begin();
	let('keys', $how);
	is(reason(finish($flow, $q)), $want, "a key set that is '$how': a page that says so");
	let('keys', 'ok');
}
for my $row (@trouble) {
	my ($how, $want) = @$row;
	$want = '502 provider_error' if $want =~ /fetch_status/;
	my ($flow, undef, $q) = begin();
	let('token', $how);
	is(reason(finish($flow, $q)), $want, "a token endpoint that is '$how': a page that says so");
	let('token', 'ok');
}
is($pg->psql('select count(*) from gatehouse.browser_session'), 0, 'nobody was signed in by any of this');
is(scalar(grep { $_->{path} eq '/elsewhere' } $idp->requests), 0, 'no redirect was followed');
($flow, $r, $q) = begin();
is(finish($flow, $q)->{status}, 303, 'and then it works');

# --- options

sub last_token { my ($last) = grep { $_->{path} eq '/token' } reverse $idp->requests; return $last }
serve(policy({ discovery => JSON::PP::true }, scope => 'openid groups', audience => 'https://api.example', pkce => 'none', tokenEndpointAuthMethod => 'client_secret_post',
	sessionTtlSeconds => 120, stateTtlSeconds => 60));
($flow, $r, $q) = begin();
is_deeply([@$q{qw(scope audience code_challenge)}], ['openid groups', 'https://api.example', undef], 'scope, audience and pkce are as they are set');
like(join(' ', @{ $r->{header}{'set-cookie'} }), qr/gatehouse_request_\w+=\S+;.*Max-Age=60\b/i, 'stateTtlSeconds bounds the attempt');
$r = finish($flow, $q);
is($r->{status}, 303, 'a user signs in') or diag $r->{content};
like(join(' ', @{ $r->{header}{'set-cookie'} }), qr/gatehouse_session=\S+;.*Max-Age=120\b/i, 'sessionTtlSeconds bounds the session');
is($pg->psql("select max(expires_at) < now() + interval '121 s' from gatehouse.browser_session where created_at > now() - interval '1 minute' and expires_at < now() + interval '1 hour'"), 't', '... in the database, too');
my %form = map { url_decode($_) } map { split /=/, $_, 2 } split /&/, last_token()->{content};
is($form{client_secret}, 's3cret +:%', 'client_secret_post sends the secret in the form');
ok(!defined last_token()->{header}{authorization}, '... and in no header');
ok(!exists $form{code_verifier}, '... and without PKCE no verifier');

serve(policy({ jwksUrl => "$issuer/keys" }, url => "$issuer/enter?here=1", tokenUrl => "$issuer/token"));
my $reads = grep { $_->{path} =~ /openid-configuration/ } $idp->requests;
($flow, $r, $q) = begin();
like($r->header('location'), qr{^\Q$issuer\E/enter\?here=1&}, 'without discovery the addresses are those of the project, whose query stays');
is(finish($flow, $q)->{status}, 303, '... and a user signs in');
is(decode_base64(last_token()->{header}{authorization} =~ s/^Basic //r), 'gateway:s3cret%20%2B%3A%25', '... by client_secret_basic, encoded as RFC 6749 has it');
is(scalar(grep { $_->{path} =~ /openid-configuration/ } $idp->requests), $reads, '... and no discovery document is read');

serve(policy({ discovery => JSON::PP::true, audience => 'https://api.example' }));
for my $row (
	['api', '303 '], ['api and others', '303 '], ['opaque', '303 '], ['other', '502 token_audience'], ['no audience', '502 token_audience'],
	['another issuer', '502 token_issuer'], ['expired', '502 token_times'], ['thief', '502 jws_no_key'],
) {
	my ($access, $want) = @$row;
	let('access', $access);
	my ($flow, undef, $q) = begin();
	is(reason(finish($flow, $q)), $want, "oidc.audience: an access token that is '$access'");
}

$gw->stop;
$idp->stop;
$pg->stop;
done_testing;
