#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Event streams and large answers: what arrives passes at once, nothing is held back, nobody waits
# for a slow neighbour, and nobody's leaving goes unseen.

use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Fcgi qw(connection say_to request_bytes read_answer);
use Gatehouse::Http qw(request stream parallel);
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $megabyte = 1 << 20;
my %answer = (
	turns => sub {    # each event waits for the test to have seen the one before
		my ($c, $r) = @_;
		$c->begin_stream(['Cache-Control', 'no-cache, no-transform']);
		$c->event({ jsonrpc => '2.0', method => 'notifications/progress', params => { step => $_ } }), $c->wait_file("turn-$_")
			for 1 .. 3;
		$c->event('{"jsonrpc":"2.0","id":1,"result":{}}');
		$c->end_stream;
	},
	silent => sub {
		my ($c) = @_;
		$c->begin_stream;
		$c->wait_file('silent-head');
		$c->note(left => $c->wait_close ? 1 : 0);
		return 0;
	},
	mute => sub { my ($c) = @_; $c->note(left => $c->wait_close ? 1 : 0); 0 },
	half => sub {    # an event that is not finished: no comment may be put into it
		my ($c) = @_;
		$c->begin_stream;
		$c->event({ n => 1 });
		$c->wait_file('half-1');
		$c->chunk("data: {\"n\":");
		$c->wait_file('half-2');
		$c->chunk("2}\n\n");
		$c->end_stream;
	},
	large => sub {
		my ($c, $r) = @_;
		my $piece = 'x' x 65536;
		$c->write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " . (64 * $megabyte + 60) . "\r\n\r\n");
		my $head = '{"jsonrpc":"2.0","id":1,"result":{"text":"';
		my $tail = '"}}' . ' ' x (60 - length($head) - 3);
		$c->write($head);
		$c->write($piece) or last for 1 .. 1024;
		$c->write($tail);
		$c->note(done => 1);
	},
	fast => sub { my ($c, $r) = @_; $c->result($r, {}) },
	resource => sub {
		my ($c, $r) = @_;
		return $c->reply(204, [], '') if $r->{method} eq 'DELETE';
		return $c->result($r, {}) if $r->{method} eq 'POST';
		$c->begin_stream(['Mcp-Session-Id', 's-1']);
		$c->event({ jsonrpc => '2.0', method => 'notifications/message' });
		$c->note(left => $c->wait_close ? 1 : 0);
		return 0;
	},
	chatter => sub {    # answers that nobody asked for
		my ($c) = @_;
		$c->begin_stream;
		for (1 .. 40) { $c->chunk(join '', map { "data: {\"id\":$_,\"result\":0}\n\n" } 1 .. 250) or last }
		$c->end_stream;
	},
	ticker => sub {     # small events, each by itself
		my ($c) = @_;
		$c->begin_stream;
		for (1 .. 1000) {
			$c->event({ step => $_, text => 'x' x 500 });
			sleep 0.002;
		}
		$c->note(done => 1);
		$c->end_stream;
	},
	cut => sub { my ($c) = @_; $c->begin_stream; $c->event({ n => 1 }); 0 },
);
my %up = map { $_ => Gatehouse::Upstream->new($answer{$_}) } keys %answer;
my $pg = Gatehouse::Pg->new;
# (a sanitizer keeps freed memory, which is not what is measured here)
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'],
	process_env => { ASAN_OPTIONS => join ':', grep { $_ } $ENV{ASAN_OPTIONS}, 'quarantine_size_mb=0' },
	gateway => { limits => { streamCommentMs => 1000, streamIdleMs => 4000 } },
	routes => { map { ("/mcp/$_" => { upstream => $up{$_}->url('/mcp'), options => { timeoutMs => 120000,
		($_ eq 'resource' ? (sse => JSON::PP::true) : ()) } }) } keys %up });
my %token = map { $_ => issue($pg, $gw, "/mcp/$_") } keys %up;
my $call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}';

sub arguments {
	my ($route, %o) = @_;
	my $method = delete $o{method} || 'POST';
	return ($method, $gw->url("/mcp/$route"), { timeout => 60, headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'], ['Authorization', "Bearer $token{$route}{access_token}"],
		@{ delete $o{headers} || [] }], ($method eq 'POST' ? (content => $call) : ()), %o });
}

