#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The threads of mcp.fcgi take turns at one loop, and do requests on the way: one that waits, for its body, for the database or for a
# function, never holds up another's answer or a stream's events, nor, as long as a thread is free, another's call.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Fcgi qw(connection record begin say_to);
use Gatehouse::Http qw(request parallel);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my ($what, $round) = $r->{path} =~ m{^/(\w+)} ? ($1, $r->{query} // '') : ('', '');
	($round) = $r->{content} =~ /round_(\w+)/ if $r->{content} =~ /round_/;
	$c->wait_file("held-$round") if $what eq 'held';
	return $c->result($r, {}) if $what ne 'turns';
	$c->begin_stream;
	$c->event({ jsonrpc => '2.0', method => 'notifications/progress', params => { step => $_ } }), $c->wait_file("$_-$round") for 1 .. 3;
	$c->event('{"jsonrpc":"2.0","id":1,"result":{}}');
	return $c->end_stream;
});
my $pg = Gatehouse::Pg->new(private => 1);
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], processes => { mcp => 1 },
	gateway => { limits => { statementMs => 20000 } },
	policies => [{ name => 'slow', policyType => 'custom-lua-inbound', handler => { export => 'x', options => {
		module => 'policies/slow.lua', export => 'loop' } } }],
	routes => { (map { ("/mcp/$_" => { upstream => $up->url("/$_") }) } qw(fast held turns)),
		'/mcp/slow' => { upstream => $up->url('/fast'), inbound => ['slow'] } });
my %token = map { $_ => issue($pg, $gw, "/mcp/$_") } qw(fast held turns slow);
$gw->run->make_dir('project/policies');
$gw->write_file('policies/slow.lua', "local M = {}\nfunction M.loop(call) while true do end end\nreturn M\n");
is((($gw->ctl('reload'))[0]), 0, 'the project is in force');

sub content { my ($round) = @_; return qq({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"round_$round","arguments":{}}}) }
sub arguments {
	my ($route, $round, %o) = @_;
	return ['POST', $gw->url("/mcp/$route"), { timeout => 60, content => content($round), on_chunk => $o{on_chunk},
		headers => [['Content-Type', 'application/json'], ['Accept', 'application/json, text/event-stream'],
			['Authorization', 'Bearer ' . ($o{token} || $token{$route}{access_token})]] }];
}
sub post { my ($route, @o) = @_; return request(@{ arguments($route, 'none', @o) })->{status} }

sub params { return Gatehouse::Fcgi::params($gw, '/mcp/fast', $_[0], $token{fast}{access_token}) }

# Requests whose variables, or whose bodies, stop in the middle, and: their ends, all before the first answer is read, and the
# answers' statuses.
sub body { return content('slow') . ' ' x 2000 }
sub begin_to_begin { return say_to(connection($gw, 'mcp'), begin(0) . record(4, substr params(length body()), 0, 100)) }
sub go_on { return say_to($_[0], record(4, substr params(length body()), 100) . record(4, '') . record(5, substr body(), 0, 500)) }
sub begin_slowly { return go_on(begin_to_begin()) }
sub finish {
	my (@sockets) = @_;
	say_to($_, record(5, substr body(), 500) . record(5, '')) for @sockets;
	return join ' ', map { Gatehouse::Fcgi::read_answer($_)->{status} } @sockets;
}

