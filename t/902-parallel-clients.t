#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Sixty-four people with SDK clients of both generations at the same time.

use strict;
use warnings;

use Test::More;

use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run;
use Gatehouse::Server;

my $CLIENTS = 64;
my $peers = Gatehouse::Run->new('peers');
my $everything = Gatehouse::Peers->everything($peers);
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, processes => { mcp => 2, oauth => 2 },
	gateway => { rates => { register => 0, authorize => 0, token => 0 } },
	routes => { '/mcp/everything' => { upstream => $everything->{url} } });

my $r = Gatehouse::Peers->scenario($peers, 'parallel', url => $gw->url('/mcp/everything'), clients => $CLIENTS,
	timeout => 300);
is($r->{fulfilled}, $CLIENTS, "$CLIENTS clients sign in, call and leave") or diag join "\n", @{ $r->{errors} };
is_deeply($r->{wrong}, [], 'each gets the answers to its own calls');
is($pg->psql('select count(*) from gatehouse.grants where revoked_at is null'), $CLIENTS, 'each has its grant');
# SDK clients ask for a listening stream once and take 405 for an answer
my @errors = grep { ($_->{level} // '') eq 'error' && ($_->{reasonCode} // '') ne 'method_not_allowed' } $gw->log_lines;
is_deeply(\@errors, [], 'nothing goes wrong on the way');
$gw->stop;
done_testing;
