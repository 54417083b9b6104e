#!/bin/sh
# Installs ami-backup, the links that bear the old scripts' names, and a cron file if there is none: what the scripts'
# install.sh did. Build as yourself (`cargo build --release --locked`), install as root. Options go to `ami-backup install`
# (--prefix, --root, --systemd instead of --cron).
set -eu
cd "$(dirname "$0")"

binary=${CARGO_TARGET_DIR:-target}/release/ami-backup
if [ ! -x "$binary" ]; then
    echo "install.sh: there is no $binary yet; build it first, as yourself: cargo build --release --locked" >&2
    exit 1
fi
if [ "$#" -eq 0 ]; then
    set -- --cron
fi
exec "$binary" install "$@"
