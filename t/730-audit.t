#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The audit trail as a chain: rows are sealed soon after they are there, by whoever's turn it is, and
# whatever is changed behind the gateway's back is found.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Http;
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new(private => 1);
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['consent'], processes => { consent => 3 });

sub add {
	my ($n) = @_;
	return $pg->psql("do \$\$ begin for i in 1 .. $n loop perform gatehouse.audit_add('test_' || i, 'me', 'thing:' || i,
		null, 'trace', jsonb_build_object('n', i)); end loop; end \$\$");
}
sub unsealed { return $pg->psql('select count(*) from gatehouse.audit_unsealed') }
sub places { return $pg->psql('select coalesce(max(seal_no), 0) from gatehouse.audit_seal') }
sub rows { return $pg->psql('select count(*) from gatehouse.audit') }

# The chain as it is, behind the gateway's back and with its triggers off; put back afterwards.
sub with_change {
	my ($sql, $name, $want, @options) = @_;
	$pg->psql("create table kept_audit as table gatehouse.audit; create table kept_seal as table gatehouse.audit_seal;");
	$pg->psql("set session_replication_role = replica; $sql");
	my ($status, $text) = $gw->ctl('audit', 'verify', @options);
	is($status, 1, "$name is found");
	like($text, $want, '... and named') or diag $text;
	$pg->psql("set session_replication_role = replica; delete from gatehouse.audit; delete from gatehouse.audit_seal;
		insert into gatehouse.audit overriding system value select * from kept_audit;
		insert into gatehouse.audit_seal select * from kept_seal;
		drop table kept_audit, kept_seal");
	($status, $text) = $gw->ctl('audit', 'verify', @options);
	is($status, 0, '... and when it is put back, all is well') or diag $text;
	return;
}

# ---- sealing ----

my $before = places();
add(1200);
ok(wait_until(10, sub { unsealed() == 0 }), 'rows are sealed by themselves, however many');
is(places(), rows(), 'each has its place');
is($pg->psql('select count(*) from generate_series(1, (select max(seal_no) from gatehouse.audit_seal)) n
	where not exists (select from gatehouse.audit_seal s where s.seal_no = n)'), 0, '... without a gap, though three processes seal');

# whoever sums up, counts, or tidies up may take long over it
my $others = $gw->run->spawn('lock', { env => {} }, 'psql', '-Xq', '-d', $pg->superuser_conninfo,
	'-c', 'begin; select pg_advisory_xact_lock(7449359170164355400 + n) from generate_series(38, 42) n; select pg_sleep(300)');
ok(wait_until(20, sub { $pg->psql("select count(*) from pg_locks where locktype = 'advisory' and granted and database =
	(select oid from pg_database where datname = current_database())") >= 5 }), 'while others are at it');
add(3);
ok(wait_until(20, sub { unsealed() == 0 }), '... rows are sealed');
$pg->psql("select pg_terminate_backend(pid) from pg_stat_activity where query ~ 'generate_series\\(38' and pid <> pg_backend_pid()");

# a transaction that commits after a later one
my $slow = $pg->psql("select nextval(pg_get_serial_sequence('gatehouse.audit', 'audit_id'))");
add(3);
ok(wait_until(10, sub { unsealed() == 0 }), 'later rows do not wait for an earlier one that is not committed');
$pg->psql("insert into gatehouse.audit (audit_id, action) overriding system value values ($slow, 'late')");
ok(wait_until(10, sub { unsealed() == 0 }), '... which is sealed when it comes');
cmp_ok($pg->psql("select seal_no from gatehouse.audit_seal where audit_id = $slow"), '==', places(), '... at the end of the chain');

my ($status, $text) = $gw->ctl('audit', 'verify');
is($status, 0, 'the chain is what was written') or diag $text;
like($text, qr/^(\d+) rows are as they were sealed/m, '... says verify, and of how many rows');

# ---- anchors ----

ok(wait_until(10, sub { $gw->log('consent') =~ /"message":"audit anchor","anchor":"\d+:[0-9a-f]{64}"/ }), 'the log has an anchor');
$gw->stop_program('consent');
my $log = $gw->project . "/anchors.log";
$gw->write_file("anchors.log", $gw->log("consent"));
my $last = places();
like($gw->log('consent'), qr/"anchor":"$last:/, 'a program that stops leaves one of the end of what it sealed');
($status, $text) = $gw->ctl(qw(audit verify --anchors), $log);
is($status, 0, 'the anchors of the log agree') or diag $text;
like($text, qr/[1-9]\d* anchors agree/, '... and are counted');
unlike($gw->log('consent'), qr/"anchor":"0:/, 'an empty chain is no anchor');

# ---- what is found ----

my @row = split /\|/, $pg->psql('select seal_no, audit_id from gatehouse.audit_seal where seal_no = 600');
for (
	[ "update gatehouse.audit set actor = 'somebody else' where audit_id = $row[1]", 'an edited actor', qr/place 600: the row $row[1] .* is not what was sealed/ ],
	[ "update gatehouse.audit set detail = '{}' where audit_id = $row[1]", 'an edited detail', qr/place 600: .* not what was sealed/ ],
	[ "update gatehouse.audit set actor = null, object = 'me' where audit_id = $row[1]", 'a text that moved to another column', qr/place 600/ ],
	[ "update gatehouse.audit set at = at + interval '1 microsecond' where audit_id = $row[1]", 'a changed time', qr/place 600/ ],
	[ "delete from gatehouse.audit where audit_id = $row[1]", 'a deleted row', qr/place 600: the row $row[1] is deleted/ ],
	[ "delete from gatehouse.audit where audit_id = $row[1]; delete from gatehouse.audit_seal where seal_no = 600", 'a row deleted with its seal', qr/places 600 to 600 of the chain are deleted/ ],
	[ "delete from gatehouse.audit where audit_id = $row[1]; delete from gatehouse.audit_seal where seal_no = 600;
	   create temp table s as select * from gatehouse.audit_seal where seal_no > 600; delete from gatehouse.audit_seal where seal_no > 600;
	   insert into gatehouse.audit_seal select seal_no - 1, audit_id, key_id, mac, sealed_at from s", 'a deletion whose gap was closed', qr/place 600: /, ],
	[ "create temp table s as select * from gatehouse.audit_seal where seal_no in (600, 601); delete from gatehouse.audit_seal where seal_no in (600, 601);
	   insert into gatehouse.audit_seal select 1201 - seal_no, audit_id, key_id, mac, sealed_at from s", 'two rows that changed places', qr/place 600: / ],
	[ "update gatehouse.audit a set action = b.action from gatehouse.audit b where a.audit_id = $row[1] and b.audit_id = $row[1] + 1", "another row's action", qr/place 600: / ],
	[ "update gatehouse.audit_seal set mac = sha256(mac) where seal_no >= 600", 'a rebuilt chain without the key', qr/place 600: / ],
	[ "update gatehouse.audit_seal set key_id = 'mine' where seal_no = 600", 'a key that the ring does not have', qr/place 600: sealed under the key 'mine'/ ],
) { with_change(@$_) }

with_change("delete from gatehouse.audit where audit_id in (select audit_id from gatehouse.audit_seal where seal_no > 1000); delete from gatehouse.audit_seal where seal_no > 1000",
	'a cut-off tail', qr/the tail is cut off: the chain once had place $last, and ends at 1000/, '--anchors', $log);
with_change('delete from gatehouse.audit; delete from gatehouse.audit_seal', 'a trail that was emptied', qr/the tail is cut off.* and ends at 0/, '--anchors', $log);

# with the key itself in the wrong hands: what the gateway would have written, but without one row
with_change("delete from gatehouse.audit where audit_id = $row[1]; delete from gatehouse.audit_seal;
	delete from gatehouse.audit_unsealed; insert into gatehouse.audit_unsealed select audit_id from gatehouse.audit",
	'a chain that ends before it began', qr/the tail is cut off/, '--anchors', $log);
$pg->psql("create table kept_audit as table gatehouse.audit; create table kept_seal as table gatehouse.audit_seal;
	set session_replication_role = replica; delete from gatehouse.audit where audit_id = $row[1]; delete from gatehouse.audit_seal;
	delete from gatehouse.audit_unsealed; insert into gatehouse.audit_unsealed select audit_id from gatehouse.audit");
($status, $text) = $gw->ctl(qw(audit seal));
is($status, 0, 'who has the key can rebuild the whole chain ...') or diag $text;
like($text, qr/^sealed \d+ rows\nanchor \d+:[0-9a-f]{64}$/m, '... (audit seal says what it did)');
is(($gw->ctl(qw(audit verify)))[0], 0, '... and it is sound in itself');
add(5);
$gw->ctl(qw(audit seal));
($status, $text) = $gw->ctl(qw(audit verify --anchors), $log);
is($status, 1, '... but the anchors tell');
like($text, qr/is not what its anchor says: the chain was rebuilt/, '... that it was') or diag $text;
$pg->psql("set session_replication_role = replica; delete from gatehouse.audit; delete from gatehouse.audit_seal; delete from gatehouse.audit_unsealed;
	insert into gatehouse.audit overriding system value select * from kept_audit; insert into gatehouse.audit_seal select * from kept_seal");

# a row beside the chain
$pg->psql("set session_replication_role = replica; insert into gatehouse.audit (action, at) values ('smuggled', now() - interval '1 minute')");
($status, $text) = $gw->ctl(qw(audit verify));
is($status, 1, 'a row that no seal covers is found');
like($text, qr/the row \d+ \(\S+\) has no place in the chain/, '... and named');
$pg->psql("set session_replication_role = replica; delete from gatehouse.audit where action = 'smuggled'");

# ---- export ----

($status, $text) = $gw->ctl(qw(audit export));
my @lines = split /\n/, $text;
is(scalar @lines, places(), 'export has a line for each row');
my $first = JSON::PP->new->utf8->decode($lines[1]);
is_deeply([sort keys %$first], [qw(action actor auditId detail id keyId object place program requestId seal time)], '... with all that is known of it');
is_deeply($first->{detail}, { n => $first->{detail}{n} }, '... its detail as JSON');
($status, $text) = $gw->ctl(qw(audit export --after), places() - 2);
is(() = $text =~ /\n/g, 2, 'or of the rows after a place');

# ---- what gatehousectl does ----

sub noted {
	my ($action) = @_;
	return JSON::PP->new->utf8->decode($pg->psql("select coalesce((select to_jsonb(a) from gatehouse.audit a where action = '$action'
		order by audit_id desc limit 1), '{}')"));
}
like(noted('database_migrated')->{actor}, qr/^gatehousectl:\w/, 'who migrated the database is in the trail');
$gw->ctl('reload');
($status, $text) = $gw->ctl('reload');
is($status, 0, 'reload') or diag $text;
my $note = noted('project_published');
like($note->{actor}, qr/^gatehousectl:\w/, '... is there, with who did it');
is($note->{detail}{after}{snapshot}, $note->{detail}{before}{snapshot} + 1, '... what was in force before and is now');
like($note->{detail}{after}{'gateway.jsonc'}, qr/^[0-9a-f]{64}$/, '... by what the files were');
is(($gw->ctl(qw(reload --back)))[0], 0, 'reload --back');
is(noted('project_put_back')->{detail}{after}{snapshot}, $note->{detail}{before}{snapshot}, '... is there as well');
($status, $text) = $gw->ctl(qw(keys add session));
is($status, 0, 'keys add') or diag $text;
my ($key) = $text =~ /^([0-9a-z-]+)$/m;
$note = noted('key_added');
is($note->{object}, 'keys:session', '... is there');
is($note->{detail}{after}{$key}, 'active', '... with the state of each key');
ok(!exists $note->{detail}{before}{$key}, '... before and after');
my ($bytes) = do { open my $in, '<', $gw->project . '/keys/session' or die $!; local $/; <$in> =~ /^\Q$key\E \S+ (\S+)/m };
is($pg->psql("select count(*) from gatehouse.audit a where to_jsonb(a)::text like '%' || '$bytes' || '%'"), 0, '... and never a key');
is($note->{request_id} ? 1 : 0, 1, '... and a mark of the run');

# ---- doctor and maintenance ----

is(($gw->ctl(qw(doctor audit)))[0], 0, 'rows that wait for a moment worry nobody');
$pg->psql("update gatehouse.audit_unsealed set at = now() - interval '11 seconds'");
($status, $text) = $gw->ctl(qw(doctor audit));
is($status, 1, 'rows that nobody seals do');
like($text, qr/^error\s+audit: rows of the audit trail are unsealed for 1\d s/m, '... says doctor') or diag $text;
like($text, qr/consent\.fcgi.*gatehousectl audit seal/s, '... and who seals');
($status, $text) = $gw->ctl('maintenance');
like($text, qr/^audit rows: [1-9]\d* sealed$/m, 'maintenance seals, too') or diag $text;
is(($gw->ctl(qw(doctor audit)))[0], 0, '... and doctor is content');

# ---- who may ----

for my $program (qw(oauth connect mcp console)) {
	ok(!eval { $pg->psql_as($program, 'select * from gatehouse.audit_next(1)'); 1 }, "$program does not seal");
}
ok(!eval { $pg->psql("update gatehouse.audit_seal set key_id = 'x'"); 1 } && $@ =~ /append-only/, 'even the owner is told that seals are not changed');
is(($gw->ctl('audit', @$_))[0], 2, "'audit @$_' is called in a wrong way") for [], ['show'], ['verify', 'x'], ['verify', '--anchors'], ['export', '--after', 'x'];
$gw->stop;
$pg->stop;
done_testing();
