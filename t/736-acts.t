#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Whatever gatehousectl and the pages change is in the audit trail: who, what, before and after, no secrets. Both lists are the
# program's own, of the acts of its commands and of the functions that its roles may call, so that a new one without its row is found.

use strict;
use warnings;

use File::Temp ();
use JSON::PP ();
use Test::More;

use Gatehouse::Authority;
use Gatehouse::Pg;
use Gatehouse::Run qw(bin_path read_file);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

my $src = $ENV{top_srcdir};
my $JSON = JSON::PP->new->utf8->canonical;
my $as = Gatehouse::Authority->new;
my $pg = Gatehouse::Pg->new;
my %forward = (name => 'lines', type => 'file', path => '/dev/null');
my %more = (programs => [], policies => [{ name => 'mcp-token-exchange-shared', policyType => 'mcp-token-exchange-inbound', handler => { export => 'X',
	options => { displayName => 'Shared', authMode => 'shared-oauth', clientId => 'known', clientSecret => 'a', tokenEndpointAuthMethod => 'client_secret_basic' } } }],
	routes => { '/mcp/shared' => { upstream => $as->url('/mcp'), inbound => ['mcp-token-exchange-shared'] } });
my $gw = Gatehouse::Server->new(pg => $pg, %more, gateway => { events => { retentionDays => 30, forward => [\%forward] } });

# The newest row of the trail, and those that came behind it.
my $seen = 0;
sub news {
	my @rows = map { $JSON->decode($_) } split /\n/, $pg->psql("select to_jsonb(a) from gatehouse.audit a where audit_id > $seen order by audit_id");
	$seen = $rows[-1]{audit_id} if @rows;
	return @rows;
}

# ---- gatehousectl ----

# its table: { "keys add" => [actions] }
my %table;
for my $file (glob "$src/bin/ctl_*.c") {
	my $text = read_file($file);
	my ($name) = $text =~ /^const struct ctl_command ctl_\w+ = \{\n\t\.name = "([^"]+)"/m or next;
	my ($rows) = $text =~ /^static const struct ctl_act acts\[\] = \{\n(.*?)^\};/ms;
	$table{ $name . ($1 && " $1") } = $2 ? [split ' ', $2] : [] while $rows =~ /^\t\{ "([^"]*)", (?:"([^"]+)"|NULL) \},\n/mg;
}
is(() = read_file("$src/bin/gatehousectl.c") =~ /^\t&ctl_\w+,$/mg, scalar(keys %{ { map { (split / /)[0] => 1 } keys %table } }), 'every command has a table of its acts');
is(($gw->ctl(qw(clients frobnicate x)))[0], 2, 'what stands in none of them is not done');

