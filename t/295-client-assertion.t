#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# private_key_jwt: the hostile cases C49 to C55 and changes of our own to a good assertion, each with its
# expected answer. The revocation endpoint judges: it answers 200 to whoever proved to be a client.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Documents;
use Gatehouse::Flow;
use Gatehouse::Http qw(request form_encode);
use Gatehouse::Jwt;
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;

my $host = Gatehouse::Documents->new;
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(oauth consent)],
	routes => { map { $_ => { upstream => 'http://127.0.0.1:9/mcp' } } qw(/mcp/one /mcp/two) },
	gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 }, limits => { fetchMs => 4000 } });
my $o = $gw->origin;
my $flow = Gatehouse::Flow->new(origin => $o);
my $cb = 'http://127.0.0.1:9/callback';
my $json = JSON::PP->new->utf8->canonical;
my $jwt = Gatehouse::Jwt->new;
my $type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
my $id = 0;

my %key = (rsa => $jwt->key('rsa'), map { (my $name = lc) =~ s/-//; $name => $jwt->key($name, $_) } qw(P-256 P-384 P-521));
$key{thief} = $jwt->key('thief', 'P-256');
sub sign { return $jwt->sign(@_) }
sub openssl { return $jwt->openssl(@_) }

# --- clients ---

sub register { my (%m) = @_; return $flow->register(token_endpoint_auth_method => 'private_key_jwt', redirect_uris => [$cb], %m) }

my $keys = { keys => [map { $key{$_}{jwk} } qw(rsa p256 p384 p521)] };
my $client = register(client_name => 'Signer', jwks => $keys);
my $other = register(client_name => 'Other signer', jwks => { keys => [$key{thief}{jwk}] });
my $me = $client->{client_id};
ok(!exists $client->{client_secret}, 'a client that signs gets no secret');
is_deeply($client->{jwks}, $keys, 'its keys are answered');
is(register(client_name => 'Signer', jwks => $keys)->{client_id}, $me, 'the same registration again is the same client');

# A good assertion with changes: members of `header` and `claims` replaced (undef: left out), or these texts as they are.
sub assertion {
	my (%o) = @_;
	my $key = $o{key} || $key{p256};
	my %header = (alg => 'ES256', kid => $key->{jwk}{kid}, typ => 'JWT', %{ $o{header} || {} });
	my %claims = (iss => $me, sub => $me, aud => $o, exp => int(time) + 300, iat => int(time), jti => 'jti-' . ++$id . "-$$", %{ $o{claims} || {} });
	return $jwt->text($key, $o{header_text} // \%header, $o{claims_text} // \%claims, by => $o{by}, sign => $o{sign});
}

sub claims { my (%c) = @_; return (claims => \%c) }
sub header { my (%h) = @_; return (header => \%h) }

sub ask {
	my ($pairs, @headers) = @_;
	return request('POST', "$o/oauth/revoke", { headers => [['Content-Type', 'application/x-www-form-urlencoded'], @headers],
		content => form_encode(token => 'at_x', @$pairs) });
}

sub told { my ($r) = @_; return $r->{status} == 200 ? 'good' : "$r->{status} " . (($r->json || {})->{error} // 'no error') }
sub with { my ($assertion, @more) = @_; return told(ask([client_assertion_type => $type, client_assertion => $assertion, @more])) }
my $bad = '401 invalid_client';
sub last_reason { my @lines = grep { defined $_->{reason} } $gw->log_lines('oauth'); return $lines[-1]{reason} }

# --- what is good ---

for my $row (
	['of P-256', ()],
	['of P-384', key => $key{p384}, header(alg => 'ES384')],
	['of P-521', key => $key{p521}, header(alg => 'ES512')],
	(map { ["by $_", key => $key{rsa}, header(alg => $_)] } qw(RS256 RS384 RS512 PS256 PS384 PS512)),
	['without a kid', header(kid => undef)],
	['without a typ', header(typ => undef)],
	['of the type of its own', header(typ => 'client-authentication+jwt')],
	['of the type in full', header(typ => 'application/client-authentication+JWT')],
	['with members that nobody knows', header(foo => [1]), claims(foo => { bar => 1 })],
	['for the issuer of a route', claims(aud => "$o/mcp/one")],
	['for the issuer of another', claims(aud => "$o/mcp/two")],
	['for a list of one', claims(aud => [$o])],
	['without iat', claims(iat => undef)],
	['with nbf', claims(nbf => int(time) - 5)],
	['of a clock half a minute ahead', claims(iat => int(time) + 30, nbf => int(time) + 30)],
	['with a fraction of a second', claims_text => qq({"iss":"$me","sub":"$me","aud":"$o","exp":@{[int(time) + 60]}.5,"jti":"fraction"})],
	['with a jti of 255 characters', claims(jti => 'j' x 255)],
) {
	my ($name, %o) = @$row;
	is(with(assertion(%o)), 'good', "an assertion $name is accepted") or diag last_reason();
}
is(with(assertion(), client_id => $me), 'good', 'client_id may stand beside it');

# --- C49 to C55, and more ---

my $hmac = sub { my ($secret) = @_; return sub { hmac_sha256($_[0], $secret) } };
my $public = openssl('', "pkey -in $key{rsa}{pem} -pubout");
my $now = int time;
for my $row (
	['C49 alg none', header(alg => 'none', kid => undef), sign => sub { '' }],
	['C49 alg none with a signature', header(alg => 'none'), by => 'ES256'],
	['C49 alg None', header(alg => 'None'), sign => sub { '' }],
	['C49 no alg', header(alg => undef), by => 'ES256'],
	['C49 HS256 with the public key', header(alg => 'HS256', kid => 'rsa'), sign => $hmac->($public)],
	['C49 HS256 with the key set', header(alg => 'HS256', kid => 'rsa'), sign => $hmac->($json->encode($keys))],
	['C49 HS256 with nothing', header(alg => 'HS256'), sign => $hmac->('')],
	['C49 EdDSA', header(alg => 'EdDSA'), by => 'ES256'],
	['C49 ES256K', header(alg => 'ES256K'), by => 'ES256'],
	['C49 RS1', header(alg => 'RS1'), key => $key{rsa}, by => 'RS256'],
	['C49 an algorithm of another curve', header(alg => 'ES384'), by => 'ES256'],
	['C49 an algorithm of another type of key', header(alg => 'RS256'), by => 'ES256'],
	['C49 RS256 that is said to be PS256', key => $key{rsa}, header(alg => 'PS256'), by => 'RS256'],
	['C50 a key of its own in the header', key => $key{thief}, header(kid => 'p256', jwk => $key{thief}{jwk})],
	['C50 a key set of its own', key => $key{thief}, header(kid => 'p256', jku => $host->url('/jku'))],
	['C50 certificates of its own', key => $key{thief}, header(kid => 'p256', x5u => $host->url('/x5u'), x5c => ['MIIB'])],
	['C51 a kid that is a path', header(kid => '../../../etc/passwd')],
	['C51 a kid that is an address', header(kid => $host->url('/kid'))],
	['C51 a kid with SQL', header(kid => "' or 1=1 --")],
	['C51 an unknown kid', header(kid => 'p257')],
	['C51 a kid that is no text', header(kid => ['p256'])],
	['C52 aud is the token endpoint', claims(aud => "$o/oauth/token")],
	['C52 aud is this endpoint', claims(aud => "$o/oauth/revoke")],
	['C52 aud is another server', claims(aud => 'https://other.example')],
	['C52 aud is ours and another', claims(aud => [$o, 'https://evil.example'])],
	['C52 aud is ours twice', claims(aud => [$o, $o])],
	['C52 aud is an empty list', claims(aud => [])],
	['C52 aud is missing', claims(aud => undef)],
	['C52 aud is no text', claims(aud => 1)],
	['C52 aud is a list in a list', claims(aud => [[$o]])],
	['C52 aud has a slash more', claims(aud => "$o/")],
	['C52 aud is a route that is not ours', claims(aud => "$o/mcp/three")],
	['C52 aud is in another case', claims(aud => uc $o)],
	['C53 iss is another', claims(iss => $other->{client_id})],
	['C53 sub is another', claims(sub => $other->{client_id})],
	['C53 iss is missing', claims(iss => undef)],
	['C53 sub is missing', claims(sub => undef)],
	['C53 sub is no text', claims(sub => [$me], iss => [$me])],
	['C53 an unknown client', claims(iss => 'nobody', sub => 'nobody')],
	['C53 the victim, signed by another client', key => $key{thief}, header(kid => 'thief')],
	['C53 the victim, signed by another client without a kid', key => $key{thief}, header(kid => undef)],
	['C53 another client, signed by this one', claims(iss => $other->{client_id}, sub => $other->{client_id})],
	['C54 jti is missing', claims(jti => undef)],
	['C54 jti is empty', claims(jti => '')],
	['C54 jti is no text', claims(jti => 7)],
	['C54 jti of 256 characters', claims(jti => 'j' x 256)],
	['C55 exp is missing', claims(exp => undef)],
	['C55 exp is over', claims(exp => $now - 1)],
	['C55 exp is long over', claims(exp => 1)],
	['C55 exp is in ten years', claims(exp => $now + 315360000)],
	['C55 exp is in an hour', claims(exp => $now + 3600)],
	['C55 exp is a text', claims(exp => 'soon')],
	['C55 exp is negative', claims(exp => -1)],
	['C55 exp is null', claims_text => qq({"iss":"$me","sub":"$me","aud":"$o","exp":null,"jti":"null"})],
	['C55 exp has an exponent', claims_text => qq({"iss":"$me","sub":"$me","aud":"$o","exp":1e10,"jti":"exponent"})],
	['C55 exp is too large for a number', claims_text => qq({"iss":"$me","sub":"$me","aud":"$o","exp":99999999999999999999,"jti":"large"})],
	['C55 iat is in the future', claims(iat => $now + 120)],
	['C55 iat is a text', claims(iat => 'now')],
	['C55 nbf is in the future', claims(nbf => $now + 120)],
	['C55 nbf is a list', claims(nbf => [1])],
	['a token of another type', header(typ => 'at+jwt')],
	['an ID-JAG', header(typ => 'oauth-id-jag+jwt')],
	['a DPoP proof', header(typ => 'dpop+jwt')],
	['a typ that is no text', header(typ => 1)],
	['crit', header(crit => ['exp'])],
	['an empty crit', header(crit => [])],
	['b64', header(b64 => JSON::PP::false, crit => ['b64'])],
	['alg twice', header_text => '{"alg":"ES256","alg":"none","kid":"p256"}', by => 'ES256'],
	['sub twice', claims_text => qq({"iss":"$me","sub":"$me","sub":"x","aud":"$o","exp":@{[$now + 60]},"jti":"twice"})],
	['claims that are no object', claims_text => '[]'],
	['claims that are no JSON', claims_text => 'sub'],
	['claims in invalid UTF-8', claims_text => qq({"iss":"$me\xff","sub":"$me\xff","aud":"$o","exp":@{[$now + 60]},"jti":"u"})],
	['bytes after the claims', claims_text => qq({"iss":"$me","sub":"$me","aud":"$o","exp":@{[$now + 60]},"jti":"b"}{})],
	['NUL in the subject', claims(iss => "$me\0", sub => "$me\0")],
	['no signature', sign => sub { '' }],
	['a signature of zeros', sign => sub { "\0" x 64 }],
	['half a signature', sign => sub { substr sign($key{p256}, 'ES256', $_[0]), 0, 32 }],
	['a signature with a byte more', sign => sub { sign($key{p256}, 'ES256', $_[0]) . "\0" }],
	['a DER signature', sign => sub { openssl($_[0], "dgst -sha256 -sign $key{p256}{pem}") }],
	['a signature of other bytes', sign => sub { sign($key{p256}, 'ES256', "$_[0]x") }],
) {
	my ($name, %o) = @$row;
	my $r = ask([client_assertion_type => $type, client_assertion => assertion(%o)]);
	is(told($r), $bad, "$name: refused");
	unlike($r->{content}, qr/signature|kid|jti|expired|algorithm/i, '... without saying why');
}
is(scalar $host->fetches($_), 0, "$_ was never asked for") for qw(/jku /x5u /kid);

my $good = assertion();
for my $row (
	['with a blank before', sub { " $_[0]" }],
	['with a newline after', sub { "$_[0]\n" }],
	['padded', sub { "$_[0]=" }],
	['with a fourth part', sub { "$_[0].x" }],
	['without its signature part', sub { $_[0] =~ s/\.[^.]*$//r }],
	['with its header in the standard alphabet', sub { $_[0] =~ s/^e/+/r }],
	['as JSON', sub { my @p = split /\./, $_[0]; $json->encode({ protected => $p[0], payload => $p[1], signature => $p[2] }) }],
	['with five parts', sub { "$_[0].." }],
	['that is over 8 KiB', sub { $_[0] . 'A' x 8192 }],
	['that is not there', sub { '' }],
	['of dots', sub { '..' }],
) {
	my ($name, $change) = @$row;
	is(with($change->($good)), $bad, "an assertion $name is refused");
}
my ($h, $p, $s) = split /\./, $good;
for my $n (0 .. 15) {
	my @parts = ($h, $p, $s);
	my $part = \$parts[$n % 3];
	my $at = int($n / 3) * 7 % length $$part;
	substr($$part, $at, 1) = substr($$part, $at, 1) eq 'A' ? 'B' : 'A';
	is(with(join '.', @parts), $bad, 'an assertion with another character in part ' . ($n % 3) . " at $at is refused");
}
is(with($good), 'good', 'after all of this it is still good: what was refused used nothing up');
is(with($good), $bad, 'C54 but only once');
is(last_reason(), 'assertion_replayed', '... the log says why');
{
	my $twin = assertion(claims(jti => 'same'));
	is(with($twin), 'good', 'a jti is used');
	is(with(assertion(claims(jti => 'same', exp => int(time) + 200))), $bad, 'C54 another assertion with it is refused');
	is(with(assertion(key => $key{thief}, header(kid => 'thief'), claims(iss => $other->{client_id}, sub => $other->{client_id}, jti => 'same'))),
		'good', '... but not that of another client');
	my $once = assertion();
	my @answers = Gatehouse::Http::parallel(map { ['POST', "$o/oauth/revoke", {
		headers => [['Content-Type', 'application/x-www-form-urlencoded']],
		content => form_encode(token => 'at_x', client_assertion_type => $type, client_assertion => $once) }] } 1 .. 16);
	is(scalar(grep { $_->{status} == 200 } @answers), 1, 'C54 of 16 uses at once one succeeds');
	is(scalar(grep { $_->{status} == 401 } @answers), 15, '... and the others are refused');
	$pg->psql("update gatehouse.assertion set expires_at = now() - interval '1 second'");
	$pg->psql('select gatehouse.oauth_step(1000)');
	is($pg->psql('select count(*) from gatehouse.assertion'), 0, 'what has expired is removed');
}

# --- around it ---

my $secret = $flow->register(client_name => 'Secret', token_endpoint_auth_method => 'client_secret_post', redirect_uris => [$cb]);
my $open = $flow->register(client_name => 'Open', redirect_uris => [$cb]);
is(with(assertion(), client_id => $other->{client_id}), $bad, 'C53 client_id is not its subject');
is(with(assertion(), client_secret => 'cs_x'), '400 invalid_request', 'a secret beside it is too much');
is(told(ask([client_assertion_type => $type, client_assertion => assertion()], ['Authorization', 'Basic ' . encode_base64("$me:x", '')])),
	'400 invalid_request', 'Basic beside it too');
is(told(ask([client_assertion => assertion()])), $bad, 'the type must be there');
is(told(ask([client_assertion_type => 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer', client_assertion => assertion()])), $bad,
	'another type is refused');
is(told(ask([client_assertion_type => $type])), $bad, 'a type alone is refused');
is(told(ask([client_assertion_type => $type, client_assertion => assertion(), client_assertion => assertion()])), '400 invalid_request',
	'two are too many');
is(told(ask([client_id => $me])), $bad, 'the id alone is not enough for who registered a key');
is(told(ask([client_id => $me, client_secret => 'cs_x'])), $bad, 'nor is a secret');
is(with(assertion(claims(iss => $_->{client_id}, sub => $_->{client_id}))), $bad, "a client of method $_->{token_endpoint_auth_method} cannot sign")
	for $secret, $open;
my $pinned = register(client_name => 'Pinned', jwks => $keys, token_endpoint_auth_signing_alg => 'PS256');
my %as_pinned = (iss => $pinned->{client_id}, sub => $pinned->{client_id});
is(with(assertion(key => $key{rsa}, header(alg => 'PS256'), claims(%as_pinned))), 'good', 'the algorithm that was registered is accepted');
is(with(assertion(key => $key{rsa}, header(alg => 'RS256'), claims(%as_pinned))), $bad, '... and no other');
my $use = register(client_name => 'Use', jwks => { keys => [{ %{ $key{p256}{jwk} }, use => 'enc' }, { %{ $key{p384}{jwk} }, use => 'sig' }] });
is(with(assertion(claims(iss => $use->{client_id}, sub => $use->{client_id}))), $bad, 'a key for encryption is not used');

# --- registration ---

for my $row (
	['no keys', ()],
	['keys and their address', jwks => $keys, jwks_uri => 'https://app.example/keys'],
	['a private key', jwks => { keys => [{ %{ $key{p256}{jwk} }, d => 'AAAA' }] }],
	['a secret', jwks => { keys => [{ kty => 'oct', k => 'AAAA' }] }],
	['no usable key', jwks => { keys => [] }],
	['keys that are no set', jwks => []],
	['an address over http', jwks_uri => 'http://app.example/keys'],
	['an address with a user', jwks_uri => 'https://u@app.example/keys'],
	['an address with a fragment', jwks_uri => 'https://app.example/keys#x'],
	['an address that is none', jwks_uri => 'keys'],
	['HS256', jwks => $keys, token_endpoint_auth_signing_alg => 'HS256'],
) {
	my ($name, %m) = @$row;
	my $r = $flow->register_request(token_endpoint_auth_method => 'private_key_jwt', redirect_uris => [$cb], %m);
	is("$r->{status} " . ($r->json->{error} // ''), '400 invalid_client_metadata', "$name cannot be registered");
}

# --- keys at an address ---

{
	my $uri = $host->put('/keys', { keys => [$key{p256}{jwk}] });
	my $c = register(client_name => 'Remote', jwks_uri => $uri);
	my %as = (iss => $c->{client_id}, sub => $c->{client_id});
	is($host->count('/keys'), 0, 'a registration fetches nothing');
	is(with(assertion(claims(%as))), 'good', 'keys are read from their address');
	is(with(assertion(claims(%as))), 'good', '... and kept');
	is($host->count('/keys'), 1, '... asked for once');
	$host->put('/keys', { keys => [$key{p384}{jwk}] });
	is(with(assertion(key => $key{p384}, header(alg => 'ES384'), claims(%as))), $bad, 'for a new key nobody asks again within a minute');
	is($host->count('/keys'), 1, '... whatever kid is invented');
	$pg->psql("update gatehouse.client_keys set fetched_at = fetched_at - interval '61 seconds'");
	is(with(assertion(key => $key{p384}, header(alg => 'ES384'), claims(%as))), 'good', 'then it is found');
	is(with(assertion(claims(%as))), $bad, 'and the old one no more');
	is($host->count('/keys'), 2, '... asked for once');
	$host->put('/keys', 'x', status => '503 Service Unavailable');
	$pg->psql('update gatehouse.client_keys set fresh_until = now()');
	is(with(assertion(key => $key{p384}, header(alg => 'ES384'), claims(%as))), 'good', 'while the host is away the last keys serve');
	$pg->psql("update gatehouse.client_keys set fetched_at = now() - interval '25 hours'");
	is(with(assertion(key => $key{p384}, header(alg => 'ES384'), claims(%as))), '503 temporarily_unavailable', '... for a day: then try later');
	for my $row (
		['a redirect', sub { $host->raw($_[0], "HTTP/1.1 302 Found\r\nLocation: " . $host->url('/inner') . "\r\n\r\n") }],
		['HTML', sub { $host->put($_[0], $keys, type => 'text/html') }],
		['a private key', sub { $host->put($_[0], { keys => [{ %{ $key{p256}{jwk} }, d => 'AAAA' }] }) }],
		['no set', sub { $host->put($_[0], [1]) }],
		['65 KiB', sub { $host->put($_[0], $json->encode({ keys => [$key{p256}{jwk}] }) . ' ' x 66000) }],
		['D71 169.254.169.254', sub { 'https://169.254.169.254/keys' }],
		['D71 the inner network', sub { 'https://10.0.0.1/keys' }],
	) {
		my ($name, $make) = @$row;
		my $d = register(client_name => "Keys $name", jwks_uri => $make->('/keys-' . ++$id));
		is(with(assertion(claims(iss => $d->{client_id}, sub => $d->{client_id}))), $bad, "$name is no place for keys");
	}
	is($host->count('/inner'), 0, 'no redirect was followed');
	my $slow = register(client_name => 'Slow', jwks_uri => $host->put('/keys-slow', $keys, drip => 0.5));
	is(with(assertion(claims(iss => $slow->{client_id}, sub => $slow->{client_id}))), '503 temporarily_unavailable', 'a slow host: try later');
}

# --- the whole way, and documents that sign ---

{
	my %document = (token_endpoint_auth_method => 'private_key_jwt', redirect_uris => [$cb]);
	my $doc = $host->client('/signer', %document, jwks => { keys => [$key{p256}{jwk}] });
	my %as = (iss => $doc, sub => $doc);
	is(with(assertion(claims(%as))), $bad, 'a document that never was authorized is no client');
	my $ask = $flow->ask(route => '/mcp/one', client => { client_id => $doc }, redirect_uri => $cb);
	my $code = $flow->answer($flow->decide($flow->open($ask->{url}), 'approve'))->{code};
	my @redeem = (grant_type => 'authorization_code', code => $code, code_verifier => $ask->{verifier}, redirect_uri => $cb);
	my $token = sub { my ($assertion, @p) = @_; return request('POST', "$o/oauth/token", {
		headers => [['Content-Type', 'application/x-www-form-urlencoded']],
		content => form_encode(@p, $assertion ? (client_assertion_type => $type, client_assertion => $assertion) : (client_id => $doc)) }) };
	is(told($token->(undef, @redeem)), $bad, 'a document that has a key must sign');
	my $r = $token->(assertion(claims(%as)), @redeem);
	is(told($r), 'good', 'a code is redeemed with an assertion');
	my @refresh = (grant_type => 'refresh_token', refresh_token => $r->json->{refresh_token});
	is(told($token->(assertion(claims(%as), key => $key{thief}, header(kid => 'p256')), @refresh)), $bad, "a thief's key refreshes nothing");
	is(told($token->(assertion(claims(%as)), @refresh)), 'good', 'and tokens are refreshed');
	is($host->count('/signer'), 1, 'the document was fetched once');
	$host->client('/signer', %document, jwks => { keys => [$key{p384}{jwk}] });
	$pg->psql('update gatehouse.client_document set fresh_until = now()');
	is(with(assertion(claims(%as))), $bad, 'once its time is over, a key that was taken out is no key');
	is(with(assertion(claims(%as), key => $key{p384}, header(alg => 'ES384'))), 'good', '... and the new one is');
	$host->put('/signer', 'x', status => '500 Oops');
	$pg->psql('update gatehouse.client_document set fresh_until = now()');
	is(with(assertion(claims(%as), key => $key{p384}, header(alg => 'ES384'))), 'good', 'while its host is broken the copy serves');
	$pg->psql("update gatehouse.client_document set checked_at = now() - interval '25 hours'");
	is(with(assertion(claims(%as), key => $key{p384}, header(alg => 'ES384'))), '503 temporarily_unavailable', '... for a day');
}

# --- at introspection, for a resource server that is a client ---

$gw->write_project(gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 },
	introspectionClients => [{ id => $me }] });
$gw->ctl('reload');
sub introspect {
	my ($assertion) = @_;
	return told(request('POST', "$o/oauth/introspect", { headers => [['Content-Type', 'application/x-www-form-urlencoded']],
		content => form_encode(token => 'at_x', client_assertion_type => $type, client_assertion => $assertion) }));
}
wait_until(30, sub { introspect('x') !~ /^404/ });
is(introspect(assertion()), 'good', 'introspection takes an assertion of a client that is declared');
is(introspect(assertion(key => $key{thief}, header(kid => 'p256'))), $bad, '... rightly signed');
is(introspect(assertion(claims(iss => $other->{client_id}, sub => $other->{client_id}), key => $key{thief})), $bad, '... and no other client\'s');

done_testing();
