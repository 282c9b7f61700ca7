#!/bin/sh
# Whether the program with CUDA still builds, and starts on a machine without a GPU.
# Not part of the ordinary tests: the first build takes long. Needs no GPU and no installed toolkit.
#
#   sh tests/cuda/check.sh [FOLDER]     (FOLDER: that of toolkit.sh)
#
# CUDA_COMPUTE_CAP says for which GPU (90), CARGO_TARGET_DIR where to build (target/cuda in the repository).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

say() {
  printf '%s\n' "tests/cuda/check.sh: $*" >&2
}

fail() {
  say "$*"
  exit 1
}

environment=$(sh "$here/toolkit.sh" "$@")
eval "$environment"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target/cuda}"
cd "$root"

say "building for compute capability $CUDA_COMPUTE_CAP"
cargo build --release --locked -p trainer --features nccl
chexgen=$CARGO_TARGET_DIR/release/chexgen

say "shared libraries"
ldd "$chexgen"
# What the program may ask of a machine before it starts: the C library and the compiler's.
foreign=$(ldd "$chexgen" | awk '{ print $1 }' | grep -Ev '^(linux-vdso|libc|libm|libgcc_s|libdl|librt|libpthread)\.so|/ld-linux-x86-64\.so' || true)
[ -z "$foreign" ] || fail "the program needs more than the C library to start:" "$foreign"

say "starting"
"$chexgen" --version
# says TEXT CODE ARGUMENT...: what the program says holds the text and nothing of a crash, and its exit code is CODE.
says() {
  text=$1 expected=$2 code=0
  shift 2
  said=$("$chexgen" "$@" 2>&1) || code=$?
  printf '%s\n' "$said" >&2
  [ "$code" = "$expected" ] || fail "chexgen $* ended with $code, not $expected"
  case $said in
    *panicked* | *RUST_BACKTRACE*) fail "chexgen $* crashed" ;;
    *"$text"*) ;;
    *) fail "chexgen $* does not say: $text" ;;
  esac
}

# refused ARGUMENT...: exit code 1 and one sentence that there is no GPU.
refused() {
  says "no NVIDIA GPU" 1 "$@"
  [ "$(printf '%s\n' "$said" | wc -l)" = 1 ] || fail "chexgen $* says more than one line"
}

says 'cuda yes' 0 doctor
says 'NCCL for graphics cards' 0 doctor

# The driver shows no card here, so that the check is the same on a machine with one.
export CUDA_VISIBLE_DEVICES=
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
says 'no NVIDIA GPU' 1 doctor --device cuda
refused generate --device cuda --model practice --impression 'No acute process.' --out "$out/images"
refused parity tests/golden/data --device cuda
refused bench gelu-1024x4608 --device cuda:0
refused train trainer/configs/practice.toml --device cuda --out "$out/run"
says passed 0 parity tests/golden/data --only t5
say "all is well: $chexgen ($(wc -c <"$chexgen") bytes)"
