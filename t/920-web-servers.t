#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The same flow under every way to run: sign-in, a call, a stream, a large body, an upload that is
# too large, the spellings of a path that web servers differ on, headers of several lines and long ones, and a program
# that dies or is away.

use strict;
use warnings;

use JSON::PP ();
use POSIX ();
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(request stream url_encode);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Upstream;
use Gatehouse::Web;

my $upstream = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	return $c->result($r, { bytes => length $r->{content}, accept => $r->{header}{accept} }) if $r->{path} eq '/json';
	return $c->wait_close && 0 if $r->{path} =~ m{^/held/};
	return $c->reply(302, [['Location', 'https://elsewhere.example/?' . 'x' x 7_000]], '') if $r->{path} eq '/far';
	$c->begin_stream;
	if ($r->{path} =~ m{^/mute/(.+)}) {
		$c->event({ jsonrpc => '2.0', method => 'notifications/progress' });
		$c->note(left => $1) if $c->wait_close;
		return 0;
	}
	for my $step (1 .. 3) {    # each event waits for the test to have seen the one before
		$c->event({ jsonrpc => '2.0', method => 'notifications/progress', params => { step => $step } });
		my ($round) = map { $_->[1] } grep { lc $_->[0] eq 'x-turns' } @{ $r->{headers} };
		$c->wait_file("$round-$step") if $round;
	}
	$c->event('{"jsonrpc":"2.0","id":1,"result":{}}');
	return $c->end_stream;
});
my %message = (jsonrpc => '2.0', id => 1, method => 'tools/call', params => { name => 't' });
my @kinds = @ARGV ? @ARGV : Gatehouse::Web->kinds;

for my $kind (@kinds) {
	subtest $kind => sub { try_kind($kind) };
}

