#!/bin/sh
# Sees to it that what the tests need beside Go is here: Dovecot's POP3 server, which they start themselves, on
# loopback, in a folder of their own. As root on Debian it is installed when missing; the system service stays off.
set -eu

have() { [ -x /usr/lib/dovecot/pop3-login ] || [ -x /usr/libexec/dovecot/pop3-login ]; }

if have; then
	exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	echo "The tests need Dovecot 2.3 with POP3, which is not installed." >&2
	echo "Debian, Ubuntu: sudo apt-get install dovecot-pop3d (then stop its service: the tests don't use it)" >&2
	exit 1
fi

# Debian asks this file whether a package may start its service; 101 means no. One that is there already is not ours.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi
echo "Installing dovecot-pop3d, which the tests need (its system service is not started)."
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get update && apt-get install -y --no-install-recommends dovecot-pop3d; } >"$log" 2>&1 </dev/null; then
	cat "$log" >&2
	rm -f "$log"
	exit 1
fi
rm -f "$log"
have
