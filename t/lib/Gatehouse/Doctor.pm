# SPDX-License-Identifier: Apache-2.0
#
# gatehousectl doctor in tests: what it finds, as tests.
#
#	my $doctor = Gatehouse::Doctor->new($gw, '--url', $origin);
#	$doctor->finds('clock', error => qr/differ/, qr/timesyncd/, 'a clock that is wrong');
#	$doctor->finds_nothing('clock', 'and one that is right is well');
#	$doctor->finds('keys', ..., with => ['users']);    # looks at more
#	$doctor->finds('users', ..., again => 1);          # in what the last look saw

package Gatehouse::Doctor;

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Run qw(bin_path);

sub new {
	my ($class, $gw, @options) = @_;
	return bless { gw => $gw, options => [@options] }, $class;
}

# Looks anew: (exit status, report). `through` is a command that runs it.
sub look {
	my ($self, %o) = @_;
	my $gw = $self->{gw};
	my ($status, $text) = $gw->run->command({ env => { GATEHOUSE_PROJECT => $gw->project } },
		@{ $o{through} || [] }, $gw->run->install(bin_path('gatehousectl')), 'doctor', '--json', @{ $self->{options} },
		@{ $o{options} || [] });
	$self->{report} = eval { JSON::PP->new->utf8->decode($text) } || diag("no report: $text");
	$self->{checks} = { map { $_->{name} => $_ } @{ $self->{report}{checks} || [] } };
	return ($self->{status} = $status, $self->{report});
}

sub result { return $_[0]{checks}{ $_[1] }{result} // 'missing' }

sub findings {
	my ($self, $check) = @_;
	return map { "$_->{severity}: $_->{text} -> " . ($_->{remedy} // '') } @{ $self->{checks}{$check}{findings} || [] };
}

# A look at this check alone, and one of the check's findings has this severity, text and remedy.
sub finds {
	my ($self, $check, $severity, $text, $remedy, $name, %o) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$self->look(%o, options => [$check, @{ $o{with} || [] }]) unless $o{again};
	my @findings = @{ $self->{checks}{$check}{findings} || [] };
	my $good = grep { $_->{severity} eq $severity && $_->{text} =~ $text && ($_->{remedy} // '') =~ $remedy } @findings;
	$good &&= $self->{status} == ($self->{report}{errors} ? 1 : 0);
	ok($good, "$check: $name") or diag("exit $self->{status}\n", map { "$_\n" } $self->findings($check));
	return;
}

sub finds_nothing {
	my ($self, $check, $name, %o) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$self->look(%o, options => [$check, @{ $o{with} || [] }]) unless $o{again};
	is($self->result($check), 'ok', "$check: $name") or diag(map { "$_\n" } $self->findings($check));
	return;
}

1;
