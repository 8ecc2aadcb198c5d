#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The documents by which clients find the authorization server, at every address where they look.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Server;

my %route = (
	'/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp', summary => 'The first' },
	'/mcp/two' => { upstream => 'http://127.0.0.1:9/mcp' },
	'/mcp/open' => { upstream => 'http://127.0.0.1:9/mcp', public => 1 },
);
my $gw = Gatehouse::Server->new(routes => \%route, programs => ['discovery']);
my $o = $gw->origin;
my $resource = '/.well-known/oauth-protected-resource';
my $server = '/.well-known/oauth-authorization-server';
my $openid = '/.well-known/openid-configuration';

sub get { return request('GET', $o . $_[0], { headers => [['Accept', 'application/json'], ['MCP-Protocol-Version', '2025-11-25']] }) }

# --- what is where ---

for my $row (
	["$resource/mcp/one", 200, 'the resource metadata of a route'],
	["$resource/mcp/two", 200, 'that of another'],
	[$resource, 404, 'none without a route, where there are several'],
	["$resource/mcp/none", 404, 'none of a route that is not'],
	["$resource/mcp/one/", 404, 'none with a slash more'],
	["$resource/mcp/open", 404, 'none of a public route: it asks for no token'],
	[$server, 200, 'the server metadata of the origin'],
	["$server/mcp/one", 200, 'that of a route'],
	["$server/mcp/none", 404, 'none of a route that is not'],
	["$server/mcp/open", 404, 'none of a public route'],
	[$openid, 200, "the same in OpenID's form"],
	["$openid/mcp/two", 200, 'also of a route'],
	["$openid/mcp/none", 404, 'but not of one that is not'],
	['/.well-known/jwks.json', 200, 'the key set'],
	['/.well-known/other', 404, 'other well-known names are 404, so that clients go on'],
	['/.well-known/webfinger?resource=x', 404, 'each of them'],
) {
	my ($path, $want, $name) = @$row;
	my $r = get($path);
	is($r->{status}, $want, "$name: $want");
	like($r->header('content-type'), $want == 200 ? qr{^application/json$} : qr{^application/problem\+json$}, '... as JSON');
	is($r->header('access-control-allow-origin'), '*', '... for pages of any origin') if $want == 200;
	ok($r->json, '... that parses');
	unlike($r->{content}, qr/:null\b/, '... without null, which clients refuse');
}

# --- what they say ---

my $doc = get("$resource/mcp/one")->json;
is_deeply($doc, { resource => "$o/mcp/one", resource_name => 'The first', authorization_servers => ["$o/mcp/one"],
	bearer_methods_supported => ['header'], scopes_supported => ['mcp:tools'], mcp_protocol_version => '2025-11-25' },
	'a route is described as a protected resource');
$doc = get("$server/mcp/one")->json;
is($doc->{issuer}, "$o/mcp/one", "the issuer is the entry of the resource's authorization_servers, byte for byte");
is($doc->{authorization_endpoint}, "$o/oauth/authorize/mcp/one", 'the authorization endpoint is of the route');
is(get($server)->json->{issuer}, $o, 'the issuer of the origin has no slash');
is_deeply($doc->{code_challenge_methods_supported}, ['S256'], 'PKCE is S256 alone');
is_deeply($doc->{token_endpoint_auth_methods_supported}, [qw(none client_secret_basic client_secret_post private_key_jwt)],
	'the ways of client authentication are those that are served');
is_deeply($doc->{token_endpoint_auth_signing_alg_values_supported},
	[map { my $family = $_; map { "$family$_" } 256, 384, 512 } qw(RS PS ES)], '... with what they may sign by');
is($doc->{client_id_metadata_document_supported}, JSON::PP::true, 'a document may be a client id');
for my $not (qw(introspection_endpoint jwks_uri)) {
	ok(!exists $doc->{$not}, "$not is not promised");
}
my $oidc = get("$openid/mcp/one")->json;
ok(defined delete $oidc->{$_}, "OpenID's form has $_")
	for qw(jwks_uri subject_types_supported id_token_signing_alg_values_supported);
is_deeply($oidc, $doc, 'and is the same document else');

# --- the signing keys

