#!/usr/bin/env bash
# Runs every fuzz target of fuzz/ for a while; a crash is printed with the octets that made it.
#   scripts/fuzz.sh SECONDS [RESULT.json]
# Skips, and says so, where the nightly toolchain or cargo-fuzz is missing; with OPENRTD_REQUIRE_ALL=1 that fails.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10}
result=${2:-}

lacks() {
    if [ "${OPENRTD_REQUIRE_ALL:-0}" = 1 ]; then
        echo "fuzz: $1 is missing, and all is required" >&2
        exit 1
    fi
    echo "fuzz: skipped, since $1 is missing" >&2
    exit 0
}
cargo +nightly --version >/dev/null 2>&1 || lacks "the nightly toolchain (rustup toolchain install nightly)"
cargo fuzz --version >/dev/null 2>&1 || lacks "cargo-fuzz (cargo install --locked cargo-fuzz)"

# No sanitizer: there is no unsafe code here. Overflow checks and debug assertions are on.
host=$(rustc -vV | sed -n 's/^host: //p')
unset CARGO_TARGET_DIR CARGO_INCREMENTAL
cargo +nightly fuzz build --sanitizer none
programs=fuzz/target/$host/release

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
python3 fuzz/seeds.py fuzz/corpus ../shared/data/dnp3 >/dev/null

one() { # TARGET
    mkdir -p "fuzz/corpus/$1" "fuzz/artifacts/$1"
    status=0
    "$programs/$1" "fuzz/corpus/$1" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=1024 -malloc_limit_mb=256 -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$1/" \
        >"$logs/$1.log" 2>&1 || status=$?
    echo "$status" >"$logs/$1.status"
}
export -f one
export programs logs seconds
targets=$(cd fuzz/targets && ls ./*.rs | sed 's|^\./||; s|\.rs$||')
echo "$targets" | xargs -P "$(nproc)" -I TARGET bash -c 'one TARGET'

python3 - "$logs" "$seconds" "${result:-/dev/null}" <<'PY'
import json, pathlib, re, sys
logs, seconds, result = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
targets, findings = {}, []
for path in sorted(logs.glob("*.log")):
    name, text = path.stem, path.read_text(errors="replace")
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
    features = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", text)
    status = int((logs / f"{name}.status").read_text())
    targets[name] = {
        "executions": int(executions.group(1)) if executions else 0,
        "edges": int(features[-1][0]) if features else 0,
        "corpus": int(features[-1][2]) if features else 0,
    }
    print(f"fuzz: {name:24} {targets[name]['executions']:>12} executions, {targets[name]['edges']:>6} edges")
    if status != 0 or not targets[name]["executions"]:
        findings.append(name)
        print(f"fuzz: {name} FAILED with {status}:\n" + "\n".join(text.splitlines()[-60:]))
total = sum(target["executions"] for target in targets.values())
print(f"fuzz: {len(targets)} targets, {total} executions, {len(findings)} findings")
record = {"targets": len(targets), "seconds_each": seconds, "executions": total, "findings": findings, "each": targets}
pathlib.Path(result).write_text(json.dumps(record))
sys.exit(1 if findings or not targets else 0)
PY