sub try_kind {
	my ($kind) = @_;
	my $pg = Gatehouse::Pg->new;
	# a host that gives neither root nor a supervisor gives one role, too
	my $gw = Gatehouse::Server->new(pg => $pg, web => $kind, ($kind eq 'htaccess' ? (single_role => 'tenant') : ()),
		gateway => { limits => { streamCommentMs => 500 }, trustedProxies => ['127.0.0.1/32'] }, routes => {
		'/mcp/json' => { upstream => $upstream->url('/json') },
		'/mcp/sse' => { upstream => $upstream->url('/sse'), options => { forwardHeaders => ['x-turns'] } },
		'/mcp/mute' => { upstream => $upstream->url("/mute/$kind") },
		'/mcp/held' => { upstream => $upstream->url("/held/$kind") },
		'/mcp/far' => { upstream => $upstream->url('/far') },
	});
	my $flow = Gatehouse::Flow->new(origin => $gw->origin);
	my $token = $flow->sign_in(route => '/mcp/json');
	ok($token->{access_token}, 'a client signs its user in');
	my $challenge = $flow->call('/mcp/json', undef, \%message);
	is($challenge->{status}, 401, 'without a token a call is refused');
	like($challenge->header('WWW-Authenticate'), qr{resource_metadata="\Q@{[$gw->origin]}\E/\.well-known/},
		'... with the challenge');

	my $answer = $flow->call('/mcp/json', $token, \%message);
	is($answer->{status}, 200, 'a call goes through');
	is($answer->json->{id}, 1, '... and its answer comes back');
	is($flow->refresh($token)->{status}, 200, 'a refresh token works');

	my $large = { %message, params => { name => 't', arguments => { text => 'x' x 1_000_000 } } };
	$answer = $flow->call('/mcp/json', $token, $large);
	is($answer->{status}, 200, 'a body of a megabyte goes through');
	cmp_ok($answer->json->{result}{bytes}, '>', 1_000_000, '... whole');
	$large->{params}{arguments}{text} = 'x' x 1_100_000;
	is($flow->call('/mcp/json', $token, $large)->{status}, 413, 'a larger one is refused by the gateway');

	streams($gw, $flow, $kind) if $gw->web->streams;
	$answer = $flow->call('/mcp/sse', $flow->sign_in(route => '/mcp/sse'), \%message);
	is(scalar($answer->events), 4, 'a stream has all its events');

	spellings($gw, $flow, $token);
	headers($pg, $flow, $token);
	deaths($gw, $flow, $token, $kind) if $gw->web->is_standing;
	unlike($gw->log, qr/\Q$token->{access_token}\E/, 'no log has the token');
	$gw->stop;
	$pg->stop;
	return;
}

# Order, not time: the upstream is silent until the event before has arrived.
sub streams {
	my ($gw, $flow, $round) = @_;
	my $token = $flow->sign_in(route => '/mcp/sse');
	my @seen;
	my $r = stream('POST', $gw->url('/mcp/sse'), { timeout => 20, %{ $flow->call_request($token, \%message,
			headers => [['X-Turns', $round]]) }, on_chunk => sub {
		my ($bytes) = @_;
		push @seen, $1 while $bytes =~ /"step":(\d)/g;
		$upstream->release("$round-$seen[-1]") if @seen;
		return 1;
	} });
	is_deeply(\@seen, [1, 2, 3], 'each event arrives while the upstream waits for it to have arrived');

	# the web server tells, or a comment line finds out
	stream('POST', $gw->url('/mcp/mute'), { timeout => 20, %{ $flow->call_request($flow->sign_in(route => '/mcp/mute'),
			\%message) }, on_chunk => sub { return 0 } });
	ok($upstream->wait_for(sub { grep { ($_->{left} // '') eq $round } $upstream->notes }), 'a client that leaves is seen by the upstream');
	return;
}

# [target, method, what the gateway or its web server must make of it]; nothing reaches the upstream.
sub spellings {
	my ($gw, $flow, $token) = @_;
	my $before = () = $upstream->requests;
	my @cases = (
		['/mcp%2Fjson', 'an encoded slash'],
		['/mcp/%6ason', 'an encoded letter'],
		['/mcp//json', 'an empty segment'],
		['/mcp/./json', 'a dot segment'],
		['/mcp/x/../json', 'a double dot segment'],
		['/mcp/x/%2e%2e/json', 'an encoded double dot segment'],
		['/mcp/json/', 'a trailing slash'],
		['/mcp/json;a=b', 'a path parameter'],
		['/mcp/JSON', 'another case'],
		['/mcp/jsonx', 'a longer name'],
		['/mcp/json%00', 'a NUL'],
	);
	for my $case (@cases) {
		my $r = $flow->call($case->[0], $token, \%message);
		ok(($r->{status} == 404 || $r->{status} == 400), "$case->[1] is refused") or diag "$case->[0]: $r->{status}";
	}
	my $lower = request('post', $gw->url('/mcp/json'), $flow->call_request($token, \%message));
	ok(($lower->{status} =~ /^(?:400|405|501)$/), 'a lower-case method is no POST') or diag $lower->{status};
	is(scalar(() = $upstream->requests), $before, 'none of them reaches the upstream');
	my $absolute = Gatehouse::Http::raw($gw->url('/'), join "\r\n",
		"GET @{[$gw->origin]}/.well-known/oauth-protected-resource/mcp/json HTTP/1.1",
		'Host: ' . ($gw->origin =~ m{//(.*)})[0], 'Connection: close', '', '');
	is($absolute->{status}, 200, 'an absolute request target is understood');
	my $registry = request('GET', $gw->url('/mcp-registry/v0.1/servers/localhost%2Fjson/versions/latest'));
	is($registry->{status}, 200, 'a registry name with an encoded slash is found');
	$registry = request('GET', $gw->url('/mcp-registry/v0.1/servers/localhost/json/versions/latest'));
	is($registry->{status}, 200, '... and with a plain one');
	my $foreign = request('GET', $gw->url('/.well-known/oauth-protected-resource/mcp/json'),
		{ headers => [['Host', 'evil.example']] });
	is($foreign->{status}, 421, 'an unknown Host is refused');
	return;
}

sub headers {
	my ($pg, $flow, $token) = @_;
	my $answer = request('POST', $flow->{origin} . '/mcp/json', { content => JSON::PP->new->encode(\%message), headers => [
		['Content-Type', 'application/json'], ['Authorization', "Bearer $token->{access_token}"],
		['Accept', 'application/json'], ['Accept', 'text/event-stream'],
		['X-Forwarded-For', '203.0.113.7'], ['X-Forwarded-For', '198.51.100.9']] });
	is($answer->{status}, 200, 'a list in two lines is understood');
	is(($answer->json->{result} || {})->{accept}, 'application/json, text/event-stream', '... as one');
	my $id = $answer->header('X-Request-Id');
	my $address;
	wait_until(20, sub { $address = $pg->psql("select client_ip from gatehouse.event_call where request_id = '$id'") });
	is($address, '198.51.100.9', '... and the client is whom the last one names');
	my $far = $flow->call('/mcp/far', $flow->sign_in(route => '/mcp/far'), \%message);
	is($far->{status}, 302, 'an answer with a head of 7 KB passes');
	is(length($far->header('Location') // ''), 7_027, '... whole');
	return;
}

# The process that has a call ends with it: that is told, and nobody sends the call again.
sub deaths {
	my ($gw, $flow, $token, $kind) = @_;
	my $held = sub { scalar grep { $_->{path} eq "/held/$kind" } $upstream->requests };
	my $caller = $flow->sign_in(route => '/mcp/held');
	my $child = fork // die "fork: $!";
	if (!$child) {
		$upstream->wait_for($held);
		kill 'KILL', $gw->pids('mcp');
		POSIX::_exit(0);
	}
	my $answer = $flow->call('/mcp/held', $caller, \%message);
	waitpid $child, 0;
	like($answer->{status}, qr/^50[0234]$/, 'a call whose process is killed is answered with an error');
	ok(wait_until(20, sub { $flow->call('/mcp/json', $token, \%message)->{status} == 200 }), '... the next process takes calls');
	is($held->(), 1, '... and has reached the upstream once');
	$gw->stop_program('mcp');
	like($flow->call('/mcp/json', $token, \%message)->{status}, qr/^50[23]$/, 'a program that is away is an error');
	$gw->start_program('mcp');
	ok(wait_until(20, sub { $flow->call('/mcp/json', $token, \%message)->{status} == 200 }), '... and is asked again when it is back');
	return;
}

done_testing();
