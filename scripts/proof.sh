#!/usr/bin/env bash
# The long proofs. Each writes proof/ITEM.json: what was measured, when, at which commit, on a clean tree or not.
#   scripts/proof.sh list    what there is
#   scripts/proof.sh loop    the whole loop for 40 s at speed 1
#   scripts/proof.sh faults  how long a silent device, its return and a killed RTD take to reach the ISO
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
faults)
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    OPENRTD_PROOF=$result cargo test --release --locked -p openrtd --test faults -- --ignored
    stamp faults "$result"
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
