#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Two nodes of one gateway, each with several processes that could send events: one sends, and when its node dies, in the middle of
# a batch, another goes on. Nothing is lost, the order stays, and what comes twice is known by its id.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Drive;
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Sink;

my $JSON = JSON::PP->new->utf8;
my $pg = Gatehouse::Pg->new(private => 1, settings => { max_connections => 100 });
my $hook = Gatehouse::Sink->new;
my %project = (gateway => { events => { forward => [{ name => 'hook', type => 'webhook', url => $hook->url('/in'), batch => 20, intervalMs => 100, retryMs => 300, include => ['calls'] }] } });
my $one = Gatehouse::Server->new(pg => $pg, programs => ['consent'], processes => { consent => 3 }, %project);
my $two = Gatehouse::Server->new(pg => $pg, programs => ['consent'], processes => { consent => 3 }, node_of => $one, %project);
my $drive = Gatehouse::Drive->new(pg => $pg);
$drive->say('forwards');

my %read;    # JSON::PP is slow, and requests are looked at again and again
sub decoded { return $read{ $_[0] } //= $JSON->decode($_[0]) }
sub events { my ($status) = @_; return map { @{ decoded($_->{body}) } } grep { !$status || $_->{status} == $status } $hook->requests }
sub distinct { my %seen; return grep { !$seen{$_}++ } @_ }
sub ids { return split /\n/, $pg->psql('select event_id from gatehouse.event_call order by batch, at, event_id') }
sub holder { return $pg->psql("select holder from gatehouse.event_destination where name = 'hook' and lease_until > now()") }

ok(wait_until(60, sub { $pg->psql("select count(*) from gatehouse.event_destination where name = 'hook'") }), 'the destination is known');

# ---- six processes, one sender ----

for (1 .. 10) { $drive->say('emit 25'); sleep 0.15 }
ok(wait_until(120, sub { distinct(map { $_->{eventId} } events(200)) >= 250 }), 'all calls arrive') or diag $one->log, $two->log;
sleep 2;
is_deeply([map { $_->{eventId} } events()], [ids()], 'each once, in order: of six processes one sends');
my $first = holder();
ok($first, 'and it holds the destination');

# ---- its node dies with a batch on its way ----

$hook->answers(500);    # taken by nobody: what is on its way is not noted
$drive->say('emit 25');
ok(wait_until(60, sub { grep { $_->{status} == 500 } $hook->requests }), 'a batch is on its way');
my $says = qr/a destination takes no events/;
ok(wait_until(60, sub { grep { $_->log('consent') =~ $says } $one, $two }), 'whoever sends it says that it is not taken');
my ($dead, $alive) = $one->log('consent') =~ $says ? ($one, $two) : ($two, $one);
unlike($alive->log('consent'), $says, '... and nobody else tries');
my $who = holder();
kill KILL => $dead->pids('consent');
$dead->stop_program('consent');
$drive->say('emit 25') for 1 .. 4;
$hook->answers(200);
ok(wait_until(120, sub { distinct(map { $_->{eventId} } events(200)) >= 375 }), 'another goes on when its lease is over') or diag $alive->log;
sleep 2;
isnt(holder(), $who, '... another indeed');
my @got = map { $_->{eventId} } events();
is_deeply([distinct(@got)], [ids()], 'nothing is lost, and the order is kept');
cmp_ok(scalar @got, '>', 375, 'what was on its way comes again');
my %batch;
for my $r ($hook->requests) { push @{ $batch{ join ' ', map { $_->{eventId} } @{ $JSON->decode($r->{body}) } } }, $r->{headers}{'webhook-id'} }
is(scalar(grep { (distinct(@$_)) > 1 } values %batch), 0, '... under the same ids');
my @good = map { $_->{eventId} } events(200);
is(scalar @good, scalar(distinct(@good)), 'and nothing that was taken is sent a second time');

$_->stop for $alive, $dead;
$drive->say('stop');
done_testing();