# programs with users of their own, all of which are whoever runs this
my $dir = File::Temp::tempdir('gh-users-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;
Gatehouse::Run::write_file("$dir/users.c", <<'END');
#include <pwd.h>
#include <unistd.h>

struct passwd *getpwnam(const char *name)
{
	static struct passwd one;

	one.pw_name = (char *)name;
	one.pw_uid = getuid();
	one.pw_gid = getgid();
	return &one;
}
END
my $cc = $ENV{CC} || 'cc';
die 'the stand-in for the users does not compile' if system("$cc -shared -fPIC -o $dir/users.so $dir/users.c 2>$dir/log");
my $is_instrumented = read_file(bin_path('gatehousectl')) =~ /__[at]san_init/;    # a sanitizer wants to be the first library
sub with_users {
	local $gw->{o}{process_env} = $is_instrumented ? {} : { LD_PRELOAD => "$dir/users.so" };
	return $gw->ctl(@_);
}

issue($pg, $gw, '/mcp/shared', subject => 'one');
issue($pg, $gw, '/mcp/shared', subject => $_) for qw(two three);
my %id = (client => $pg->psql("select client_id from gatehouse.grants where subject = 'three'"), grant => $pg->psql("select grant_id from gatehouse.grants where subject = 'one'"));
$pg->psql("insert into gatehouse.browser_session (session_hash, pepper_id, subject, expires_at) values ('\\x77', 'x', 'two', now() + interval '1 hour')");
$pg->psql("insert into gatehouse.event_destination (name, tx, spool, sent, dropped) values ('gone', '0', 1000000, 17, 4)");
$pg->psql("insert into gatehouse.tool_route (operation_id) values ('shared'); insert into gatehouse.tool_pin (operation_id, tool, seen_hash, seen_at, approved_hash)
	values ('shared', 'danger', sha256('new'), now(), sha256('old'))");
my $sha = sub { $pg->psql("select encode(sha256('$_[0]'), 'hex')") };
my $retention = sub { return $gw->write_project(gateway => { events => { retentionDays => $_[0], forward => [\%forward] } }) };
my $key;
my $made = sub { ($key) = $_[0] =~ /^([0-9a-z-]+)$/m };

# Each act, in an order in which they can be done: [the act, its arguments, what it changes at first, how its rows begin and end
# (actions => [object, before, after]: undef is null, a sub judges)].
my @acts = (
	['migrate', ['--database', $pg->superuser_conninfo], undef, database_migrated => ['database', sub { $_[0]{schema} > 0 }, sub { $_[0]{schema} > 0 }]],
	['reload', [], undef, project_published => [qr/^project:/, {}, sub { $_[0]{snapshot} == 1 && length $_[0]{'gateway.jsonc'} == 64 }],
		retention_changed => ['events', undef, { days => 30, sumDays => 400 }]],
	['reload', [], sub { $retention->(60) }, project_published => [qr/^project:/, sub { $_[0]{snapshot} == 1 }, sub { $_[0]{snapshot} == 2 }],
		retention_changed => ['events', { days => 30, sumDays => 400 }, { days => 60, sumDays => 400 }]],
	['reload --back', [], undef, project_put_back => [qr/^project:/, sub { $_[0]{snapshot} == 2 }, sub { $_[0]{snapshot} == 1 }],
		retention_changed => ['events', { days => 60, sumDays => 400 }, { days => 30, sumDays => 400 }]],
	['reload --list', []],
	['maintenance', [], sub { $retention->(45); $pg->psql("select gatehouse.event_day('event_call', (now() at time zone 'UTC')::date - 50)") },
		retention_changed => ['events', { days => 30, sumDays => 400 }, { days => 45, sumDays => 400 }],
		events_dropped => ['events', sub { $_[0]{days}[0] =~ /^20\d\d-\d\d-\d\d$/ && @{ $_[0]{days} } == 1 }, undef]],
	['keys list', []],
	['keys init', [], sub { unlink $gw->project . '/keys/claims' or die $! }, keys_made => ['keys:', sub { !%{ $_[0]{claims} } && %{ $_[0]{vault} } },
		sub { (values %{ $_[0]{claims} })[0] eq 'primary' && %{ $_[0]{vault} } }]],
	['keys add', ['vault'], $made, key_added => ['keys:vault', sub { !exists $_[0]{$key} }, sub { $_[0]{$key} eq 'active' }]],
	['keys primary', sub { ('vault', $key) }, sub { $gw->ctl('reload'); news() }, key_made_primary => ['keys:vault', sub { $_[0]{$key} eq 'active' }, sub { $_[0]{$key} eq 'primary' }]],
	['keys reencrypt', ['vault'], sub { $gw->ctl('reload'); news() }, keys_reencrypted => ['keys:vault', sub { $_[0]{$key} eq 'primary' }, sub { $_[0]{$key} eq 'primary' }]],
	['keys retire', sub { ('vault', (grep { $_ ne $key } read_file($gw->project . '/keys/vault') =~ /^([0-9a-z-]+) /mg)[0]) }, undef,
		key_retired => ['keys:vault', sub { keys %{ $_[0] } == 2 && !grep { $_ eq 'retired' } values %{ $_[0] } }, sub { $_[0]{$key} eq 'primary' && grep { $_ eq 'retired' } values %{ $_[0] } }]],
	['keys hash-secret', ['--new']],
	['keys share', [], undef, keys_shared => ['keys:', sub { !grep { $_ } values %{ $_[0] } }, sub { $_[0]{oauth} && $_[0]{mcp} && $_[0]{console} }]],
	['connect', ['shared'], undef, connect_url_made => ['upstream:shared', undef, { operation => 'shared', validSeconds => 600 }]],
	['events list', []], ['events forward', []], ['events export', ['--include', 'auth']], ['events tail', ['--seconds', 1]],
	['events forget', ['gone'], undef, destination_forgotten => ['destination:gone', { sent => 17, dropped => 4, waiting => sub { 1 } }, undef]],
	['tools list', ['shared']], ['tools diff', ['shared']],
	['tools approve', ['shared', 'danger'], undef, tool_approved => ['tool:shared/danger', $sha->('old'), $sha->('new')]],
	['user list', []], ['user show', ['two']], ['grants list', []], ['clients list', []],
	['grants revoke', [$id{grant}], undef, grant_revoked => ["grant:$id{grant}", { subject => 'one', operation => 'shared', scope => 'mcp:tools' }, undef]],
	['user revoke', ['two'], undef, grant_revoked => [qr/^grant:/, sub { $_[0]{subject} eq 'two' }, undef],
		user_revoked => ['subject:two', { sessions => 1, grants => 1, logins => 0 }, { sessions => 0, grants => 0, logins => 0 }]],
	['clients revoke', [$id{client}], undef, client_revoked => ["client:$id{client}", sub { defined $_[0]{name} && $_[0]{grants} == 1 }, undef],
		grant_revoked => [qr/^grant:/, sub { $_[0]{subject} eq 'three' }, undef]],
	['alerts list', []], ['alerts send', []],
	['audit seal', []], ['audit verify', []], ['audit export', []],
	['check', []], ['webconfig', ['lighttpd']], ['doctor', ['clock']], ['trace', ['no-such-request']],
);
my %does = map { $_->[0] => 1 } @acts;
is_deeply([sort map { s/ \*\z//r } keys %table], [sort keys %does], 'each act of its table is done here');

# Whether what stands in the trail is what it should be.
sub fits {
	my ($is, $want) = @_;
	return $want->($is) ? 1 : 0 if ref $want eq 'CODE';
	return defined $is && $is =~ $want if ref $want eq 'Regexp';
	return !defined $is if !defined $want;
	return ref $is eq 'HASH' && keys %$is == keys %$want && !grep { !exists $is->{$_} || !fits($is->{$_}, $want->{$_}) } keys %$want if ref $want eq 'HASH';
	return defined $is && $is eq $want;
}

news();
my %noted;
for (@acts) {
	my ($act, $arguments, $change, @rows) = @$_;
	my $name = "gatehousectl $act";
	$change->() if $change && $change != $made;
	$seen = $pg->psql('select coalesce(max(audit_id), 0) from gatehouse.audit');
	SKIP: {
		skip 'a sanitizer wants to be the first library', 1 if $act eq 'keys share' && $is_instrumented;
		my ($status, $text) = ($act eq 'keys share' ? \&with_users : sub { $gw->ctl(@_) })->(split(/ /, $act), ref $arguments eq 'CODE' ? $arguments->() : @$arguments);
		is($status, 0, $name) or diag $text if $act ne 'trace' && $act ne 'doctor';
		$made->($text) if $change && $change == $made;
		my @news = news();
		is(join(' ', sort map { $_->{action} } @news), join(' ', sort grep { !ref } @rows), "$name: the trail has what it should have, and nothing else") or diag $text;
		while (my ($action, $want) = splice @rows, 0, 2) {
			my ($row) = grep { $_->{action} eq $action } @news or next;
			my ($object, $before, $after) = @$want;
			$noted{$act}{$action} = 1;
			like($row->{actor} // '', qr/^gatehousectl:\w/, "$name: $action says who") if $action ne 'events_dropped';
			ok(fits($row->{object}, $object), '... what') or diag $row->{object};
			ok(exists $row->{detail}{before} && fits($row->{detail}{before}, $before), '... what was before') or diag $JSON->encode($row->{detail});
			ok(exists $row->{detail}{after} && fits($row->{detail}{after}, $after), '... and is now') or diag $JSON->encode($row->{detail});
			ok($row->{request_id}, '... with a mark of the run') if $action ne 'events_dropped';
		}
	}
}
for my $act (sort keys %table) {
	is_deeply([sort keys %{ $noted{ $act =~ s/ \*\z//r } || {} }], [sort @{ $table{$act} }], "gatehousectl $act: all that its table says was seen") if !($act eq 'keys share' && $is_instrumented);
}
my ($list) = read_file("$src/man/gatehousectl.1") =~ /^\.Sh AUDIT\n(.*?)^\.Sh /ms;
is(join(' ', sort $list =~ /^\.Li (\w+)/mg), join(' ', sort keys %{ { map { $_ => 1 } map { @$_ } values %table } }), 'the manual names the actions of the table');
my @secret = map { read_file($_) =~ /^\S+ \S+ (\S+)/mg } grep { -f && !/jwks/ } glob $gw->project . '/keys/*';
cmp_ok(@secret, '>=', 6, 'keys are to be looked for');
is($pg->psql("select count(*) from gatehouse.audit a where " . join ' or ', map { "strpos(to_jsonb(a)::text, '$_') > 0" } @secret), 0, 'and none stands in the trail');
is($pg->psql("select count(*) from gatehouse.audit a where to_jsonb(a)::text ~ 'http[^\"]*/upstream/'"), 0, 'nor an address that connects');

# a first key ring, before there is a database to tell
{
	my $new = Gatehouse::Server->new(%more, gateway => { database => 'host=/nowhere' });
	unlike(read_file($_), qr/audit trail/, 'the first key ring is made without a word of the trail') for glob $new->run->dir . '/log/command-1.log';
	unlink $new->project . '/keys/claims';
	like(($new->ctl(qw(keys init)))[1], qr/done, but the audit trail does not have it \(keys_made/, 'but what is made later is told of, or missed');
	$new->stop;
}

# ---- pages, and whatever else programs may call ----

# Functions that change something and tell nobody, of programs' roles: what they change is nothing that somebody decided.
my %silent = map { my ($why, @names) = @$_; map { $_ => $why } @names } (
	['books, which are kept by themselves', qw(alerts_judge alerts_take alerts_told audit_anchor audit_seal_add event_lost events_add_auth events_add_call events_add_policy
		forward_done forward_failed forward_next forward_read forward_release metrics_step rollup_run tools_listed)],
	['counts', qw(quota_settle quota_take rate_add rate_take)],
	['a step on the way to what is told', qw(authorization_begin connect_begin connect_take sign_in_begin login_due login_return session_mark_admin)],
	['renewal of what is there', qw(assertion_adopt assertion_lease assertion_renew assertion_use bearer_find client_rehash connection_lease connection_release connection_want session_present token_introspect)],
	['copies of what others publish', qw(client_document_touch client_keys_put provider_document_ask provider_document_put registration_drop)],
	['a client that registers itself: an event, and no right', qw(client_register)],
);
my (%body, %for);
for (split /\x1e\n?/, $pg->psql("select p.proname || chr(31) || p.provolatile::text || chr(31) || coalesce((select string_agg(substr(r.rolname, 11), ' ') from pg_roles r
	where r.rolname in ('gatehouse_oauth', 'gatehouse_consent', 'gatehouse_connect', 'gatehouse_mcp', 'gatehouse_console')
	and has_function_privilege(r.oid, p.oid, 'execute')), '') || chr(31) || p.prosrc || chr(30) from pg_proc p where p.pronamespace = 'gatehouse'::regnamespace")) {
	my ($name, $volatile, $programs, $text) = split /\x1f/;
	$body{$name} = $text;
	$for{$name} = $programs if $volatile eq 'v' && $programs;
}
my %tells = (audit_add => 1);
for (my $n = 0; $n != keys %tells;) {
	$n = keys %tells;
	for my $name (keys %body) { $tells{$name} = 1 if grep { $tells{$_} } $body{$name} =~ /(\w+)\(/g }
}
cmp_ok(scalar(grep { $tells{$_} } keys %for), '>', 20, 'functions that change something were found');
is(join(' ', map { "$_ ($for{$_})" } grep { !$tells{$_} && !$silent{$_} } sort keys %for), '', 'each that a program may call tells the trail of it, or is known not to');
is(join(' ', grep { !$for{$_} || $tells{$_} } sort keys %silent), '', 'no function is excused that need not be');
is(join(' ', grep { !$tells{$_} } qw(client_revoke connection_end grant_revoke sessions_end user_revoke consent_approve consent_deny grant_revoke_own connection_put connection_drop_own)), '',
	'what the pages of console, consent and connect do is told');

is(join(' ', grep { $for{$_} =~ /\bconsole\b/ } sort keys %for),
	'client_revoke connection_end event_lost events_add_auth events_add_call events_add_policy events_step grant_revoke rollup_run sessions_end user_revoke',
	"the console's role may end what its pages end, and keep its events: nothing else");

# each row that functions write
my $rows = 0;
for my $name (sort keys %body) {
	while ($body{$name} =~ /perform audit_add(\((?:[^()]|(?1))*\))/g) {
		my $row = $1;
		next if $name eq 'audit_note';    # what gatehousectl says, see above
		$rows++;
		like($row, qr/'before'.*'after'/s, "$name: " . ($row =~ /'(\w+)'/)[0] . ' has what was before and is now');
	}
}
cmp_ok($rows, '>=', 20, 'the rows that functions write were looked at');

$gw->stop;
done_testing();
