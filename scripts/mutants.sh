#!/usr/bin/env bash
# Plants bugs into a copy of what is committed; each has to be found.
#   scripts/mutants.sh mutants [RESULT.json]    by the tests of ieee1815
#   scripts/mutants.sh planted [RESULT.json]    by the cases of the proof `honest`
#   scripts/mutants.sh control_planted [RESULT.json]    by the cases of the proof `control`
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}/mutants
# Its files are as new as now (-m), or an older build of the copy would pass for one of these.
rm -rf "$target/copy"
mkdir -p "$target/copy"
git archive HEAD | tar -xm -C "$target/copy"
unset CARGO_TARGET_DIR
export CARGO_TARGET_DIR=$target/target
what=$1
shift
exec python3 -B "scripts/$what.py" "$target/copy" "$@"
