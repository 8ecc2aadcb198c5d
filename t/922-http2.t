#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Clients that speak HTTP/2 to the web server: many calls on one connection, which end each for itself.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;
use Gatehouse::Web;

my $CALLS = 8; # as many at once as lighttpd allows on a connection
my $JSON = JSON::PP->new->utf8;
my $upstream = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	return $c->result($r, { text => 'x' x 5000 }) if $r->{path} eq '/json';
	if ($r->{path} =~ m{^/held/(.+)}) {
		$c->wait_file($1);
		return $c->result($r, {});
	}
	$c->begin_stream;
	if ($r->{path} =~ m{^/mute/(.+)}) {
		$c->event({ jsonrpc => '2.0', method => 'notifications/progress' });
		$c->note(left => $1) if $c->wait_close;
		return 0;
	}
	my ($round) = $r->{path} =~ m{^/sse/(.+)};
	for my $step (1 .. 3) {    # each event waits for the test to have seen the one before
		$c->event({ jsonrpc => '2.0', method => 'notifications/progress', params => { step => $step } });
		$c->wait_file("$round-$step");
	}
	$c->event('{"jsonrpc":"2.0","id":1,"result":{}}');
	return $c->end_stream;
});

for my $kind (qw(lighttpd nginx)) {
	subtest $kind => sub { try_kind($kind) };
}
done_testing();

# A pipe of lines from t/peers/http2.mjs: [ROUTE, token, id, whether it gives up], all over one connection at once.
sub calls {
	my ($gw, @calls) = @_;
	my %what = (origin => $gw->origin, calls => [map {
		{ path => $_->[0], id => $_->[2], ($_->[1] ? (token => $_->[1]{access_token}) : ()), gives_up => $_->[3] ? JSON::PP::true : JSON::PP::false }
	} @calls]);
	open my $out, '-|', 'timeout', 60, Gatehouse::Peers->node, Gatehouse::Peers->scripts($gw->run) . '/http2.mjs', $JSON->encode(\%what) or die "node: $!";
	return $out;
}

# What it says, as id => { status, challenge, text, end }.
sub said {
	my ($out) = @_;
	my %of;
	while (my $line = <$out>) {
		my $one = $JSON->decode($line);
		my $text = delete $one->{text};
		diag($line) if exists $one->{error};
		my $at = $of{ $one->{id} // '' } //= { text => '' };
		$at->{text} .= $text // '';
		$at->{$_} = $one->{$_} for keys %$one;
	}
	close $out;
	return \%of;
}

sub try_kind {
	my ($kind) = @_;
	my $pg = Gatehouse::Pg->new;
	local $Gatehouse::Web::HTTP2 = 1;
	my $gw = Gatehouse::Server->new(pg => $pg, web => $kind, programs => ['mcp'], gateway => { limits => { streamCommentMs => 500 } },
		routes => { map { my $way = $_; ("/mcp/$way" => { upstream => $upstream->url("/$way" . ($way eq 'json' ? '' : "/$kind")) }) } qw(json sse mute held) });
	my %token = map { ($_ => issue($pg, $gw, "/mcp/$_")) } qw(json sse mute held);

	my $answer = said(calls($gw, ['/mcp/json', undef, 1]))->{1};
	is($answer->{status}, 401, 'without a token a call is refused');
	like($answer->{challenge}, qr{resource_metadata="\Q@{[$gw->origin]}\E/}, '... with the challenge of the address that the client has');

	my $all = said(calls($gw, map { ['/mcp/json', $token{json}, $_] } 1 .. $CALLS));
	is(scalar(grep { ($all->{$_}{status} // 0) == 200 && $all->{$_}{end} eq 'whole' } 1 .. $CALLS), $CALLS, "$CALLS calls at once are answered");
	is(scalar(grep { my $a = eval { $JSON->decode($all->{$_}{text}) }; $a && $a->{id} == $_ && length $a->{result}{text} == 5000 } 1 .. $CALLS), $CALLS,
		'... each with its own answer, whole');

	my $stream = calls($gw, ['/mcp/sse', $token{sse}, 1]);
	my (@seen, $ended);
	while (my $line = <$stream>) {
		my $text = $JSON->decode($line)->{text} // '';
		$ended = 1 if $text =~ /"result"/;
		for my $step ($text =~ /"step":(\d)/g) {
			push @seen, $step;
			$upstream->release("$kind-$step");
		}
	}
	is_deeply(\@seen, [1, 2, 3], 'each event of a stream arrives while the upstream waits for it to have arrived');
	ok($ended, '... and its end');

	my $two = calls($gw, ['/mcp/held', $token{held}, 7], ['/mcp/mute', $token{mute}, 8, 1]);
	ok($upstream->wait_for(sub { grep { ($_->{left} // '') eq $kind } $upstream->notes }), 'a client that gives up one call is seen by its upstream');
	$upstream->release($kind);
	my $both = said($two);
	is($both->{8}{end}, 'given up', '... which was given up indeed');
	is_deeply([@{ $both->{7} }{qw(status end)}], [200, 'whole'], '... and the other call on the connection goes on to its end');
	like($both->{7}{text}, qr/"id":7/, '... and is answered');
	unlike($gw->log, qr/"level":"error"/, 'nothing is wrong in the log');
	$gw->stop;
	$pg->stop;
	return;
}
