#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Marked secrets on their ways: a user who signs in and connects, calls, renewals, an upstream and a provider that
# repeat what they were sent, a failure of each. Then they are looked for where they must not be: a dump of the
# database, all logs, the environment and the command lines of the programs; and no program would leave a core.

use strict;
use warnings;

use MIME::Base64 qw(decode_base64url);
use Test::More;

use Gatehouse::Authority;
use Gatehouse::Flow;
use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file);
use Gatehouse::Server;

my (@answers, %seen);
my $as = Gatehouse::Authority->new(mcp => sub {
	my ($c, $r, $user, $token) = @_;
	return $c->reply(500, [['Content-Type', 'text/plain'], ['X-Debug', $token]], "token $token failed") if $r->{content} =~ /"fail"/;
	return $c->result($r, { content => [{ type => 'text', text => "hello $user, you sent $token" }] });
});
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, env => { CLIENT_SECRET => 'CANARY-client-secret', API_KEY => 'CANARY-api-key' },
	policies => [
		{ name => 'mcp-token-exchange-linear', policyType => 'mcp-token-exchange-inbound', handler => { export => 'X',
			options => { displayName => 'Linear', authMode => 'user-oauth', clientId => 'known', clientSecret => '$env(CLIENT_SECRET)' } } },
		{ name => 'mcp-token-exchange-stripe', policyType => 'mcp-token-exchange-inbound', handler => { export => 'X',
			options => { displayName => 'Stripe', authMode => 'user-oauth' } } },
		{ name => 'key', policyType => 'set-headers-inbound', handler => { export => 'X',
			options => { headers => [{ name => 'X-Api-Key', value => '$env(API_KEY)' }] } } },
	],
	routes => { map { ("/mcp/$_" => { upstream => $as->url('/mcp'), inbound => ["mcp-token-exchange-$_", 'key'] }) } qw(linear stripe) });
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
my $call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}';

# ---- their ways

for my $to (qw(linear stripe)) {
	my $client = $flow->register(token_endpoint_auth_method => 'client_secret_post');
	my $ask = $flow->ask(route => "/mcp/$to", client => $client);
	my $page = $flow->open($ask->{url});
	my ($url) = ($flow->decide($page, 'continue')->header('refresh') // '') =~ /url=(.*)/;
	my $there = $flow->browse('GET', $url);
	my $back = request('GET', $there->header('location'))->header('location');
	$page = $flow->open($flow->browse('GET', $back)->header('location'));
	my $answer = $flow->answer($flow->decide($page, 'approve'));
	my $token = $flow->redeem($ask, $answer->{code})->json;
	ok($token->{access_token}, "$to: signed in and connected") or diag $page->{content};
	%seen = (%seen, map { $_ => 1 } $url =~ /browserTicket=([^&]+)/, $back =~ /code=([^&]+)/, $back =~ /state=([^&]+)/, $answer->{code}, $ask->{verifier},
		$client->{client_secret}, @$token{qw(access_token refresh_token)}, values %{ $flow->{cookies} });
	push @answers, $flow->call("/mcp/$to", $token, $call), $flow->call("/mcp/$to", $token, $call =~ s/whoami/fail/r);
	like($answers[-2]{content}, qr/hello upstream-user, you sent \*+/, "$to: a call shows who is asked for, and not the token");
	$as->expire;
	like($flow->call("/mcp/$to", $token, $call)->{content}, qr/hello upstream-user/, "$to: a renewal");
	my $new = $flow->refresh({ %$token, client => $client })->json;
	$seen{$_} = 1 for @$new{qw(access_token refresh_token)};
	$as->expire;
	$as->set(answers => { '/token' => [400, 'application/json', '{"error":"server_error","error_description":"' . join(' ', map { $_->{content} } $as->requests('/token')) . '"}'] });
	push @answers, $flow->call("/mcp/$to", $new, $call);
	isnt($answers[-1]{content} =~ /hello/, 1, "$to: a provider that repeats what it was sent");
	$as->set(answers => undef);
	push @answers, $flow->browse('GET', $back), $flow->browse('GET', $url);
}
$seen{$_} = 1 for map { my $text = $_->{content}; ($text =~ /(?:refresh_token|code|client_secret|code_verifier)=([^&]+)/g) } $as->requests('/token');
$seen{$_} = 1 for map { $_->{header}{authorization} ? $_->{header}{authorization} =~ /^\w+ (\S+)/ : () } $as->requests;
my @canaries = (sort(keys %seen), 'CANARY-client-secret', 'CANARY-api-key');
cmp_ok(scalar @canaries, '>', 30, 'there is enough to look for') or diag scalar @canaries;
push @canaries, map { my $key = $_; map { (split ' ')[2] } grep { /^\S+ \S+ \S{20}/ } split /\n/, read_file($key) } glob $gw->project . '/keys/*';

# As they are, in hex as bytea prints them, in base64 as headers have them.
sub look {
	my ($where, $text) = @_;
	my @found = grep { my $c = $_; grep { index($text, $_) >= 0 } $c, unpack('H*', $c) } @canaries;
	push @found, grep { index($text, unpack 'H*', decode_base64url($_)) >= 0 } grep { /^[-\w]{43}$/ } @canaries;
	return is(scalar @found, 0, "$where: nothing of the " . @canaries) || diag join "\n", @found;
}

# ---- where they must not be

sub pg_dump {
	my ($dump) = (glob('/usr/lib/postgresql/*/bin/pg_dump'), '/usr/bin/pg_dump');
	open my $out, '-|', $dump, '-d', $pg->superuser_conninfo or die "pg_dump: $!";
	local $/;
	my $text = <$out>;
	close $out or die 'pg_dump';
	return $text;
}
sleep 1;    # events are written in batches
my $dump = pg_dump();
like($dump, qr/COPY gatehouse\.connection /, 'the database was dumped');
like($dump, qr/upstream_connected/, '... with what was done');
look('a dump of the database', $dump);
my $logs = $gw->run->log_text;
like($logs, qr/mcp_auth_upstream_connection_refreshed/, 'the logs tell of it');
look('all logs, the web server\'s too', $logs =~ s/"(?:GET|POST) [^"]*"//gr);
for my $r (@answers) {
	my %header = %{ $r->{header} };
	delete $header{'set-cookie'};    # the user's own
	look("an answer ($r->{status})", join "\n", $r->{content}, map { @$_ } values %header);
}

for my $program (qw(discovery oauth consent connect mcp)) {
	for my $pid ($gw->pids($program)) {
		my ($environ, $line) = map { my $f; open($f, '<:raw', "/proc/$pid/$_") ? do { local $/; <$f> // '' } : '' } qw(environ cmdline);
		look("$program: its environment and command line", "$environ $line");
		unlike($environ, qr/CANARY-client|CANARY-api/, "$program: what .env holds is in no environment");
		like(read_file("/proc/$pid/limits"), qr/^Max core file size\s+0\s+0\s/m, "$program: no core file");
		is((stat "/proc/$pid/environ")[4], 0, "$program: neither its memory nor its environment opens to its own user (PR_SET_DUMPABLE)");
		like(read_file("/proc/$pid/status"), qr/^NoNewPrivs:\s*1/m, "$program: no new privileges");
	}
}

done_testing;
