#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Upstreams and authorization servers that lie (protocol 6 F): each lie ends on a page that says whose fault it is,
# and no credential leaves for another origin.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Authority;
use Gatehouse::Flow;
use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

my $as = Gatehouse::Authority->new;
my $evil = Gatehouse::Authority->new;
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg,
	policies => [map { { name => "mcp-token-exchange-$_", policyType => 'mcp-token-exchange-inbound',
		handler => { export => 'X', options => { displayName => ucfirst $_, authMode => 'user-oauth' } } } } qw(up old)],
	gateway => { outbound => { legacyDiscovery => ['old'] } },
	routes => { map { ("/mcp/$_" => { upstream => $as->url('/mcp'), inbound => ["mcp-token-exchange-$_"] }) } qw(up old) });
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
$flow->register;
$flow->open($flow->ask(route => '/mcp/up')->{url});    # signs in
my %token = map { $_ => issue($pg, $gw, "/mcp/$_", subject => 'dev-browser-user') } qw(up old);
my $call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}';

# Opens the connect address of a route: the response.
sub connect_to {
	my ($route) = @_;
	my $r = $flow->call("/mcp/$route", $token{$route}, $call);
	return $flow->browse('GET', $r->json->{error}{data}{authUrl});
}

# The whole way.
sub connect_through {
	my ($route, %o) = @_;
	my $to = connect_to($route);
	return $to if $to->{status} != 302;
	my $back = request('GET', $to->header('location'))->header('location');
	$back = $o{change}->($back) if $o{change};
	return $flow->browse('GET', $back);
}

