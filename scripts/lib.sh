# Shared by the scripts of this folder: finds Python and tmux, and keeps .venv as the locks say. Sourced, not run.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
cd "$root"
venv="$root/.venv"
python="$venv/bin/python"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# Run a command silently; show what it printed only if it fails.
quietly() {
  local log status=0
  log="$(mktemp "${TMPDIR:-/tmp}/roost-setup.XXXXXX")"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" -ne 0 ]; then
    say "failed (status $status): $*"
    tail -n 40 "$log" >&2
  fi
  rm -f "$log"
  return "$status"
}

may_be_root() { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    # Without a terminal nobody could answer a password prompt.
    if { : </dev/tty; } 2>/dev/null; then sudo "$@"; else sudo -n "$@"; fi
  fi
}

# What the last line says where this user cannot install what is missing.
have="have tmux, python3 and python3-venv installed and run this again"

apt_updated=""
# packages APT_NAMES BREW_NAMES: install operating system packages. Without a word it fails where this user cannot.
packages() {
  if command -v apt-get >/dev/null; then
    may_be_root || return 1
    say "installing $1 (apt-get)"
    if [ -z "$apt_updated" ]; then
      quietly as_root apt-get update -qq || say "apt-get update failed; trying with the lists at hand"
      apt_updated=yes
    fi
    # shellcheck disable=SC2086 # several names are meant
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $1
  elif command -v brew >/dev/null; then
    say "installing $2 (brew)"
    # shellcheck disable=SC2086
    HOMEBREW_NO_AUTO_UPDATE=1 quietly brew install $2
  else
    return 1
  fi
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11 python3.14; do
    if command -v "$name" >/dev/null && new_enough "$name"; then
      command -v "$name"
      return
    fi
  done
  return 1
}

# base_python: print a Python >= 3.11 that can make virtual environments; installs one when there is none.
base_python() {
  local found minor
  if ! found="$(find_python)"; then
    packages "python3 python3-venv" "python@3.13" || true
    found="$(find_python)" || {
      packages "python3.11 python3.11-venv" "python@3.13" || true
      found="$(find_python)" || fail "no Python 3.11 or later; $have"
    }
  fi
  if ! "$found" -c 'import venv; from ensurepip import version' 2>/dev/null; then
    minor="$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    packages "python$minor-venv" "python@$minor" || packages "python3-venv" "python@$minor" ||
      fail "$found cannot make virtual environments; $have"
  fi
  printf '%s\n' "$found"
}

# stamp_of SET: what .venv must have been made from to be current.
stamp_of() {
  local door=(hatch_build.py src/roost/cli/door/client.c)
  printf '%s\n' "$root" "$("$python" -c 'import sys; print(sys.version)' 2>/dev/null)"
  case "$1" in
    runtime) cat pyproject.toml "${door[@]}" requirements/runtime.txt requirements/build.txt | cksum ;;
    dev) cat pyproject.toml "${door[@]}" requirements/dev.txt | cksum ;;
  esac
}

current() { [ -x "$python" ] && [ -f "$venv/.roost-$1" ] && [ "$(cat "$venv/.roost-$1")" = "$(stamp_of "$1")" ]; }

# setup_venv runtime|dev: make .venv hold the locked packages and roost itself (editable). Quick when it already does.
setup_venv() {
  local base requirement=()
  current "$1" && return
  [ "$1" = runtime ] && current dev && return
  if ! "$python" -m pip --version >/dev/null 2>&1 || ! new_enough "$python"; then
    base="$(base_python)"
    say "making .venv with $("$base" --version)"
    quietly "$base" -m venv --clear "$venv" || fail "no virtual environment, see above"
  fi
  case "$1" in
    runtime) requirement=(-r requirements/runtime.txt -r requirements/build.txt) ;;
    dev) requirement=(-r requirements/dev.txt) ;;
  esac
  say "installing the locked packages into .venv ($1)"
  rm -f "$venv"/.roost-*
  quietly "$python" -m pip install --quiet --disable-pip-version-check --require-hashes "${requirement[@]}" ||
    fail "the packages could not be installed, see above"
  quietly "$python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e . ||
    fail "roost could not be installed, see above"
  stamp_of "$1" >"$venv/.roost-$1"
}

# setup_tmux: tmux 3.3 or later.
setup_tmux() {
  tmux -V >/dev/null 2>&1 || packages tmux tmux || fail "tmux is missing; $have"
  local version
  version="$(tmux -V)"
  case "${version#tmux }" in
    [0-2].* | 3.[0-2]*) fail "tmux 3.3 or later is needed, this is $version; install a newer one and run this again" ;;
  esac
}

