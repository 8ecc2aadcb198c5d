#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The hostile cases of the token and revocation endpoints (B28 to B48), each with its expected answer.

use strict;
use warnings;

use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(request form_encode);
use Gatehouse::Pg;
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(oauth consent)],
	routes => { map { $_ => { upstream => 'http://127.0.0.1:9/mcp' } } qw(/mcp/one /mcp/two) },
	gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 } });
my $o = $gw->origin;
my $flow = Gatehouse::Flow->new(origin => $o);
my $client = $flow->register(client_name => 'First');
my $other = $flow->register(client_name => 'Second');

# An approved request whose code is not redeemed.
sub code_for {
	my ($c) = @_;
	my $ask = $flow->ask(route => '/mcp/one', client => $c || $client);
	my $answer = $flow->answer($flow->decide($flow->open($ask->{url}), 'approve'));
	return ($ask, $answer->{code});
}

# "200", or status and error; every answer of the endpoint is JSON that nobody keeps.
sub told {
	my ($r) = @_;
	is($r->header('cache-control'), 'no-store', '... (nobody keeps the answer)');
	is($r->header('access-control-allow-origin'), '*', '... (pages of any origin may read it)');
	my $json = $r->json || {};
	return $r->{status} == 200 ? '200' : "$r->{status} " . ($json->{error} // 'no error');
}

sub post {
	my ($path, $pairs, @headers) = @_;
	return request('POST', "$o/oauth/$path", { headers => [['Content-Type', 'application/x-www-form-urlencoded'], @headers],
		content => ref $pairs ? form_encode(@$pairs) : $pairs });
}

sub state_of { return $pg->psql("select coalesce(revoke_reason, 'live') from gatehouse.grants where grant_id = '$_[0]'") }
sub newest_grant { return $pg->psql('select grant_id from gatehouse.grants order by created_at desc limit 1') }

# --- what a client gets ---

{
	my ($ask, $code) = code_for();
	my $r = $flow->redeem($ask, $code);
	is(told($r), '200', 'a code is redeemed');
	is($r->header('pragma'), 'no-cache', 'not even old caches keep the answer');
	my $json = $r->json;
	like(delete $json->{access_token}, qr/^at_[A-Za-z0-9_-]{49}$/, 'for an access token');
	like(delete $json->{refresh_token}, qr/^rt_[A-Za-z0-9_-]{49}$/, 'and a refresh token');
	is_deeply($json, { token_type => 'Bearer', expires_in => 900, scope => 'mcp:tools', resource => "$o/mcp/one" },
		'bound to scope and resource');
	like($r->{content}, qr/"expires_in":900\b/, 'expires_in is a number');
}

# --- codes ---

for my $row (
	['29 another client', '400 invalid_grant', 'again', client => 'other'],
	['30 a wrong verifier', '400 invalid_grant', 'used', code_verifier => 'x' x 43],
	['30 a short verifier', '400 invalid_grant', 'used', code_verifier => 'x'],
	['30 no verifier', '400 invalid_grant', 'used', code_verifier => undef],
	['31 another redirect URI', '400 invalid_grant', 'used', redirect_uri => 'http://127.0.0.1:9/other'],
	['31 no redirect URI, as OAuth 2.1 has it', '200', 'done', redirect_uri => undef],
	['32 another resource of ours', '400 invalid_target', 'again', resource => "RESOURCE/mcp/two"],
	['32 a foreign resource', '400 invalid_target', 'again', resource => 'https://evil.example/'],
	['32 no resource: the one that was granted', '200', 'done', resource => undef],
	['30 a scope, which counts for nothing here', '200', 'done', scope => 'admin'],
) {
	my ($name, $want, $then, %with) = @$row;
	my ($ask, $code) = code_for();
	$with{resource} =~ s/RESOURCE/$o/ if defined $with{resource};
	my $by = delete $with{client} ? $other : $client;
	is(told($flow->redeem({ %$ask, client => $by }, $code, %with)), $want, "B$name");
	my $second = $flow->redeem($ask, $code);
	is($second->{status}, $then eq 'again' ? 200 : 400, '... and ' . ($then eq 'again' ? 'its own client still can' : 'the code is used up'));
}
{
	my ($ask, $code) = code_for();
	my $tok = $flow->redeem($ask, $code)->json;
	my $grant = newest_grant();
	is(told($flow->redeem($ask, $code, code_verifier => 'x' x 43)), '400 invalid_grant', 'B28 a replay with a wrong verifier is refused');
	is(told($flow->redeem({ %$ask, client => $other }, $code)), '400 invalid_grant', 'B28 so is one by another client');
	is(state_of($grant), 'live', '... and the tokens live');
	is(told($flow->redeem($ask, $code)), '400 invalid_grant', 'B28 a right replay is refused');
	is(state_of($grant), 'code_replayed', '... and the grant ends');
	is(told($flow->refresh({ %$tok, client => $client })), '400 invalid_grant', '... with its tokens');

	($ask, $code) = code_for();
	$pg->psql('update gatehouse.code set expires_at = now() where used_at is null');
	is(told($flow->redeem($ask, $code)), '400 invalid_grant', 'B33 an expired code is refused');
	is(told($flow->redeem($ask, 'ac_' . 'A' x 49)), '400 invalid_grant', 'B33 a made-up one too');
	is(told($flow->redeem($ask, '')), '400 invalid_request', 'B33 an empty one is none');
}

# --- client authentication ---

my %secret = map { $_ => $flow->register(client_name => "Secret $_", token_endpoint_auth_method => "client_secret_$_") } qw(basic post);
for my $how (qw(basic post)) {
	my $c = $secret{$how};
	like($c->{client_secret}, qr/^cs_[A-Za-z0-9_-]{49}$/, "a client with client_secret_$how gets a secret");
	is($c->{client_secret_expires_at}, 0, '... that does not expire');
	my ($ask, $code) = code_for($c);
	my $tok = $flow->redeem($ask, $code)->json;
	ok($tok->{access_token}, '... and redeems its code with it');
	is(told($flow->refresh({ %$tok, client => $c })), '200', '... and refreshes');
}
sub basic { return ['Authorization', 'Basic ' . encode_base64(join(':', @_), '')] }
my ($b, $p) = @secret{qw(basic post)};
my @grant = (grant_type => 'refresh_token', refresh_token => 'rt_x');
for my $row (
	['the right secret in the header', '400 invalid_grant', [@grant], basic($b->{client_id}, $b->{client_secret})],
	['with client_id in the body too', '400 invalid_grant', [@grant, client_id => $b->{client_id}], basic($b->{client_id}, $b->{client_secret})],
	['form-encoded', '400 invalid_grant', [@grant], basic(map { s/-/%2D/gr } $b->{client_id}, $b->{client_secret})],
	['35 header and body secret', '400 invalid_request', [@grant, client_secret => $b->{client_secret}], basic($b->{client_id}, $b->{client_secret})],
	['35 header and another client_id', '400 invalid_request', [@grant, client_id => $p->{client_id}], basic($b->{client_id}, $b->{client_secret})],
	['36 a wrong secret', '401 invalid_client', [@grant], basic($b->{client_id}, 'cs_' . 'A' x 49)],
	['36 a wrong secret in the body', '401 invalid_client', [@grant, client_id => $p->{client_id}, client_secret => 'x']],
	['36 an empty secret', '401 invalid_client', [@grant], basic($b->{client_id}, '')],
	['36 the secret of another client', '401 invalid_client', [@grant], basic($b->{client_id}, $p->{client_secret})],
	['36 a secret of 600 characters', '401 invalid_client', [@grant], basic($b->{client_id}, 'x' x 600)],
	['37 a client with a secret that sends none', '401 invalid_client', [@grant, client_id => $b->{client_id}]],
	['37 the other method than it registered', '401 invalid_client', [@grant, client_id => $b->{client_id}, client_secret => $b->{client_secret}]],
	['37 and the other way round', '401 invalid_client', [@grant], basic($p->{client_id}, $p->{client_secret})],
	['38 a public client with a secret', '401 invalid_client', [@grant, client_id => $client->{client_id}, client_secret => 'x']],
	['38 a public client with an empty secret', '400 invalid_grant', [@grant, client_id => $client->{client_id}, client_secret => '']],
	['an unknown client', '401 invalid_client', [@grant, client_id => 'nobody']],
	['no client', '401 invalid_client', [@grant]],
	['a header that is not base64', '401 invalid_client', [@grant], ['Authorization', 'Basic !!!']],
	['a header without a colon', '401 invalid_client', [@grant], ['Authorization', 'Basic ' . encode_base64('abc', '')]],
	['a bearer token for a client', '401 invalid_client', [@grant], ['Authorization', 'Bearer x']],
	['an assertion, which is not served', '401 invalid_client', [@grant, client_id => $client->{client_id}, client_assertion => 'x']],
) {
	my ($name, $want, $pairs, @headers) = @$row;
	my $r = post('token', $pairs, @headers);
	is(told($r), $want, $name =~ /^\d/ ? "B$name" : $name);
	is(defined $r->header('www-authenticate'), $want =~ /^401/ && @headers ? 1 : '', '... and a challenge where the header was used');
}

# --- requests ---

my $id = $client->{client_id};
for my $row (
	['39 JSON', '400 invalid_request', '{"grant_type":"refresh_token"}', ['Content-Type', 'application/json']],
	['40 grant_type twice', '400 invalid_request', [grant_type => 'refresh_token', grant_type => 'refresh_token', client_id => $id]],
	['40 code twice', '400 invalid_request', [grant_type => 'authorization_code', code => 'a', code => 'b', client_id => $id]],
	['45 the password grant', '400 unsupported_grant_type', [grant_type => 'password', client_id => $id]],
	['45 the implicit grant', '400 unsupported_grant_type', [grant_type => 'implicit', client_id => $id]],
	['45 no grant type', '400 invalid_request', [client_id => $id]],
	['46 client_credentials by a public client', '400 unauthorized_client', [grant_type => 'client_credentials', client_id => $id]],
	['48 too many parameters', '400 invalid_request', [map { ("p$_" => 1) } 1 .. 40]],
	['48 a huge form', '413 request_too_large', 'x' x 70000],
	['48 a broken escape', '400 invalid_request', 'grant_type=%zz'],
	['48 invalid UTF-8', '400 invalid_request', 'grant_type=%ff'],
	['44 an access token to refresh with', '400 invalid_grant', [grant_type => 'refresh_token', refresh_token => 'at_x', client_id => $id]],
	['C56 to C61 an assertion that grants, which is not served', '400 unsupported_grant_type',
		[grant_type => 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion => 'eyJhbGciOiJub25lIn0.e30.', client_id => $id]],
	['a refresh without its token', '400 invalid_request', [grant_type => 'refresh_token', client_id => $id]],
	['a DPoP proof', '400 invalid_request', [@grant, client_id => $id], ['DPoP', 'x']],
) {
	my ($name, $want, $body, @headers) = @$row;
	my @type = $name =~ /JSON/ ? () : (['Content-Type', 'application/x-www-form-urlencoded']);
	my $r = request('POST', "$o/oauth/token", { headers => [@type, @headers], content => ref $body ? form_encode(@$body) : $body });
	is(told($r), $want, $name =~ /^\d/ ? "B$name" : $name);
}
is(told(request('POST', "$o/oauth/token?" . form_encode(@grant, client_id => $id), { headers => [['Content-Type',
	'application/x-www-form-urlencoded']], content => '' })), '400 invalid_request', 'B39 parameters in the address are refused');
is(request('GET', "$o/oauth/token?" . form_encode(@grant))->{status}, 405, 'B39 so is a GET');
is(told(request('POST', "$o/oauth/token?assertion=tell-nobody", { headers => [['Content-Type', 'application/x-www-form-urlencoded']],
	content => form_encode(grant_type => 'urn:ietf:params:oauth:grant-type:jwt-bearer', client_id => $id) })), '400 invalid_request',
	'C62 an assertion in the address is refused');
unlike($gw->log('oauth'), qr/tell-nobody/, '... and not logged');
is(request('OPTIONS', "$o/oauth/token", { headers => [['Origin', 'https://app.example']] })->{status}, 204, 'a preflight is answered');

# --- refresh ---

{
	my $tok = $flow->sign_in(route => '/mcp/one', client => $client);
	my $grant = newest_grant();
	is(told($flow->refresh({ %$tok, client => $other })), '400 invalid_grant', 'B41 another client cannot refresh');
	is(told($flow->refresh($tok, scope => 'mcp:tools admin')), '400 invalid_scope', 'B43 nobody can widen the scope');
	is(told($flow->refresh($tok, resource => "$o/mcp/two")), '400 invalid_target', 'B32 nor change the resource');
	is(state_of($grant), 'live', '... and none of it costs anything');
	my $first = $flow->refresh($tok, scope => 'mcp:tools', resource => "$o/mcp/one");
	is(told($first), '200', 'a token is refreshed');
	my $again = $flow->refresh($tok);
	is(told($again), '200', 'B42 within the grace time it can be presented again');
	is($again->json->{$_}, $first->json->{$_}, "... for the identical $_") for qw(access_token refresh_token scope resource);
	cmp_ok($again->json->{expires_in}, '<=', 900, '... whose life is what is left');
	is(told($flow->refresh($tok, resource => "$o/mcp/two")), '400 invalid_grant', 'B42 but not for another resource');
	my $next = { %{ $first->json }, client => $client };
	my $second = $flow->refresh($next);
	is(told($second), '200', 'the winner is intact');
	is(told($flow->refresh($tok)), '400 invalid_grant', 'B42 an older generation is refused');
	is(state_of($grant), 'refresh_token_reused', '... and ends the grant');
	is(told($flow->refresh({ %{ $second->json }, client => $client })), '400 invalid_grant', '... with the newest token');

	$tok = $flow->sign_in(route => '/mcp/one', client => $client);
	$grant = newest_grant();
	$flow->refresh($tok);
	$pg->psql("update gatehouse.refresh_token set used_at = used_at - interval '61 s' where grant_id = '$grant' and used_at is not null");
	is(told($flow->refresh($tok)), '400 invalid_grant', 'B42 after the grace time it is reuse');
	is(state_of($grant), 'refresh_token_reused', '... and ends the grant');

	$tok = $flow->sign_in(route => '/mcp/one', client => $client);
	$grant = newest_grant();
	is(told($flow->refresh({ refresh_token => $tok->{access_token}, client => $client })), '400 invalid_grant',
		'B44 an access token refreshes nothing');
	$pg->psql("update gatehouse.grants set expires_at = now() where grant_id = '$grant'");
	is(told($flow->refresh($tok)), '400 invalid_grant', 'B47 a grant that has expired is over');

	my $gone = $flow->register(client_name => 'Gone');
	$tok = $flow->sign_in(route => '/mcp/one', client => $gone);
	$pg->psql("update gatehouse.client set last_used_at = now() - interval '91 days' where client_id = '$gone->{client_id}'");
	is(told($flow->refresh($tok)), '401 invalid_client', 'B47 so is a client that has');

	my $once = $flow->register(client_name => 'Once', grant_types => ['authorization_code']);
	my ($ask, $code) = code_for($once);
	my $r = $flow->redeem($ask, $code);
	is(told($r), '200', 'a client that did not register refresh_token redeems');
	ok(!exists $r->json->{refresh_token}, '... for an access token alone');
	is(told($flow->refresh({ refresh_token => $tok->{refresh_token}, client => $once })), '400 unauthorized_client',
		'... and may not refresh');
}

# --- revocation ---

{
	my $tok = $flow->sign_in(route => '/mcp/one', client => $client);
	my $grant = newest_grant();
	for my $row (
		['an unknown token', 200, [token => 'rt_' . 'A' x 49, client_id => $id]],
		['something that is no token', 200, [token => 'x', client_id => $id]],
		['a token of another client', 200, [token => $tok->{refresh_token}, client_id => $other->{client_id}]],
		['no token', 400, [client_id => $id]],
		['no client', 401, [token => $tok->{refresh_token}]],
		['a client with a secret that sends none', 401, [token => $tok->{refresh_token}, client_id => $b->{client_id}]],
		['a token twice', 400, [token => $tok->{refresh_token}, token => 'x', client_id => $id]],
	) {
		my ($name, $want, $pairs) = @$row;
		my $r = post('revoke', $pairs);
		is($r->{status}, $want, "to revoke $name is $want");
		is($r->{content}, '', '... without a word') if $want == 200;
	}
	is(state_of($grant), 'live', 'none of these revokes anything');
	is(post('revoke', [token => $tok->{access_token}, token_type_hint => 'refresh_token', client_id => $id])->{status}, 200,
		'an access token is revoked, whatever the hint says');
	is($pg->psql("select revoked_at is not null from gatehouse.access_token where grant_id = '$grant'"), 't', '... that token');
	is(state_of($grant), 'live', '... and not the grant');
	is(post('revoke', [token => $tok->{refresh_token}, client_id => $id])->{status}, 200, 'a refresh token is revoked');
	is(state_of($grant), 'client_revoked', '... and with it the grant');
	is(told($flow->refresh($tok)), '400 invalid_grant', '... for good');
}

# --- events ---

{
	select undef, undef, undef, 0.5;    # a batch and more
	my $log = $gw->log;
	unlike($log, qr/\b(?:at|rt|ac|cs|bs|ba)_[A-Za-z0-9_-]{49}\b/, 'no token, code, secret or cookie is in the log');
	my %seen;
	$seen{ $_->{event} // $_->{name} // '' }{ $_->{reasonCode} // '' }++ for $gw->log_lines;
	ok($seen{mcp_auth_downstream_token_issued}{''}, 'tokens that were issued are events');
	ok($seen{mcp_auth_downstream_token_issued}{wrong_secret}, '... with the reason where they were not');
	ok($seen{mcp_auth_downstream_token_reuse_detected}{refresh_token_reused}, 'reuse is an event');
	ok($seen{mcp_auth_downstream_token_reuse_detected}{code_replayed}, '... of codes too');
	ok($seen{mcp_auth_downstream_token_revoked}{''}, 'revocation is an event');
	ok($seen{mcp_auth_login_succeeded}{''}, 'a sign-in is an event');
	diag(join ' ', map { my $n = $_; map { "$n/$_" } sort keys %{ $seen{$n} } } sort keys %seen) if $ENV{TEST_VERBOSE};
}

$gw->stop;
done_testing;
