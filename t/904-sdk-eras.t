#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# SDK clients of both generations, in each mode of negotiation, with servers of one era, of the other, and of both; without
# the bridge, and with it.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run;
use Gatehouse::Server;

my $run = Gatehouse::Run->new('peers');
my %server = map { $_ => Gatehouse::Peers->server($run, $_) } qw(legacy modern dual);
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], processes => { mcp => 2 }, routes => { map { my $era = $_;
	map { ("/mcp/$era-$_" => { upstream => $server{$era}{url}, public => 1, options => { bridge => $_ eq 'on' ? JSON::PP::true : JSON::PP::false } }) }
	  qw(off on) } keys %server });
my $page = 'https://pay.example/open?n=1';
my $found = Gatehouse::Peers->scenario($run, 'eras', page => $page, timeout => 300,
	urls => { map { my $era = $_; map { ("$era, bridge $_" => $gw->url("/mcp/$era-$_")) } qw(off on) } keys %server });

# What every client finds that finds anything.
my %same = (server => 'gatehouse-peer', instructions => 'Try everything.', prompts => 5, resources => 3, echo => 'Echo: grüße ☃', seen => [0, 50, 100],
	prompt => q{Prompt with arguments: arg1='a', arg2='b'}, resource => 'This is the content of the static text resource.', completion => 3);
utf8::decode($same{echo});
my $legacy = '2025-11-25';
my $modern = '2026-07-28';
# [client, server, bridge, the revision that it speaks or (undef) that it gives up]
my @rows = (
	['sdk 1', 'legacy', 'off', $legacy], ['sdk 1', 'modern', 'off', undef], ['sdk 1', 'dual', 'off', $legacy],
	['sdk 1', 'legacy', 'on', $legacy], ['sdk 1', 'modern', 'on', $legacy], ['sdk 1', 'dual', 'on', $legacy],
	['sdk 2 legacy', 'legacy', 'off', $legacy], ['sdk 2 legacy', 'modern', 'off', undef], ['sdk 2 legacy', 'dual', 'off', $legacy],
	['sdk 2 legacy', 'legacy', 'on', $legacy], ['sdk 2 legacy', 'modern', 'on', $legacy], ['sdk 2 legacy', 'dual', 'on', $legacy],
	['sdk 2 auto', 'legacy', 'off', $legacy], ['sdk 2 auto', 'modern', 'off', $modern], ['sdk 2 auto', 'dual', 'off', $modern],
	['sdk 2 auto', 'legacy', 'on', $modern], ['sdk 2 auto', 'modern', 'on', $modern], ['sdk 2 auto', 'dual', 'on', $modern],
	['sdk 2 pinned', 'legacy', 'off', undef], ['sdk 2 pinned', 'modern', 'off', $modern], ['sdk 2 pinned', 'dual', 'off', $modern],
	['sdk 2 pinned', 'legacy', 'on', $modern], ['sdk 2 pinned', 'modern', 'on', $modern], ['sdk 2 pinned', 'dual', 'on', $modern],
);
for my $row (@rows) {
	my ($client, $server, $bridge, $version) = @$row;
	my $name = "$client at $server, bridge $bridge";
	my $f = $found->{$name};
	if (!$version) {
		ok($f->{error}, "$name: there is nothing in common, and the client is told") or diag explain $f;
		next;
	}
	is($f->{version}, $version, "$name: they speak $version") or do { diag explain $f; next };
	is_deeply({ map { $_ => $f->{$_} } keys %same }, \%same, "$name: all is there, and works") or diag explain $f;
	my $speaks = $server eq 'legacy' ? 'legacy' : $server eq 'modern' || $version eq $modern ? 'modern' : 'legacy';
	is($f->{missing}, '-32602', "$name: what is not there is an error");
	if ($version eq $modern) {
		is($f->{paged}, $speaks eq 'modern' ? 'opened' : undef, "$name: a page is asked for")
		  if $speaks eq 'modern';
		is($f->{pages}[0], $page, "$name: the client is asked to open the page");
	} else {
		is($f->{paged}{error}, '-32042', "$name: a page is asked for by an error");
		is($f->{paged}{data}{elicitations}[0]{url}, $page, "$name: which names the page");
	}
	# by a stream of the call, or as above where the two are of different eras
	is_deeply($f->{streamed}, $version eq $modern || $speaks eq 'legacy' ? 'accept' : $f->{paged}, "$name: so it is in a call's stream") or diag explain $f->{streamed};
	is_deeply($f->{cancelled}, [qw(hanging left aborted)], "$name: a call that its client gives up ends at the server") or diag explain $f->{cancelled};
	next if $speaks eq 'legacy';
	is_deeply(JSON::PP::decode_json($f->{marked}), { 'mcp-param-region' => '=?base64?aMOp?=', 'mcp-param-priority' => '42',
		'mcp-param-verbose' => 'false', 'mcp-param-odd_name.x' => '=?base64?PT9iYXNlNjQ/eD89?=' }, "$name: marked parameters are mirrored")
	  or diag explain $f->{marked};
}
# SDK clients ask for a listening stream once and take 405 for an answer; without the bridge, servers refuse the other era's first words
my @errors = grep { ($_->{level} // '') eq 'error' && ($_->{reasonCode} // '') ne 'method_not_allowed'
	&& !(($_->{operationId} // '') =~ /-off$/ && ($_->{mcpStatus} // 0) == 400) } $gw->log_lines;
is_deeply(\@errors, [], 'nothing goes wrong on the way') or diag explain \@errors;
$gw->stop;
done_testing;
