#!/usr/bin/env bash
# The long proofs. Each writes proof/ITEM.json: what was measured, when, at which commit, on a clean tree or not.
#   scripts/proof.sh list    what there is
#   scripts/proof.sh loop    the whole loop for 40 s at speed 1
#   scripts/proof.sh bench   the DNP3 stack beside a floor without protocol; bars are shown, a missed one fails nothing
#   scripts/proof.sh faults  how long a silent device, its return and a killed RTD take to reach the ISO
#   scripts/proof.sh ramp-kills  RAMP_KILLS (100) kill -9 on the way to a set point, and the ISO's link cut under each policy
#   scripts/proof.sh statuses  each command status as masters by yadnp3 and py1815 see it
#   scripts/proof.sh profiles  one site folder under two profiles: variations, periods, indexes and points on the wire
#   scripts/proof.sh reload  1,000 reloads of certificates, keys, revocation lists and peers under polling
#   scripts/proof.sh reloads  1,000 site files applied to the running device under polling, 50 broken ones among them
#   scripts/proof.sh crowd   1,000 idle TLS connections beside a good master and new ones
#   scripts/proof.sh siege   1,000,000 mutated frames from an admitted master over TLS, beside a good one
#   scripts/proof.sh package both crates packaged, and a program outside of the workspace built from the packages
#   scripts/proof.sh kills    200 kill -9 of a program that writes history: nothing acknowledged is lost
#   scripts/proof.sh replay   a capture of the demo with faults, replayed twice, and the one in the repository
#   scripts/proof.sh hsl      the high sustainable limit over measured days with planted curtailment, and docs/hsl.svg
#   scripts/proof.sh regulation  100 windows of the measured 4 s signal with two batteries, and docs/regulation.md of it
#   scripts/proof.sh octets   octets a sample in the history's file: 100 points at 4 s for five days
#   scripts/proof.sh fuzz    every fuzz target for FUZZ_SECONDS (120)
#   scripts/proof.sh outage  NATS and PostgreSQL stopped for OPENRTD_OUTAGE_S (300) under load: every sample there once
#   scripts/proof.sh features what is not built by default: built, linted and tested
#   scripts/proof.sh delivery  the delivery promise over PROPTEST_CASES (1,000,000) cases
#   scripts/proof.sh mutants ten planted bugs, each found by the tests of ieee1815
#   scripts/proof.sh honest  never good and stale: HONEST_CASES (1,000,000) cases over the core and encoded DNP3; goes on
#                            where it was ended (a part of them: scripts/proof.sh honest --cases N)
#   scripts/proof.sh control one owner, no bump, limits kept, nothing replayed: CONTROL_CASES (1,000,000) cases through
#                            encoded DNP3; goes on where it was ended (a part: scripts/proof.sh control --cases N)
#   scripts/proof.sh control-planted bugs planted into control and its wiring, each found by the cases of `control`
#   scripts/proof.sh field   FIELD_MINUTES (15) with real peers that die and return: recoveries, right values, no lost scan
#   scripts/proof.sh cost    5,000 points that all change over 50 devices: share of a core, memory, octets a sample
#   scripts/proof.sh planted bugs planted into the core, each found by the cases of `honest`
#   scripts/proof.sh interop every DNP3 peer both ways round, and docs/interop.md of it
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p proof

# stamp ITEM RESULT.json: wraps a result with what makes it believable later.
stamp() {
    python3 - "$1" "$2" <<'PY'
import datetime, json, subprocess, sys
item, result = sys.argv[1:3]
git = lambda *args: subprocess.check_output(("git", *args), text=True).strip()
record = {
    "item": item,
    "commit": git("rev-parse", "HEAD"),
    "clean_tree": git("status", "--porcelain", "--", "crates", "Cargo.lock") == "",
    "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    "result": json.load(open(result)),
}
with open(f"proof/{item}.json", "w") as out:
    json.dump(record, out, indent=2)
    out.write("\n")
summary = {key: value for key, value in record["result"].items() if key != "rows"}
print(f"proof/{item}.json", json.dumps(summary))
PY
}