sub event_of {
	my ($r) = @_;
	my $id = $r->header('X-Request-Id') // '';
	return wait_until(30, sub { (grep { ($_->{requestId} // '') eq $id && exists $_->{outcome} } $gw->log_lines('mcp'))[0] }) || {};
}

# --- order ---

my @seen;
my $r = stream(arguments('turns', on_chunk => sub {
	my ($bytes) = @_;
	push @seen, $1 while $bytes =~ /"step":(\d)/g;
	$up{turns}->release("turn-$seen[-1]") if @seen;    # the upstream is silent until this event has arrived
	return 1;
}));
is_deeply(\@seen, [1, 2, 3], 'each event arrives while the upstream waits for it to have arrived');
is($r->header('Content-Type'), 'text/event-stream', 'as an event stream');
is($r->header('Cache-Control'), 'no-cache, no-transform', 'with the upstream\'s Cache-Control');
is($r->header('X-Accel-Buffering'), 'no', 'and a word to whoever would buffer it');
is(($r->events)[-1]{data}, '{"jsonrpc":"2.0","id":1,"result":{}}', 'down to the answer');
is(event_of($r)->{outcome}, 'success', 'the event says success');
is(event_of($r)->{transport}, 'sse', 'by a stream');

my $headed;
$r = stream(arguments('silent', on_head => sub { $headed = 1; $up{silent}->release('silent-head'); return 1 },
	on_chunk => sub { return 0 }));
ok($headed, 'the head of a stream arrives before its first event');

# --- comments, and only between events ---

$r = stream(arguments('half', on_chunk => sub {
	my ($bytes, $time, $res) = @_;
	my $so_far = $res->{content} // '';
	$up{half}->release('half-1') if $so_far =~ /^:/m;
	if ($so_far =~ /data: \{"n":$/) { sleep 2.5; $up{half}->release('half-2') }
	return 1;
}));
like($r->{content}, qr/"n":1\}\n\n: \n\n/, 'a silent stream gets a comment line');
like($r->{content}, qr/^data: \{"n":2\}$/m, 'but never in the middle of an event') or diag $r->{content};

$r = stream(arguments('silent'));
ok($r->{end_time} && $r->{status} == 200 && ($r->{error} // '') ne 'no whole answer in time', 'a call\'s stream ends when nothing came for its idle time');
is(event_of($r)->{reasonCode}, 'upstream_closed', 'as the upstream\'s failure');
$r = stream(arguments('cut'));
is(scalar($r->events), 1, 'a stream that the upstream breaks off ends') ;
is(event_of($r)->{outcome}, 'failure', 'without an answer it is a failure');

# --- leaving ---

# lighttpd 1.4.69 watches a client only if its request did not come in one piece: this one's comes in two.
sub call_and_leave {
	my ($route) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $gw->port) or die;
	$s->autoflush;
	print {$s} "POST /mcp/$route HTTP/1.1\r\nHost: 127.0.0.1:" . $gw->port . "\r\nContent-Type: application/json\r\n" .
		"Authorization: Bearer $token{$route}{access_token}\r\nContent-Length: " . length($call) . "\r\n\r\n";
	sleep 0.3;
	print {$s} $call;
	$up{$route}->wait_for(sub { $up{$route}->requests });
	sleep 0.3;
	return close $s;
}

for my $route (qw(silent mute)) {
	$up{$route}->clear;
	call_and_leave($route);
	ok($up{$route}->wait_for(sub { grep { $_->{left} } $up{$route}->notes }), "a client that leaves a $route upstream is seen by it");
}
ok(wait_until(30, sub { grep { ($_->{outcome} // '') eq 'cancelled' } $gw->log_lines('mcp') }), 'the event says cancelled');

# --- listening streams ---

$r = stream(arguments('resource', method => 'GET', on_chunk => sub { return 0 }));
is($r->{status}, 200, 'with `sse` GET opens a listening stream');
isnt($r->header('Mcp-Session-Id'), 's-1', 'the upstream\'s session id does not show');
is(request(arguments('resource', method => 'DELETE'))->{status}, 204, 'DELETE passes too');
is(request(arguments('resource', method => 'PUT'))->header('Allow'), 'GET, POST, DELETE', 'others name what is served');

my $pid = fork // die;
if (!$pid) {    # revokes the grant once the stream stands
	$up{resource}->wait_for(sub { $up{resource}->requests });
	sleep 1;
	my $pg2 = $pg;
	$pg2->psql("update gatehouse.grants set revoked_at = now(), revoke_reason = 'x' where grant_id = '$token{resource}{grant_id}';
		select pg_notify('gatehouse', 'grant:$token{resource}{grant_id}')");
	POSIX::_exit(0);
}
$r = stream(arguments('resource', method => 'GET'));
ok(!$r->{error}, 'a listening stream ends when its grant is revoked, in good order') or diag $r->{error};
waitpid $pid, 0;

# --- large answers, slow clients ---

my ($mcp) = $gw->pids('mcp');

sub memory {
	my ($pid, $field) = @_;
	return read_file("/proc/$pid/status") =~ /^$field:\s+(\d+) kB/m ? $1 : 0;
}

# What the process has used of a processor, in ticks.
sub processor {
	my ($pid) = @_;
	my @field = split ' ', read_file("/proc/$pid/stat") =~ s/^.*\) //sr;
	return $field[11] + $field[12];
}

my $threads = memory($mcp, 'Threads') || read_file("/proc/$mcp/status") =~ /^Threads:\s+(\d+)/m && $1;
my $before = memory($mcp, 'VmHWM');
my $bytes = 0;
$r = stream(arguments('large', timeout => 60, discard => 1, on_chunk => sub { $bytes += length $_[0]; return 1 }));
is($bytes, 64 * $megabyte + 60, 'an answer of 64 MB passes');
cmp_ok(memory($mcp, 'VmHWM') - $before, '<', 4096, 'in constant memory');
is(event_of($r)->{outcome}, 'success', 'and its outcome is known at its end');

# One that reads nothing at all, beside others. lighttpd would read in its place: it is asked for as web servers do that
# hold back what their clients do not take.
sub ask_and_read_nothing {
	my ($route) = @_;
	return say_to(connection($gw, 'mcp'), request_bytes(0, $gw, "/mcp/$route", $call, $token{$route}{access_token}));
}

$up{large}->wait_for(sub { grep { exists $_->{done} } $up{large}->notes });    # the one before
$up{large}->clear;
my $stuck = ask_and_read_nothing('large');
ok($up{large}->wait_for(sub { $up{large}->requests }), 'a client asks for 64 MB and does not read them');
sleep 1;
is(scalar(grep { request(arguments('fast'))->{status} != 200 } 1 .. 20), 0, 'calls beside it pass');
ok(!(grep { exists $_->{done} } $up{large}->notes), '... while it stands: a client that does not read holds up nobody');
cmp_ok(memory($mcp, 'VmHWM') - $before, '<', 6144, 'and its answer is not collected');
close $stuck;

$stuck = ask_and_read_nothing('ticker');
$up{ticker}->wait_for(sub { grep { exists $_->{done} } $up{ticker}->notes });
is(scalar(grep { request(arguments('fast'))->{status} != 200 } 1 .. 20), 0, 'calls pass beside a client that does not read small events, either');
$r = read_answer($stuck);
is(scalar(() = $r->{content} =~ /^data:/mg), 1000, '... which is cut off for nobody: it has them all when it reads');
ok($r->{ended}, '... to their end');

# a long id, and an upstream that answers what nobody asked: the one thread of the relay compares them
my $long = '{"jsonrpc":"2.0","id":"' . 'x' x 1_000_000 . '","method":"tools/list"}';
my %work;
for my $id ([short => $call], [long => $long]) {
	my ($name, $content) = @$id;
	my $spent = processor($mcp);
	$r = stream(arguments('chatter', discard => 1, content => $content));
	$work{$name} = processor($mcp) - $spent;
	ok($r->{bytes} > 200_000, "ten thousand answers that nobody asked for pass, beside a $name id");
}
note "ticks: $work{short} beside a short id, $work{long} beside a long one";
cmp_ok($work{long}, '<', 4 * $work{short} + 50, 'a megabyte of an id is not compared with each of them');

done_testing;