sub reason { my ($r) = @_; my ($reason) = $r->{content} =~ m{Reason</dt><dd><code>(\w+)}; return $reason // "status $r->{status}" }
sub bucket { my ($r) = @_; my ($bucket) = $r->{content} =~ m{Where</dt><dd>([^<]+)}; return $bucket // '' }

my $o = $as->origin;
my $resource = '/.well-known/oauth-protected-resource/mcp';
my $server = '/.well-known/oauth-authorization-server';
my $setup = 'Upstream OAuth setup';
my @lies = (
	['F94: a challenge that names metadata in the cloud\'s address space', 'upstream_oauth_resource', $setup,
		challenge => 'Bearer resource_metadata="http://169.254.169.254/latest"'],
	['F94: a challenge that names a file', 'upstream_oauth_resource', $setup, challenge => 'Bearer resource_metadata="file:///etc/passwd"'],
	['F94: a challenge that names another origin', 'upstream_oauth_resource', $setup,
		challenge => 'Bearer resource_metadata="' . $evil->url($resource) . '"'],
	['F95: metadata about another origin', 'upstream_oauth_resource', $setup, prm => { resource => $evil->url('/mcp') }],
	['F95: metadata about another path', 'upstream_oauth_resource', $setup, prm => { resource => "$o/mc" }],
	['metadata without a resource', 'upstream_oauth_resource', $setup, prm => { resource => undef }],
	['metadata without an authorization server', 'upstream_oauth_none', $setup, prm => { authorization_servers => [] }],
	['F96: an issuer with another name', 'upstream_oauth_issuer', $setup, asm => { issuer => "$o/" }],
	['an issuer that is no address', 'upstream_oauth_issuer', $setup, prm => { authorization_servers => ['javascript:alert(1)'] }],
	['an issuer in the cloud\'s address space', 'fetch_url', 'Upstream response',
		prm => { authorization_servers => ['http://169.254.169.254'] }],
	['F97: an authorization endpoint that is a script', 'upstream_oauth_endpoint', $setup,
		asm => { authorization_endpoint => 'javascript:alert(1)' }],
	['F97: an authorization endpoint without TLS', 'upstream_oauth_endpoint', $setup,
		asm => { authorization_endpoint => 'http://as.example/authorize' }],
	['a token endpoint without TLS', 'upstream_oauth_endpoint', $setup, asm => { token_endpoint => 'http://as.example/token' }],
	['no token endpoint', 'upstream_oauth_endpoint', $setup, asm => { token_endpoint => undef }],
	['F100: no S256', 'upstream_oauth_pkce', $setup, asm => { code_challenge_methods_supported => ['plain'] }],
	['F100: nothing said of PKCE', 'upstream_oauth_pkce', $setup, asm => { code_challenge_methods_supported => undef }],
	['no registration', 'upstream_oauth_registration', $setup, asm => { registration_endpoint => undef }],
	['a way to authenticate that is not ours', 'upstream_oauth_auth', $setup,
		asm => { token_endpoint_auth_methods_supported => ['private_key_jwt'] }],
	['metadata that is a page', 'fetch_type', 'Upstream response', answers => { $resource => [200, 'text/html', '<b>hi'] }],
	['metadata that redirects', 'fetch_status', 'Upstream response',
		answers => { $resource => [302, 'text/plain', '', [['Location', $evil->url($resource)]]] }],
	['metadata with a member twice', 'upstream_malformed', 'Upstream response',
		answers => { $server => [200, 'application/json', qq({"issuer":"$o","issuer":"$o"})] }],
	['metadata without end', 'fetch_too_large', 'Upstream response',
		answers => { $server => [200, 'application/json', '"' . 'x' x 100_000 . '"'] }],
	['a registration that fails', 'upstream_oauth_registration', $setup, answers => { '/register' => [400, 'application/json', '{}'] }],
	['a registration without an id', 'upstream_oauth_registration', $setup, answers => { '/register' => [201, 'application/json', '{}'] }],
);
for (@lies) {
	my ($name, $reason, $bucket, %knobs) = @$_;
	$as->set(%knobs);
	my $r = connect_to('up');
	is(reason($r), $reason, "$name: refused") or diag $r->{content};
	is(bucket($r), $bucket, '... and told apart') if reason($r) eq $reason;
	$as->set(map { $_ => undef } keys %knobs);
}
is(scalar(my @none = $evil->requests), 0, 'the other origin was never asked for anything');
is($pg->psql('select count(*) from gatehouse.connect_attempt'), '0', 'no attempt began');

# ---- the answer

my @answers = (
	['F98: an answer without iss where it was promised', 'upstream_oauth_mixup', sub { $_[0] =~ s/&iss=[^&]*//r }],
	['F98: an answer of another issuer', 'upstream_oauth_mixup', sub { $_[0] =~ s/(&iss=)[^&]*/$1https%3A%2F%2Fevil.example/r }],
	['F98: an issuer in another spelling', 'upstream_oauth_mixup', sub { $_[0] =~ s/(&iss=[^&]*)/$1%2F/r }],
	['F98: another issuer\'s refusal', 'upstream_oauth_mixup', sub { $_[0] =~ s/code=[^&]*/error=access_denied/r =~ s/(&iss=)[^&]*/$1x/r }],
	['a refusal', 'access_denied', sub { $_[0] =~ s/code=[^&]*/error=access_denied/r }],
	['an error that is none', 'authorization_failed', sub { $_[0] =~ s/code=[^&]*/error=%3Cscript%3Ealert%281%29/r }],
	['neither code nor error', 'upstream_malformed', sub { $_[0] =~ s/code=[^&]*&//r }],
	['a state of nobody', 'request_unknown', sub { $_[0] =~ s/(state=.)./$1x/r }],
);
for (@answers) {
	my ($name, $reason, $change) = @$_;
	my $r = connect_through('up', change => $change);
	is(reason($r), $reason, "$name: refused");
	unlike($r->{content}, qr/evil|<script/, '... and nothing of it is shown');
}
is(scalar(my @redeemed = $as->requests('/token')), 0, 'no code was redeemed');

# ---- the tokens

my $page = '<h1>Firewall</h1><script>parent.alert(1)</script>';
for (['F101: a firewall\'s page', 'token_malformed', [403, 'text/html', $page]], ['F101: another kind of token', 'token_malformed',
	[200, 'application/json', '{"access_token":"abc","token_type":"mac"}']], ['F101: an error that says 200', 'invalid_grant',
	[200, 'application/json', '{"error":"invalid_grant"}']], ['a token that splits headers', 'token_malformed',
	[200, 'application/json', '{"access_token":"a\\r\\nX: y","token_type":"Bearer"}']], ['a redirect', 'token_malformed',
	[307, 'text/plain', '', [['Location', $evil->url('/token')]]]], ['F101: a huge answer', 'token_unavailable',
	[200, 'application/json', '{"a":"' . 'x' x 200_000 . '"}']]) {
	my ($name, $reason, $answer) = @$_;
	$as->set(answers => { '/token' => $answer });
	my $r = connect_through('up');
	is(reason($r), $reason, "$name in place of tokens: refused") or diag $r->{content};
	next if $answer->[1] ne 'text/html';
	like($r->{content}, qr{<iframe [^>]*sandbox="" srcdoc="&lt;h1&gt;Firewall}, 'the page is shown in a sandbox');
	unlike($r->{content}, qr/<script/, 'and is no part of ours');
}
$as->set(answers => undef);
is($pg->psql('select count(*) from gatehouse.connection'), '0', 'nothing was kept');
is(scalar(@none = $evil->requests), 0, 'no code went to another origin');

# ---- another authorization server

is(connect_through('up')->{status}, 200, 'what is sound is connected');
my ($registered) = $pg->psql('select client_id from gatehouse.upstream_registration');
$as->set(prm => { authorization_servers => [$evil->origin] });
is($flow->call('/mcp/up', $token{up}, $call)->json->{result}{content}[0]{text}, 'hello upstream-user',
	'F99: metadata that names another server later changes nothing for a connection');
$as->expire;
is($flow->call('/mcp/up', $token{up}, $call)->json->{result}{content}[0]{text}, 'hello upstream-user',
	'its tokens are renewed where they came from');
is(scalar(grep { $_->{method} eq 'POST' } $evil->requests), 0, 'and nothing goes to the other');
$as->expire;
$as->forget;
my $to = connect_to('up');
is($to->{status}, 302, 'a new connection goes to the new server') or diag $to->{content};
unlike($to->header('location'), qr/\Q$registered\E/, 'as another client');
is($pg->psql('select count(distinct issuer) from gatehouse.upstream_registration'), '2', 'registrations are kept for each issuer');
$as->set(prm => undef);

# ---- servers of 2025-03-26

$as->set(answers => { map { $_ => [404, 'text/plain', 'no'] } $resource, '/.well-known/oauth-protected-resource',
	$server, '/.well-known/openid-configuration' }, challenge => 'Bearer', iss => 0);
is(reason(connect_to('up')), 'upstream_oauth_none', 'a server without metadata is refused');
is(connect_through('old')->{status}, 200, 'unless it is named in legacyDiscovery') or diag $gw->log('connect');
unlike(($as->requests('/authorize'))[-1]{query}, qr/resource=/, 'then no resource is asked for');

# ---- whose address it is

$flow->browse('GET', $flow->call('/mcp/up', $token{up}, $call)->json->{error}{data}{authUrl});
my $other = issue($pg, $gw, '/mcp/up', subject => 'somebody-else');
my $url = $flow->call('/mcp/up', $other, $call)->json->{error}{data}{authUrl};
my $r = $flow->browse('GET', $url);
is($r->{status} . ' ' . reason($r), '403 other_user', 'an address that was made for somebody else is refused');
is(reason($flow->browse('GET', $url =~ s/browserTicket=./browserTicket=_/r)), 'ticket_unknown', 'and one that was changed');
is(reason($flow->browse('GET', $url =~ s/operationId=up/operationId=old/r)), 'unknown_upstream', 'or is about another route');

done_testing;