# An example of its own, outside of the workspace, against the packaged files of both crates alone.
package() { # RESULT
    cargo package --quiet --locked -p ieee1815 -p ieee1815-tokio
    outside=$(mktemp -d)
    mkdir -p "$outside/src"
    packaged=$PWD/target/package
    cat >"$outside/Cargo.toml" <<TOML
[package]
name = "outside"
version = "0.0.0"
edition = "2024"
[dependencies]
ieee1815 = "0.1.0"
ieee1815-tokio = "0.1.0"
tokio = { version = "1", features = ["rt-multi-thread", "macros"] }
[patch.crates-io]
ieee1815 = { path = "$packaged/ieee1815-0.1.0" }
ieee1815-tokio = { path = "$packaged/ieee1815-tokio-0.1.0" }
[workspace]
TOML
    cp scripts/outside.rs "$outside/src/main.rs"
    cp Cargo.lock "$outside/Cargo.lock"
    (cd "$outside" && CARGO_TARGET_DIR=$packaged/outside cargo run --quiet) | tee "$1"
    rm -rf "$outside"
}

case ${1:-list} in
list)
    sed -n 's/^#   scripts\/proof.sh //p' "$0"
    ;;
loop)
    cargo build --release --locked -p openrtd
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    # The summary is the last line; the demo itself judges the run and fails it.
    target/release/openrtd demo --seconds 40 --json | tail -n 1 >"$result"
    stamp loop "$result"
    ;;
bench)
    cargo build --release --locked -p bench
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    "${CARGO_TARGET_DIR:-target}/release/bench" --json "$result" --docs docs/benches.md
    stamp bench "$result" >/dev/null
    ;;
faults)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    OPENRTD_PROOF=$result cargo test --release --locked -p openrtd --test faults -- --ignored --exact how_long_faults_take_to_reach_the_iso
    stamp faults "$result"
    ;;
ramp-kills)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    OPENRTD_PROOF=$result cargo test --locked -p openrtd --test faults -- --ignored --exact kills::a_device_killed_at_any_point_of_a_ramp
    stamp ramp-kills "$result"
    ;;
statuses)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    OPENRTD_REQUIRE_ALL=1 OPENRTD_PROOF=$result cargo test --locked -p openrtd --test interop -- --exact --nocapture operate::each_status_of_the_table_reaches_masters_that_others_wrote
    stamp statuses "$result"
    ;;
profiles)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    OPENRTD_PROOF=$result cargo test --release --locked -p openrtd --test profiles
    stamp profiles "$result"
    ;;
reloads)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    OPENRTD_PROOF=$result cargo test --release --locked -p openrtd --test reload -- --ignored
    stamp reloads "$result"
    ;;
reload | crowd | siege)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    OPENRTD_PROOF=$result cargo test --release --locked -p ieee1815-tokio --test "$1" -- --ignored
    stamp "$1" "$result"
    ;;
kills)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    OPENRTD_PROOF=$result cargo test --release --locked -p historian --test kills -- --ignored --exact two_hundred_kills
    stamp kills "$result"
    ;;
replay)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    OPENRTD_PROOF=$result OPENRTD_GOLDEN=$PWD/target/golden.capture \
        cargo test --release --locked -p openrtd --test capture -- --ignored --exact a_demo_with_faults_is_replayed
    stamp replay "$result"
    ;;
hsl)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    OPENRTD_PROOF=$result cargo test --locked -p rtd --lib -- --ignored --exact core::tests::hsl::the_measured_days
    stamp hsl "$result"
    ;;
regulation)
    result=$(mktemp)
    steps=$(mktemp)
    trap 'rm -f "$result" "$steps"' EXIT
    OPENRTD_REQUIRE_ALL=1 OPENRTD_PROOF=$result OPENRTD_STEPS=$steps cargo test --release --locked -p rtd --lib -- \
        --ignored --exact core::tests::regulation::proof::the_measured_signal
    # The same figures once more, from the file and the decoded steps, by another program.
    python3 scripts/regulation.py ../shared/data/regulation/caiso_regulation_4s.csv "$steps" "$result" docs/regulation.md
    stamp regulation "$result"
    ;;
