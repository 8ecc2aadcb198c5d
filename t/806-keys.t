#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Keys change while clients are at work: nobody is refused, rows move as their tokens are presented, and
# a key goes only when nothing hangs on it.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Flow;
use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file wait_until);
use Gatehouse::Server;
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub { my ($c, $r) = @_; return $c->result($r, {}, ['Mcp-Session-Id', 's-1']) });
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(oauth consent mcp)],
	processes => { oauth => 2, consent => 2, mcp => 2 }, routes => { '/mcp/one' => { upstream => $up->url('/mcp') } },
	gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 } });
my $hello = { jsonrpc => '2.0', id => 1, method => 'initialize', params => { protocolVersion => '2025-11-25',
	capabilities => {}, clientInfo => { name => 't', version => '1' } } };
my $list = { jsonrpc => '2.0', id => 2, method => 'tools/list', params => {} };

sub ctl { my ($status, $text) = $gw->ctl(@_); diag("gatehousectl @_: $status $text") if $ENV{VERBOSE}; return ($status, $text) }
sub ctl_ok { my ($status, $text) = ctl(@_); is($status, 0, "gatehousectl @_") or diag($text); return $text }
sub ctl_fails { my ($why, @a) = @_; my ($status, $text) = ctl(@a); is($status, 1, "gatehousectl @a fails"); like($text, $why, '... and says why'); return }
sub file { return read_file($gw->project . "/keys/$_[0]") }
sub state_of { my ($purpose, $id) = @_; return file($purpose) =~ /^\Q$id\E (\w+)/m ? $1 : 'absent' }
sub primary { return file($_[0]) =~ /^(\S+) +primary/m ? $1 : undef }
sub waiting { my $n = 0; $n += $_ for $pg->psql("select coalesce(sum(n), 0) from gatehouse.pepper_rows('$_[0]')"); return $n }

sub reload {
	my $before = () = $gw->log =~ /a new snapshot is in force/g;
	ctl_ok('reload');
	wait_until(10, sub { (() = $gw->log =~ /a new snapshot is in force/g) >= $before + 6 }) or diag('not all changed over');
	return;
}

# Clients at work until told to stop: each refreshes and calls, one with a secret; what failed is kept in a file.
sub work {
	my ($n) = @_;
	my $dir = $gw->run->make_dir('work');
	my @pids = map {
		my $i = $_;
		my $flow = Gatehouse::Flow->new(origin => $gw->origin);
		my $client = $flow->register(client_name => "Worker $i", token_endpoint_auth_method => $i % 2 ? 'none' : 'client_secret_basic');
		my $tok = $flow->sign_in(route => '/mcp/one', client => $client);
		my $pid = fork // die;
		if (!$pid) {
			my ($calls, @wrong) = 0;
			until (-e "$dir/stop") {
				my $r = $flow->refresh($tok);
				push @wrong, "refresh $r->{status} $r->{content}" if $r->{status} != 200;
				$tok = { %$tok, %{ $r->json || {} } };
				for (1 .. 3) {
					my $c = $flow->call('/mcp/one', $tok, $list);
					push @wrong, "call $c->{status} $c->{content}" if $c->{status} != 200;
				}
				my $g = $flow->browse('GET', $gw->url('/oauth/grants'));
				push @wrong, "page $g->{status}" if $g->{status} != 200;
				$calls += 5;
				last if @wrong > 5;
			}
			Gatehouse::Run::write_file("$dir/$i", join '', map { "$_\n" } $calls, @wrong);
			POSIX::_exit(0);
		}
		$pid;
	} 1 .. $n;
	return sub {
		Gatehouse::Run::write_file("$dir/stop", '');
		waitpid $_, 0 for @pids;
		my ($calls, @wrong) = 0;
		for my $i (1 .. $n) {
			my ($own, @w) = split /\n/, read_file("$dir/$i");
			$calls += $own;
			push @wrong, @w;
		}
		unlink "$dir/stop";
		return ($calls, @wrong);
	};
}

# --- who is there before anything changes

my $idle = Gatehouse::Flow->new(origin => $gw->origin);
my $idle_token = $idle->sign_in(route => '/mcp/one', client => $idle->register(client_name => 'Idle'));
my $secret = Gatehouse::Flow->new(origin => $gw->origin);
my $secret_token = $secret->sign_in(route => '/mcp/one',
	client => $secret->register(client_name => 'Secret', token_endpoint_auth_method => 'client_secret_post'));