my ($key) = @{ get('/.well-known/jwks.json')->json->{keys} };
is_deeply([map { defined $key->{$_} ? $key->{$_} : 'none' } qw(kty crv use alg d)], [qw(EC P-256 sig ES256 none)],
	'the public half of the signing key is published');
my $listed = sub { my ($list) = ($gw->ctl(qw(keys list)))[1]; return { $list =~ /^signing +(\S+) +(\S+)/mg } };
my $published = sub { return join ' ', map { $_->{kid} } @{ get('/.well-known/jwks.json')->json->{keys} } };
my ($old) = keys %{ $listed->() };
is($published->(), $old, '... under its id');
is(($gw->ctl(qw(keys add signing)))[0], 0, 'a key is added');
my ($new) = grep { $_ ne $old } keys %{ $listed->() };
is($published->(), "$old $new", '... and published at once, before anybody signs with it');
is(($gw->ctl('reload'))[0], 0, '(reload)');
is(($gw->ctl(qw(keys primary signing), $new))[0], 0, 'it becomes primary');
is($published->(), "$new $old", '... and what the old one signed can still be verified');
is(($gw->ctl('reload'))[0], 0, '(reload)');
is(($gw->ctl(qw(keys retire signing), $old))[0], 0, 'the old one is retired');
is($published->(), $new, '... and no longer published');
{
	my $file = $gw->project . '/keys/jwks.json';
	is((stat $file)[2] & 07777, 0444, 'the file may be read by all');
	my $good = Gatehouse::Run::read_file($file);
	unlink $file;
	$gw->write_file('keys/jwks.json', '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}');
	my $r = get('/.well-known/jwks.json');
	is($r->{status}, 500, 'a file with a secret in it is not published');
	unlike($r->{content}, qr/c2Vj/, '... indeed');
	unlink $file;
	is(get('/.well-known/jwks.json')->{status}, 500, 'nor is the lack of one taken for a set without keys');
	is(($gw->ctl('reload'))[0], 0, 'a reload');
	is(Gatehouse::Run::read_file($file), $good, '... makes it again');
}

# --- methods, hosts ---

for my $path ("$resource/mcp/one", $server, $openid, '/.well-known/jwks.json') {
	my $r = request('OPTIONS', $o . $path, { headers => [['Origin', 'https://app.example'], ['Access-Control-Request-Method', 'GET'],
		['Access-Control-Request-Headers', 'mcp-protocol-version']] });
	is($r->{status}, 204, 'a preflight is answered');
	is($r->header('access-control-allow-origin'), '*', '... for any origin');
	like($r->header('access-control-allow-headers'), qr/\bMCP-Protocol-Version\b/i, '... with the header that clients send');
	is(request('POST', $o . $path, { content => '{}' })->{status}, 405, 'a POST is not');
}
my $r = request('GET', $o . $server, { headers => [['Host', 'evil.example']] });
is($r->{status}, 421, 'an unknown host is misdirected');
unlike($r->{content}, qr/evil/, 'and finds its name nowhere');
$r = request('GET', $o . $server, { headers => [['X-Forwarded-Host', 'evil.example'], ['X-Forwarded-Proto', 'https'],
	['Forwarded', 'host=evil.example;proto=https']] });
is($r->json->{issuer}, $o, 'what a stranger forwards changes nothing');
$gw->stop;

# --- one route, and none ---

$gw = Gatehouse::Server->new(routes => { '/mcp/one' => $route{'/mcp/one'} }, programs => ['discovery']);
$o = $gw->origin;
is(get($resource)->json->{resource}, "$o/mcp/one", 'the only route is found without its name');
$gw->stop;

$gw = Gatehouse::Server->new(routes => { '/mcp/open' => $route{'/mcp/open'} }, programs => ['discovery', 'oauth'],
	pg => Gatehouse::Pg->new);
$o = $gw->origin;
for my $path ($resource, "$resource/mcp/open", $server, "$server/mcp/open", $openid, '/.well-known/jwks.json',
	'/oauth/authorize', '/oauth/dev-login') {
	is(get($path)->{status}, 404, "without an OAuth policy in use $path is 404");
}
for my $path (qw(/oauth/register /oauth/token /oauth/revoke)) {
	is(request('POST', $o . $path, { content => '' })->{status}, 404, "so is $path");
}
$gw->stop;

done_testing;
