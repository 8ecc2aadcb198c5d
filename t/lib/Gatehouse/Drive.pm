# SPDX-License-Identifier: Apache-2.0
package Gatehouse::Drive;

# Drives t/unit/db_drive, a program of src/db and src/event alone: commands in, lines out.

use strict;
use warnings;

use File::Temp ();
use IO::Handle;
use IPC::Open3 ();

# pg => a Gatehouse::Pg; program, statement_ms, prepare, queue_max, conninfo.
sub new {
	my ($class, %o) = @_;
	my ($err, $log) = File::Temp::tempfile('gh-drive-XXXXXX', TMPDIR => 1);
	my $self = bless { log => $log }, $class;
	my $program = $ENV{top_builddir} . '/t/unit/db_drive';

	$self->{pid} = IPC::Open3::open3(
		$self->{in}, $self->{out}, '>&' . fileno $err,
		$program,
		$o{conninfo} || $o{pg}->conninfo,
		$o{program} || 'mcp',
		$o{statement_ms} || 3000,
		$o{prepare} // 1,
		$o{queue_max} || 0
	);
	$self->{in}->autoflush(1);
	return $self;
}

# Sends a command that answers nothing.
sub say {
	my ($self, $command) = @_;
	print { $self->{in} } "$command\n";
	return;
}

sub answer {
	my $self = shift;
	my $line = readline $self->{out};
	defined $line or die 'the driver ended: ' . $self->log;
	chomp $line;
	return $line;
}

sub ask {
	my ($self, $command) = @_;
	$self->say($command);
	return $self->answer;
}

# A line of words and numbers in turn, as a hash.
sub numbers {
	my ($self, $command) = @_;
	return { split ' ', $command ? $self->ask($command) : $self->answer };
}

sub log {
	my $self = shift;
	open my $in, '<', $self->{log} or return '';
	local $/;
	return scalar <$in>;
}

# Ends it; its exit status.
sub end {
	my $self = shift;
	my $pid = delete $self->{pid} or return 0;
	close $self->{in};
	waitpid $pid, 0;
	return $?;
}

sub DESTROY {
	my $self = shift;
	local ($@, $?, $!);
	$self->end;
	unlink $self->{log};
	return;
}

1;
