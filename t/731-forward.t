#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Events on their way out: to files, webhooks and syslog, each once, in order, whatever fails meanwhile.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_base64);
use IO::Socket::INET ();
use JSON::PP ();
use Socket qw(SO_RCVBUF);
use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Drive;
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Sink;

my $JSON = JSON::PP->new->utf8;
my $began = time;
my $pg = Gatehouse::Pg->new(private => 1);
my $hook = Gatehouse::Sink->new;
my $udp = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die $!;
my $many = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die $!;
$many->sockopt(SO_RCVBUF, 1 << 20);
my $run = Gatehouse::Run->new('out');
my $out = $run->make_dir('events');
my $secret = 'secret-of-the-webhook-4711';

my @forward = (
	{ name => 'lines', type => 'file', path => "$out/lines.json", intervalMs => 100 },
	{ name => 'hook', type => 'webhook', url => $hook->url('/in'), secretFile => 'hook-secret', headersFile => 'hook-headers',
		batch => 40, intervalMs => 100, retryMs => 400 },
	{ name => 'datagrams', type => 'syslog', address => '127.0.0.1:' . $udp->sockport, format => 'cef', include => ['audit'],
		facility => 4, intervalMs => 100 },
	{ name => 'wire', type => 'syslog', address => '127.0.0.1:' . $many->sockport, include => ['calls'], intervalMs => 100 },
	{ name => 'same', type => 'file', path => "$out/same.json", intervalMs => 150 },    # the same pages as the first, at other times
);
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['consent'], processes => { consent => 3 },
	gateway => { events => { forward => [] } });
$gw->write_file('hook-secret', "$secret\n");
$gw->write_file('hook-headers', "# of the receiver\nX-Key: key-of-the-receiver\n");
$gw->stop_program('consent');    # files of other folders are decided on at the start
$gw->write_project(gateway => { events => { forward => \@forward } });
my ($status, $text) = $gw->ctl('check', $gw->project);
is($status, 0, 'the destinations are sound') or diag $text;
$gw->ctl('reload');
$gw->start_program('consent');
my $drive = Gatehouse::Drive->new(pg => $pg);
my $receiver = fork // die $!;    # of datagrams, which nobody sends again: one to a line
if (!$receiver) {
	open my $to, '>', "$out/wire" or die $!;
	while ($many->recv(my $one, 65535)) { syswrite $to, "$one\n" }
	POSIX::_exit(0);
}

