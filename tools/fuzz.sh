#!/bin/sh
# Fuzz each target for some seconds; see crates/dev/fuzz/README.md.
# usage: tools/fuzz.sh [SECONDS] [TARGET]...
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -gt 0 ] && shift
crate=crates/dev/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
[ $# -gt 0 ] || set -- $(cd $crate/fuzz_targets && ls ./*.rs | sed 's:^\./::; s:\.rs$::')

# What cargo-fuzz passes, but for the sanitizers, which need a nightly toolchain.
RUSTFLAGS="-Cpasses=sancov-module -Ccodegen-units=1
  -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares" \
  cargo build --quiet --manifest-path $crate/Cargo.toml --features libfuzzer --bins \
  --target "$host" --target-dir target/fuzz

failed=""
for target in "$@"; do
    corpus=target/fuzz/corpus/$target
    found=target/fuzz/found/$target
    mkdir -p "$corpus" "$found"
    echo "$target: $seconds s"
    "target/fuzz/$host/debug/$target" -max_total_time="$seconds" -timeout=10 -verbosity=0 -print_funcs=0 \
        -artifact_prefix="$found/" "$corpus" "$crate/seeds/$target" || failed="$failed $target"
done
[ -z "$failed" ] || { echo "failed:$failed; the inputs are in target/fuzz/found" >&2; exit 1; }
