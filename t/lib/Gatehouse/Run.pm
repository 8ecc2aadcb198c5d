# SPDX-License-Identifier: Apache-2.0
#
# What every helper needs that starts something: a private folder with a short path, the user to
# run as (never root: PostgreSQL refuses it, and neither should the programs need it), a free port, and
# processes that surely end with the test.
#
#	my $run = Gatehouse::Run->new('gw');
#	my $pid = $run->spawn('lighttpd', { env => {...} }, '/usr/sbin/lighttpd', '-D', ...);
#	$run->stop;      # ends what it spawned, newest first; removes the folder if the test passed

package Gatehouse::Run;

use strict;
use warnings;

use Carp qw(croak);
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::IP;
use POSIX qw(:sys_wait_h);
use Socket qw(AF_UNIX SOCK_STREAM pack_sockaddr_un);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(free_port wait_until find_program bin_path write_file read_file top_srcdir children);

my @ALL;
my $OWNER = $$;

for my $signal (qw(INT TERM HUP)) {
	$SIG{$signal} ||= sub { exit 1 }; # so that END runs
}

# The user that programs run as: ourselves, or with root's rights "postgres" or "nobody".
sub unprivileged {
	return undef if $> != 0;
	for my $name (qw(postgres nobody)) {
		my (undef, undef, $uid, $gid) = getpwnam $name;
		return { name => $name, uid => $uid, gid => $gid } if defined $uid;
	}
	croak 'no unprivileged user: neither postgres nor nobody';
}

sub new {
	my ($class, $kind) = @_;
	my $dir = tempdir("gatehouse-$kind-XXXXXX", DIR => $ENV{GATEHOUSE_TEST_TMP} || '/tmp');
	my $self = bless { dir => $dir, user => unprivileged(), procs => [] }, $class;
	mkdir "$dir/log" or croak "$dir/log: $!";
	$self->give($dir, "$dir/log");
	push @ALL, $self;
	return $self;
}

sub dir { return $_[0]{dir} }

# Makes paths the unprivileged user's.
sub give {
	my ($self, @paths) = @_;
	return if !$self->{user};
	chown $self->{user}{uid}, $self->{user}{gid}, @paths;
	return;
}

sub make_dir {
	my ($self, $name) = @_;
	my $path = "$self->{dir}/$name";
	make_path($path, { mode => 0700 });
	my $at = $self->{dir};
	for my $part (split m{/}, $name) {
		$at .= "/$part";
		$self->give($at);
	}
	return $path;
}

