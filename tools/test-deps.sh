#!/bin/sh
# Sees to it that what the tests need beside Go is here: mail servers and delivery agents, which they start themselves,
# on loopback, in folders of their own. As root on Debian what is missing is installed; system services stay off.
set -eu

missing=
# need PACKAGE FILE...: the package is there if one of the programs is.
need() {
	package=$1
	shift
	for file; do
		if [ -x "$file" ]; then return; fi
	done
	missing="$missing $package"
}
look() {
	missing=
	need dovecot-pop3d /usr/lib/dovecot/pop3-login /usr/libexec/dovecot/pop3-login
	need dovecot-lmtpd /usr/lib/dovecot/lmtp /usr/libexec/dovecot/lmtp
	need dovecot-core /usr/lib/dovecot/dovecot-lda /usr/libexec/dovecot/dovecot-lda
	need dovecot-sieve /usr/bin/sieve-test
	need postfix /usr/sbin/postfix
	need maildrop /usr/bin/maildrop
	need procmail /usr/bin/procmail
	need rspamd /usr/bin/rspamd
	need systemd /usr/bin/systemd-analyze /bin/systemd-analyze # only to read units
}

look
if [ -z "$missing" ]; then
	exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	echo "The tests need programs that are not installed. Their packages in Debian 12 are:$missing" >&2
	echo "Debian, Ubuntu: sudo apt-get install --no-install-recommends$missing" >&2
	echo "(then stop their services: the tests don't use them). 'go test ./...' skips what needs them, and says so." >&2
	exit 1
fi

# Debian asks this file whether a package may start its service; 101 means no. One that is there already is not ours.
policy=/usr/sbin/policy-rc.d
log=$(mktemp)
ours=
trap 'rm -f "$log" $ours' EXIT
trap 'exit 1' HUP INT TERM
if [ ! -e "$policy" ]; then
	ours=$policy
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi
echo "Installing$missing, which the tests need (no system service is started)."
export DEBIAN_FRONTEND=noninteractive
get() {
	apt-get update || return
	case $missing in *postfix*) # without an answer it would make this machine a mail server
		echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections || return ;;
	esac
	# --no-remove: another mail server that is here stays. One word per package:
	# shellcheck disable=SC2086
	apt-get install -y --no-install-recommends --no-remove $missing
}
if ! get >"$log" 2>&1 </dev/null; then
	cat "$log" >&2
	exit 1
fi
look
if [ -n "$missing" ]; then
	echo "Installed, but its programs are not where they should be:$missing" >&2
	exit 1
fi
