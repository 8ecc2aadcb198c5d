#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Identity assertion authorization grants (ID-JAG): the hostile cases C49 to C51 and C54 to C62 and changes of our own
# to a good assertion, each with its expected answer; that each serves once; whose user it makes; and the SDK that comes
# with one by itself. Issuers are hosts of key sets, and we sign for them.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Documents;
use Gatehouse::Flow;
use Gatehouse::Http qw(request form_encode url_encode);
use Gatehouse::Jwt;
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file wait_until);
use Gatehouse::Server;

my $JAG = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
my $host = Gatehouse::Documents->new;
my $peers = Gatehouse::Run->new('peers');
my $everything = Gatehouse::Peers->everything($peers);
my $pg = Gatehouse::Pg->new;
my $json = JSON::PP->new->utf8->canonical;
my $jwt = Gatehouse::Jwt->new;
my %key = (rsa => $jwt->key('rsa'), p256 => $jwt->key('p256', 'P-256'), p384 => $jwt->key('p384', 'P-384'),
	tenants => $jwt->key('tenants', 'P-256'), plain => $jwt->key('plain', 'P-256'), thief => $jwt->key('thief', 'P-256'));
my $idp = $host->url('/idp');
my ($tenants, $plain) = map { $host->url("/$_") } qw(tenants plain);
my $keys = $host->put('/idp/keys', { keys => [map { $key{$_}{jwk} } qw(rsa p256 p384)] });
$host->put("/$_/keys", { keys => [$key{$_}{jwk}] }) for qw(tenants plain);

# --- the gateway

my %trusted = (
	idp => { issuer => $idp, jwksUrl => $keys },
	tenants => { issuer => $tenants, jwksUrl => "$tenants/keys", subjectMapping => 'iss_tenant_prefix' },
	plain => { issuer => $plain, jwksUrl => "$plain/keys", subjectMapping => 'sub_id_only' },
);
my %sign_in = (oidc => { issuer => 'http://127.0.0.1:9/', jwksUrl => 'http://127.0.0.1:9/keys' },
	browserLogin => { url => '/oauth/dev-login', remoteTimeoutMs => 60000 });

sub policy {
	my ($id_jag, %more) = @_;
	return { name => 'sign-in', policyType => 'mcp-oauth-inbound', handler => { export => 'x', options => { %sign_in, %more,
		($id_jag ? (idJag => $id_jag) : ()) } } };
}
my $gw = Gatehouse::Server->new(pg => $pg, processes => { oauth => 2 }, oauth => 'sign-in',
	gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 }, limits => { fetchMs => 1000 } },
	policies => [policy({ enabled => JSON::PP::true, trustedIssuers => [@trusted{qw(idp tenants plain)}],
		authorizationDetailsTypesAllowed => ['known', 'other'] })],
	routes => { '/mcp/everything' => { upstream => $everything->{url} }, '/mcp/two' => { upstream => 'http://127.0.0.1:9/mcp' },
		'/mcp/open' => { upstream => 'http://127.0.0.1:9/mcp', public => JSON::PP::true } });
my $o = $gw->origin;
my $flow = Gatehouse::Flow->new(origin => $o);
my $everything_url = "$o/mcp/everything";

sub metadata { return request('GET', "$o/.well-known/oauth-authorization-server/mcp/everything")->json }
is_deeply(metadata()->{grant_types_supported}, ['authorization_code', 'refresh_token', $JAG], 'the grant type is published');
is_deeply(metadata()->{authorization_grant_profiles_supported}, ['urn:ietf:params:oauth:grant-profile:id-jag'], '... and the profile');

# --- clients

sub register { my (%m) = @_; return $flow->register(token_endpoint_auth_method => 'client_secret_basic', redirect_uris => [], response_types => undef, grant_types => [$JAG], %m) }
my $client = register(client_name => 'Assistant');
my $me = $client->{client_id};
is_deeply([@$client{qw(grant_types redirect_uris response_types)}], [[$JAG], [], []], 'a client that needs no browser registers without redirect URIs');
my $other = register(client_name => 'Other');
my $both = register(client_name => 'Both', grant_types => ['authorization_code', 'refresh_token', $JAG], redirect_uris => ['http://127.0.0.1:9/callback']);
my $neither = $flow->register(client_name => 'Neither', token_endpoint_auth_method => 'client_secret_basic');
my $public = register(client_name => 'Public', token_endpoint_auth_method => 'none');
for my $row (
	['no redirect URI, but codes', redirect_uris => undef, grant_types => ['authorization_code', $JAG], 'invalid_redirect_uri'],
	['redirect URIs that are no list', redirect_uris => 'x', 'invalid_redirect_uri'],
	['a refresh token alone', grant_types => ['refresh_token'], 'invalid_client_metadata'],
	['an unknown grant beside it', grant_types => [$JAG, 'password'], 'invalid_client_metadata'],
) {
	my ($name, @m) = @$row;
	my $want = pop @m;
	is(($flow->register_request(redirect_uris => [], response_types => undef, grant_types => [$JAG], @m)->json || {})->{error}, $want, "a registration with $name is refused");
}