# A copy of an executable in bin/, which the unprivileged user can reach wherever the build tree lies. The library that
# programs look for beside themselves comes along.
sub install {
	my ($self, $from) = @_;
	my $bin = "$self->{dir}/bin";
	-d $bin or mkdir $bin, 0755 or croak "$bin: $!";
	$self->give($bin);
	my ($folder, $name) = $from =~ m{^(?:(.*)/)?([^/]+)$};
	for my $file (($name =~ /\.fcgi$/ ? glob(($folder // '.') . '/libgatehouse-*.so') : ()), $from) {
		my $to = $bin . '/' . ($file =~ m{([^/]+)$})[0];
		next if -e $to;
		copy($file, $to) or croak "$file: $!";
		chmod 0755, $to;
	}
	return "$bin/$name";
}

# Starts a program; its output goes to log/NAME.log. Options: env => {}, cwd => DIR,
# stdin => HANDLE, limit_files => N, root => 1 (as ourselves).
sub spawn {
	my ($self, $name, $o, @command) = @_;
	my $log = "$self->{dir}/log/$name.log";
	my $pid = fork // croak "fork: $!";
	if ($pid == 0) {
		$self->_become($o, $log);
		$self->_exec($o, @command);
	}
	push @{ $self->{procs} }, { name => $name, pid => $pid };
	return $pid;
}

# Runs a command to its end: (exit status, output of both).
sub command {
	my ($self, $o, @command) = @_;
	my $log = "$self->{dir}/log/command-" . ++$self->{commands} . '.log';
	my $pid = fork // croak "fork: $!";
	if ($pid == 0) {
		$self->_become($o, $log);
		$self->_exec($o, @command);
	}
	waitpid $pid, 0;
	my $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
	return ($status, -e $log ? read_file($log) : '');
}

# Runs COMMAND in place of this process: without root's rights, and ended when the test ends, however it does.
sub _exec {
	my ($self, $o, @command) = @_;
	my $user = $o->{root} ? undef : $self->{user};
	unshift @command, find_program('setpriv'), '--pdeathsig', 'TERM',
	  ($user ? ("--reuid=$user->{uid}", "--regid=$user->{gid}", '--clear-groups') : ()), '--';
	{ exec { $command[0] } @command; }
	print STDERR "cannot run $command[0]: $!\n";
	POSIX::_exit(127);
}

sub _become {
	my ($self, $o, $log) = @_;
	$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE CHLD);
	open STDIN, '<', '/dev/null' if !$o->{stdin};
	if ($o->{stdin}) {
		POSIX::dup2(fileno($o->{stdin}), 0);
	}
	open STDOUT, '>>', $log or POSIX::_exit(126);
	open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
	STDOUT->autoflush(1);
	if ($self->{user} && !$o->{root}) {
		chown $self->{user}{uid}, $self->{user}{gid}, $log;
	}
	chdir($o->{cwd} || $self->{dir}) or POSIX::_exit(126);
	my %keep = map { $_ => $ENV{$_} } grep { defined $ENV{$_} }
	  qw(PATH LANG TZ GATEHOUSE_RUN_ID ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS LSAN_OPTIONS);
	%ENV = (PATH => '/usr/sbin:/usr/bin:/sbin:/bin', LANG => 'C.UTF-8', %keep, HOME => $self->{dir},
		TMPDIR => $self->{dir}, %{ $o->{env} || {} });
	return;
}

# A listening Unix socket that the unprivileged user may connect to.
sub listen_unix {
	my ($self, $path, $backlog) = @_;
	croak "socket path too long: $path" if length $path > 107;
	socket my $s, AF_UNIX, SOCK_STREAM, 0 or croak "socket: $!";
	bind $s, pack_sockaddr_un($path) or croak "bind $path: $!";
	listen $s, $backlog || 1024 or croak "listen: $!";
	chmod 0600, $path;
	$self->give($path);
	return $s;
}

sub signal {
	my ($self, $signal, $pid) = @_;
	return kill $signal, $pid;
}

# Ends one process that spawn() started: SIGTERM, after 10 s SIGKILL. Returns its wait status.
sub end {
	my ($self, $pid) = @_;
	@{ $self->{procs} } = grep { $_->{pid} != $pid } @{ $self->{procs} };
	my @tree = ($pid, descendants($pid));
	kill 'TERM', $pid;
	kill 'CONT', $pid;
	my $status;
	for (1 .. 1000) {
		my $got = waitpid $pid, WNOHANG;
		$status = $? if $got == $pid;
		last if $got != 0;
		sleep 0.01;
	}
	if (!defined $status) {
		kill 'STOP', $pid; # it may have started a process since, which missed the SIGTERM between fork and exec
		kill 'KILL', @tree, descendants($pid);
		waitpid $pid, 0;
		return $? || 9;
	}
	for my $child (grep { $_ != $pid } @tree) {
		kill 'KILL', $child if !wait_until(10, sub { !-d "/proc/$child" });
	}
	return $status;
}

sub log_text {
	my ($self, $name) = @_;
	my @files = $name ? "$self->{dir}/log/$name.log" : glob "$self->{dir}/log/*.log";
	return join '', map { -e $_ ? read_file($_) : '' } @files;
}

sub stop {
	my ($self) = @_;
	return if $self->{stopped}++;
	$self->end($_->{pid}) for reverse @{ $self->{procs} };
	if ($ENV{GATEHOUSE_TEST_KEEP} || $self->{keep}) {
		print STDERR "# kept: $self->{dir}\n";
	} else {
		remove_tree($self->{dir}, { safe => 0 });
	}
	return;
}

# Keep the logs of a failed test; Test::More knows.
END {
	if ($$ == $OWNER) {
		my $status = $?;
		my $failed = $status || ($INC{'Test/More.pm'} && !Test::More->builder->is_passing);
		for my $run (reverse @ALL) {
			$run->{keep} = 1 if $failed;
			$run->stop;
		}
		$? = $status;
	}
}

# --- functions ---

# A loopback TCP port that nobody listens on, below those that the kernel gives to outgoing connections.
sub free_port {
	for (1 .. 200) {
		my $port = 11000 + int rand 20000;
		my $s = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $port, Listen => 1, ReuseAddr => 1)
		  or next;
		close $s;
		return $port;
	}
	croak 'no free port';
}

# Calls CHECK until it is true; its value, or '' after SECONDS.
sub wait_until {
	my ($seconds, $check) = @_;
	my $end = time + $seconds;
	while (1) {
		my $value = $check->();
		return $value if $value;
		return '' if time > $end;
		sleep 0.02;
	}
}

sub children {
	my ($pid) = @_;
	open my $f, '<', "/proc/$pid/task/$pid/children" or return ();
	return split ' ', <$f> // '';
}

sub descendants {
	my ($pid) = @_;
	return map { ($_, descendants($_)) } children($pid);
}

sub find_program {
	my ($name) = @_;
	for my $dir (split(/:/, $ENV{PATH} || ''), qw(/usr/sbin /usr/bin /sbin /bin)) {
		return "$dir/$name" if -x "$dir/$name";
	}
	croak "$name is not installed";
}

# The binary under test: GATEHOUSE_BIN (a folder, where it is installed), else the build tree.
sub bin_path {
	my ($name) = @_;
	my @dirs = $ENV{GATEHOUSE_BIN} ? split(/:/, $ENV{GATEHOUSE_BIN})
	  : map { (defined $ENV{top_builddir} ? $ENV{top_builddir} : '.') . "/$_" } qw(cgi-bin bin bench .);
	for my $dir (@dirs) {
		return abs_path("$dir/$name") if -x "$dir/$name";
	}
	croak "$name is not built (looked in @dirs)";
}

sub top_srcdir {
	return $ENV{top_srcdir} if $ENV{top_srcdir};
	(my $dir = abs_path(__FILE__)) =~ s{/t/lib/Gatehouse/[^/]+$}{};
	return $dir;
}

sub write_file {
	my ($path, $text) = @_;
	open my $f, '>', $path or croak "$path: $!";
	print {$f} $text;
	close $f or croak "$path: $!";
	return $path;
}

sub read_file {
	my ($path) = @_;
	open my $f, '<', $path or croak "$path: $!";
	local $/;
	return scalar <$f>;
}

1;