my $session = $idle->call('/mcp/one', $idle_token, $hello)->header('mcp-session-id');
like($session, qr/\S{80}/, 'a client has a sealed session id');
my $asking = Gatehouse::Flow->new(origin => $gw->origin);
my $page = $asking->open($asking->ask(route => '/mcp/one', client => $asking->register(client_name => 'Asking'))->{url});
ok($asking->form($page), 'a person has the consent page before them');

# --- pepper

my $old = primary('pepper');
chmod 0600, $gw->project . '/keys/pepper';
my $finish = work(4);
my ($status, $text) = ctl('keys', 'add', 'pepper');
my ($new) = $text =~ /^([a-z0-9-]+)$/m;
is($status, 0, 'keys add');
is(state_of('pepper', $new), 'active', '... makes an active key');
is(primary('pepper'), $old, '... and leaves the primary one');
is((stat $gw->project . '/keys/pepper')[2] & 07777, 0600, '... and the mode');
is(() = glob($gw->project . '/keys/.new-*'), 0, '... and no other file');
ctl_fails(qr/gatehousectl reload/, qw(keys primary pepper), $new);
is(primary('pepper'), $old, '... and nothing changed');
reload();
ctl_ok(qw(keys primary pepper), $new);
is(primary('pepper') . ' ' . state_of('pepper', $old), "$new active", 'the new key is primary, the old one active');
ctl_fails(qr/gatehousectl reload/, qw(keys retire pepper), $old);
reload();
sleep 1;
my ($calls, @wrong) = $finish->();
cmp_ok($calls, '>', 50, "clients were at work ($calls requests)");
is_deeply(\@wrong, [], '... and none was refused');

