#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Introspection (RFC 7662): who may ask, and what is answered. Nobody else learns anything.

use strict;
use warnings;

use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(time);

use Gatehouse::Flow;
use Gatehouse::Http qw(request form_encode url_encode);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my %rates = (register => 0, authorize => 0, token => 0, refresh => 0);
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent)],
	routes => { map { $_ => { upstream => 'http://127.0.0.1:9/mcp' } } qw(/mcp/one /mcp/two) },
	gateway => { rates => \%rates });
my $o = $gw->origin;
my $flow = Gatehouse::Flow->new(origin => $o);

sub metadata { return request('GET', "$o/.well-known/oauth-authorization-server/mcp/one")->json }

sub introspect {
	my ($headers, %form) = @_;
	return request('POST', "$o/oauth/introspect", { headers => [['Content-Type', 'application/x-www-form-urlencoded'], @$headers],
		content => form_encode(map { $_ => $form{$_} } sort keys %form) });
}
sub basic { my ($id, $secret) = @_; return ['Authorization', 'Basic ' . encode_base64("$id:$secret", '')] }

# --- none is configured

is(introspect([], token => 'at_x')->{status}, 404, 'without resource servers there is no introspection');
ok(!exists metadata()->{introspection_endpoint}, '... and none is promised');

# --- resource servers

my ($status, $text) = $gw->ctl(qw(keys hash-secret --new));
my ($secret, $hash) = $text =~ /\Asecret (\S{43})\nsecretHash (pbkdf2-sha256\$\S+)\n\z/;
ok($hash, 'a secret and its hash are made');
my $client = $flow->register(token_endpoint_auth_method => 'client_secret_basic', client_name => 'RS and client');
my $public = $flow->register(client_name => 'Public');
my $stranger = $flow->register(token_endpoint_auth_method => 'client_secret_basic', client_name => 'Stranger');
my $odd = 'rs+%41 1'; # means something else when it is form-decoded
$gw->write_project(gateway => { rates => \%rates, introspectionClients => [{ id => 'rs', secretHash => $hash },
	{ id => $odd, secretHash => $hash }, { id => $client->{client_id} }, { id => $public->{client_id} }] });
($status, $text) = $gw->ctl('reload');
is($status, 0, 'resource servers are declared') or diag $text;
wait_until(30, sub { introspect([], token => 'at_x')->{status} != 404 && metadata()->{introspection_endpoint} });
my $doc = metadata();
is($doc->{introspection_endpoint}, "$o/oauth/introspect", 'the endpoint is promised now');
is_deeply($doc->{introspection_endpoint_auth_methods_supported}, [qw(client_secret_basic client_secret_post private_key_jwt)],
	'... to whoever proves who it is');

my $tok = $flow->sign_in(route => '/mcp/one', client => $public);
my $rs = [basic('rs', $secret)];

# --- who may ask: [what, status, error, headers, form]

