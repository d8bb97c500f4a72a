#!/usr/bin/env bash
# Checks what a build or a test run needs, installs what is missing, and says plainly what it cannot do itself.
#   scripts/setup.sh build   what `make demo` needs
#   scripts/setup.sh test    that, and the real peers the tests talk to
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-build}
rust_min=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
say() { printf 'setup: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif have sudo && sudo -n true 2>/dev/null; then sudo -n "$@"
    else fail "root is needed to install packages; run as root:  $*"
    fi
}

# apt PACKAGE...: installs Debian packages.
apt_updated=
apt() {
    have apt-get || fail "please install these by your system's package manager: $*"
    say "installing $*"
    if [ -z "$apt_updated" ]; then as_root apt-get update -qq; apt_updated=yes; fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

have cargo || fail "a Rust toolchain is needed: Rust $rust_min or later (rustup.rs)"
rust_has=$(cargo --version | cut -d' ' -f2)
[ "$(printf '%s\n' "$rust_min" "${rust_has%%-*}" | sort -V | head -n 1)" = "$rust_min" ] ||
    fail "Rust $rust_min or later is needed, this is $rust_has: run 'rustup update stable'"
have cc || apt gcc libc6-dev
[ "$what" = test ] || exit 0

missing=()
have tshark || missing+=(tshark)
have mbpoll || missing+=(mbpoll)
have prometheus || missing+=(prometheus)
have mosquitto || [ -x /usr/sbin/mosquitto ] || missing+=(mosquitto)
have socat || missing+=(socat)
have python3 || missing+=(python3)
PATH=$PATH:/usr/sbin have nats-server || missing+=(nats-server)
{ have postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; } || missing+=(postgresql)
[ ${#missing[@]} -eq 0 ] || apt "${missing[@]}"

requirements=crates/openrtd/tests/peers/requirements.txt
if ! cmp -s "$requirements" .venv/installed.txt; then
    say "installing the Python peers into .venv"
    python3 -c 'import ensurepip' 2>/dev/null || apt python3-venv
    rm -rf .venv
    python3 -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" .venv/installed.txt
fi

cargo_tool() { # NAME VERSION
    cargo "$1" --version >/dev/null 2>&1 || { say "building cargo-$1 $2 (a few minutes)"; cargo install --quiet --locked "cargo-$1@$2"; }
}
cargo_tool nextest 0.9.143
cargo_tool deny 0.20.2

# Fuzzing needs the nightly toolchain; without rustup it is left out, and `make fuzz-smoke` says so.
if ! cargo +nightly --version >/dev/null 2>&1 && have rustup; then
    say "installing the nightly toolchain"
    rustup --quiet toolchain install nightly --profile minimal
fi
if cargo +nightly --version >/dev/null 2>&1; then cargo_tool fuzz 0.13.2; fi
