#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Alerts: each fault is told to everybody who is to know, once, with the line to act on, and once when it is over,
# however many processes look.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Sink;

my $JSON = JSON::PP->new->utf8;
my $pg = Gatehouse::Pg->new(private => 1);
my $hook = Gatehouse::Sink->new;
my $run = Gatehouse::Run->new('alerts');
my $out = $run->make_dir('out');
my $sendmail = "$out/sendmail";
Gatehouse::Run::write_file($sendmail, "#!/bin/sh\n[ ! -e $out/broken ] || exit 75\nprintf '%s\\n' \"\$*\" >> $out/arguments\ncat >> $out/mail\n");
chmod 0755, $sendmail;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [], gateway => { alerts => { errorRate => 0.2, p95Ms => 1000, minCalls => 10, sendmail => $sendmail,
	to => [{ type => 'webhook', url => $hook->url('/alert') }, { type => 'mail', address => 'ops@example.com' }] } });

sub slurp { open my $in, '<', $_[0] or return ''; local $/; return <$in> // '' }
sub told { return map { @{ $JSON->decode($_->{body})->{alerts} } } grep { $_->{status} == 200 } $hook->requests }
sub send_now { my ($status, $text) = $gw->ctl('alerts', 'send'); return ($status, $text) }
sub of { my ($kind, $state) = @_; return grep { $_->{kind} eq $kind && (!$state || $_->{state} eq $state) } told() }
# N calls of a route, of which so many failed
sub calls {
	my ($route, $n, $failed, $ms, $origin) = @_;
	$pg->psql("insert into gatehouse.event_call (at, program, severity, operation_id, outcome, failure_origin, latency_us)
		select now(), 'mcp', 'info', '$route', case when i <= $failed then 'failure' else 'success' end,
			case when i <= $failed then '$origin' end, $ms * 1000 from generate_series(1, $n) i");
	return;
}

my ($status, $text) = send_now();
is("$status $text", "0 0 messages\n", 'while all is well nobody hears a thing') or diag $text;

calls('bad', 20, 8, 10, 'upstream');
calls('few', 9, 9, 10, 'upstream');
calls('theirs', 20, 20, 10, 'client');
calls('slow', 20, 0, 5000, '');
calls('good', 20, 4, 10, 'upstream');
$pg->psql("insert into gatehouse.event_loss (who, n, why) values ('mcp', 12, 'the queue is full')");
$pg->psql("insert into gatehouse.connection (connection_id, upstream_id, subject, state, issuer, resource, token_endpoint, client_kind, client_id, requested_scope,
	scope, access_token, refresh_token, expires_at) values
	(gen_random_uuid(), 'lost', '', 'reconsent_required', 'i', 'r', 't', 'manual', 'c', '', '', '', null, null),
	(gen_random_uuid(), 'ends', '', 'connected', 'i', 'r', 't', 'manual', 'c', '', '', '\\x01', null, now() + interval '3 days'),
	(gen_random_uuid(), 'ends', 'somebody', 'connected', 'i', 'r', 't', 'manual', 'c', '', '', '\\x01', null, now() + interval '3 days'),
	(gen_random_uuid(), 'renews', '', 'connected', 'i', 'r', 't', 'manual', 'c', '', '', '\\x01', '\\x01', now() + interval '1 minute'),
	(gen_random_uuid(), 'later', '', 'connected', 'i', 'r', 't', 'manual', 'c', '', '', '\\x01', null, now() + interval '30 days')");
$pg->psql("select gatehouse.audit_add('upstream_lost', 'user' || i, 'upstream:many', null, null) from generate_series(1, 3) i");
$pg->psql("select gatehouse.audit_add('upstream_lost', 'user1', 'upstream:one', null, null)");
$pg->psql("update gatehouse.audit_unsealed set at = now() - interval '2 minutes'");
$pg->psql("insert into gatehouse.event_destination (name, tx, spool, failed, failed_since) values ('hook', '0', 100, 'status 500', now() - interval '5 minutes')");

($status, $text) = send_now();
is("$status $text", "0 2 messages\n", 'what is wrong is told: one message to each') or diag $text;
is(join(' ', sort map { "$_->{kind}:$_->{subject}" } told()),
	'audit_unsealed: connection_lost:lost connections_lost:many destination_fails:hook error_rate:bad events_dropped:mcp shared_grant_expires:ends slow:slow',
	'... each fault, and nothing that is none: few calls, clients that err, connections that are renewed');
is((of('connection_lost'))[0]{remedy}, 'gatehousectl connect lost', '... with the line to act on');
like((of('error_rate'))[0]{text}, qr/^8 of 20 calls of bad failed/, '... and what it is');
is(slurp("$out/arguments"), "-i -- ops\@example.com\n", 'the mail program is called plainly');
my $mail = slurp("$out/mail");
like($mail, qr/\ATo: ops\@example\.com\nSubject: \[gatehouse\] 8 alerts\n.*\n\n/s, 'a mail has a head');
like($mail, qr/^8 of 20 calls of bad failed in five minutes\n  since \S+\n  -> gatehousectl doctor/m, '... and the same in it');
($status, $text) = send_now();
is($text, "0 messages\n", 'nobody is told twice');
($status, $text) = $gw->ctl('alerts', 'list');
is(() = $text =~ /^\d{4}/mg, 8, 'alerts list has them');
like($text, qr/^\S+Z\tconnection_lost\t.*\n\t-> gatehousectl connect lost$/m, '... with the line, too') or diag $text;
is($pg->psql_as('console', "select count(*) from gatehouse.alerts_open()"), 8, 'and so has who makes a banner');

# ---- over ----

$pg->psql("update gatehouse.connection set state = 'connected' where upstream_id = 'lost'");
($status, $text) = send_now();
is($text, "2 messages\n", 'that it is over is told as well');
is(join(' ', map { $_->{kind} } grep { $_->{state} eq 'over' } told()), 'connection_lost', '... of that one alone');
like(slurp("$out/mail"), qr/Subject: \[gatehouse\] over: the connection that everybody shares with lost is lost/, '... by mail, too');
is((send_now())[1], "0 messages\n", '... once');
$pg->psql("update gatehouse.connection set state = 'reconsent_required' where upstream_id = 'lost'");
send_now();
is(scalar(of('connection_lost', 'raised')), 2, 'when it happens again it is another one');

# ---- who cannot be told ----

$hook->answers(500);
Gatehouse::Run::write_file("$out/broken", '');
$pg->psql("update gatehouse.connection set state = 'connected' where upstream_id = 'lost'");
($status, $text) = send_now();
is($status, 1, 'who cannot be told is said');
like($text, qr/webhook for alerts does not take|sendmail does not take/, '... and why') or diag $text;
$hook->answers(200);
unlink "$out/broken";
is((send_now())[1], "0 messages\n", 'for a minute it counts as being told');
$pg->psql("update gatehouse.alert_told set until = now() - interval '1 second' where not done");
is((send_now())[1], "2 messages\n", '... then it is tried again');
is(scalar(of('connection_lost', 'over')), 2, '... and arrives');
my ($tried, $arrived) = map { $_->{headers}{'webhook-id'} } ($hook->requests)[-2, -1];
is($arrived, $tried, '... as the same message, by its id');
my %ids = map { $_->{headers}{'webhook-id'} => 1 } $hook->requests;
is(scalar keys %ids, 4, '... while others have ids of their own');

# what an operator copies for cron
my $cron = slurp("$ENV{top_srcdir}/etc/cron/gatehouse");
my @jobs = $cron =~ m{^#?[\d*]+ [\d*]+ \* \* \*\s+(?:gatehouse_admin|root)\s+gatehousectl -c /etc/gatehouse ([a-z ]+) >/dev/null$}mg;
is("$jobs[0]; " . @jobs, 'alerts send; 4', 'there is an example for cron');
for my $job (@jobs) { my ($exit, $said) = $gw->ctl(split / /, $job); is($exit, 0, "... whose '$job' is a command") or diag $said }

# ---- by the programs, of which several look ----

$gw->stop;
my $gw2 = Gatehouse::Server->new(pg => $pg, programs => ['consent'], processes => { consent => 3 }, gateway => { alerts => { to => [{ type => 'webhook', url => $hook->url('/two') }] } });
sub two { return map { @{ $JSON->decode($_->{body})->{alerts} } } grep { $_->{path} eq '/two' } $hook->requests }
ok(wait_until(20, sub { two() > 0 }), 'consent.fcgi tells webhooks by itself') or diag $gw2->log('consent');
sleep 2;
my %times;
$times{"$_->{id} $_->{state}"}++ for two();
is_deeply([grep { $_ != 1 } values %times], [], '... each once, though three processes look');
$pg->psql("insert into gatehouse.event_loss (who, n, why) values ('connect', 3, 'the queue is full')");
sub connects { return grep { $_->{subject} eq 'connect' } two() }
ok(wait_until(300, sub { connects() > 0 }), 'what begins while they run is told within five minutes, by nobody\'s doing') or diag $gw2->log('consent');
is(scalar(connects()), 1, '... once');
is(($gw2->ctl('alerts', @$_))[0], 2, "'alerts @$_' is called in a wrong way") for [], ['show'], ['list', 'x'];
$gw2->stop;
$pg->stop;
done_testing();