# A stream and a call that the upstream holds are under way; then BEFORE makes requests that wait, and so do those of WAITING. When they
# do, the stream's events and the answer have to come. FREE lets the others go, when all that has come, or after 20 s. Returns what
# came in its order, and the answers of WAITING.
sub order {
	my ($round, %o) = @_;
	my $file = "$ENV{GATEHOUSE_TEST_TMP}/order-$$-$round";
	my $note = sub { open my $f, '>>', $file or die $!; syswrite $f, "$_[0]\n"; return 1 };
	my $order = sub { open my $f, '<', $file or return ''; local $/; return join ' ', split /\n/, <$f> };
	my $client = fork // die;
	if (!$client) {
		my $stream = sub { my $n = () = $_[0] =~ /^data:/mg; $note->('event') for 1 .. $n; return 1 };
		my @r = parallel(arguments('turns', $round, on_chunk => $stream), arguments('held', $round, on_chunk => sub { $note->('answer') }));
		POSIX::_exit(scalar grep { $_->{status} != 200 } @r);
	}
	$up->wait_for(sub { $order->() eq 'event' && (grep { $_->{path} eq '/held' && $_->{content} =~ /round_$round"/ } $up->requests) });
	$o{before}->();
	my $freer = fork // die;
	if (!$freer) {
		sleep 1;
		for (1 .. 3) { $up->release("$_-$round"); sleep 0.2 }
		$up->release("held-$round");
		wait_until(20, sub { 5 == (() = $order->() =~ /event|answer/g) });
		$o{free}->();
		POSIX::_exit(0);
	}
	my @r = parallel($o{waiting}->(sub { $note->('blocked') }));
	waitpid $freer, 0;
	waitpid $client, 0;
	is($?, 0, 'both are answered');
	my $text = $order->();
	unlink $file;
	return ($text, @r);
}

$up->release($_) for qw(held-none 1-none 2-none 3-none);
is(post($_), 200, "$_: a call is answered") for qw(fast held turns);
is(post('slow'), 500, 'a function that has no end is ended');

# --- connections that bring nothing, or a part of the variables

my @mute = map { connection($gw, 'mcp') } 1 .. 10;
push @mute, map { begin_to_begin() } 1 .. 10;
sleep 1;
is(scalar(grep { post('fast') != 200 } 1 .. 10), 0, 'twenty connections without a request hold up no call');
is(finish(go_on(pop @mute)), '200', 'a request whose variables come late is served');
close $_ for @mute;

# --- bodies that do not come

my @slow = (begin_slowly());
sleep 0.5;
is(scalar(grep { post('fast') != 200 } 1 .. 10), 0, 'a body that stops holds up no call');
my ($order) = order('body', before => sub { push @slow, map { begin_slowly() } 1 .. 3 }, waiting => sub { }, free => sub { });
is($order =~ tr/ //, 4, 'four of them hold up no answer and no event') or diag $order;
is(finish(@slow), '200 200 200 200', 'all are served when they come');
is(post('fast'), 200, 'and the next call as well');

# --- a database that hangs

($order, my @blocked) = order('database', before => sub { $pg->freeze }, free => sub { $pg->thaw }, waiting => sub {
	my ($note) = @_;
	return map { arguments('fast', 'none', token => Gatehouse::Token::token_text('at_'), on_chunk => $note) } 1 .. 4 });
$pg->thaw;
like($order, qr/^(?:(?:event|answer) ?){5}blocked/, 'calls that wait for the database hold up no answer and no event');
is(join(' ', map { $_->{status} } @blocked), '401 401 401 401', 'they are answered when it is back');

# --- functions that compute as long as they may

($order, @blocked) = order('function', before => sub { }, free => sub { }, waiting => sub {
	return map { arguments('slow', 'none') } 1 .. 60 });
is($order =~ tr/ //, 4, 'functions that compute hold up no answer and no event') or diag $order;
is(scalar(grep { $_->{status} != 500 } @blocked), 0, 'each has its end');

# --- the end, with a body on its way

my $last = begin_slowly();
sleep 0.5;
my ($mcp) = $gw->pids('mcp');
kill 'TERM', $mcp;
sleep 0.5;
is(finish($last), 200, 'a request that has begun to come is served before the process ends');
ok(wait_until(30, sub { !kill 0, $mcp }), 'and the process ends');
ok(wait_until(30, sub { post('fast') == 200 }), 'another takes its place');

done_testing;
