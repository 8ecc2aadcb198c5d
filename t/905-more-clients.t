#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# ./runtests --full: the official conformance suite's scenarios for authorization servers, and clients that people
# use, each in a process of its own. A person without a screen reads the address that each prints, signs in,
# and presses a button.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(request);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program free_port read_file wait_until);
use Gatehouse::Server;

BAIL_OUT('the peers of t/peers/full are missing: ./runtests --full installs them') if !Gatehouse::Peers->full('mcp-remote');

my $run = Gatehouse::Run->new('peers');
my $everything = Gatehouse::Peers->everything($run);
my $pg = Gatehouse::Pg->new;

# the site of a client that is a document, with a certificate of its own

my ($made, $text) = $run->command({}, find_program('openssl'), qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2),
	'-subj', '/CN=client', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', $run->dir . '/site.key', '-out', $run->dir . '/site.crt');
is($made, 0, 'a certificate is made') or diag $text;
my $site = free_port();
my $document = "https://127.0.0.1:$site/app";
$run->spawn('document', {}, Gatehouse::Peers->node, Gatehouse::Peers->scripts($run) . '/document.mjs', $site, $run->dir . '/site.key', $run->dir . '/site.crt',
	'http://127.0.0.1:1/oauth/callback');
ok(wait_until(20, sub { $run->log_text('document') =~ /listening/ }), 'the site is up') or diag $run->log_text('document');
chmod 0755, $run->dir;

my $gw = Gatehouse::Server->new(pg => $pg, routes => { '/mcp/everything' => { upstream => $everything->{url} } },
	oauth_gateway => { accessTokenTtlSeconds => 3 }, gateway => { outbound => { caFile => $run->dir . '/site.crt' } });
my $url = $gw->url('/mcp/everything');
my $json = JSON::PP->new->utf8;
my $n = 0;
my $home = $run->make_dir('home');

# A peer: { pid, name, in => handle, log => sub }.
sub start {
	my ($name, @arguments) = @_;
	my $log = $name . ++$n;
	pipe my $read, my $write or die $!;
	$write->autoflush;
	my $pid = $run->spawn($log, { stdin => $read, env => { MCP_REMOTE_CONFIG_DIR => "$run->{dir}/$name", BROWSER => 'true', NO_COLOR => 1,
		HOME => $home, MCP_INSPECTOR_SECRET_STORE => 'file',
		MCP_CATALOG_PATH => "$run->{dir}/$name.json", DISPLAY => '', MCP_AUTO_OPEN_ENABLED => 'true' } }, Gatehouse::Peers->full($name), @arguments);
	close $read;
	return { pid => $pid, in => $write, log => sub { return $run->log_text($log) } };
}

sub ended {
	my ($peer, $seconds) = @_;
	my $end = time + ($seconds || 30);
	while (time < $end) {
		return $? >> 8 if waitpid($peer->{pid}, POSIX::WNOHANG()) == $peer->{pid};
		select undef, undef, undef, 0.1;
	}
	return 'still running';
}

