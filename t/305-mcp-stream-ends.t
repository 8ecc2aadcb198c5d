#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What ends a listening stream: its route's change at a reload, and its grant's expiry; and what
# does not: a reload that leaves its route alone.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(parallel stream);
use Gatehouse::Pg;
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	$c->begin_stream;
	$c->event({ jsonrpc => '2.0', method => 'notifications/message' });
	$c->note(left => $r->{path}) if $c->wait_close;
	return 0;
});
my $pg = Gatehouse::Pg->new;

sub routes {
	my ($timeout) = @_;
	return { map { ("/mcp/$_" => { upstream => $up->url("/$_"), options => { sse => JSON::PP::true,
		($_ eq 'changed' ? (timeoutMs => $timeout) : ()) } }) } qw(changed kept short) };
}

my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], routes => routes(30000));
my %token = map { $_ => issue($pg, $gw, "/mcp/$_") } qw(changed kept short);

sub listening {
	my ($route, %o) = @_;
	return ['GET', $gw->url("/mcp/$route"), { timeout => 30, headers => [['Accept', 'text/event-stream'],
		['Authorization', "Bearer $token{$route}{access_token}"]], %o }];
}

# Two streams stand; the project is published with one of their routes changed.
my ($reloaded, $ended);
my ($changed, $kept) = parallel(
	listening('changed', on_chunk => sub {
		if (!$reloaded++) {
			$gw->write_project(routes => routes(31000));
			my ($status, $text) = $gw->ctl('reload');
			is($status, 0, 'the project is published with one route changed') or diag $text;
		}
		return 1;
	}),
	listening('kept', timeout => 8));
is($changed->{status}, 200, 'the stream of the changed route stood');
ok(!$changed->{error}, 'and ended in good order') or diag $changed->{error};
ok($up->wait_for(sub { grep { ($_->{left} // '') eq '/changed' } $up->notes }), 'towards its upstream too');
is($kept->{status}, 200, 'the stream of the other stood');
like($kept->{error} // '', qr/time/, 'and went on until the test gave it up');

# A grant that ends while its stream stands
$pg->psql("update gatehouse.grants set expires_at = now() + interval '3 seconds'
	where grant_id = '$token{short}{grant_id}'");
my $short = stream(@{ listening('short') });
is($short->{status}, 200, 'a stream begins while its grant lives');
ok(!$short->{error}, 'and ends with it, in good order') or diag $short->{error};

$gw->stop;
done_testing();
