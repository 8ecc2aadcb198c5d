#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Upstreams over plain http, whose answers the gateway frames itself: what is no answer, and which connection carries the next call.
# An upstream must not get one caller's answer to another, nor bytes that it slipped in behind an answer.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Upstream;

my $ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
my $result = '{"jsonrpc":"2.0","id":"x-7","result":{}}';
my $n = length $result;

# [name, what it is, the answer]: all of them 502
my @malformed = (
	['two_lengths', 'two lengths', "${ok}Content-Length: $n\r\nContent-Length: 0\r\n\r\n$result"],
	['same_length', 'a length twice', "${ok}Content-Length: $n\r\nContent-Length: $n\r\n\r\n$result"],
	['length_coding', 'a length and a coding', "${ok}Content-Length: $n\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
	['coding', 'a coding that was not asked for', "${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
	['folded', 'a folded header', "${ok}X: y\r\n Content-Length: $n\r\n\r\n$result"],
	['blank_colon', 'a blank before a colon', "${ok}Content-Length : $n\r\n\r\n$result"],
	['bare_lf', 'lines that end in LF', "HTTP/1.1 200 OK\nContent-Length: $n\n\n$result"],
	['bare_cr', 'CR in a header', "${ok}X: y\rContent-Length: 0\r\nContent-Length: $n\r\n\r\n$result"],
	['nul', 'NUL in a header', "${ok}X: y\0\r\nContent-Length: $n\r\n\r\n$result"],
	['upgrade', 'another protocol', "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"],
	['http2', 'HTTP/2', "HTTP/2 200\r\nContent-Length: $n\r\n\r\n$result"],
	['fields', 'too many headers', $ok . join('', map { "X-$_: y\r\n" } 1 .. 300) . "Content-Length: $n\r\n\r\n$result"],
);
my $poison = "${ok}Content-Length: 38\r\n\r\n" . '{"jsonrpc":"2.0","id":"x-7","error":1}';
my %answer = (
	(map { my $bytes = $_->[2]; ($_->[0] => sub { $_[0]->write($bytes); $_[0]->wait_close; 0 }) } @malformed),
	whole => sub { my ($c, $r) = @_; $c->result($r, { at => "$r->{connection}-$r->{n}" }) },
	two_answers => sub { my ($c, $r) = @_; my $answer = qq({"jsonrpc":"2.0","id":"x-7","result":{"at":"$r->{connection}-$r->{n}"}});
		$c->write("${ok}Content-Length: " . length($answer) . "\r\n\r\n$answer$poison") },
	late_answer => sub { my ($c, $r) = @_; $c->result($r, { at => "$r->{connection}-$r->{n}" }); $c->write($poison); $c->note(poisoned => $r->{connection}); 1 },
	closing => sub { my ($c, $r) = @_; $c->result($r, { at => "$r->{connection}-$r->{n}" }, ['Connection', 'close']) },
	chunks => sub { my ($c, $r) = @_; $c->write("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${ok}Transfer-Encoding: chunked\r\n\r\n");
		$c->write("1;x=\"y\"\r\n$_\r\n") for split //, qq({"jsonrpc":"2.0","id":"x-7","result":{"at":"$r->{connection}-$r->{n}"}});
		$c->write("0\r\nSet-Cookie: a=b\r\nContent-Length: 7\r\n\r\n") },
	large => sub { my ($c, $r) = @_; $c->result($r, { at => "$r->{connection}-$r->{n}", text => 'x' x 300_000 }) },
	bad_chunk => sub { my ($c, $r) = @_; $c->write("${ok}Transfer-Encoding: chunked\r\n\r\na\r\n$result\r\n0\r\n\r\n$poison"); $c->wait_close; 0 },
	accepted => sub { my ($c, $r) = @_; return $c->result($r, { at => "$r->{connection}-$r->{n}" }) if $r->{content} =~ /"id"/; $c->write("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n") },
);
my %up = map { my $code = $answer{$_}; $_ => Gatehouse::Upstream->new($code) } keys %answer;

my $gw = Gatehouse::Server->new(pg => Gatehouse::Pg->new, programs => ['mcp'],
	routes => {
		(map { ("/mcp/$_" => { upstream => $up{$_}->url('/mcp'), public => 1 }) } keys %up),
		'/mcp/named' => { upstream => 'http://localhost:' . $up{whole}->port . '/mcp?key=a%20b', public => 1 },
	});

sub post {
	my ($route, %o) = @_;
	return request('POST', $gw->url("/mcp/$route"), { headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream']],
		content => $o{content} // '{"jsonrpc":"2.0","id":"x-7","method":"tools/call","params":{"name":"t","arguments":{}}}', timeout => 20 });
}

sub at { my ($r) = @_; return eval { $r->json->{result}{at} } // $r->{content} }

sub event_of {
	my ($r) = @_;
	my $id = $r->header('X-Request-Id') // '';
	return wait_until(30, sub { (grep { ($_->{requestId} // '') eq $id && exists $_->{outcome} } $gw->log_lines('mcp'))[0] }) || {};
}

for my $row (@malformed) {
	my $r = post($row->[0]);
	is($r->{status}, 502, "$row->[1]: 502") or diag $r->{content};
	is(event_of($r)->{reasonCode}, 'upstream_malformed', 'it is upstream_malformed');
}

# --- the request ---

is(at(post('whole')), '1-1', 'a call');
my ($sent) = $up{whole}->requests;
is($sent->{header}{host}, '127.0.0.1:' . $up{whole}->port, 'says which host it wants');
is_deeply([grep { /^(?:content-length|transfer-encoding|expect|connection|accept-encoding)$/ } map { lc $_->[0] } @{ $sent->{headers} }],
	['content-length'], 'how long it is, and nothing of what it does not need');

# --- the next call ---

is(at(post('whole')), '1-2', 'the next one takes the same connection');
is(at(post('named')), '2-1', 'a route of the same upstream has its own');
is(at(post('named')), '2-2', 'also where it has a name');
is(($up{whole}->requests)[-1]{target}, '/mcp?key=a%20b', 'which is asked for what the route says');
is(($up{whole}->requests)[-1]{header}{host}, 'localhost:' . $up{whole}->port, 'under its name');
is(at(post('chunks')), '1-1', 'an answer in chunks, after an interim one');
my $r = post('chunks');
is(at($r), '1-2', 'leaves its connection clean');
is($r->header($_), undef, "no $_ comes through") for qw(Link Set-Cookie);
is(at(post('large')), '1-1', 'an answer of 300 KB');
is(at(post('large')), '1-2', 'does, too');
is(post('accepted', content => '{"jsonrpc":"2.0","method":"notifications/initialized"}')->{status}, 202, 'a notification');
is(at(post('accepted')), '1-2', 'as well');
is(at(post('closing')), '1-1', 'an answer that says it closes');
is(at(post('closing')), '2-1', 'is the last of its connection');

# --- what was slipped in ---

is(at(post('two_answers')), '1-1', 'of two answers the first is the answer');
is(at(post('two_answers')), '2-1', 'the second is nobody\'s');
is(at(post('late_answer')), '1-1', 'one that comes when nobody waits for it');
ok($up{late_answer}->wait_for(sub { grep { $_->{poisoned} } $up{late_answer}->notes }), '(it was sent)');
is(at(post('late_answer')), '2-1', 'is nobody\'s either');
$r = post('bad_chunk');
is(event_of($r)->{outcome}, 'failure', 'a chunk that is longer than it says is no end of an answer');
is($r->{content}, substr($result, 0, 10), 'nor is what it has behind it a part of it');

done_testing;