my %with_token = (token => $tok->{access_token});
for my $row (
	['a resource server with Basic', 200, undef, $rs, {}],
	['a resource server in the form', 200, undef, [], { client_id => 'rs', client_secret => $secret }],
	['an id that must be form-encoded', 200, undef, [basic(url_encode($odd), url_encode($secret))], {}],
	['an id that should be and is not', 200, undef, [basic($odd, $secret)], {}],
	['a client that is declared, with its secret', 200, undef, [basic($client->{client_id}, $client->{client_secret})], {}],
	['a client that is declared, by the wrong method', 401, 'invalid_client', [], { client_id => $client->{client_id}, client_secret => $client->{client_secret} }],
	['a client that is declared, with another secret', 401, 'invalid_client', [basic($client->{client_id}, $secret)], {}],
	['a public client, though it is declared', 401, 'invalid_client', [], { client_id => $public->{client_id} }],
	['a client that is not declared', 401, 'invalid_client', [basic($stranger->{client_id}, $stranger->{client_secret})], {}],
	['nobody', 401, 'invalid_client', [], {}],
	['an unknown id', 401, 'invalid_client', [basic('other', $secret)], {}],
	['a wrong secret', 401, 'invalid_client', [basic('rs', "${secret}x")], {}],
	['an empty secret', 401, 'invalid_client', [basic('rs', '')], {}],
	['no secret', 401, 'invalid_client', [], { client_id => 'rs' }],
	['the hash in place of the secret', 401, 'invalid_client', [basic('rs', $hash)], {}],
	['the bearer of a token', 401, 'invalid_client', [['Authorization', "Bearer $tok->{access_token}"]], {}],
	['two ways at once', 400, 'invalid_request', $rs, { client_secret => $secret }],
	['no token', 400, 'invalid_request', $rs, { token => '' }],
) {
	my ($what, $want, $error, $headers, $form) = @$row;
	my $r = introspect($headers, %with_token, %$form);
	is("$r->{status} " . ($r->json->{error} // ($r->json->{active} ? 'active' : 'inactive')), "$want " . ($error // 'active'), $what);
	is($r->header('cache-control'), 'no-store', '... and nobody keeps the answer');
	like($r->header('www-authenticate'), qr/^Basic/, '... and is told how') if $want == 401 && $headers->[0];
}
is(request('POST', "$o/oauth/introspect?token=$tok->{access_token}", { content => 'a=b',
	headers => [['Content-Type', 'application/x-www-form-urlencoded'], @$rs] })->{status}, 400, 'a token in the address is refused');
is(request('GET', "$o/oauth/introspect")->{status}, 405, 'GET is no way');

# --- what is answered

my $r = introspect($rs, %with_token);
my $answer = $r->json;
my ($token_id) = $pg->psql("select token_id from gatehouse.access_token where revoked_at is null");
cmp_ok(abs($answer->{iat} - time), '<', 60, 'iat is now');
cmp_ok(abs($answer->{exp} - $answer->{iat} - 900), '<=', 1, 'exp is 15 minutes later');
delete @$answer{qw(iat exp)};
is_deeply($answer, { active => JSON::PP::true, jti => $token_id, client_id => $public->{client_id}, sub => 'dev-browser-user',
	scope => 'mcp:tools', aud => "$o/mcp/one", iss => "$o/mcp/one", token_type => 'Bearer' }, 'a live token is described');
like($r->{content}, qr/"exp":\d+[,}]/, 'times are numbers');

sub inactive {
	my ($token, $what) = @_;
	my $r = introspect($rs, token => $token, token_type_hint => 'access_token');
	return is("$r->{status} $r->{content}", '200 {"active":false}', $what);
}
inactive($tok->{refresh_token}, 'a refresh token is none of its business');
inactive('at_' . 'A' x 49, 'a token with a wrong checksum is not active');
inactive('x' x 5000, 'nor is something long');
inactive("'; drop table x --", 'nor SQL');
my $short = $flow->sign_in(route => '/mcp/two', client => $public);
is(introspect($rs, token => $short->{access_token})->json->{aud}, "$o/mcp/two", 'a token says what it is for');
$pg->psql("update gatehouse.access_token set expires_at = now() - interval '1 s' where grant_id =
	(select grant_id from gatehouse.grants where operation_id = 'two')");
inactive($short->{access_token}, 'an expired token is not active');
my $new = $flow->refresh($tok)->json;
is(introspect($rs, token => $new->{access_token})->json->{active}, JSON::PP::true, 'a refreshed one is');
$flow->revoke({ %$tok, %$new }, 'refresh_token');
inactive($new->{access_token}, 'one of a revoked grant is not');
my $third = $flow->sign_in(route => '/mcp/two', client => $public);
$pg->psql("update gatehouse.grants set expires_at = now() + interval '60 s' where operation_id = 'two'");
cmp_ok(introspect($rs, token => $third->{access_token})->json->{exp}, '<=', time + 61, 'exp never reaches past the grant');
$pg->psql("update gatehouse.grants set resource = 'http://elsewhere.example/mcp/two' where operation_id = 'two'");
inactive($third->{access_token}, 'a token of another origin is not active here');
unlike($gw->log, qr/\Q$secret\E|\Q$third->{access_token}\E|\Q$hash\E/, 'no secret and no token is in the log');

# --- guesses at a time: each costs half a second of a processor, and there are other endpoints

my %guesses;
$guesses{ $_->{status} }++ for Gatehouse::Http::parallel(map { ['POST', "$o/oauth/introspect", { timeout => 30,
	headers => [['Content-Type', 'application/x-www-form-urlencoded'], basic('rs', "guess-$_")], content => 'token=x' }] } 1 .. 16);
is(join(' ', sort keys %guesses), '401 503', 'of guesses that come together some are told to wait');
cmp_ok($guesses{401}, '<', 9, '... so that they do not hold all threads');
is(introspect($rs, token => 'x')->{status}, 200, '... and who proved its secret before does not wait');

# --- rates: guesses are held back, a known server is not

$gw->write_project(gateway => { rates => { %rates, token => 1 }, introspectionClients => [{ id => 'rs', secretHash => $hash }] });
$gw->ctl('reload');
ok(wait_until(30, sub { introspect([basic('rs', 'guess')], token => 'x')->{status} == 429 }), 'guesses are held back');
is(join(' ', map { introspect($rs, token => 'x')->{status} } 1 .. 8), join(' ', (200) x 8), '... and who proved its secret before goes on');

# --- the configuration

for my $row ([[{ id => 'rs', secretHash => 'plain text' }], qr{/introspectionClients/0/secretHash.*hash-secret}s, 'a secret in plain text'],
	[[{ id => 'rs', secretHash => $hash }, { id => 'rs', secretHash => $hash }], qr{/introspectionClients/1\b.*same id}s, 'an id twice']) {
	my ($clients, $want, $what) = @$row;
	$gw->write_project(gateway => { introspectionClients => $clients });
	($status, $text) = $gw->ctl('check');
	is($status, 1, "$what is an error");
	like($text, $want, '... that says where and what to do');
	unlike($text, qr/plain text/, '... and not the value');
}
$gw->stop;
done_testing;
