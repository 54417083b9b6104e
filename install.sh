#!/bin/sh
# Installs ami-backup, the links that bear the old scripts' names, and a cron file if there is none: what the scripts'
# install.sh did. Options go to `ami-backup install` (--prefix, --root, --systemd instead of --cron).
set -eu
cd "$(dirname "$0")"

binary=target/release/ami-backup
if [ ! -x "$binary" ]; then
    echo "Building $binary: this takes a while, and up to 11 GB of memory" >&2
    cargo build --release --locked
fi
if [ "$#" -eq 0 ]; then
    set -- --cron
fi
exec "$binary" install "$@"
