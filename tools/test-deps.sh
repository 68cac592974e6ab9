#!/bin/sh
# Sees to it that what the tests need beside Go is here: mail servers and delivery agents, which they start themselves,
# on loopback, in folders of their own. As root on Debian what is missing is installed; system services stay off.
# 'test-deps.sh imap' adds what only 'make test-imap' needs.
set -eu

more=${1:-}

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
	missing= aside=
	need dovecot-pop3d /usr/lib/dovecot/pop3-login /usr/libexec/dovecot/pop3-login
	need dovecot-imapd /usr/lib/dovecot/imap /usr/libexec/dovecot/imap
	need dovecot-lmtpd /usr/lib/dovecot/lmtp /usr/libexec/dovecot/lmtp
	need dovecot-core /usr/lib/dovecot/dovecot-lda /usr/libexec/dovecot/dovecot-lda
	need dovecot-sieve /usr/bin/sieve-test
	need microsocks /usr/bin/microsocks
	need tinyproxy-bin /usr/bin/tinyproxy
	need postfix /usr/sbin/postfix
	need maildrop /usr/bin/maildrop
	need procmail /usr/bin/procmail
	need rspamd /usr/bin/rspamd
	need openssl /usr/bin/openssl
	need fetchmail /usr/bin/fetchmail
	need mpop /usr/bin/mpop
	need getmail6 /usr/bin/getmail
	need fdm /usr/bin/fdm
	need mailutils /usr/bin/frm.mailutils
	need liblockfile-bin /usr/bin/dotlockfile
	need python3 /usr/bin/python3
	need systemd /usr/bin/systemd-analyze /bin/systemd-analyze # only to read units
	if [ "$(id -u)" = 0 ]; then # only root can start these
		need mailutils-pop3d /usr/sbin/pop3d
		aside courier-pop usr/lib/courier/courier/courierpop3d courier-authlib libidn12
		aside popa3d usr/sbin/popa3d libpam-modules
		aside cyrus-common usr/lib/cyrus/bin/master $cyrus
		aside cyrus-pop3d usr/lib/cyrus/bin/pop3d
		aside cyrus-imapd usr/lib/cyrus/bin/imapd
		if [ "$more" = imap ]; then
			aside courier-imap usr/bin/imapd courier-authlib libcourier-unicode4 libgamin0 libgdbm6 libidn12
			need gamin /usr/libexec/gam_server
			aside mailutils-imap4d usr/sbin/imap4d libgsasl18 libmailutils9 libnsl2 libwrap0
		fi
	fi
}
# Of these POP3 servers Debian lets only one be installed: the others are unpacked here, which starts and registers nothing.
unpacked=/usr/local/lib/popsync-tests
cyrus="libcom-err2 libgssapi-krb5-2 libical3 libicu72 libjansson4 libnsl2 libpcre3 libpq5 libsasl2-2 libsasl2-modules libsqlite3-0 libssl3 libuuid1 libwrap0 libxapian30 libxml2"
# aside PACKAGE PROGRAM NEEDED...: the package is unpacked; else that is to be done, and what it needs is to be installed.
aside() {
	if [ -x "$unpacked/$1/$2" ] || [ -x "/$2" ]; then return; fi
	aside="$aside $1"
	shift 2
	missing="$missing $*"
}

look
if [ -z "$missing$aside" ]; then
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
debs=$(mktemp -d)
trap 'rm -rf "$log" "$debs" $ours' EXIT
trap 'exit 1' HUP INT TERM
if [ ! -e "$policy" ]; then
	ours=$policy
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi
echo "Installing$missing, which the tests need (no system service is started)."
if [ -n "$aside" ]; then echo "Unpacking$aside in $unpacked."; fi
export DEBIAN_FRONTEND=noninteractive
get() {
	apt-get update || return
	case $missing in *postfix*) # without an answer it would make this machine a mail server
		echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections || return ;;
	esac
	# --no-remove: another mail server that is here stays. One word per package:
	# shellcheck disable=SC2086
	apt-get install -y --no-install-recommends --no-remove $missing || return
	for package in $aside; do
		(cd "$debs" && apt-get download "$package" && dpkg-deb -x "$package"_*.deb "$package") || return
		mkdir -p "$unpacked" && rm -rf "${unpacked:?}/$package" && cp -R "$debs/$package" "$unpacked" || return
	done
}
if ! get >"$log" 2>&1 </dev/null; then
	cat "$log" >&2
	exit 1
fi
look
if [ -n "$missing$aside" ]; then
	echo "Installed, but its programs are not where they should be:$missing$aside" >&2
	exit 1
fi
