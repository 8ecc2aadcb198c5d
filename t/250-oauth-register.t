#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Dynamic client registration: what takes effect, and what is refused (A5, A6, A9, D72 to D74).

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['oauth'],
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp' } }, gateway => { rates => { register => 0 } });
my $json = JSON::PP->new->utf8->canonical;

sub post {
	my ($body, $type) = @_;
	return request('POST', $gw->url('/oauth/register'), { headers => [['Content-Type', $type || 'application/json']],
		content => ref $body ? $json->encode($body) : $body });
}

my $cb = 'http://127.0.0.1/cb';

# --- what takes effect ---

{
	my $r = post({ redirect_uris => [$cb] });
	is($r->{status}, 201, 'redirect URIs are enough');
	is($r->header('cache-control'), 'no-store', 'nobody keeps the answer');
	is($r->header('access-control-allow-origin'), '*', 'pages of any origin may read it');
	my $c = $r->json;
	like(delete $c->{client_id}, qr/^[0-9a-f]{8}-[0-9a-f-]{27}$/, 'the client gets an id');
	like(delete $c->{client_secret}, qr/^cs_[A-Za-z0-9_-]{49}$/, 'and a secret, unless it says otherwise');
	cmp_ok(abs((delete $c->{client_id_issued_at}) - time), '<', 60, 'and the time');
	is_deeply($c, { redirect_uris => [$cb], token_endpoint_auth_method => 'client_secret_basic', scope => 'mcp:tools',
		grant_types => ['authorization_code', 'refresh_token'], response_types => ['code'], client_secret_expires_at => 0 },
		'and learns the defaults');
	unlike($r->{content}, qr/:null\b/, 'without null');
}
{
	my %all = (redirect_uris => [$cb, 'https://app.example/cb'], token_endpoint_auth_method => 'none', client_name => 'App',
		grant_types => ['authorization_code'], response_types => ['code'], scope => 'mcp:tools', client_uri => 'http://app.example/',
		logo_uri => 'https://app.example/logo.png', tos_uri => 'https://app.example/tos', policy_uri => 'https://app.example/p',
		software_id => 'id', software_version => '1.0', application_type => 'native');
	my $first = post({ %all, client_id => 'mine', trusted => JSON::PP::true, contacts => ['a@example'], unknown => { a => [1] } });
	is($first->{status}, 201, 'everything that is understood may be said');
	my $c = $first->json;
	my $id = delete $c->{client_id};
	isnt($id, 'mine', 'D73 the id is ours');
	delete $c->{client_id_issued_at};
	is_deeply($c, \%all, 'what is understood is answered, and nothing else; a public client has no secret');
	is(post(\%all)->json->{client_id}, $id, 'the same registration again is the same client');
	is(post({ %all, client_name => 'App 2' })->json->{client_id} eq $id, '', 'another name is another');
	is($pg->psql("select count(*) from gatehouse.client where name = 'App'"), 1, 'one row');
	my @secret = map { post({ redirect_uris => [$cb], client_name => 'Twice' })->json } 1, 2;
	isnt($secret[0]{client_id}, $secret[1]{client_id}, 'two clients with secrets are two');
	is($pg->psql("select count(*) from gatehouse.client where secret_hash is not null and (metadata::text ~ 'cs_' or
		encode(secret_hash, 'escape') ~ 'cs_')"), 0, 'no secret is stored');
	my $null = post({ redirect_uris => [$cb], client_name => undef, logo_uri => undef, scope => undef, token_endpoint_auth_method => undef });
	is($null->{status}, 201, 'null counts as absent');
	my $empty = post({ redirect_uris => [$cb], client_name => '', logo_uri => '', scope => '' });
	is($empty->{status}, 201, 'so does an empty text');
	is_deeply(post({ redirect_uris => [$cb, $cb], grant_types => [('authorization_code') x 3], token_endpoint_auth_method => 'none' })
		->json->{redirect_uris}, [$cb], 'what is said twice counts once');
}

# --- what is refused ---

my $uri = 'invalid_redirect_uri';
my $meta = 'invalid_client_metadata';
for my $row (
	['no redirect URIs', $uri, {}],
	['an empty list', $uri, { redirect_uris => [] }],
	['a text in place of the list', $uri, { redirect_uris => $cb }],
	['a number in the list', $uri, { redirect_uris => [1] }],
	['a NUL in one', $uri, { redirect_uris => ["$cb\0.evil.example"] }],
	['an empty one', $uri, { redirect_uris => [''] }],
	['A5 javascript:', $uri, { redirect_uris => ['javascript:alert(1)'] }],
	['A5 data:', $uri, { redirect_uris => ['data:text/html,x'] }],
	['A5 one bad one among good ones', $uri, { redirect_uris => [$cb, 'file:///x'] }],
	['A6 http elsewhere', $uri, { redirect_uris => ['http://app.example/cb'] }],
	['A4 a fragment', $uri, { redirect_uris => ["$cb#x"] }],
	['A9 a host that begins like loopback', $uri, { redirect_uris => ['http://127.0.0.1.evil.example/'] }],
	['D72 too many', $uri, { redirect_uris => [map { "$cb$_" } 1 .. 21] }],
	['a long one', $uri, { redirect_uris => [$cb . 'x' x 2100] }],
	['loopback of a web application', $uri, { redirect_uris => [$cb], application_type => 'web' }],
	['D73 another scope', $meta, { redirect_uris => [$cb], scope => 'mcp:tools admin' }],
	['a way of authentication that is not served', $meta, { redirect_uris => [$cb], token_endpoint_auth_method => 'tls_client_auth' }],
	['private_key_jwt without keys', $meta, { redirect_uris => [$cb], token_endpoint_auth_method => 'private_key_jwt' }],
	['one that is no text', $meta, { redirect_uris => [$cb], token_endpoint_auth_method => 1 }],
	['a grant type that is not served', $meta, { redirect_uris => [$cb], grant_types => ['authorization_code', 'client_credentials'] }],
	['no authorization_code', $meta, { redirect_uris => [$cb], grant_types => ['refresh_token'] }],
	['no grant type', $meta, { redirect_uris => [$cb], grant_types => [] }],
	['a text in place of the grant types', $meta, { redirect_uris => [$cb], grant_types => 'authorization_code' }],
	['a response type that is not served', $meta, { redirect_uris => [$cb], response_types => ['code', 'token'] }],
	['another kind of application', $meta, { redirect_uris => [$cb], application_type => 'service' }],
	['a logo that is a script', $meta, { redirect_uris => [$cb], logo_uri => 'javascript:alert(1)' }],
	['a logo over http', $meta, { redirect_uris => [$cb], logo_uri => 'http://app.example/logo.png' }],
	['a policy that is no URL', $meta, { redirect_uris => [$cb], policy_uri => 'policy' }],
	['a client URI with a user', $meta, { redirect_uris => [$cb], client_uri => 'https://a@app.example/' }],
	['a name that is no text', $meta, { redirect_uris => [$cb], client_name => ['a'] }],
	['a long software id', $meta, { redirect_uris => [$cb], software_id => 'x' x 300 }],
	['no JSON', $meta, 'redirect_uris=x'],
	['no object', $meta, '[]'],
	['nothing', $meta, ''],
	['a member twice', $meta, '{"redirect_uris":["http://127.0.0.1/cb"],"redirect_uris":["https://evil.example/cb"]}'],
	['invalid UTF-8', $meta, "{\"client_name\":\"\xff\",\"redirect_uris\":[\"$cb\"]}"],
	['forty levels', $meta, '{"redirect_uris":["' . $cb . '"],"x":' . '[' x 40 . ']' x 40 . '}'],
) {
	my ($name, $want, $body) = @$row;
	my $r = post($body);
	is("$r->{status} " . (($r->json || {})->{error} // ''), "400 $want", "$name: $want");
	ok(length(($r->json || {})->{error_description} // ''), '... and says why');
}
is(post({ redirect_uris => [$cb] }, 'text/plain')->json->{error}, $meta, 'another content type is refused');
is(post({ redirect_uris => [$cb] }, 'application/json; charset=utf-8')->{status}, 201, 'a charset is not another');
is(post('{"x":"' . 'x' x 70000 . '"}')->{status}, 413, 'D72 a body past its limit is 413');
is(request('GET', $gw->url('/oauth/register'))->{status}, 405, 'there is nothing to read here');
is($pg->psql("select count(*) from gatehouse.client where name ~ 'evil' or redirect_uris::text ~ 'evil'"), 0, 'nothing that was refused is stored');

# --- of keys what verifying needs is kept: what else stands there the database could choke on ---

{
	my $key = '"kty":"EC","crv":"P-256","kid":"k","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",'
		. '"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","key_ops":["verify"]';
	my $body = sub { qq({"redirect_uris":["$cb"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[{$key,$_[0]}],$_[0]}}) };
	for my $row (['a NUL', '"a":"\\u0000"'], ['a number out of range', '"a":1e400000'], ['a very small one', '"a":1e-400000'],
		['numbers of many digits', '"a":[' . join(',', ('1e131071') x 1000) . ']']) {
		my $r = post($body->($row->[1]));
		is($r->{status}, 201, "$row->[0] in a key set is taken");
		is_deeply($r->json->{jwks}, { keys => [$json->decode("{$key}")] }, 'for what is said of the key alone');
	}
	is($pg->psql("select count(distinct client_id) from gatehouse.client where metadata ? 'jwks'"), 1, 'so that all of them are one client');
	cmp_ok($pg->psql("select max(length(metadata::text)) from gatehouse.client where metadata ? 'jwks'"), '<', 1000, 'of few bytes');
}

$gw->stop;
done_testing;
