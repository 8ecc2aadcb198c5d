# SPDX-License-Identifier: Apache-2.0
#
# Many people at once, each a process of its own, while a test does something to the gateway:
#
#	my $load = Gatehouse::Load->new(origin => $gw->origin, route => '/mcp/a', users => 60, sign_ins => 4);
#	...                       # all are signed in and at work from here on
#	my $r = $load->stop;      # { records => [...], users => [...] }
#
# A user calls the route, each time with an id of its own, and now and then changes its refresh token for a new pair; an
# answer that was lost or 503 is asked for again with the same token, as clients do. A person of
# `sign_ins` does nothing but sign in, again and again. What each asked is a record: { user, kind, start,
# end, status, error, retry_after, id }, kind being "call", "refresh" or "sign-in" (for any of its requests).
# What a user ended with is in `users`: its token, as Gatehouse::Flow has it. nodes => ["HOST:PORT", ...]: every
# request goes to one of these.
#
#	failures(@{ $r->{records} });     # those that were not answered 200, whole
#	describe(@records);               # says as a diagnostic what they are
#	nothing_is_lost($r, $pg, $origin); # tests the tokens that people ended with, and what the database has

package Gatehouse::Load;

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use File::Temp ();
use JSON::PP ();
use POSIX ();
use Test::More ();
use Time::HiRes qw(sleep time);

use Gatehouse::Flow;
use Gatehouse::Http qw(parallel request);

our @EXPORT_OK = qw(describe failures nothing_is_lost);

my $JSON = JSON::PP->new->canonical;

# pause: seconds between two calls of a user; refresh_every: calls between two refreshes.
sub new {
	my ($class, %o) = @_;
	my $self = bless { users => 60, sign_ins => 4, pause => 0.02, refresh_every => 8, patience => 20, %o,
		owner => $$, dir => File::Temp::tempdir('gh-load-XXXXXX', TMPDIR => 1, CLEANUP => 1) }, $class;
	for my $n (1 .. $self->{users} + $self->{sign_ins}) {
		my $pid = fork // croak "fork: $!";
		if (!$pid) {
			$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
			eval { $self->_person($n); 1 } or $self->_write($n, { died => "$@", user => $n });
			POSIX::_exit(0);
		}
		push @{ $self->{pids} }, $pid;
	}
	my $end = time + 60;
	sleep 0.05 until time > $end || $self->_count('ready') == @{ $self->{pids} };
	croak 'not everybody came to work: ' . join '', $self->_died if $self->_count('ready') < @{ $self->{pids} };
	return $self;
}

# Ends the work, each after what it is at, and waits for the last.
sub stop {
	my ($self) = @_;
	$self->_touch('stop');
	waitpid $_, 0 for @{ delete $self->{pids} };
	my @all = $self->_all;
	my @died = $self->_died;
	croak "a person died: @died" if @died;
	return { records => [grep { $_->{kind} } @all], users => [grep { $_->{token} } @all] };
}

# Records so far.
sub records { return grep { $_->{kind} } $_[0]->_all }

sub failures { return grep { $_->{status} != 200 || $_->{error} } @_ }

