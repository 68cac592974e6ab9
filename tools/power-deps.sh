#!/bin/sh
# Sees to it that what the power-cut tests need is here: root, loop devices, and the tools that make filesystems. As root
# on Debian the tools are installed when missing. btrfs is an extra: without it the tests say so and go on.
set -eu

if [ "$(id -u)" != 0 ]; then
	echo "The power-cut tests mount images of filesystems: they need root." >&2
	exit 1
fi
if [ ! -e /dev/loop-control ]; then
	echo "The power-cut tests need loop devices, which this system does not have." >&2
	exit 1
fi
have() { command -v mkfs.ext4 >/dev/null 2>&1 && command -v mkfs.xfs >/dev/null 2>&1; }

if have && command -v mkfs.btrfs >/dev/null 2>&1; then
	exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
	have && exit 0
	echo "The power-cut tests need mkfs.ext4 (e2fsprogs) and mkfs.xfs (xfsprogs)." >&2
	exit 1
fi
echo "Installing e2fsprogs, xfsprogs and btrfs-progs, which the power-cut tests need."
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get update && apt-get install -y --no-install-recommends e2fsprogs xfsprogs btrfs-progs; } >"$log" 2>&1 </dev/null; then
	cat "$log" >&2
	rm -f "$log"
	exit 1
fi
rm -f "$log"
have
