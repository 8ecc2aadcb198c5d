# SPDX-License-Identifier: Apache-2.0
#
# Certificates for a test, made by openssl in a folder of its own.
#
#	my $made = Gatehouse::Certificates->new($run, $dir);    # DIR: of $run->make_dir
#	$made->authority('ca');                                 # ca.pem, ca.key
#	$made->certificate('server', 'ca', 'IP:127.0.0.1');     # server.pem, server.key: for that subjectAltName, by ca
package Gatehouse::Certificates;

use strict;
use warnings;

use Gatehouse::Run qw(find_program write_file);

my @KEY = qw(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes);

sub new {
	my ($class, $run, $dir) = @_;
	return bless { run => $run, dir => $dir }, $class;
}

sub _openssl {
	my ($self, @arguments) = @_;
	my ($status, $output) = $self->{run}->command({ cwd => $self->{dir} }, find_program('openssl'), @arguments);
	die "openssl @arguments: $output" if $status != 0;
	return;
}

sub authority {
	my ($self, $name) = @_;
	return $self->_openssl(qw(req -x509), @KEY, '-keyout', "$name.key", '-out', "$name.pem", qw(-days 2 -subj), "/CN=$name");
}

sub certificate {
	my ($self, $name, $ca, $alt) = @_;
	my $extensions = "$self->{dir}/$name.ext";
	write_file($extensions, "subjectAltName=$alt\n");
	$self->{run}->give($extensions);
	$self->_openssl('req', @KEY, '-keyout', "$name.key", '-out', "$name.csr", '-subj', "/CN=$name");
	return $self->_openssl(qw(x509 -req -CA), "$ca.pem", '-CAkey', "$ca.key", qw(-CAcreateserial -days 2 -in), "$name.csr",
		'-out', "$name.pem", '-extfile', "$name.ext");
}

1;