# setup_chromium: a browser for the tests of the page. Without one those tests are skipped, or fail with CI set. Chromium's
# shell draws pages and no windows around them, which cost more: it is installed where there is one.
setup_chromium() {
  command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null ||
    packages chromium-headless-shell "--cask chromium" || packages chromium "--cask chromium" ||
    say "no chromium: the tests of the page in a browser cannot run"
}

# setup_openssl: what makes the certificates of the tests of webhooks. Without it those are skipped, or fail with CI set.
setup_openssl() {
  command -v openssl >/dev/null || packages openssl openssl || say "no openssl: the tests of webhooks over TLS cannot run"
}

# setup_cc: what compiles the native door of the command line. Without it that is not there, and its tests are skipped, or
# fail with CI set.
setup_cc() {
  command -v cc >/dev/null || command -v gcc >/dev/null || packages "gcc libc6-dev" gcc || say "no C compiler: the tests of the native door cannot run"
}

# setup_shells: the shells whose completion is tested, and what reads manual pages. Without one its tests are skipped, or
# fail with CI set.
setup_shells() {
  command -v mandoc >/dev/null || packages mandoc mandoc || say "no mandoc: the test of the manual page cannot run"
  command -v zsh >/dev/null || packages zsh zsh || say "no zsh: the tests of its completion cannot run"
  command -v fish >/dev/null || packages fish fish || say "no fish: the tests of its completion cannot run"
}

# new_nats PROGRAM: whether it is a nats-server of version 2.10 or later.
new_nats() {
  local version
  version="$("$1" --version 2>/dev/null)" || return 1
  case "${version##*v}" in [01].* | 2.[0-9].*) return 1 ;; esac
}

# setup_nats: nats-server 2.10 or later, for the tests of several hosts. Without it those are skipped, or fail with CI set.
# A release of Debian that has an older one takes it from the next, by its own mirror, unpacked into .cache.
setup_nats() {
  local folder="$root/.cache/nats" site where
  new_nats nats-server || new_nats "$folder/usr/sbin/nats-server" && return
  if ! command -v apt-get >/dev/null || apt-cache policy nats-server 2>/dev/null | grep -Eq 'Candidate: (2\.[1-9][0-9]|[3-9])'; then
    packages nats-server nats-server && new_nats nats-server && return
  elif site="$(apt-get indextargets --format '$(SITE) $(CODENAME)' | awk '$2 == "bookworm" {print $1; exit}')" && [ -n "$site" ]; then
    say "fetching nats-server from the next release"
    mkdir -p "$folder/lists/partial" "$folder/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site trixie main" >"$folder/sources.list"
    where=(-o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder" -o "Dir::Etc::sourcelist=$folder/sources.list"
      -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=)
    quietly apt-get "${where[@]}" -qq update &&
      (cd "$folder" && quietly apt-get "${where[@]}" -qq download nats-server && quietly dpkg -x nats-server_*.deb .)
    rm -rf "$folder/lists" "$folder/archives" "$folder"/*.deb "$folder"/*.bin
    new_nats "$folder/usr/sbin/nats-server" && return
  fi
  say "no nats-server 2.10 or later: the tests of several hosts cannot run"
}

# setup_networks: what makes networks of hosts on one machine. Without it tests of a fleet that is disturbed are
# skipped, or fail with CI set.
setup_networks() {
  [ "$(uname -s)" = Linux ] || return 0
  { command -v ip && command -v nsenter && command -v unshare; } >/dev/null ||
    packages "iproute2 util-linux" "" || say "no iproute2: the tests of a fleet on networks of its own cannot run"
}

# alone COMMAND...: run a command in a network of its own that has nothing but loopback, where the machine allows it.
# The new network's loopback starts down and a bare machine has no `ip` command.
alone() {
  local outer=() inner=() isolate='"$1" -c "$2" && shift 2 && exec "$@"'
  local loopback_up='import fcntl, socket, struct, sys
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x49))  # SIOCSIFFLAGS: UP, LOOPBACK, RUNNING'
  if [ "$(uname -s)" = Linux ] && command -v unshare >/dev/null; then
    if [ "$(id -u)" -eq 0 ]; then
      outer=(unshare --net --)
    else
      # Become root only to bring loopback up, then the same user again, so that the tests see ordinary permissions.
      outer=(unshare --user --map-root-user --net --)
      inner=(unshare --user --map-user="$(id -u)" --map-group="$(id -g)" --)
    fi
    if "${outer[@]}" sh -c "$isolate" sh "$python" "$loopback_up" ${inner[@]+"${inner[@]}"} true 2>/dev/null; then
      say "running in a network of its own: 127.0.0.1 only"
      export ROOST_TEST_LOOPBACK_ONLY=1
      exec "${outer[@]}" sh -c "$isolate" sh "$python" "$loopback_up" ${inner[@]+"${inner[@]}"} "$@"
    fi
  fi
  say "no private network here: this shares the machine's (it still connects to 127.0.0.1 only)"
  exec "$@"
}
