# SPDX-License-Identifier: Apache-2.0
#
# For quickstart and runtests: Debian packages without what their installation starts. Sourced
# by sh. Needs root or sudo only when something is missing.
#
# On a real machine apt would make a PostgreSQL cluster on port 5432 and start web servers on port 80. A
# temporary policy-rc.d forbids the starting and a temporary drop-in the cluster; both go away
# again, also when the installation fails or is interrupted.

packages_build='autoconf automake gcc libcjose-dev libcurl4-openssl-dev libc6-dev libjson-c-dev liblua5.4-dev
	libpcre2-dev libpq-dev libssl-dev make perl pkg-config'
packages_run='lighttpd multiwatch postgresql spawn-fcgi util-linux procps'
packages_test='curl systemd apache2 libapache2-mod-fcgid chromium clang faketime libclang-rt-dev mandoc nginx openssl pgbouncer prometheus rsyslog xz-utils'
packages_full='debhelper dpkg-dev libapache2-mod-auth-openidc lintian wrk'

say() { printf '%s\n' "$*"; }
fail() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# packages_missing NAME...: prints those that are not installed.
packages_missing() {
	for p in "$@"; do
		case $p in
		# any version will do, also one that apt knows nothing of
		nginx) command -v nginx >/dev/null && continue ;;
		npm) command -v npm >/dev/null && command -v node >/dev/null && continue ;;
		# the name carries a version
		libclang-rt-dev)
			ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a >/dev/null 2>&1 && continue
			p=libclang-rt-$(LC_ALL=C apt-cache depends clang 2>/dev/null |
				sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')-dev ;;
		esac
		case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null) in
		'install ok installed') ;;
		*) printf '%s ' "$p" ;;
		esac
	done
}

# packages_install NAME...: installs what is missing.
packages_install() {
	command -v apt-get >/dev/null || { say 'This is no Debian; packages are taken for granted.'; return 0; }
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	say "Installing packages: $missing"
	if [ "$(id -u)" = 0 ]; then
		root=
	elif command -v sudo >/dev/null; then
		root=sudo
	else
		fail "missing packages, and neither root nor sudo to install them: apt-get install $missing"
	fi
	# shellcheck disable=SC2086
	$root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 sh "$top/t/lib/apt-quietly" $missing ||
		fail "apt could not install: $missing"
}
