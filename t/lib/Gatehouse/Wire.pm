# SPDX-License-Identifier: Apache-2.0
#
# A wire to a Gatehouse::Pg that can be held and cut: what the server has done is then done, and its client
# does not know.
#
#	my $wire = Gatehouse::Wire->new($pg);
#	$wire->conninfo;     # for the project's `database`
#	$wire->hold;         # the server's answers stop on every connection that there is; what is sent to it still arrives
#	$wire->hold('new');  # and on those that are made meanwhile
#	$wire->cut;          # every connection ends, held answers are lost; new ones pass
#	$wire->stop;

package Gatehouse::Wire;

use strict;
use warnings;

use Carp qw(croak);
use File::Temp ();
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep);

sub new {
	my ($class, $pg) = @_;
	my $dir = File::Temp::tempdir('gh-wire-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	my ($host) = $pg->superuser_conninfo =~ /host=(\S+)/;
	(my $conninfo = $pg->conninfo) =~ s/host=\S+/host=$dir/;
	my $self = bless { owner => $$, dir => $dir, server => "$host/.s.PGSQL.5432", conninfo => $conninfo }, $class;
	my $listener = IO::Socket::UNIX->new(Local => "$dir/.s.PGSQL.5432", Listen => 64) or croak "cannot listen: $!";
	chmod 0711, $dir;
	chmod 0777, "$dir/.s.PGSQL.5432";
	$self->{pid} = fork // croak "fork: $!";
	if (!$self->{pid}) {
		$SIG{TERM} = 'DEFAULT';
		$SIG{CHLD} = 'IGNORE';
		$self->{owner} = 0;
		while (my $client = $listener->accept) {
			my $pid = fork // next;
			next if $pid;
			eval { $self->_carry($client) };
			POSIX::_exit(0);
		}
		POSIX::_exit(0);
	}
	close $listener;
	return $self;
}

sub conninfo { return $_[0]{conninfo} }

sub _carry {
	my ($self, $client) = @_;
	my $server = IO::Socket::UNIX->new(Peer => $self->{server}) or return;
	my $cuts = -s "$self->{dir}/cut" || 0;
	my $hold = -e "$self->{dir}/hold" ? 'hold-new' : 'hold';
	my $both = IO::Select->new($client, $server);
	while (($cuts == (-s "$self->{dir}/cut" || 0)) && getppid != 1) {
		-e "$self->{dir}/$hold" ? $both->remove($server) : $both->add($server);
		for my $from ($both->can_read(0.01)) {
			sysread($from, my $bytes, 65536) or return;
			my $to = $from == $client ? $server : $client;
			while (length $bytes) {
				my $n = syswrite($to, $bytes) // return;
				substr $bytes, 0, $n, '';
			}
		}
	}
	return;
}

sub hold {
	my ($self, $new) = @_;
	for my $name ($new ? 'hold-new' : (), 'hold') {
		open my $f, '>', "$self->{dir}/$name" or croak $!;
		close $f;
	}
	sleep 0.05;    # each connection looks every 10 ms
	return;
}

sub cut {
	my ($self) = @_;
	open my $f, '>>', "$self->{dir}/cut" or croak $!;
	print {$f} 'x';
	close $f;
	sleep 0.05;
	unlink "$self->{dir}/hold", "$self->{dir}/hold-new";
	return;
}

sub stop {
	my ($self) = @_;
	return if !$self->{pid} || $self->{owner} != $$;
	kill TERM => $self->{pid};
	waitpid delete $self->{pid}, 0;
	$self->cut;
	return;
}

sub DESTROY { local ($@, $?, $!); $_[0]->stop; return }

1;
