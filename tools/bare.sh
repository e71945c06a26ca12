#!/usr/bin/env bash
# Runs a command in a clone of this checkout's HEAD on a bare Debian 12, which has Python with venv,
# make and nothing else: what works here only because something was left here once fails there.
#
#   tools/bare.sh                       the README's two commands: make run, up to its end, and make test
#   tools/bare.sh make test             another command
#   tools/bare.sh --or-here make test   where there can be no bare system: here, with HOME and TMPDIR of
#                                       its own and nothing else of the surrounding (needs neither root nor Debian)
#
# Needs root and debootstrap, which is installed where apt can. The bare system is made once and kept in
# $PERCHAT_BARE (/var/tmp/perchat-bare); it is made anew after a week, or when it is to be another. Every run
# works in a copy, in namespaces of its own: when it ends, however it does, its processes and mounts are gone.
# KEEP=1 keeps the copy.
set -euo pipefail

SUITE=bookworm
PACKAGES=ca-certificates,make,python3,python3-venv
DAYS=7
NETWORK='http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL PIP_EXTRA_INDEX_URL
  PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_HTTP_TIMEOUT'
BUNDLE=/etc/ssl/certs/ca-certificates.crt

home=${PERCHAT_BARE:-/var/tmp/perchat-bare}
base=$home/$SUITE
cd "$(dirname "$0")/.."

say() { echo "bare: $*" >&2; }

mirror() { # Debian's, as this machine reaches it
  { cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null || true; } |
    awk '/^(URIs:|deb )/ { for (i = 2; i <= NF; i++) if ($i ~ /\/debian\/?$/) { print $i; exit } }'
}

possible() { # or the reason why not
  [ "$(id -u)" = 0 ] || { say "needs root"; return 1; }
  unshare --mount --pid --fork true 2>/dev/null || { say "needs namespaces (unshare, CAP_SYS_ADMIN)"; return 1; }
  command -v debootstrap >/dev/null && return
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap; } >/dev/null 2>&1 ||
    { say "needs debootstrap: apt-get install debootstrap"; return 1; }
}

make_base() { # unless it is there, is what it should be, and is not old
  local from wanted
  from=${PERCHAT_DEBIAN_MIRROR:-$(mirror)}
  from=${from:-http://deb.debian.org/debian}
  wanted="$SUITE $PACKAGES $from"
  [ "$(cat "$base.made" 2>/dev/null)" = "$wanted" ] && [ "$(find "$base.made" -mtime -$DAYS)" ] && return
  say "making a Debian $SUITE from $from in $base"
  rm -rf --one-file-system "$base" "$base.made"
  unshare --mount debootstrap --variant=minbase --include=$PACKAGES $SUITE "$base" "$from" >"$home/debootstrap.log" 2>&1 ||
    { tail -5 "$home/debootstrap.log" >&2; exit 1; }
  printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d" # packages start no services
  chmod +x "$base/usr/sbin/policy-rc.d"
  echo "$wanted" >"$base.made"
}

furnish() { # what it takes to reach the network from the copy, the project, and the rig that stands beside it
  local place
  for place in /etc/resolv.conf /etc/hosts; do cp -L "$place" "$1$place"; done
  cp -L "${SSL_CERT_FILE:-$BUNDLE}" "$1$BUNDLE" 2>/dev/null || true
  { grep -lsiE '^ *acquire::.*(proxy|cainfo)' /etc/apt/apt.conf /etc/apt/apt.conf.d/* || true; } |
    xargs -r cp -t "$1/etc/apt/apt.conf.d"
  git clone -q . "$1/root/perchat"
  for place in "${PERCHAT_PEER_RIG:-}" ../shared/rigs/peers ../../shared/rigs/peers; do
    [ -f "$place/bench.py" ] && { cp -RL "$place" "$1/root/rig"; return; }
  done
  return 0
}

surrounding() { # of this one, what says how to reach the network, and whether nothing may be missing; names of more
  local name
  for name in $NETWORK CI "$@"; do [ -z "${!name:-}" ] || printf '%s=%s\0' "$name" "${!name}"; done
}

in_copy() { # runs in namespaces of its own, as their first process: with it all others end
  local copy=$1
  shift
  mount -t proc proc "$copy/proc"
  mount --rbind /dev "$copy/dev"
  local variables=()
  mapfile -d '' -t variables < <(surrounding)
  [ ! -d "$copy/root/rig" ] || variables+=(PERCHAT_PEER_RIG=/root/rig)
  # what a shell starts in the background ignores SIGINT, and so would all that tests start and interrupt
  chroot "$copy" /usr/bin/env --default-signal=INT,QUIT -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    LANG=C.UTF-8 SSL_CERT_FILE=$BUNDLE PIP_CERT=$BUNDLE "${variables[@]}" \
    /bin/bash -c 'cd /root/perchat; "$@"; exit $?' bash "$@" # stays, and reaps whom others leave
}

bare() {
  mkdir -p "$home"
  (flock 9 && make_base) 9>"$home/lock"
  copy=$(mktemp -d "$home/run.XXXXXX")
  trap finish EXIT
  cp -a --reflink=auto "$base/." "$copy"
  furnish "$copy"
  unshare --mount --pid --fork --kill-child --propagation private tools/bare.sh --in-copy "$copy" "$@" </dev/null &
  child=$!
  wait $child
}

finish() { # mounts were never seen out here, so this removes the copy and nothing else
  kill -KILL "${child:-}" 2>/dev/null && wait "$child" 2>/dev/null || true
  if [ "${KEEP:-}" ]; then say "kept: $copy"; else rm -rf --one-file-system "$copy"; fi
}

here() {
  local variables=()
  copy=$(mktemp -d)
  trap finish EXIT
  mapfile -d '' -t variables < <(surrounding SSL_CERT_FILE PIP_CERT PERCHAT_PEER_RIG)
  env --default-signal=INT,QUIT -i PATH="$PATH" HOME="$copy" TMPDIR="$copy" LANG=C.UTF-8 "${variables[@]}" "$@" </dev/null
}

case ${1:-} in
--in-copy) shift && in_copy "$@" ;;
--or-here) shift && if possible; then bare "$@"; else say "so the command runs here" && here "$@"; fi ;;
'') possible && bare sh -c 'make run ARGS=--exit && make test' ;;
*) possible && bare "$@" ;;
esac
