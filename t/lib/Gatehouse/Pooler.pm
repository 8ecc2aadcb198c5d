# SPDX-License-Identifier: Apache-2.0
#
# PgBouncer in transaction mode before a Gatehouse::Pg, in a Gatehouse::Run.
#
#	my $pooler = Gatehouse::Pooler->new($run, $pg);
#	$pooler->conninfo;                      # for the project's `database`
#	$pooler->version;                       # 1.18
#	$pooler->keeps_statements;              # whether prepared statements may be used through it

package Gatehouse::Pooler;

use strict;
use warnings;

use Carp qw(croak);

use Gatehouse::Run qw(find_program wait_until write_file);

sub new {
	my ($class, $run, $pg, %settings) = @_;
	my $self = bless { run => $run, pg => $pg, dir => $run->make_dir('pooler') }, $class;
	my ($host, $name) = $pg->superuser_conninfo =~ /host=(\S+).*dbname=(\S+)/;
	my %conf = (
		listen_addr => '', listen_port => 6432, unix_socket_dir => $self->{dir}, auth_type => 'trust',
		auth_file => "$self->{dir}/users", pool_mode => 'transaction', default_pool_size => 4,
		max_client_conn => 200, pidfile => "$self->{dir}/pid", %settings,
	);
	$conf{max_prepared_statements} = 100 if $self->keeps_statements;
	write_file($conf{auth_file}, join '', map { qq("gatehouse_$_" ""\n) } qw(oauth consent connect mcp console));
	write_file("$self->{dir}/conf", "[databases]\n$name = host=$host dbname=$name\n[pgbouncer]\n" .
		join '', map { "$_ = $conf{$_}\n" } sort keys %conf);
	$run->give("$self->{dir}/conf", "$self->{dir}/users");
	$run->spawn('pgbouncer', {}, find_program('pgbouncer'), "$self->{dir}/conf");
	wait_until(10, sub { -S "$self->{dir}/.s.PGSQL.6432" }) or croak 'PgBouncer does not start: ' .
	  $run->log_text('pgbouncer');
	return $self;
}

sub conninfo {
	my ($self) = @_;
	(my $conninfo = $self->{pg}->conninfo) =~ s/host=\S+/host=$self->{dir} port=6432/;
	return $conninfo;
}

sub version {
	my ($self) = @_;
	my $program = find_program('pgbouncer');
	return $self->{version} //= `$program --version` =~ /PgBouncer (\d+\.\d+)/ ? $1 : 0;
}

sub keeps_statements {
	my ($self) = @_;
	my ($major, $minor) = split /\./, $self->version;
	return $major > 1 || $minor >= 21;
}

1;
