#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# A gateway with a public origin, outside of development: upstreams want TLS, private networks are closed unless
# the project opens them for an upstream, and an authorization server that reads documents knows the gateway by its own.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Authority;
use Gatehouse::Flow;
use Gatehouse::Http qw(request url_decode);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program free_port wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

my $public = 'https://gw.example';
my $as = Gatehouse::Authority->new;
my $run = Gatehouse::Run->new('front');
my $dir = $run->dir;
my ($status, $text) = $run->command({}, find_program('openssl'), qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2),
	'-subj', '/CN=upstream', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', "$dir/site.key", '-out', "$dir/site.crt");
is($status, 0, 'a certificate') or diag $text;
my $port = free_port();
my $there = "https://127.0.0.1:$port";
my $scripts = Gatehouse::Peers->scripts($run);
$run->spawn('front', {}, Gatehouse::Peers->node, "$scripts/tls-front.mjs", $port, $as->{up}->port, "$dir/site.key", "$dir/site.crt");
wait_until(10, sub { $run->log_text('front') =~ /listening/ }) or die $run->log_text('front');
$as->set(iss => $there, prm => { resource => "$there/mcp", authorization_servers => [$there] }, asm => { issuer => $there,
	authorization_endpoint => "$there/authorize", token_endpoint => "$there/token", registration_endpoint => "$there/register",
	revocation_endpoint => "$there/revoke", client_id_metadata_document_supported => JSON::PP::true },
	challenge => qq(Bearer resource_metadata="$there/.well-known/oauth-protected-resource/mcp"));

my %routes = ('/mcp/shared' => { upstream => "$there/mcp", inbound => ['mcp-token-exchange-shared'] },
	'/mcp/plain' => { upstream => $as->url('/plain'), public => 1 });
my @policies = ({ name => 'idp', policyType => 'mcp-oauth-inbound', handler => { export => 'X', options => {
		oidc => { issuer => 'https://idp.example', jwksUrl => 'https://idp.example/jwks' },
		browserLogin => { url => 'https://idp.example/authorize', tokenUrl => 'https://idp.example/token', clientId => 'gateway', clientSecret => 's' } } } },
	{ name => 'mcp-token-exchange-shared', policyType => 'mcp-token-exchange-inbound', handler => { export => 'X',
		options => { displayName => 'Shared', authMode => 'shared-oauth' } } });
sub gateway { my (%outbound) = @_; return { development => JSON::PP::false, publicOrigins => [$public], outbound => { caFile => "$dir/site.crt", %outbound } } }
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery connect mcp)], oauth => 'idp', gateway => gateway(), policies => \@policies, routes => \%routes);
my $browser = Gatehouse::Flow->new(origin => $gw->origin);

# An address of the public origin, where the test's web server is.
sub visit { my ($url) = @_; $url =~ s/^\Q$public\E/$gw->origin/e or die $url; return $browser->browse('GET', $url, headers => [['Host', 'gw.example']]) }
sub connect_url { my ($s, $out) = $gw->ctl('connect', 'shared'); return $out =~ /^(http\S+)$/m ? $1 : die $out }
sub reason { my ($r) = @_; return $r->{content} =~ m{Reason</dt><dd><code>(\w+)} ? $1 : "status $r->{status}" }
sub use_outbound {
	my (%outbound) = @_;
	$gw->write_project(gateway => gateway(%outbound));
	my $before = () = $gw->log =~ /a new snapshot is in force/g;
	my ($s, $out) = $gw->ctl('reload');
	is($s, 0, 'the project is published') or diag $out;
	return wait_until(10, sub { (() = $gw->log =~ /a new snapshot is in force/g) >= $before + 3 });
}
sub call {
	my ($to, $token) = @_;
	return request('POST', $gw->url("/mcp/$to"), { headers => [['Host', 'gw.example'], ['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'], $token ? ['Authorization', "Bearer $token->{access_token}"] : ()],
		content => '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}' });
}

# ---- closed

like(connect_url(), qr{^\Q$public\E/auth/connections/shared/connect\?}, 'addresses are those of the public origin');
is(reason(visit(connect_url())), 'fetch_address', 'an upstream in a private network is not looked at');
my $plain = call('plain');
is($plain->{status}, 500, 'nor is one without TLS called: the configuration has to say so');
like($gw->log('mcp'), qr/name 'plain' in outbound\.insecureHttp/, '... as the log says');
use_outbound(allow => { other => ['127.0.0.0/8'] });
is(reason(visit(connect_url())), 'fetch_address', 'a network that is open for another upstream is closed for this one');
is(scalar(my @none = $as->requests), 0, '... and nothing came there');

# ---- open for one

use_outbound(allow => { shared => ['127.0.0.1/32'] });
my $to = visit(connect_url());
is($to->{status}, 302, 'where the project opens it, the way goes on') or diag $to->{content};
my ($id) = $to->header('location') =~ /[?&]client_id=([^&]+)/;
my $document = "$public/.well-known/oauth-client/shared?authProfileId=shared:shared-oauth";
is(url_decode($id), $document, 'the gateway is known by its document');
my $doc = request('GET', $gw->url('/.well-known/oauth-client/shared?authProfileId=shared:shared-oauth'), { headers => [['Host', 'gw.example']] });
is($doc->{status} . ' ' . $doc->header('content-type'), '200 application/json', 'which is there');
is($doc->json->{client_id}, $document, '... and names itself');
is_deeply($doc->json->{redirect_uris}, ["$public/auth/connections/shared/callback"], '... and the callback');
is($doc->json->{token_endpoint_auth_method}, 'none', '... without a secret');
is(scalar(@none = $as->requests('/register')), 0, 'nothing was registered');
my $location = $to->header('location') =~ s/^\Q$there\E/$as->origin/er;
my $done = visit(request('GET', $location)->header('location'));
is($done->{status}, 200, 'the connection is made') or diag $done->{content};
my ($token) = $as->requests('/token');
like($token->{content}, qr/client_id=\Q$id\E&/, '... by a client that says who it is');
unlike($token->{content}, qr/client_secret/, '... and has no secret to tell');
my $bearer = issue($pg, $gw, '/mcp/shared', subject => 'somebody', origin => $public);
is(call('shared', $bearer)->json->{result}{content}[0]{text}, 'hello upstream-user', 'and used');

# ---- without TLS

is(call('plain')->{status}, 500, 'an upstream without TLS is not called');
use_outbound(allow => { '*' => ['127.0.0.0/8'] }, insecureHttp => ['other']);
is(call('plain')->{status}, 500, '... nor where another one may be');
is(scalar(@none = $as->requests('/plain')), 0, '... so that nothing came there');
use_outbound(allow => { '*' => ['127.0.0.0/8'] }, insecureHttp => ['plain']);
is(call('plain')->{status}, 404, '... but where the project names it');
is(scalar(@none = $as->requests('/plain')), 1, '... it is');

done_testing;