# --- assertions

my $id = 0;
sub assertion {
	my (%o) = @_;
	my $key = $o{key} || $key{p256};
	my %header = (alg => 'ES256', kid => $key->{jwk}{kid}, typ => 'oauth-id-jag+jwt', %{ $o{header} || {} });
	my %claims = (iss => $idp, sub => 'ada', aud => "$o/mcp/everything", client_id => $me, resource => $everything_url,
		exp => int(time) + 300, iat => int(time), jti => 'jti-' . ++$id . "-$$", scope => 'mcp:tools', %{ $o{claims} || {} });
	return $jwt->text($key, $o{header_text} // \%header, $o{claims_text} // \%claims, by => $o{by}, sign => $o{sign});
}
sub claims { my (%c) = @_; return (claims => \%c) }
sub header { my (%h) = @_; return (header => \%h) }
sub ask { my ($assertion, %p) = @_; return $flow->token(delete $p{client} || $client, grant_type => $JAG, assertion => $assertion, %p) }
sub told { my ($r) = @_; return $r->{status} == 200 ? 'good' : "$r->{status} " . (($r->json || {})->{error} // 'no error') }
sub with { return told(ask(@_)) }
my $bad = '400 invalid_grant';
sub last_reason { my @lines = grep { defined $_->{reason} } $gw->log_lines('oauth'); return $lines[-1]{reason} }
sub denied { my ($reason) = @_; return scalar grep { ($_->{event} // '') eq 'mcp_auth_downstream_token_issued' && $_->{outcome} eq 'denied' && $_->{reasonCode} eq $reason } $gw->log_lines('oauth') }
sub call { my ($token, $route) = @_; return $flow->call($route || '/mcp/everything', $token, { jsonrpc => '2.0', id => 1, method => 'initialize',
	params => { protocolVersion => '2025-11-25', capabilities => {}, clientInfo => { name => 't', version => '1' } } })->{status} }
# A notification takes it out of the memory of mcp.fcgi, where it would live for 30 s.
sub no_more { my ($pair) = @_; return wait_until(10, sub { call($pair->{access_token}) == 401 }) }

# --- what is good

for my $row (
	['of P-256', ()],
	['of P-384', key => $key{p384}, header(alg => 'ES384')],
	['by RS256', key => $key{rsa}, header(alg => 'RS256')],
	['by PS512', key => $key{rsa}, header(alg => 'PS512')],
	['without a kid', header(kid => undef)],
	['of the type in full', header(typ => 'application/oauth-id-jag+JWT')],
	['for the issuer of the origin', claims(aud => $o)],
	['for a list of one', claims(aud => ["$o/mcp/everything"], resource => [$everything_url])],
	['without a scope', claims(scope => undef)],
	['with scopes of others (C61)', claims(scope => 'files:read mcp:tools admin')],
	['with members that nobody knows', header(foo => 1), claims(tenant => 'acme', email => 'ada@example.com', foo => [{}])],
	['with authorization details of types that are allowed', claims(authorization_details => [{ type => 'known', x => 1 }, { type => 'other' }])],
	['with no authorization details in their list', claims(authorization_details => [])],
	['of a clock half a minute ahead', claims(iat => int(time) + 30, nbf => int(time) + 30)],
) {
	my ($name, %o) = @$row;
	is(with(assertion(%o)), 'good', "an assertion $name is accepted") or diag last_reason();
}

my $r = ask(assertion(), scope => 'mcp:tools', resource => $everything_url);
is($r->{status}, 200, 'scope and resource may be asked for');
is_deeply([sort keys %{ $r->json }], [sort qw(access_token token_type expires_in scope resource)], 'there is a token, and no refresh token');
is_deeply([@{ $r->json }{qw(token_type scope resource)}], ['Bearer', 'mcp:tools', $everything_url], '... for what was asked');
cmp_ok($r->json->{expires_in}, '<=', 900, '... for a quarter of an hour');
is($r->header('cache-control'), 'no-store', '... and not to be kept');
is(call($r->json->{access_token}), 200, 'it opens the route');
is(call($r->json->{access_token}, '/mcp/two'), 401, '... and no other');
my $grant = $pg->psql("select grant_id from gatehouse.grants order by created_at desc limit 1");
is($pg->psql("select subject from gatehouse.grants where grant_id = '$grant'"), "$idp|ada", 'its user has the issuer in the name');
is($pg->psql("select count(*) from gatehouse.grants where position('ada\@'::bytea in claims) > 0 or claims is null"), 0, 'what the issuer says of the user is kept, sealed');
is($pg->psql("select count(*) from gatehouse.refresh_token"), 0, 'no refresh token was made');
is($pg->psql("select count(*) from gatehouse.audit where action = 'assertion_accepted' and object = 'grant:$grant' and actor = '$idp|ada'"), 1, 'it is in the audit trail');
like($gw->log('oauth'), qr/mcp_auth_downstream_token_issued.*\Q"subjectId":"$idp|ada"\E.*"clientId":"\Q$me\E"/, '... and an event');
is($pg->psql("select granted_at is not null from gatehouse.client where client_id = '$me'"), 't', 'the client counts as one that was granted something');

# --- C49 to C62, and more

my $hmac = sub { my ($secret) = @_; return sub { hmac_sha256($_[0], $secret) } };
my $public_key = $jwt->openssl('', "pkey -in $key{rsa}{pem} -pubout");
my $now = int time;
my $before = $pg->psql('select count(*) from gatehouse.grants');
for my $row (
	['C49 alg none', 'jws_algorithm', header(alg => 'none'), sign => sub { '' }],
	['C49 HS256 with the public key', 'jws_algorithm', header(alg => 'HS256', kid => 'rsa'), sign => $hmac->($public_key)],
	['C49 HS256 with the client secret', 'jws_algorithm', header(alg => 'HS256'), sign => $hmac->($client->{client_secret})],
	['C49 EdDSA', 'jws_algorithm', header(alg => 'EdDSA'), by => 'ES256'],
	['C49 RS256 that is said to be PS256', 'jws_signature', key => $key{rsa}, header(alg => 'PS256'), by => 'RS256'],
	['C49 an algorithm of another type of key', 'jws_no_key', header(alg => 'RS256'), by => 'ES256'],
	['C50 a key of its own', 'jws_signature', key => $key{thief}, header(kid => 'p256', jwk => $key{thief}{jwk})],
	['C50 a key set of its own', 'jws_signature', key => $key{thief}, header(kid => 'p256', jku => $host->url('/jku'))],
	['C51 a kid that is an address', 'jws_no_key', header(kid => $host->url('/kid'))],
	['C51 a kid that is a path', 'jws_no_key', header(kid => '../keys')],
	['C51 a kid that is no text', 'jws_malformed', header(kid => ['p256'])],
	['C54 no jti', 'token_id', claims(jti => undef)],
	['C54 an empty jti', 'token_id', claims(jti => '')],
	['C54 a jti that is no text', 'token_id', claims(jti => 7)],
	['C54 a jti of 256 bytes', 'token_id', claims(jti => 'j' x 256)],
	['C54 a jti with a line feed', 'token_id', claims(jti => "a\nb")],
	['C55 no exp', 'token_times', claims(exp => undef)],
	['C55 an exp that is over', 'token_times', claims(exp => $now - 1)],
	['C55 an exp in ten years', 'token_times', claims(exp => $now + 315360000)],
	['C55 an exp in two hours', 'token_times', claims(exp => $now + 7200)],
	['C55 an exp that is a text', 'token_times', claims(exp => 'soon')],
	['C55 no iat', 'token_times', claims(iat => undef)],
	['C55 an iat in the future', 'token_times', claims(iat => $now + 300)],
	['C55 an nbf in the future', 'token_times', claims(nbf => $now + 300)],
	['C56 typ JWT', 'token_type', header(typ => 'JWT')],
	['C56 no typ: an ID token', 'token_type', header(typ => undef)],
	['C56 an ID token of the same issuer', 'token_type', header(typ => undef), claims(aud => $me, nonce => 'n', resource => undef, client_id => undef)],
	['C56 an access token', 'token_type', header(typ => 'at+jwt')],
	['C56 a client assertion', 'token_type', header(typ => 'client-authentication+jwt')],
	['C56 a typ that is nearly right', 'token_type', header(typ => 'oauth-id-jag')],
	['C57 another client', 'token_client', claims(client_id => $other->{client_id})],
	['C57 no client', 'token_client', claims(client_id => undef)],
	['C57 a list of clients', 'token_client', claims(client_id => [$me])],
	['C57 azp alone', 'token_client', claims(client_id => undef, azp => $me)],
	['C58 the resource of another server', 'token_resource', claims(resource => 'https://other.example/mcp/everything')],
	['C58 a resource that begins with ours', 'token_resource', claims(resource => "$everything_url/x")],
	['C58 a resource in another case', 'token_resource', claims(resource => uc $everything_url)],
	['C58 a public route', 'token_resource', claims(resource => "$o/mcp/open")],
	['C58 the origin', 'token_resource', claims(resource => $o)],
	['C58 no resource', 'token_resource', claims(resource => undef)],
	['C58 two resources', 'token_resource', claims(resource => [$everything_url, "$o/mcp/two"])],
	['C58 a resource that is no text', 'token_resource', claims(resource => { uri => $everything_url })],
	['C58 another route than that of the issuer', 'token_audience', claims(resource => "$o/mcp/two")],
	['C59 an issuer that is not trusted', 'token_issuer', claims(iss => 'https://evil.example')],
	['C59 an issuer with a slash more', 'token_issuer', claims(iss => "$idp/")],
	['C59 an issuer in another case', 'token_issuer', claims(iss => uc $idp)],
	['C59 no issuer', 'token_issuer', claims(iss => undef)],
	['C59 a list of issuers', 'token_issuer', claims(iss => [$idp])],
	['C59 the provider of the sign-in, where others are named', 'token_issuer', claims(iss => 'http://127.0.0.1:9/')],
	['C59 one issuer signed by another', 'jws_no_key', key => $key{tenants}],
	['C59 one issuer signed by another without a kid', 'jws_signature', key => $key{tenants}, header(kid => undef)],
	['an audience that is the token endpoint', 'token_audience', claims(aud => "$o/oauth/token")],
	['an audience that is another server', 'token_audience', claims(aud => 'https://other.example')],
	['an audience that is ours and another', 'token_audience', claims(aud => ["$o/mcp/everything", 'https://evil.example'])],
	['an audience that is ours twice', 'token_audience', claims(aud => [$o, $o])],
	['an empty list as audience', 'token_audience', claims(aud => [])],
	['no audience', 'token_audience', claims(aud => undef)],
	['an audience with a slash more', 'token_audience', claims(aud => "$o/")],
	['the issuer of another route', 'token_audience', claims(aud => "$o/mcp/two")],
	['no sub', 'token_subject', claims(sub => undef)],
	['an empty sub', 'token_subject', claims(sub => '')],
	['a sub that is a number', 'token_subject', claims(sub => 1)],
	['a sub with a line feed', 'token_subject', claims(sub => "a\nb")],
	['a sub with a NUL', 'token_subject', claims(sub => "ada\0x")],
	['a tenant that is no text', 'token_subject', claims(tenant => 1)],
	['a tenant with a bar', 'token_subject', claims(tenant => 'a|b')],
	['a scope that is a list', 'token_scope', claims(scope => ['mcp:tools'])],
	['a key that it is bound to (cnf)', 'token_binding', claims(cnf => { jkt => 'x' })],
	['authorization details of another type', 'token_details', claims(authorization_details => [{ type => 'known' }, { type => 'payment' }])],
	['authorization details without a type', 'token_details', claims(authorization_details => [{}])],
	['authorization details that are no list', 'token_details', claims(authorization_details => { type => 'known' })],
	['authorization details that are a list of texts', 'token_details', claims(authorization_details => ['known'])],
	['crit', 'jws_malformed', header(crit => ['exp'])],
	['b64', 'jws_malformed', header(b64 => JSON::PP::false)],
	['alg twice', 'jws_malformed', header_text => '{"alg":"ES256","alg":"none","kid":"p256","typ":"oauth-id-jag+jwt"}', by => 'ES256'],
	['sub twice', 'jws_malformed', claims_text => qq({"iss":"$idp","sub":"eve","sub":"ada"})],
	['claims that are no object', 'jws_malformed', claims_text => '[]'],
	['claims in invalid UTF-8', 'jws_malformed', claims_text => qq({"iss":"$idp\xff"})],
	['no signature', 'jws_signature', sign => sub { '' }],
	['a signature of zeros', 'jws_signature', sign => sub { "\0" x 64 }],
	['a DER signature', 'jws_signature', sign => sub { $jwt->openssl($_[0], "dgst -sha256 -sign $key{p256}{pem}") }],
	['a signature of other bytes', 'jws_signature', sign => sub { $jwt->sign($key{p256}, 'ES256', "$_[0]x") }],
) {
	my ($name, $reason, %o) = @$row;
	my $r = ask(assertion(%o));
	is(told($r) . ' ' . last_reason(), "$bad $reason", "$name: refused");
	is(($r->json || {})->{error_description}, 'the identity assertion is not valid', '... without saying why');
}
is($pg->psql('select count(*) from gatehouse.grants'), $before, 'none of them made a grant');
ok(wait_until(30, sub { denied('token_details') == 4 && denied('token_type') == 6 }), 'each has an event with its reason')
  or diag denied('token_details'), ' ', denied('token_type');
is(scalar $host->fetches($_), 0, "$_ was never asked for") for qw(/jku /kid);
is(with(assertion(claims(scope => 'files:read'))), '400 invalid_scope', 'C61 where no scope of ours is allowed, there is no token');
is(with(assertion(claims(scope => 'mcp:toolsx'))), '400 invalid_scope', '... also if it begins alike');
is(with(assertion(), scope => 'mcp:tools admin'), '400 invalid_scope', 'C61 more than the catalogue has cannot be asked for');
is(with(assertion(), resource => "$o/mcp/two"), '400 invalid_target', 'nor another resource than the assertion has');
is(with(assertion(), resource => 'https://other.example'), '400 invalid_target', 'nor one of others');
is(with($_), $bad, 'an assertion that is none is refused') for 'x', '..', 'a.b.c', 'x' x 9000;

# --- the request around it

is(told($flow->token($client, grant_type => $JAG)), '400 invalid_request', 'the assertion must be there');
is(told($flow->token({ client_id => $me }, grant_type => $JAG, assertion => assertion())), '401 invalid_client', 'the client must prove who it is');
is(told($flow->token({ %$client, client_secret => $other->{client_secret} }, grant_type => $JAG, assertion => assertion())), '401 invalid_client', '... by its own secret');
is(with(assertion(claims(client_id => $neither->{client_id})), client => $neither), '400 unauthorized_client', 'a client that did not register the grant may not use it');
is(with(assertion(claims(client_id => $both->{client_id})), client => $both), 'good', 'one that registered others as well may');
is(with(assertion(claims(client_id => $public->{client_id})), client => $public), 'good', 'a public client may');
is(told($flow->token($client, grant_type => 'refresh_token', refresh_token => 'rt_x')), '400 unauthorized_client', 'who registered this grant alone has no other');
{
	my $secret = assertion();
	my $r = request('POST', "$o/oauth/token?assertion=$secret", $flow->token_request($client, grant_type => $JAG));
	is(told($r), '400 invalid_request', 'C62 an assertion in the address is refused');
	is(index($gw->log('oauth'), substr $secret, 60, 40), -1, '... and not logged');
	is(with($secret), 'good', '... and not used up');
	my $two = $flow->token_request($client, grant_type => $JAG, assertion => assertion());
	$two->{content} .= '&assertion=' . assertion();
	is(told(request('POST', "$o/oauth/token", $two)), '400 invalid_request', 'two are too many');
}

# --- once

{
	my $once = assertion();
	is(with($once), 'good', 'an assertion serves');
	is(with($once) . ' ' . last_reason(), "$bad token_replayed", 'C54 but once');
	is(with(assertion(claims(jti => 'same'))), 'good', 'a jti is used');
	is(with(assertion(claims(jti => 'same', exp => int(time) + 200))), $bad, 'C54 another assertion with it is refused');
	is(with(assertion(claims(jti => 'same', client_id => $both->{client_id})), client => $both), $bad, '... also for another client');
	is(with(assertion(claims(jti => 'same', sub => 'grace'))), 'good', '... but not for another user');
	is(with(assertion(claims(jti => 'same', iss => $tenants, tenant => 'acme'), key => $key{tenants})), 'good', '... or of another issuer');
	my $race = assertion();
	my @answers = Gatehouse::Http::parallel(map { ['POST', "$o/oauth/token", $flow->token_request($client, grant_type => $JAG, assertion => $race)] } 1 .. 16);
	is(scalar(grep { $_->{status} == 200 } @answers), 1, 'C54 of 16 uses at once, at two workers, one succeeds');
	is(scalar(grep { $_->{status} == 400 } @answers), 15, '... and the others are refused');
	is(with(assertion(claims(jti => 'refused', aud => 'x'))), $bad, 'what is refused');
	is(with(assertion(claims(jti => 'refused'))), 'good', '... is not used up');
	cmp_ok($pg->psql('select count(*) from gatehouse.statement'), '>', 10, 'they are remembered');
	$pg->psql("update gatehouse.statement set expires_at = now() - interval '1 second'");
	$pg->psql('select gatehouse.oauth_step(1000)');
	is($pg->psql('select count(*) from gatehouse.statement'), 0, '... until they expire');
}
{
	# a call whose answer was lost, again
	my $args = join ', ', q{'\x01'}, int(time) + 100, int(time), 'null', 60, 3600, q{'00000000-0000-4000-8000-000000000001'}, "'$me'",
		q{'s', null, 'r', 'o', 'mcp:tools', '00000000-0000-4000-8000-000000000002', '\x02', 'p', 900, null};
	is($pg->psql("select outcome, expires_in > 890 from gatehouse.id_jag_redeem($args)"), 'issued|t', 'the database issues');
	is($pg->psql("select outcome, expires_in > 890 from gatehouse.id_jag_redeem($args)"), 'issued|t', '... and finds its own rows when the call is repeated');
	(my $again = $args) =~ s/000001'/000003'/;
	is($pg->psql("select outcome from gatehouse.id_jag_redeem($again)"), 'replayed', '... but another call does not');
}

# --- whose user

sub subject { my (%o) = @_; my $r = ask(assertion(%o)); return $r->{status} != 200 ? told($r) : $pg->psql("select g.subject from gatehouse.grants g order by created_at desc limit 1") }
is(subject(claims(sub => 'x|y')), "$idp|x|y", 'iss_prefix: issuer and sub');
is(subject(claims(iss => $tenants, tenant => 'acme'), key => $key{tenants}), "$tenants#acme|ada", 'iss_tenant_prefix: issuer, tenant and sub');
is(subject(claims(iss => $tenants), key => $key{tenants}), $bad, '... and without a tenant there is nobody');
is(subject(claims(iss => $plain, sub => 'employee-7'), key => $key{plain}), 'employee-7', 'sub_id_only: sub alone');
is(subject(claims(iss => $plain, sub => "$idp|ada"), key => $key{plain}), $bad, 'C59 ... which cannot be the user of another issuer');
is(subject(claims(iss => $plain, sub => 'ada'), key => $key{plain}), 'ada', 'C59 the same sub of another issuer is another user');
is(subject(claims(iss => $plain, sub => 'ada', email => 'ada@example.com', email_verified => JSON::PP::true), key => $key{plain}), 'ada',
	'C60 an e-mail address, verified or not, makes nobody the same');
{
	# the page of grants, for who signs in as that user
	my $token = ask(assertion(claims(iss => $plain, sub => 'dev-browser-user'), key => $key{plain}))->json;
	my $browser = Gatehouse::Flow->new(origin => $o);
	$browser->sign_in(route => '/mcp/two', client => $both);
	my $page = $browser->browse('GET', "$o/oauth/grants");
	is($page->{status}, 200, 'the page of grants opens');
	like($page->{content}, qr/Assistant/, '... and has what an assertion gave');
	my $id = $pg->psql("select grant_id from gatehouse.grants where subject = 'dev-browser-user' and client_id = '$me'");
	is(call($token->{access_token}), 200, 'its token works');
	like($page->{content}, qr/\Q$id\E/, '... and can be revoked there');
	is(($gw->ctl('grants', 'revoke', $id))[0], 0, '... or by an administrator');
	ok(no_more($token), '... at once');
}
is(($gw->ctl('user', 'revoke', "$idp|ada"))[0], 0, 'such a user is revoked');
ok(no_more($r->json), '... with the token, at once');

# --- clients that are a document, and that sign

{
	my $doc = $host->client('/app', grant_types => ['authorization_code', $JAG]);
	my $c = { client_id => $doc };
	is(with(assertion(claims(client_id => $doc)), client => $c), 'good', 'a document is a client, though nobody was ever asked');
	is(with(assertion(claims(client_id => $doc)), client => $c), 'good', '... again');
	is($host->count('/app'), 1, '... its document was fetched once');
	$host->put('/app', 'x', status => '503 Away');
	$pg->psql('update gatehouse.client_document set fresh_until = now()');
	is(with(assertion(claims(client_id => $doc)), client => $c), 'good', '... and serves for a day while its host is away');
	my $plain_doc = $host->client('/plain-app');
	is(with(assertion(claims(client_id => $plain_doc)), client => { client_id => $plain_doc }), '400 unauthorized_client', 'one that does not name the grant is not');
	my $unseen = $host->client('/unseen', grant_types => ['authorization_code', $JAG]);
	is(told(request('POST', "$o/oauth/revoke", { headers => [['Content-Type', 'application/x-www-form-urlencoded']],
		content => form_encode(grant_type => $JAG, client_id => $unseen, token => 'x') })),
		'401 invalid_client', 'the revocation endpoint knows no document that nobody was asked about, whatever grant the form names');
	is($host->count('/unseen'), 0, '... and fetches none');
	my $none = $host->url('/none');
	is(with(assertion(claims(client_id => $none)), client => { client_id => $none }), '401 invalid_client', 'nor is one that is not there');

	my $signer = register(client_name => 'Signer', token_endpoint_auth_method => 'private_key_jwt', jwks => { keys => [$key{thief}{jwk}] });
	my $s = $signer->{client_id};
	my $proof = $jwt->text($key{thief}, { alg => 'ES256', typ => 'JWT' }, { iss => $s, sub => $s, aud => $o, exp => int(time) + 60, jti => "proof-$$" });
	is(told(request('POST', "$o/oauth/token", { headers => [['Content-Type', 'application/x-www-form-urlencoded']], content => form_encode(grant_type => $JAG,
		assertion => assertion(claims(client_id => $s)), client_assertion_type => 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion => $proof) })),
		'good', 'a client that signs is one as well');
}

# --- the keys of an issuer

{
	my $new = $jwt->key('new', 'P-256');
	$host->put('/idp/keys', { keys => [map { $_->{jwk} } @key{qw(rsa p256 p384)}, $new] });
	$pg->psql('update gatehouse.provider_document set asked_at = null');
	my $fetches = $host->count('/idp/keys');
	is(with(assertion(key => $new)), 'good', 'a new key of the issuer is found, without a restart');
	is($host->count('/idp/keys'), $fetches + 1, '... asked for once');
	is(with(assertion(key => $key{thief}, header(kid => "stranger-$_"))), $bad, 'a key that is invented') for 1 .. 3;
	is($host->count('/idp/keys'), $fetches + 1, '... makes us ask nobody again');
	$host->put('/idp/keys', 'x', status => '503 Away');
	$pg->psql("update gatehouse.provider_document set fresh_until = now()");
	is(with(assertion()), 'good', 'while the issuer is away, the copy serves');
	$pg->psql("update gatehouse.provider_document set fetched_at = now() - interval '25 hours'");
	my $r = ask(assertion());
	is(told($r), '503 temporarily_unavailable', '... for a day: then try later');
	ok($r->header('retry-after'), '... which is said');
	$host->put('/idp/keys', { keys => [$key{p256}{jwk}] });
}

# --- the key of claims changes while an issuer is waited for

{
	my $reload = sub {
		my $before = () = $gw->log('oauth') =~ /a new snapshot is in force/g;
		is(($gw->ctl('reload'))[0], 0, '(reload)');
		return ok(wait_until(30, sub { (() = $gw->log('oauth') =~ /a new snapshot is in force/g) >= $before + 2 }), '... in force');
	};
	my ($fresh) = (my $said = ($gw->ctl(qw(keys add claims)))[1]) =~ /^([a-z0-9-]+)$/m;
	ok($fresh, 'a key of claims is added') or diag $said;
	$reload->();
	my $newest = $jwt->key('newest', 'P-256');
	$host->put('/idp/keys', { keys => [$key{p256}{jwk}, $newest->{jwk}] });
	$pg->psql('update gatehouse.provider_document set asked_at = null');
	my $fetches = $host->count('/idp/keys');
	$host->hold(1);
	my $pid = fork // die "fork: $!";
	POSIX::_exit(with(assertion(key => $newest)) eq 'good' ? 0 : 1) if !$pid;
	ok(wait_until(30, sub { $host->count('/idp/keys') > $fetches }), 'the issuer is asked');
	is(($gw->ctl(qw(keys primary claims), $fresh))[0], 0, '... and the key made primary meanwhile');
	$reload->();
	$host->hold(0);
	waitpid $pid, 0;
	is($?, 0, 'the assertion is good');
	is($pg->psql('select gatehouse.seal_key_id(claims) from gatehouse.grants order by created_at desc limit 1'), $fresh, '... and its claims are under the new key');
}

# --- the SDK, which comes with one by itself

{
	my $result = Gatehouse::Peers->scenario($peers, 'assertion', url => $everything_url, client => { id => $me, secret => $client->{client_secret} },
		idp => $idp, key => read_file($key{p256}{pem}), kid => 'p256', sub => 'ada', wait_ms => 0);
	is($result->{echo}, 'Echo: hello', 'the SDK finds the way from the route to a call by an assertion') or diag explain($result);
	is($result->{asked}{audience}, "$o/mcp/everything", '... its audience is the issuer of the route');
	is($result->{asked}{resource}, $everything_url, '... and its resource the route');
}

# --- other projects

sub serve {
	my ($policy, $seen) = @_;
	$gw->write_project(policies => [$policy]);
	my ($status, $text) = $gw->ctl('reload');
	is($status, 0, '(another project)') or diag $text;
	wait_until(30, $seen);
	return;
}
serve(policy({ enabled => JSON::PP::true, trustedIssuers => [{ %{ $trusted{idp} }, expectedClientIds => [$other->{client_id}, $both->{client_id}] }] }),
	sub { with(assertion(claims(iss => $tenants, tenant => 'a'), key => $key{tenants})) eq $bad });
sleep 1;
is(with(assertion()) . ' ' . last_reason(), "$bad token_client", 'C57 a client that the issuer may not speak for');
is(with(assertion(claims(client_id => $both->{client_id})), client => $both), 'good', 'one that it may');
is(with(assertion(claims(authorization_details => [{ type => 'known' }], client_id => $both->{client_id})), client => $both), $bad, 'where no details are allowed, none are taken');

$host->put('/idp/.well-known/openid-configuration', { issuer => $idp, jwks_uri => $keys, authorization_endpoint => "$idp/auth", token_endpoint => "$idp/token" });
serve(policy({ enabled => JSON::PP::true }, oidc => { issuer => $idp, discovery => JSON::PP::true }, browserLogin => { clientId => 'gateway', clientSecret => 's' }),
	sub { with(assertion()) eq 'good' });
is(with(assertion()), 'good', 'where nobody is named, the provider of the sign-in is trusted') or diag last_reason();
is($pg->psql("select subject from gatehouse.grants order by created_at desc limit 1"), "$idp|ada", '... and its user is the one who signs in there');
is(with(assertion(claims(iss => $tenants, tenant => 'a'), key => $key{tenants})), $bad, '... and nobody else');
is(told(request('POST', "$o/oauth/token", $flow->token_request($client, grant_type => $JAG, assertion => $jwt->text($key{p256}, { alg => 'ES256', kid => 'p256' },
	{ iss => $idp, sub => 'ada', aud => 'gateway', exp => int(time) + 60, iat => int(time), nonce => 'n' })))), $bad, 'C56 ... by an assertion, not by its ID token');

serve(policy(undef), sub { !metadata()->{authorization_grant_profiles_supported} });
is_deeply(metadata()->{grant_types_supported}, ['authorization_code', 'refresh_token'], 'turned off, it is not published');
wait_until(30, sub { with(assertion()) eq '400 unsupported_grant_type' });
is(with(assertion()), '400 unsupported_grant_type', '... nor served');
is(($flow->register_request(redirect_uris => [], grant_types => [$JAG])->json || {})->{error}, 'invalid_client_metadata', '... nor registered');

# --- what the project may not say

for my $row (
	['nobody to trust beside dev-login', { enabled => JSON::PP::true }, qr/trustedIssuers/],
	['an issuer twice', { enabled => JSON::PP::true, trustedIssuers => [@trusted{qw(idp idp)}] }, qr/twice/],
	['two issuers whose users are told apart by nothing', { enabled => JSON::PP::true, trustedIssuers => [$trusted{plain}, { %{ $trusted{idp} }, subjectMapping => 'sub_id_only' }] }, qr/sub_id_only/],
	['keys over http', { enabled => JSON::PP::true, trustedIssuers => [{ issuer => 'https://idp.example', jwksUrl => 'http://idp.example/keys' }] }, qr/https/],
	['an issuer with a query', { enabled => JSON::PP::true, trustedIssuers => [{ issuer => 'https://idp.example?x', jwksUrl => 'https://idp.example/keys' }] }, qr/URL/],
	['an unknown mapping', { enabled => JSON::PP::true, trustedIssuers => [{ %{ $trusted{idp} }, subjectMapping => 'email' }] }, qr/subjectMapping|iss_prefix/],
	['no keys', { enabled => JSON::PP::true, trustedIssuers => [{ issuer => $idp }] }, qr/jwksUrl/],
) {
	my ($name, $id_jag, $want) = @$row;
	$gw->write_project(policies => [policy($id_jag)]);
	my ($status, $text) = $gw->ctl('check');
	isnt($status, 0, "$name is an error");
	like($text, $want, '... that is named');
}

$gw->stop;
$peers->stop;
$pg->stop;
done_testing;
