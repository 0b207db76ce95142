#!/usr/bin/env bash
# The tests of the conversions in C against libraries with checks: shared/pigment_native/build/sanitized.sh TESTS…
# The pinned compiler's checks find undefined behaviour; those of the machine's compiler, if it has them, find wrong
# addresses. Each library is in a copy of its package, which is found before the installed one.
set -euo pipefail
cd "$(dirname "$0")/../../.."
bin=${BIN:-.venv/bin} built=$PWD/build/sanitized
export PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0
rm -rf "$built"
for checks in undefined address; do
    mkdir -p "$built/$checks"
    cp -r shared/pigment_native "$built/$checks/pigment_native"
    rm -f "$built/$checks/pigment_native/librows.so"
done

calls() {  # library, function, arguments: call a function in a separate process and return how it ended
    ("$bin/python" -c 'import ctypes, sys; getattr(ctypes.CDLL(sys.argv[1]), sys.argv[2])(*eval(sys.argv[3]))' "$@") \
        2>/dev/null
}

tested() {  # checks, tests…: run the tests; first check that the library finds a planted fault and that the tests load it
    local checks=$1 faulty=$built/$1/faulty.so
    shift
    calls "$faulty" next '(1,)' || { echo "sanitized: $checks: the library cannot be loaded"; return 1; }
    case $checks in
        undefined) ! calls "$faulty" next '(2**31 - 1,)' ;;
        address) ! calls "$faulty" byte_at '(ctypes.create_string_buffer(100), 100)' ;;
    esac || { echo "sanitized: $checks: a fault was not found"; return 1; }
    export PYTHONPATH=$built/$checks${PYTHONPATH:+:$PYTHONPATH}
    "$bin/python" -c "import sys; from pigment_native.library import LIBRARY; sys.exit('/$checks/' not in LIBRARY._name)" \
        || { echo "sanitized: $checks: the tests would load another library"; return 1; }
    echo "sanitized: $checks"
    "$bin/pytest" -q -n "${WORKERS:-auto}" --maxprocesses 8 --dist worksteal "$@"
}

compile=".venv-native/bin/python shared/pigment_native/build --checked"
$compile "$built/undefined/pigment_native/librows.so"
$compile "$built/undefined/faulty.so" --source shared/pigment_native/build/faults.c
(tested undefined "$@")

runtime=$(cc -print-file-name=libasan.so 2>/dev/null || true)
if [ ! -e "$runtime" ]; then
    echo "sanitized: address: SKIPPED, this machine has no compiler with an address sanitizer"
    exit 0
fi
compile="cc -std=c11 -O1 -g -fPIC -shared -fsanitize=address -fno-sanitize-recover=all"
$compile -o "$built/address/pigment_native/librows.so" shared/pigment_native/rows.c
$compile -o "$built/address/faulty.so" shared/pigment_native/build/faults.c
(export LD_PRELOAD=$runtime && tested address "$@")