sub describe {
	my %seen;
	$seen{ join ' ', $_->{kind}, $_->{status}, $_->{error} // '' }++ for @_;
	return Test::More::diag(map { "$seen{$_} x $_\n" } sort keys %seen);
}

# Each code gave tokens once, each refresh token has one successor, and every user goes on with what it has.
sub nothing_is_lost {
	my ($r, $pg, $origin) = @_;
	my @none = (
		'a code was used if, and only if, it gave tokens' =>
		  'gatehouse.code c join gatehouse.grants g using (grant_id) where (c.used_at is not null) <> (g.generation > 0)',
		'there is one pair of tokens for each generation of a grant' => 'gatehouse.grants g where
		  g.generation <> (select count(*) from gatehouse.refresh_token t where t.grant_id = g.grant_id) or
		  g.generation <> (select count(*) from gatehouse.access_token t where t.grant_id = g.grant_id)',
		'and one refresh token of each grant is unused' => 'gatehouse.grants g where g.generation > 0 and
		  1 <> (select count(*) from gatehouse.refresh_token t where t.grant_id = g.grant_id and t.used_at is null)',
	);
	while (my ($sentence, $where) = splice @none, 0, 2) {
		Test::More::is($pg->psql("select count(*) from $where"), 0, $sentence);
	}
	my @users = @{ $r->{users} };
	my $flow = Gatehouse::Flow->new(origin => $origin);
	my @answers = parallel(map { ['POST', "$origin/oauth/token", $flow->token_request($_->{token}{client},
		grant_type => 'refresh_token', refresh_token => $_->{token}{refresh_token})] } @users);
	Test::More::is(scalar(grep { $_->{status} == 200 } @answers), scalar @users, 'no user lost its token');
	my $clients = join ',', map { "'$_->{token}{client_id}'" } @users;
	Test::More::is($pg->psql("select count(*) from gatehouse.grants where client_id in ($clients) and revoked_at is not null"),
		0, 'and no grant was taken away');
	return;
}

sub DESTROY {
	my ($self) = @_;
	return if $self->{owner} != $$ || !$self->{pids};
	local ($?, $!);
	kill 'KILL', @{ $self->{pids} };
	waitpid $_, 0 for @{ $self->{pids} };
	return;
}

sub _touch {
	my ($self, $name) = @_;
	open my $f, '>', "$self->{dir}/$name" or croak $!;
	return close $f;
}

sub _count {
	my ($self, $name) = @_;
	my @files = glob "$self->{dir}/$name-*";
	return scalar @files;
}

sub _all {
	my ($self) = @_;
	my @all;
	for my $file (glob "$self->{dir}/log-*") {
		open my $f, '<', $file or croak "$file: $!";
		push @all, map { $JSON->decode($_) } <$f>;
	}
	return @all;
}

sub _died { return map { $_->{died} || () } $_[0]->_all }

sub _write {
	my ($self, $n, $record) = @_;
	open my $f, '>>', "$self->{dir}/log-$n" or die $!;
	syswrite $f, $JSON->encode($record) . "\n";
	return close $f;
}

sub _stopped { return -e "$_[0]{dir}/stop" }

# --- a person's process ---

sub _person {
	my ($self, $n) = @_;
	my @nodes = @{ $self->{nodes} || [] };
	srand $n;
	$self->{n} = $n;
	local $Gatehouse::Http::via = @nodes ? sub { $nodes[rand @nodes] } : undef;
	$self->{flow} = Gatehouse::Flow->new(origin => $self->{origin}, redirect_uri => "http://127.0.0.1:9/$n");
	return $self->_sign_in_forever if $n > $self->{users};
	my $token = $self->{flow}->sign_in(route => $self->{route});
	$self->_touch("ready-$n");
	for (my $i = 1; !$self->_stopped; $i++) {
		$self->_call($token, "$n-$i");
		$token = $self->_refresh($token) if $i % $self->{refresh_every} == 0;
		sleep $self->{pause};
	}
	return $self->_write($n, { user => $n, token => $token });
}

# One request, recorded.
sub _ask {
	my ($self, $kind, $path, $options, %more) = @_;
	my $start = time;
	my $r = request('POST', $self->{origin} . $path, { timeout => $self->{patience}, %$options });
	$self->_write($self->{n}, { user => $self->{n}, kind => $kind, start => $start, end => time,
		status => $r->{status}, error => $r->{error}, retry_after => $r->header('Retry-After'), %more });
	return $r;
}

sub _call {
	my ($self, $token, $id) = @_;
	return $self->_ask('call', $self->{route}, $self->{flow}->call_request($token,
		{ jsonrpc => '2.0', id => $id, method => 'tools/list' }), id => $id);
}

sub _refresh {
	my ($self, $token) = @_;
	my $end = time + $self->{patience};
	while (time < $end) {
		my $r = $self->_ask('refresh', '/oauth/token', $self->{flow}->token_request($token->{client},
			grant_type => 'refresh_token', refresh_token => $token->{refresh_token}));
		return { %$token, %{ $r->json } } if $r->{status} == 200 && !$r->{error};
		die "refresh refused: $r->{content}\n" if $r->{status} == 400 || $r->{status} == 401;
		sleep 0.1;
	}
	die "no refresh in time\n";
}

# What goes wrong on the way is known by its exception; each sign-in begins anew.
sub _sign_in_forever {
	my ($self) = @_;
	my ($n, $flow) = @$self{qw(n flow)};
	$flow->register;
	$self->_touch("ready-$n");
	while (!$self->_stopped) {
		my $start = time;
		my $token = eval { $flow->sign_in(route => $self->{route}) };
		my ($status) = $@ =~ /status (\d+)/;
		$status = 503 if $@ =~ /[?&]error=temporarily_unavailable/;    # said to the client by redirect
		$self->_write($n, { user => $n, kind => 'sign-in', start => $start, end => time,
			status => $token ? 200 : $status // 0, error => $@ || undef });
		sleep 0.05;
	}
	return;
}

1;