# A text that was read before is not read again: JSON::PP is slow, and these are looked at again and again.
my %read;
sub decoded { return $read{ $_[0] } //= $JSON->decode($_[0]) }
sub lines {
	my @all;
	for my $file ("$out/lines.json.1", "$out/lines.json") {
		open my $in, '<', $file or next;
		push @all, map { decoded($_) } <$in>;
	}
	return @all;
}
sub ids { my ($table) = @_; return split /\n/, $pg->psql("select event_id from gatehouse.event_$table order by batch, at, event_id") }
sub known { return $pg->psql("select count(*) from gatehouse.event_destination where name > ''") }
sub hooked { my ($kind) = @_; return map { @{ decoded($_->{body}) } } grep { !$kind || $_->{status} == 200 } $hook->requests }
sub calls { return grep { $_->{family} eq 'call' } @_ }
sub distinct { my %seen; return grep { !$seen{$_}++ } @_ }

ok(wait_until(20, sub { known() == 5 }), 'each destination has its place in the queue') or diag $gw->log('consent');

# ---- once, in order, all of it ----

$drive->say('emit 350');
ok(wait_until(30, sub { $pg->psql('select count(*) from gatehouse.event_call') == 350 }), 'calls are there');
$drive->say('forwards');    # from here on batches are kept in one piece, too
$drive->say('emit 350');
$drive->say('auth');
ok(wait_until(30, sub { calls(lines()) >= 700 && calls(hooked()) >= 700 }), 'all calls arrive') or diag $gw->log('consent');
sleep 1;
is_deeply([map { $_->{eventId} } calls(lines())], [ids('call')], 'in the file: each once, in the order of their batches');
is_deeply([map { $_->{eventId} } calls(hooked())], [ids('call')], 'at the webhook as well');
my ($auth) = grep { $_->{family} eq 'auth_event' } lines();
is($auth->{event}, 'mcp_auth_login_failed', 'sign-ins as well');
is($pg->psql("select string_agg(distinct (body is null)::text, ' ') from gatehouse.event_queue where family = 'call'"), 'false true', 'some batches came in one piece, some are read from their rows');
is($pg->psql("select count(*) from gatehouse.event_queue where body is not null and family in ('call', 'auth') and n <> array_length(string_to_array(body, e'\\x1e'), 1) - 1"), 0, '... all of each');
my %logged = map { $_->{eventId} => $_ } map { $JSON->decode($_) } grep { /"family":"(?:call|auth_event)"/ } split /\n/, $drive->log;
my $check_line = sub {
	my ($line, $which) = @_;
	my $log = $logged{ $line->{eventId} };
	is($line->{latencyMs}, 12.345, "$which: a line has the fields of the log") if $line->{family} eq 'call';
	is($line->{subjectId}, "user|\"7\", {\x{e9}}\\", '... with their text as it was') if $line->{family} eq 'call';
	for my $name (grep { !/^(time|pid|node)$/ } sort keys %$log) { is_deeply($line->{$name}, $log->{$name}, "... $name") }
	is($line->{node} ? 1 : 0, 1, '... and the machine');
	my ($table) = $line->{family} =~ /^(call|auth)/;
	is($line->{time}, $pg->psql("select gatehouse.audit_time(at) from gatehouse.event_$table where event_id = '$line->{eventId}'"), '... and the time to the microsecond');
};
$check_line->((calls(lines()))[0], 'read from its row');
$check_line->((calls(lines()))[-1], 'come in one piece');
$check_line->($auth, 'a sign-in');

# ---- many datagrams, of which the kernel makes several of one message ----

sub wire { open my $in, '<', "$out/wire" or return (); chomp(my @all = <$in>); return map { s/^<134>1 \S+ \S+ gatehouse \S+ \S+ - //r } @all }
my ($come, $told) = (scalar(wire()), scalar(calls(lines())));
for my $n (9, 60, 33, 60) {    # fewer at a time than a receiver that is slow has room for
	my $l = calls(lines());
	$drive->say("emit $n");
	ok(wait_until(20, sub { calls(lines()) >= $l + $n && wire() >= $come + $l + $n - $told }), "$n more arrive by UDP");
}
my @told = grep { /"family":"call"/ } do { open my $in, '<', "$out/lines.json" or die $!; <$in> };
chomp @told;
my @wire = wire();
is_deeply([@wire[$come .. $#wire]], [@told[$told .. $#told]], '... one to a datagram, in order, and each as it is in the file');
cmp_ok(scalar(distinct(map { length } @told[$told .. $#told])), '>', 1, '... (of different lengths)');
kill TERM => $receiver;
waitpid $receiver, 0;

# ---- the webhook's requests ----

my ($request) = $hook->requests;
is($request->{headers}{'x-key'}, 'key-of-the-receiver', 'a request has the headers of the file');
is($request->{headers}{'webhook-signature'}, 'v1,' . hmac_sha256_base64("$request->{headers}{'webhook-id'}.$request->{headers}{'webhook-timestamp'}.$request->{body}", $secret) . '=',
	'... and is signed');
ok((grep { $_ >= $began - 2 && $_ <= time + 2 } $request->{headers}{'webhook-timestamp'}), '... now');
my @sizes = map { scalar @{ $JSON->decode($_->{body}) } } $hook->requests;
cmp_ok(scalar @sizes, '>', 1, 'batches are bounded, as batches of the database go');

# ---- a webhook that fails ----

my $failed_from = () = $hook->requests;
$hook->answers(500);
for (1 .. 10) { $drive->say('emit 15'); sleep 0.15 }
ok(wait_until(20, sub { (() = $hook->requests) >= $failed_from + 4 }), 'what fails is tried again');
$hook->answers(503, 'Retry-After: 2');
my $before = () = $hook->requests;
ok(wait_until(20, sub { (() = $hook->requests) > $before }), '... and again');
my $at = () = $hook->requests;
is_deeply([(grep { $_->{path} ne '/in' } $hook->requests)], [], '... at its address');
like($gw->log('consent'), qr/"message":"a destination takes no events; they wait","destination":"hook"/, '... the log says so');
is(() = $gw->log('consent') =~ /a destination takes no events[^\n]*"hook"/g, 1, '... once');
($status, $text) = $gw->ctl('events', 'list');
like($text, qr/^hook\t\d+\t0\t[1-9]\d*\t.*status 50/m, 'events list tells what waits and why') or diag $text;
ok(wait_until(20, sub { calls(lines()) >= 1012 }), 'the other destinations go on');
$hook->answers(200);
ok(wait_until(30, sub { (distinct(map { $_->{eventId} } calls(hooked(1)))) >= 1012 }), 'when it is back, everything arrives');
sleep 1;
is_deeply([distinct(map { $_->{eventId} } calls(hooked(1)))], [ids('call')], '... in order, and nothing is lost');
my %id_of;
for my $r ($hook->requests) { my $key = join ' ', map { $_->{eventId} } @{ $JSON->decode($r->{body}) }; push @{ $id_of{$key} }, $r->{headers}{'webhook-id'} }
my @repeated = grep { @$_ > 1 } values %id_of;
cmp_ok(scalar @repeated, '>', 0, 'batches were repeated');
is(scalar(grep { (distinct(@$_)) > 1 } @repeated), 0, '... and are known again by their id');
like($gw->log('consent'), qr/"message":"a destination takes events again","destination":"hook"/, 'the log says that it is over');

# ---- a process that is killed ----

my $sent = calls(lines());
$drive->say('emit 500');
kill KILL => $gw->pids('consent');
$pg->psql("update gatehouse.event_destination set lease_until = now() where name <> ''");    # t/735 waits for the end of one
ok(wait_until(60, sub { (distinct(map { $_->{eventId} } calls(lines()))) >= 1512 }), 'when all that send are killed, others go on');
is_deeply([distinct(map { $_->{eventId} } calls(lines()))], [ids('call')], '... where they were: in order, nothing lost');

# ---- a transaction that commits late ----

# opened first, with the lowest number in the queue, and committed when later ones have long been sent
my $args = $pg->psql("select string_agg(case t when 'uuid[]' then 'array[gen_random_uuid()]' else 'array[1]::' || t end, ', ' order by n) from (select format_type(x, null), n
	from pg_proc, unnest(proargtypes) with ordinality u (x, n) where proname = 'events_add_call' and n > 4 and format_type(x, null) like '%[]') y (t, n)");
my $late = fork // die $!;
if (!$late) {
	eval { $pg->psql("begin; select gatehouse.events_add_call(gen_random_uuid(), 'late', 'node', array[now()], $args); select pg_sleep(4); commit") };
	POSIX::_exit($@ ? 1 : 0);
}
sleep 1;
$drive->say('emit 30');
sleep 1.5;
is(scalar(grep { $_->{program} eq 'late' } lines()), 0, 'a batch is not sent before it is committed');
waitpid $late, 0;
is($?, 0, '(it is)');
ok(wait_until(20, sub { (grep { $_->{program} eq 'late' } lines()) && calls(lines()) >= 1543 }), 'then it is sent, and what came meanwhile too');
$pg->psql("begin; select gatehouse.events_add_call(gen_random_uuid(), 'never', 'node', array[now()], $args); rollback");
$drive->say('emit 1');
ok(wait_until(20, sub { (distinct(map { $_->{eventId} } calls(lines()))) >= 1544 }), 'what was rolled back leaves a gap that nobody waits for');

# ---- audit, as CEF, by UDP ----

$pg->psql("select gatehouse.audit_add('test_act', 'me=you', 'thing|1', null, 'trace', '{\"a\": \"b\"}')");
my ($datagram, $got) = ('', '');
eval {
	local $SIG{ALRM} = sub { die };
	alarm 20;
	while ($got !~ /test_act/) { $udp->recv($datagram, 65535); $got .= "$datagram\n" }
	alarm 0;
};
my ($audit) = grep { /test_act/ } split /\n/, $got;
my $id = $pg->psql("select event_id from gatehouse.audit where action = 'test_act'");
like($audit // '', qr/^<38>1 \d{4}-\d\d-\d\dT\S+Z \S+ gatehouse \S+ test_act - CEF:0\|Gatehouse\|gatehouse\|[^|]+\|test_act\|audit test_act\|2\|rt=\d{13} externalId=$id /,
	'an audit row arrives by syslog, with its id');
like($audit // '', qr/suid=me\\=you .*cs5=thing\|1 cs6Label=detail cs6=\{"a": "b"\}/, '... its values escaped');
unlike($got, qr/tools\/call/, '... and nothing that was not asked for');

# ---- a file that is rotated ----

my $had = () = lines();
rename "$out/lines.json", "$out/lines.json.1" or die $!;
$drive->say('emit 20');
ok(wait_until(20, sub { (() = lines()) >= $had + 20 && -s "$out/lines.json" }), 'a file that was moved away is made anew, without a signal');
is_deeply([distinct(map { $_->{eventId} } calls(lines()))], [ids('call')], '... and both together have everything');

# ---- a webhook that says when ----

$hook->answers(503, 'Retry-After: 3600');
my $until_now = () = $hook->requests;
$drive->say('emit 5');
ok(wait_until(20, sub { (() = $hook->requests) > $until_now }), 'a webhook asks for an hour');
for my $n (1 .. 4) { my $l = () = lines(); $drive->say('emit 5'); wait_until(20, sub { (() = lines()) >= $l + 5 }) or last; sleep 0.5 }
is((() = $hook->requests) - $until_now, 1, '... and is left alone, while others get theirs');

# ---- ... and gets its hour: the times that are kept are set back by as much, and those who know of it otherwise are killed ----

kill KILL => $gw->pids('consent');
$pg->psql("update gatehouse.event_destination set lease_until = now() where name <> 'hook' and name <> ''");    # others need not wait for the end of these
my $l = calls(lines());
$drive->say('emit 5');
ok(wait_until(40, sub { calls(lines()) >= $l + 5 }), 'when they are killed, others go on with the other destinations');
sleep 1;
is((() = $hook->requests) - $until_now, 1, '... and leave alone the one that asked for it, of which they know from the database');
my @waiting = map { $_->{eventId} } calls(lines());
my %hooked = map { $_->{eventId} => 1 } hooked(1);
my $behind = "from gatehouse.event_queue q, gatehouse.event_destination d where d.name = 'hook' and q.family = 'call' and (q.tx, q.batch) > (d.tx, d.batch)";
my $waits = $pg->psql("select sum(q.n) $behind");
is($waits, scalar(grep { !$hooked{$_} } @waiting), 'all that came since waits');
$pg->psql("update gatehouse.event_destination set failed_since = failed_since - interval '1 hour', seen_at = seen_at - interval '1 hour' where name = 'hook';
	update gatehouse.event_queue set at = at - interval '1 hour'");
($status, $text) = $gw->ctl('maintenance');
is($status, 0, 'an hour later, what everybody has is tidied away') or diag $text;
is($pg->psql("select sum(q.n) $behind"), $waits, '... but not what waits for the one that failed so long');
$hook->answers(200);
$pg->psql("update gatehouse.event_destination set lease_until = lease_until - interval '1 hour' where name = 'hook'");    # only now: nobody sends while we count
ok(wait_until(60, sub { my %h = map { $_->{eventId} => 1 } calls(hooked(1)); !grep { !$h{$_} } map { $_->{eventId} } calls(lines()) }), 'then it gets everything') or diag $gw->log('consent');
is_deeply([distinct(map { $_->{eventId} } calls(hooked(1)))], [ids('call')], '... in order, and nothing is lost');
my %times;
$times{ $_->{eventId} }++ for hooked(1);
my @refused = map { $_->{eventId} } map { @{ $JSON->decode($_->{body}) } } grep { $_->{status} == 503 } ($hook->requests)[$until_now .. $until_now];
cmp_ok(scalar @refused, '>', 0, '... what it had refused an hour ago, too:');
is_deeply([grep { ($times{$_} // 0) != 1 } @refused], [], '... each once, under the id that it had then');

# ---- the spool's bound ----

$hook->answers(500);
$pg->psql("update gatehouse.event_destination set spool = 100 where name = 'hook'");
$gw->write_project(gateway => { events => { forward => [ $forward[0], { %{ $forward[1] }, spool => 100 } ] } });
$gw->ctl('reload');
sleep 2;
$drive->say('emit 50') , sleep 0.2 for 1 .. 6;
# (programs drop what is too much themselves, three times a minute)
ok(wait_until(20, sub { $pg->psql("select coalesce(sum(n), 0) + coalesce(max(d.dropped), 0) from gatehouse.event_queue q, gatehouse.event_destination d
	where d.name = 'hook' and (q.tx, q.batch) > (d.tx, d.batch)") >= 300 }), 'more waits than the spool may hold');
$gw->ctl('maintenance');
my ($waiting, $dropped) = split /\|/, $pg->psql("select (select sum(n) from gatehouse.event_queue q where (q.tx, q.batch) > (d.tx, d.batch)), dropped
	from gatehouse.event_destination d where name = 'hook'");
cmp_ok($waiting, '<=', 100, 'the oldest are dropped');
cmp_ok($dropped, '>=', 200, '... and counted');
is($pg->psql("select sum(n) from gatehouse.event_loss where who = 'destination hook'"), $dropped, '... where losses are looked for');
$hook->answers(200);

# ---- destinations that share what is read ----

sub same { open my $in, '<', "$out/same.json" or return (); return map { decoded($_)->{eventId} } grep { /"family":"call"/ } <$in> }
ok(wait_until(30, sub { (distinct(same())) >= (distinct(map { $_->{eventId} } calls(lines()))) - 301 }), 'another file has the events, too');
my @had = distinct(same());
is_deeply(\@had, [(grep { my %h = map { $_ => 1 } @had; $h{$_} } distinct(map { $_->{eventId} } calls(lines())))], '... in the same order, through all that happened');

# ---- gatehousectl ----

$gw->stop_program('consent');
$drive->say('emit 5');
sleep 1;
($status, $text) = $gw->ctl('events', 'forward');
is($status, 0, 'without programs, events forward sends what waits') or diag $text;
like($text, qr/^lines: [1-9]\d* batches$/m, '... and says how much');
my $all = $pg->psql('select count(*) from gatehouse.event_call');
is(scalar(distinct(map { $_->{eventId} } calls(lines()))), $all, '... to the end');
($status, $text) = $gw->ctl(qw(events export --include calls --format gatehouse));
is(scalar(() = $text =~ /\n/g), $all, 'events export prints all of a time');
is_deeply([sort map { $JSON->decode($_)->{eventId} } split /\n/, $text], [sort(ids('call'))], '... each once');
($status, $text) = $gw->ctl(qw(events export --include audit --since 2001-01-01 --until 2001-01-02));
is("$status $text", '0 ', '... and nothing of another time');
my $tail = fork // die $!;
if (!$tail) { my (undef, $t) = $gw->ctl(qw(events tail --include auth --seconds 4)); Gatehouse::Run::write_file("$out/tail", $t); POSIX::_exit(0) }
sleep 2;
$drive->say('auth');
waitpid $tail, 0;
$text = do { open my $in, '<', "$out/tail" or die $!; local $/; <$in> // '' };
like($text, qr/\A\{[^\n]*"event":"mcp_auth_login_failed"[^\n]*\}\n\z/, 'events tail prints what happens') or diag $text;
($status, $text) = $gw->ctl(qw(events forget lines));
is($status, 1, 'a destination of the project is not forgotten');
($status, $text) = $gw->ctl(qw(events forget datagrams));
is($status, 0, 'one that was taken out is') or diag $text;
is($pg->psql("select count(*) from gatehouse.event_destination where name = 'datagrams'"), 0, '... with what waited for it');
is(($gw->ctl('events', @$_))[0], 2, "'events @$_' is called in a wrong way")
    for [], ['show'], ['tail', '--format', 'x'], ['export', '--include', 'x'], ['forget'], ['export', '--since', "x'"], ['list', '--format', 'cef'];

# ---- what is not shown ----

for my $what ($gw->log('consent'), do { open my $in, '<', "$out/lines.json" or die $!; local $/; <$in> }) {
	unlike($what, qr/\Q$secret\E|key-of-the-receiver/, 'no secret of a destination is in a log or file');
}
$drive->end;
$gw->stop;
$pg->stop;
done_testing();
