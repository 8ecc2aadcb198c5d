# SPDX-License-Identifier: Apache-2.0
package Gatehouse::Pg;

# A PostgreSQL of the test's own: a cluster in a fresh temporary directory, reached over a Unix
# socket there, with a fresh database. Where GATEHOUSE_TEST_PG names a running cluster
# (a connection string of its superuser), only the database is made there, which is faster;
# tests that stop, freeze or restart the server ask for `private => 1`.
#
# The cluster ends with the test, however the test ends, and leaves nothing behind
# (GATEHOUSE_KEEP=1 keeps the directory, to look at).

use strict;
use warnings;
no warnings 'exec';

use File::Spec ();
use File::Path qw(remove_tree);
use File::Temp ();
use POSIX qw(:sys_wait_h);
use Scalar::Util qw(weaken);
use Time::HiRes qw(sleep time);

my @all;
my $count = 0;
my $programs;

delete @ENV{ grep { /^PG/ } keys %ENV };    # the user's own servers are none of our business

for my $signal (qw(INT TERM HUP PIPE)) {
	$SIG{$signal} ||= sub { exit 1 };    # so that END runs
}

# private => 1: a cluster of one's own even where a shared one is offered.
# existing => NAME: that database of the shared cluster, as it is; it is not dropped.
# settings => {name => value}: for postgresql.conf of a private cluster (of one that gets a standby:
# \%Gatehouse::Pg::PRIMARY).
# initial => 1: keeps what initdb made, in initial_data(). Where GATEHOUSE_TEST_PG_DATA names such a folder, a cluster is a copy
# of it: initdb takes longer than many tests.
sub new {
	my ($class, %o) = @_;
	my $self = bless { owner => $$, database => "gatehouse_t${$}_" . $count++ }, $class;

	if (!$o{private} && $ENV{GATEHOUSE_TEST_PG}) {
		$self->{server} = $ENV{GATEHOUSE_TEST_PG};
		$self->{scratch} = File::Temp::tempdir('gh-sql-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	} elsif ($o{existing}) {
		die "existing: GATEHOUSE_TEST_PG names no cluster\n";
	} else {
		$self->{initial} = $o{initial};
		$self->_cluster(%{ $o{settings} || {} });
	}
	push @all, $self;
	weaken($all[-1]);
	if ($o{existing}) {
		@$self{qw(database stopped)} = ($o{existing}, 1);
		return $self;
	}
	$self->_psql("$self->{server} dbname=postgres", "create database $self->{database}");
	return $self;
}

# For the project's `database`: {program} is still to be replaced.
sub conninfo {
	my $self = shift;
	(my $server = $self->{server}) =~ s/\s*\buser=\S+//;
	return "$server dbname=$self->{database} user=gatehouse_{program}";
}

# The same for one program's role.
sub conninfo_of {
	my ($self, $program) = @_;
	(my $text = $self->conninfo) =~ s/\{program\}/$program/;
	return $text;
}

sub superuser_conninfo {
	my $self = shift;
	return "$self->{server} dbname=$self->{database}";
}

# A cluster to be shared, for GATEHOUSE_TEST_PG.
sub server_conninfo { return $_[0]{server} }

# The folder for GATEHOUSE_TEST_PG_DATA.
sub initial_data { return "$_[0]{dir}/initial" }

# Runs SQL as the superuser: the rows as text (fields separated by |), without the last newline. Dies of an error.
sub psql {
	my ($self, $sql) = @_;
	return $self->_psql($self->superuser_conninfo, $sql);
}

# The same as the role of a program.
sub psql_as {
	my ($self, $program, $sql) = @_;
	return $self->_psql($self->conninfo_of($program), $sql);
}

# Makes schema, functions and roles by `gatehousectl migrate`; returns what it said.
sub migrate {
	my ($self, @options) = @_;
	my $ctl = $ENV{GATEHOUSE_BIN} ? "$ENV{GATEHOUSE_BIN}/gatehousectl"
	    : ($ENV{top_builddir} || '.') . '/bin/gatehousectl';

	return _run(File::Spec->rel2abs($ctl), 'migrate', '--database', $self->superuser_conninfo, @options);
}

# A program's statements may take a minute: for tests that hold one up and must not be hurried by the server's limits.
# (Its connections must be new, and the gateway needs `limits => { statementMs => 60000 }`.)
sub be_patient {
	my ($self, $program) = @_;
	$self->psql(join ';', map { "alter role gatehouse_$program in database $self->{database} set $_ = '60s'" }
		qw(statement_timeout lock_timeout));
	return;
}

# Whether a session of this database has the advisory lock (granted), or waits for it (not granted).
sub advisory {
	my ($self, $lock, $granted) = @_;
	return $self->psql("select count(*) from pg_locks l join pg_database d on d.oid = l.database
		where locktype = 'advisory' and objid = $lock and datname = current_database() and $granted");
}

# Stops every process of the cluster where it stands, as a machine does that hangs.
sub freeze {
	my $self = shift;
	$self->_must_be_private('freeze');
	kill STOP => $self->{postmaster};    # first, so that it makes no more of them
	kill STOP => $self->_children;
	$self->{frozen} = 1;
	return;
}

sub thaw {
	my $self = shift;
	return unless delete $self->{frozen};
	kill CONT => $self->_children, $self->{postmaster};
	return;
}

# Stops the server (the directory stays); start() brings it back.
sub halt {
	my $self = shift;
	my $pid = $self->{postmaster} or return;

	$self->_must_be_private('halt');
	$self->thaw;
	for (['INT', 10], ['QUIT', 5], ['KILL', 5]) {
		my ($signal, $seconds) = @$_;
		kill $signal => $pid;
		my $end = time + $seconds;
		while (time < $end) {
			if (waitpid($pid, WNOHANG) != 0) {
				delete $self->{postmaster};
				return;
			}
			sleep 0.02;
		}
	}
	die "PostgreSQL $pid does not end\n";
}

sub start {
	my $self = shift;
	my $dir = $self->{dir};
	my $pid = fork // die "fork: $!\n";

	if (!$pid) {
		open STDIN, '<', '/dev/null' or POSIX::_exit(1);
		open STDOUT, '>>', "$dir/log" or POSIX::_exit(1);
		open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
		# with the death of the test, however it came, the server ends too
		exec 'setpriv', '--pdeathsig', 'INT', @{ $self->{as} }, "$self->{bin}/postgres", '-D',
		    "$dir/data";
		POSIX::_exit(1);
	}
	$self->{postmaster} = $pid;
	my $end = time + 30;
	while (time < $end) {
		return if _quiet("$self->{bin}/pg_isready", '-q', '-h', $dir, '-d', 'postgres');
		if (waitpid($pid, WNOHANG) != 0) {
			delete $self->{postmaster};
			last;
		}
		sleep 0.02;
	}
	die "PostgreSQL does not start:\n" . $self->log;
}

sub restart {
	my $self = shift;
	$self->halt;
	$self->start;
	return;
}

# Ends the server at once, as a crash does; nothing is written out.
sub crash {
	my $self = shift;
	$self->_must_be_private('crash');
	kill QUIT => $self->{postmaster};
	kill CONT => $self->_children, $self->{postmaster};
	waitpid delete $self->{postmaster}, 0;
	return;
}

# A standby that streams from this server and confirms each commit before its client hears of it. This one must be
# private, with the settings of %Gatehouse::Pg::PRIMARY.
our %PRIMARY = (wal_level => 'replica', max_wal_senders => 4, hot_standby => 'on', synchronous_commit => 'on');

sub standby {
	my $self = shift;
	my $standby = bless { owner => $$, database => $self->{database} }, ref $self;

	$self->_must_be_private('standby');
	$standby->_make_folder;
	_run('setpriv', '--pdeathsig', 'INT', @{ $standby->{as} }, "$standby->{bin}/pg_basebackup", '-D',
		"$standby->{dir}/data", '-h', $self->{dir}, '-U', 'postgres', '-R', '-c', 'fast', '--no-sync');
	$standby->_configure(unix_socket_directories => "'$standby->{dir}'");
	$standby->start;
	$self->psql("alter system set synchronous_standby_names = '*'");
	$self->psql('select pg_reload_conf()');
	my $end = time + 20;
	until ($self->psql("select count(*) from pg_stat_replication where sync_state = 'sync'")) {
		die "the standby does not stream:\n" . $standby->log if time > $end;
		sleep 0.05;
	}
	return $standby;
}

# Makes a standby the primary.
sub promote {
	my $self = shift;
	$self->psql('select pg_promote()');
	return;
}

# For the project's `database`: this server, or one of these, whichever takes writes.
sub conninfo_with {
	my ($self, @others) = @_;
	my $hosts = join ',', map { $_->{dir} } $self, @others;
	(my $conninfo = $self->conninfo) =~ s/host=\S+/host=$hosts target_session_attrs=read-write/;
	return $conninfo;
}

# What the server wrote.
sub log {
	my $self = shift;
	open my $in, '<', "$self->{dir}/log" or return '';
	local $/;
	return scalar <$in>;
}

# Ends it all; the database of a shared cluster is dropped.
sub stop {
	my $self = shift;
	return if $self->{stopped} || $self->{owner} != $$;
	$self->{stopped} = 1;
	if ($self->{dir}) {
		$self->halt;
		remove_tree($self->{dir}, { safe => 0 }) unless $ENV{GATEHOUSE_KEEP};
	} else {
		eval {
			$self->_psql("$self->{server} dbname=postgres",
				"drop database if exists $self->{database} with (force)");
		};
		warn $@ if $@;
	}
	return;
}

sub DESTROY {
	my $self = shift;
	local ($@, $?, $!);
	eval { $self->stop };
	return;
}

END {
	my $status = $?;
	for my $pg (grep { defined } @all) {
		eval { $pg->stop };
		warn $@ if $@;
	}
	$? = $status;
}

sub _must_be_private {
	my ($self, $what) = @_;
	die "$what: the cluster is shared; ask for private => 1\n" unless $self->{dir};
	return;
}

# A folder for a cluster, and who runs it.
sub _make_folder {
	my $self = shift;
	my $bin = _programs();
	my $dir = File::Temp::tempdir('gh-pg-XXXXXX', DIR => '/tmp', CLEANUP => 0);

	-x "$bin/postgres" or die "no PostgreSQL server found (Debian: postgresql)\n";
	@$self{qw(bin dir as)} = ($bin, $dir, []);
	if ($> == 0) {    # the server refuses root
		my (undef, undef, $uid, $gid) = getpwnam 'postgres' or die "no user postgres\n";
		chown $uid, $gid, $dir or die "chown $dir: $!\n";
		$self->{as} = ["--reuid=$uid", "--regid=$gid", '--clear-groups'];
	}
	# root may enter the directory (0700) too; nobody else may, as the server trusts who connects
	$self->{server} = "host=$dir user=postgres";
	push @all, $self;    # cleans up from here on
	weaken($all[-1]);
	return;
}

sub _configure {
	my ($self, %conf) = @_;
	open my $out, '>>', "$self->{dir}/data/postgresql.conf" or die "postgresql.conf: $!\n";
	print $out map { "$_ = $conf{$_}\n" } sort keys %conf;
	close $out or die "postgresql.conf: $!\n";
	return;
}

sub _cluster {
	my ($self, %settings) = @_;

	$self->_make_folder;
	my @as = ('setpriv', '--pdeathsig', 'INT', @{ $self->{as} });
	my @make = $ENV{GATEHOUSE_TEST_PG_DATA} ? ('cp', '-a', $ENV{GATEHOUSE_TEST_PG_DATA}, "$self->{dir}/data")
	    : ("$self->{bin}/initdb", '-D', "$self->{dir}/data", '-U', 'postgres', '-E', 'UTF8', '--locale=C', '-A', 'trust',
		'--no-sync');
	_run(@as, @make);
	_run(@as, 'cp', '-a', "$self->{dir}/data", $self->initial_data) if $self->{initial};
	$self->_configure(
		listen_addresses => "''",
		unix_socket_directories => "'$self->{dir}'",
		max_connections => 200,
		shared_buffers => "'32MB'",
		fsync => 'off',
		synchronous_commit => 'off',
		full_page_writes => 'off',
		wal_level => 'minimal',
		max_wal_senders => 0,
		jit => 'off',
		timezone => "'UTC'",
		log_timezone => "'UTC'",
		%settings,
	);
	$self->start;
	return;
}

# Where PostgreSQL's own programs are: Debian's psql on the PATH is a Perl script that looks for them, which takes longer than the query.
sub _programs {
	return $programs if $programs;
	($programs) = sort { _version($b) <=> _version($a) } glob '/usr/lib/postgresql/*/bin';
	chomp($programs = `pg_config --bindir`) if !$programs;
	return $programs;
}

sub _version { my ($n) = $_[0] =~ m{/(\d+)/bin}; return $n || 0 }

sub _children {
	my $self = shift;
	my @pids;

	for my $file (glob '/proc/[0-9]*/stat') {
		open my $in, '<', $file or next;
		my $line = <$in> // next;
		push @pids, $1 if $line =~ /^(\d+) \(.*\) \S (\d+) / && $2 == $self->{postmaster};
	}
	return @pids;
}

sub _psql {
	my ($self, $conninfo, $sql) = @_;
	my $file = File::Temp->new(TEMPLATE => 'gh-sql-XXXXXX', TMPDIR => 1);

	print $file $sql;
	close $file;
	local $ENV{PGOPTIONS} = '-c client_min_messages=warning';
	return _run(_programs() . '/psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $conninfo, '-f', "$file");
}

# Output of a command, errors included; dies with it when the command fails.
sub _run {
	my (@command) = @_;
	local $?;
	my $pid = open(my $out, '-|') // die "fork: $!\n";

	if (!$pid) {
		open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
		chdir '/';
		exec {$command[0]} @command;
		POSIX::_exit(127);
	}
	local $/;
	my $text = <$out> // '';
	close $out;
	die "$command[0] failed ($?): $text" if $?;
	$text =~ s/\n\z//;
	return $text;
}

sub _quiet {
	my (@command) = @_;
	local $?;
	return system({ $command[0] } @command) == 0;
}

1;
