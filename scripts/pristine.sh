#!/usr/bin/env bash
# Runs README's two commands on a machine that has nothing: a minimal Debian with what README asks for, and a clone of
# what is committed here. What somebody once installed by hand cannot help there.
#
#   sudo scripts/pristine.sh [--only demo|test] [--as-user] [--bring PATH]... [--keep] [FOLDER]
#
#   --only       one of the two commands instead of both
#   --as-user    as a newcomer without root's rights, for whom an administrator has installed Chromium
#   --bring      a file or folder of this machine that the new one sees too, read-only (a local folder of wheels, say)
#   --keep       leave the new system in FOLDER when all is well (otherwise it is removed; after a failure it stays)
#   FOLDER       where the new system is made; without it a new folder under /var/tmp
#
# Needs root, debootstrap and 8 GB of disk. How this machine reaches its package registries (apt's sources, pip's and npm's
# settings, certificates, names of hosts) is copied; packages, fonts, browsers, caches and databases are not. The language
# is C, the clock stands far east, and new files are for their owner alone: nothing may lean on any of these.
set -euo pipefail

commands=(demo test) newcomer=root keep="" brought=() new=""
while (($#)); do
  case $1 in
    --only) commands=("$2"); shift ;;
    --as-user) newcomer=newcomer ;;
    --bring) brought+=("$(realpath "$2")"); shift ;;
    --keep) keep=1 ;;
    -*) sed -n '2,16s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) new=$(realpath -m "$1") ;;
  esac
  shift
done
[ "$(id -u)" = 0 ] || { echo "Only root can make a new system: sudo $0" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 2; }
checkout=$(git -C "$(dirname "${BASH_SOURCE[0]}")" rev-parse --show-toplevel)
[ -z "$(git -C "$checkout" status --porcelain)" ] || echo "== what is not committed will not be tried"
new=${new:-$(mktemp -d /var/tmp/pristine-XXXXXX)}

if [ ! -x "$new/usr/bin/apt-get" ]; then
  echo "== making a minimal Debian in $new"
  debootstrap --variant=minbase --include=ca-certificates "${PRISTINE_SUITE:-bookworm}" "$new" ${PRISTINE_MIRROR:-} \
    >"$new.log" || { tail -n 5 "$new.log" >&2; exit 1; }
fi
copy() { [ ! -e "$1" ] || { mkdir -p "$new$(dirname "$1")"; cp -rLT --remove-destination "$1" "$new$1"; }; }
[ ! -e /etc/apt/sources.list.d/debian.sources ] || rm -f "$new/etc/apt/sources.list" # the same sources in a newer form
for path in /etc/resolv.conf /etc/hosts /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources \
  /etc/ssl/certs/ca-certificates.crt /etc/pip.conf /etc/xdg/pip /root/.config/pip /root/.npmrc; do copy "$path"; done
for path in "${brought[@]}"; do mkdir -p "$new$path"; done

home=/root
[ "$newcomer" = root ] || home=/home/$newcomer
rm -rf "$new$home/prefloop"
mkdir -p "$new$home"
git clone --quiet --no-hardlinks "$checkout" "$new$home/prefloop"

cat >"$new/root/try.sh" <<'INSIDE'
set -euo pipefail
newcomer=$1 home=$2
shift 2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends python3 python3-venv make >/dev/null 2>&1 # README: what it needs
as=()
if [ "$newcomer" != root ]; then
  apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1
  id "$newcomer" >/dev/null 2>&1 || useradd --create-home "$newcomer"
  cp -rT /root/.config "$home/.config" 2>/dev/null || true
  cp /root/.npmrc "$home/" 2>/dev/null || true
  chown -R "$newcomer:" "$home"
  as=(setpriv --reuid "$newcomer" --regid "$newcomer" --init-groups --)
fi
umask 077
cd "$home/prefloop"
run() { env HOME="$home" USER="$newcomer" TZ=Pacific/Auckland "${as[@]}" "$@"; }
for command in "$@"; do
  began=$SECONDS
  if [ "$command" = demo ]; then
    set -m # a group of processes of its own, to be ended as one
    run make demo >/tmp/demo.log 2>&1 &
    set +m
    demo=$!
    until grep -q 'one-time' /tmp/demo.log && run .venv/bin/python -c \
      'import urllib.request as r; assert b"Prefloop" in r.urlopen("http://127.0.0.1:8000/sign-in", timeout=5).read()' 2>/dev/null; do
      kill -0 $demo 2>/dev/null || { tail -n 30 /tmp/demo.log; echo "make demo ended after $((SECONDS - began)) s"; exit 1; }
      ((SECONDS - began < 1800)) || { tail -n 30 /tmp/demo.log; echo "make demo does not answer after 30 min"; exit 1; }
      sleep 2
    done
    echo "== make demo answers after $((SECONDS - began)) s"
    kill -TERM -- "-$demo"
    wait "$demo" || true
  else
    { time run make "$command"; } 2>&1 | tee "/tmp/$command.log"
    echo "== make $command passed after $((SECONDS - began)) s"
  fi
done
INSIDE

# Mounts and processes are the new system's own and end with it.
echo "== trying: ${commands[*]} (as $newcomer)"
unshare --mount --pid --fork --kill-child --propagation private bash -euo pipefail -c '
  new=$1 brought=$2; shift 2
  mount -t proc proc "$new/proc"
  mount -t sysfs -o ro sysfs "$new/sys" || true
  mount --rbind /dev "$new/dev"
  mount -t tmpfs -o mode=1777 tmpfs "$new/dev/shm" || true
  while read -r path; do
    [ -z "$path" ] || { mount --rbind "$path" "$new$path"; mount -o remount,bind,ro "$new$path"; }
  done <<<"$brought"
  exec chroot "$new" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C CI="${CI:-}" \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    bash /root/try.sh "$@"' - "$new" "$(printf '%s\n' "${brought[@]}")" "$newcomer" "$home" "${commands[@]}" ||
  { echo "== it failed; look into $new" >&2; exit 1; }
echo "== README's commands work on a machine that has nothing"
[ -n "$keep" ] || rm -rf --one-file-system "$new"