is($pg->psql("select count(*) from gatehouse.refresh_token t join gatehouse.grants g using (grant_id)
	join gatehouse.client c using (client_id)
	where c.name like 'Worker%' and t.pepper_id = '$old' and t.used_at is null"), 0, 'the tokens that they hold are under the new pepper');
is($pg->psql("select count(*) from gatehouse.client where name like 'Worker%' and pepper_id = '$old'"), 0, '... and their secrets');
is($pg->psql("select t.pepper_id from gatehouse.refresh_token t join gatehouse.grants g using (grant_id)
	join gatehouse.client c using (client_id) where c.name = 'Idle'"), $old, 'who was away is under the old one');
cmp_ok(waiting($old), '>', 0, 'rows hang on it');
ctl_fails(qr/still in use/, qw(keys retire pepper), $old);
is(state_of('pepper', $old), 'active', '... and it stays');

# each is re-hashed when its token comes
sub pepper_of { my ($table, $name) = @_; return $pg->psql("select t.pepper_id from gatehouse.$table t
	join gatehouse.grants g using (grant_id) join gatehouse.client c using (client_id) where c.name = '$name' order by t.generation desc limit 1") }
is($idle->call('/mcp/one', $idle_token, $list, headers => [['Mcp-Session-Id', $session]])->{status}, 200, 'an access token of before still calls');
is($secret->call('/mcp/one', $secret_token, $list)->{status}, 200, '... and one that no program has in its memory');
is(pepper_of('access_token', 'Secret'), $new, '... which is under the new pepper then');
is($secret->refresh($secret_token)->{status}, 200, 'a client with a secret refreshes');
is($pg->psql("select pepper_id from gatehouse.client where name = 'Secret'"), $new, '... and its secret is under the new pepper');
is($pg->psql("select count(*) from gatehouse.refresh_token t join gatehouse.grants g using (grant_id)
	join gatehouse.client c using (client_id) where c.name = 'Secret' and t.pepper_id = '$new'"), 2, '... the used token and the new one too');
is($idle->browse('GET', $gw->url('/oauth/grants'))->{status}, 200, 'a browser is still signed in');
is($pg->psql("select count(*) from gatehouse.browser_session where pepper_id = '$new'") > 0, 1, '... and its session is under the new pepper');
like($asking->answer($asking->decide($page, 'approve'))->{code}, qr/^ac_/, 'the consent page of before is still answered');

# what is left is ended: by as many runs as it takes
my $many = $ENV{GATEHOUSE_TEST_LONG} ? 100_000 : 5_000;
$pg->psql("insert into gatehouse.grants (grant_id, client_id, subject, resource, operation_id, scope, generation, expires_at)
		select gen_random_uuid(), (select client_id from gatehouse.client where name = 'Idle'), 'absent', 'r', 'o', 'mcp:tools', 1, now() + interval '1 day'
		from generate_series(1, $many);
	insert into gatehouse.refresh_token (token_id, token_hash, pepper_id, grant_id, generation)
		select gen_random_uuid(), sha256(grant_id::text::bytea), '$old', grant_id, 1 from gatehouse.grants where subject = 'absent'");
sub ended { return $pg->psql("select count(*) from gatehouse.grants where subject = 'absent' and revoked_at is not null") }
$finish = work(2);
my $interrupted = fork // die;
if (!$interrupted) {
	POSIX::setsid();
	$gw->ctl(qw(keys retire pepper), $old, '--revoke');
	POSIX::_exit(0);
}
ok(wait_until(30, sub { ended() > 0 }), 'a run that ends them is under way');
kill KILL => -$interrupted;
waitpid $interrupted, 0;
my $so_far = ended();
cmp_ok($so_far, '<', $many, "... and is killed after $so_far of $many");
is(state_of('pepper', $old), 'active', '... the key is still active');
($text) = ctl_ok(qw(keys retire pepper), $old, '--revoke');
like($text, qr/^ended [1-9]/m, 'with --revoke what still hangs on the old pepper ends');
($calls, @wrong) = $finish->();
is_deeply(\@wrong, [], "... clients under the new pepper are at work meanwhile ($calls requests), and none is refused");
is(ended(), $many, '... all of them');
is(state_of('pepper', $old), 'retired', '... and the key is retired');
is(waiting($old), 0, '... and no row is left');
is($pg->psql("select count(*) > $many from gatehouse.audit where action = 'grant_revoked' and detail->>'reason' = 'key_retired' and actor like 'gatehousectl:%'"),
	't', '... and the audit trail has it');
is($idle->refresh($idle_token)->json->{error}, 'invalid_grant', 'who was away signs in again');
reload();
is($secret->sign_in(route => '/mcp/one', client => $secret->{client})->{token_type}, 'Bearer', 'and everything works under the new pepper alone');
ctl_fails(qr/no key of this id/, qw(keys retire pepper none-such));
ctl_fails(qr/primary key/, qw(keys retire pepper), $new);
ctl_fails(qr/retired key/, qw(keys primary pepper), $old);

# --- session: forms and session ids live through the change

my $tok = $idle->sign_in(route => '/mcp/one', client => $idle->{client});
$session = $idle->call('/mcp/one', $tok, $hello)->header('mcp-session-id');
$page = $asking->open($asking->ask(route => '/mcp/one')->{url});
my $old_session = primary('session');
my ($new_session) = ctl_ok(qw(keys add session)) =~ /^([a-z0-9-]+)$/m;
reload();
ctl_ok(qw(keys primary session), $new_session);
reload();
sub in_session { return $idle->call('/mcp/one', $tok, $list, headers => [['Mcp-Session-Id', $_[0]]])->{status} }
is(in_session($session), 200, 'a session id sealed under the old key still opens');
my $later = $idle->call('/mcp/one', $tok, $hello)->header('mcp-session-id');
like($asking->answer($asking->decide($page, 'approve'))->{code}, qr/^ac_/, 'a form made under the old key is taken');
ctl_ok(qw(keys retire session), $old_session);
reload();
is(in_session($session), 404, 'once the key is retired, the client is told to begin anew');
is(in_session($later), 200, '... and a session under the new key goes on');

# --- files

chmod 0600, $gw->project . '/keys/claims';
Gatehouse::Run::write_file($gw->project . '/keys/claims', "# kept by hand\n" . file('claims'));
chmod 0400, $gw->project . '/keys/claims';
$gw->run->give($gw->project . '/keys/claims');
my $claims = primary('claims');
my ($second) = ctl_ok(qw(keys add claims)) =~ /^([a-z0-9-]+)$/m;
reload();
ctl_ok(qw(keys primary claims), $second);
like(file('claims'), qr/\A# kept by hand\n$claims active \S{43}\n$second primary \S{43}\n\z/, 'comments and order stay');
reload();
ctl_fails(qr/not retired/, qw(keys retire audit), primary('audit'));
ctl_ok(qw(keys retire claims), $claims);    # nobody's claims are kept here: see t/560
ctl_ok(qw(keys add claims)) for 1 .. 14;
ctl_fails(qr/more than 16 keys.*retired keys/, qw(keys add claims));
is(() = file('claims') =~ /^2/mg, 16, '... and the file is as it was');
$gw->stop;
done_testing;