octets)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    OPENRTD_PROOF=$result cargo test --release --locked -p historian --test octets -- --ignored
    stamp octets "$result"
    ;;
outage)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    OPENRTD_REQUIRE_ALL=1 OPENRTD_PROOF=$result cargo test --locked -p openrtd --test outage -- --ignored
    stamp outage "$result"
    ;;
features)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    # FEATURE:PROGRAM:FILTER: the tests that need it.
    off=(parquet:history:parquet opcua:interop:opcua)
    cargo clippy --locked -p openrtd --no-default-features -- -D warnings
    for one in "${off[@]}"; do
        IFS=: read -r feature program filter <<<"$one"
        cargo clippy --locked -p openrtd --features "$feature" --all-targets -- -D warnings
        OPENRTD_REQUIRE_ALL=1 cargo test --locked -p openrtd --features "$feature" --test "$program" -- "$filter"
    done
    cargo clippy --locked -p openrtd --all-features --all-targets -- -D warnings
    printf '{"features_off_by_default": "%s", "built": true, "linted": true, "tested": true}\n' "${off[*]%%:*}" >"$result"
    stamp features "$result"
    ;;
package)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    package "$result"
    stamp package "$result"
    ;;
fuzz)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    scripts/fuzz.sh "${FUZZ_SECONDS:-120}" "$result"
    stamp fuzz "$result"
    ;;
delivery)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    # Release, or a million cases take a day; with the checks that a debug build has.
    PROPTEST_CASES=${PROPTEST_CASES:-1000000} OPENRTD_PROOF=$result CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true \
        CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true cargo test --release --locked -p ieee1815 --test delivery -- --ignored
    stamp delivery "$result"
    ;;
mutants)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    scripts/mutants.sh mutants "$result"
    stamp mutants "$result"
    ;;
honest | control)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    # Its settings in the environment begin with its name in capitals.
    cases=${1^^}_CASES
    if [ "${2:-}" = --cases ]; then export "$cases=$3"; fi
    export "$cases=${!cases:-1000000}"
    # What is done already is kept for this commit and these cases alone.
    state=${CARGO_TARGET_DIR:-$PWD/target}/$1-$(git rev-parse --short HEAD)-${!cases}.json
    export "${1^^}_STATE=$state"
    OPENRTD_PROOF=$result cargo test --release --locked -p rtd --test "$1" -- --ignored --nocapture proof
    stamp "$1" "$result"
    rm -f "$state"
    ;;
control-planted)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    scripts/mutants.sh control_planted "$result"
    stamp control-planted "$result"
    ;;
field)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    if [ "${2:-}" = --minutes ]; then FIELD_MINUTES=$3; fi
    command -v socat >/dev/null || { echo "proof: field needs socat" >&2; exit 1; }
    cargo build --release --locked -p openrtd
    python3 scripts/field.py "${CARGO_TARGET_DIR:-target}/release/openrtd" "$result" --minutes "${FIELD_MINUTES:-15}"
    stamp field "$result"
    ;;
cost)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    cargo build --release --locked -p openrtd
    cargo build --release --locked -p bench --example registers
    built=${CARGO_TARGET_DIR:-target}/release
    # A goal that is missed is told, and fails nothing here: what else this machine does is in the figures.
    python3 scripts/cost.py "$built/openrtd" "$built/examples/registers" "$result" "${@:2}" || true
    stamp cost "$result"
    ;;
planted)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    scripts/mutants.sh planted "$result"
    stamp planted "$result"
    ;;
interop)
    result=$(mktemp)
    rows=$(mktemp -d)
    trap 'rm -rf "$result" "$rows"' EXIT
    cargo build --locked -p ieee1815-tokio --examples
    interop() { OPENRTD_REQUIRE_ALL=1 OPENRTD_INTEROP=$rows OPENRTD_PROOF=$result cargo test --locked -p ieee1815-tokio --test interop -- "$@"; }
    # A row that fails is in the matrix as such.
    interop masters outstations --test-threads 2 || true
    mkdir -p docs
    interop --ignored gather
    stamp interop "$result"
    ;;
*)
    echo "proof: unknown item '$1', one of:" >&2
    "$0" list >&2
    exit 2
    ;;
esac