# The person: goes where the peer says, and back to it with the answer. Returns the answer's parameters.
sub person {
	my ($peer, $decision, $seen) = @_;
	my $flow = Gatehouse::Flow->new(origin => $gw->origin);
	my $to;
	wait_until(30, sub { my @urls = $peer->{log}->() =~ m{(\Q@{[ $gw->origin ]}\E/oauth/authorize\S+)}g; $to = $urls[-1] if @urls > ($seen || 0); $to })
	  or return diag('no address: ' . $peer->{log}->());
	my $page = $flow->open($to);
	my $back = $flow->decide($page, $decision);
	my $location = $back->header('location');
	like($location, qr{^http://(?:127\.0\.0\.1|localhost):\d+/}, 'the answer goes to the peer');
	$location =~ s{//localhost:}{//127.0.0.1:};
	request('GET', $location, { timeout => 20 });
	return $flow->answer($back);
}

# --- the conformance suite

{
	my $peer = start('conformance', 'list');
	ended($peer);
	my ($part) = $peer->{log}->() =~ /Authorization server scenarios[^\n]*\n((?:  - .*\n)+)/;
	my @scenarios = ($part // '') =~ /^  - (\S+)/mg;
	cmp_ok(scalar @scenarios, '>=', 2, "the suite has scenarios for authorization servers: @scenarios");
	for my $issuer ($gw->origin, $gw->origin . '/mcp/everything') {
		my $port = free_port();
		my $client = Gatehouse::Flow->new(origin => $gw->origin)->register(redirect_uris => ["http://127.0.0.1:$port/callback"]);
		my $dir = $run->make_dir('conformance' . ++$n);
		$peer = start('conformance', 'authorization', '--url', $issuer, '--client-id', $client->{client_id},
			'--resource', $url, '--port', $port, '--output-dir', $dir);
		person($peer, 'approve');
		is(ended($peer, 60), 0, "the suite passes at $issuer") or diag $peer->{log}->();
		my @files = glob "$dir/*/checks.json";
		is(scalar @files, scalar @scenarios, '... with all its scenarios');
		my @checks = map { @{ $json->decode(read_file($_)) } } @files;
		is_deeply([map { "$_->{name} $_->{status}" } grep { $_->{status} ne 'SUCCESS' } @checks], [], '... and every check of them');
	}
}

# --- mcp-remote: a server for programs that know standard input and output only

sub say_to { my ($peer, %message) = @_; print { $peer->{in} } $json->encode({ jsonrpc => '2.0', %message }) . "\n"; return }
sub heard { my ($peer, $id) = @_; my $found; wait_until(30, sub { ($found) = grep { ref eq 'HASH' && ($_->{id} // '') eq $id } map { eval { $json->decode($_) } } split /\n/, $peer->{log}->(); $found }); return $found || {} }

sub live { my ($where) = @_; return $pg->psql("select count(*) from gatehouse.grants where revoked_at is null and $where") }
sub forget { system 'rm', '-rf', map { ("$run->{dir}/$_", glob "$run->{dir}/$_-*.json") } @_; return }

$gw->ctl(qw(user revoke dev-browser-user));    # what the suite was granted
for my $mode ('registered', 'document') {
	my $name = "mcp-remote, $mode";
	my $is_it = $mode eq 'document' ? "client_id = '$document'" : "client_id not like 'https:%'";
	my @document = $mode eq 'document' ? ('--client-metadata-url', $document) : ();
	my @call = ($url, free_port(), '--transport', 'http-only', '--host', '127.0.0.1', @document);
	forget('mcp-remote');
	my $peer = start('mcp-remote', @call);
	is(person($peer, 'approve')->{state} ne '', 1, "$name: signs in");
	say_to($peer, id => 'hello', method => 'initialize', params => { protocolVersion => '2025-06-18', capabilities => {}, clientInfo => { name => 't', version => '1' } });
	ok(heard($peer, 'hello')->{result}{serverInfo}, '... the real server answers') or diag $peer->{log}->();
	is(live($is_it), 1, '... to the client that it is');
	say_to($peer, method => 'notifications/initialized');
	say_to($peer, id => 'list', method => 'tools/list', params => {});
	ok(@{ heard($peer, 'list')->{result}{tools} || [] } > 3, '... and lists its tools');
	sleep 4;
	say_to($peer, id => 'late', method => 'tools/call', params => { name => 'echo', arguments => { message => 'later' } });
	like($json->encode(heard($peer, 'late')->{result} || {}), qr/later/, '... also when the access token has expired') or diag $peer->{log}->();
	is(live("$is_it and generation > 1"), 1, '... by a refresh');
	my @before = $peer->{log}->() =~ m{/oauth/authorize\?}g;
	my ($status) = $gw->ctl(qw(user revoke dev-browser-user));
	is($status, 0, 'the user is revoked');
	say_to($peer, id => 'gone', method => 'tools/call', params => { name => 'echo', arguments => { message => 'x' } });
	is(person($peer, 'approve', scalar @before)->{iss} ne '', 1, "$name: a person must sign in again");
	kill TERM => $peer->{pid};
	ended($peer);
	$gw->ctl(qw(user revoke dev-browser-user));

	forget('mcp-remote');
	$peer = start('mcp-remote', $url, free_port(), '--transport', 'http-only', '--host', '127.0.0.1', @document);
	is(person($peer, 'cancel')->{error}, 'access_denied', "$name: a person says no");
	isnt(ended($peer), 0, '... and it gives up') or diag $peer->{log}->();
	like($peer->{log}->(), qr/access_denied|denied|fail|error/i, '... saying so');
}

# --- MCP Inspector, on the command line

for my $mode ('registered', 'document') {
	my $name = "MCP Inspector, $mode";
	my $is_it = $mode eq 'document' ? "client_id = '$document'" : "client_id not like 'https:%'";
	my @call = ('--cli', '--server-url', $url, '--transport', 'http', '--callback-url', 'http://127.0.0.1:' . free_port() . '/oauth/callback',
		$mode eq 'document' ? ('--client-metadata-url', $document) : ());
	my $peer = start('inspector', @call, '--relogin', '--method', 'tools/list');
	ok(person($peer, 'approve')->{code}, "$name: signs in");
	is(ended($peer, 40), 0, '... and lists the tools') or diag $peer->{log}->();
	like($peer->{log}->(), qr/"name":\s*"echo"/, '... of the real server');
	is(live($is_it), 1, '... as the client that it is');
	sleep 4;
	$peer = start('inspector', @call, '--method', 'tools/call', '--tool-name', 'echo', '--tool-arg', 'message=hello');
	is(ended($peer, 40), 0, '... and calls one when its access token has expired') or diag $peer->{log}->();
	is(live("$is_it and generation > 1"), 1, '... by a refresh');
	$gw->ctl(qw(user revoke dev-browser-user));
	$peer = start('inspector', @call, '--method', 'tools/list');
	is(person($peer, 'cancel')->{error}, 'access_denied', "$name: revoked, and then refused by the person");
	isnt(ended($peer, 40), 0, '... it fails') or diag $peer->{log}->();
}
$gw->stop;
$run->stop;
done_testing;
