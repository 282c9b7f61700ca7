#!/bin/sh
# Every test of the workspace, and with CI set the lints too.
# Missing system packages are installed where that is possible without a question, and named where not.
set -eu
cd "$(dirname "$0")/.."

say() {
  printf '%s\n' "tests/run.sh: $*" >&2
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# A screen, a mouse and a renderer in software for the tests of the window, and what the window loads.
window="xvfb xdotool imagemagick mesa-vulkan-drivers libvulkan1 libxkbcommon0 libxkbcommon-x11-0 libxcursor1 libxi6 libxrandr2"

# The environment of TensorBoard, which reads event files back in a test.
reader="python3-venv"

# Ranks on processors: an MPI with its launcher, and what reads its headers.
ranks="openmpi-bin libopenmpi-dev libclang-dev"

# A scheduler for the tests of jobs, and what reads their scripts.
jobs="slurm-wlm munge shellcheck"

# The linker of the Rust compiler is called cc.
compiler=""
has cc || compiler="gcc libc6-dev"

missing_packages() {
  for package in $1; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || printf ' %s' "$package"
  done
}

install_packages() {
  if [ "$(id -u)" = 0 ]; then
    as_root=""
  elif has sudo && sudo -n true 2>/dev/null; then
    as_root="sudo"
  else
    return 1
  fi
  say "installing$1"
  $as_root apt-get update -qq &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $1 >/dev/null
}

if has apt-get && has dpkg-query; then
  # One kind after the other: what cannot be had leaves out its own tests only.
  for packages in "$compiler" "$window" "$reader" "$ranks" "$jobs"; do
    missing=$(missing_packages "$packages")
    if [ -n "$missing" ] && ! install_packages "$missing"; then
      say "some tests are skipped without these packages; install them by: sudo apt-get install$missing"
    fi
  done
elif ! { has Xvfb && has xdotool && has import; }; then
  say "some tests of the window are skipped without Xvfb, xdotool, ImageMagick and a Vulkan driver in software; install them"
fi

if ! has cargo; then
  say "cargo is missing; install Rust from https://rustup.rs"
  exit 1
fi
if ! has cc; then
  say "a C compiler is missing; Rust links by it (Debian: sudo apt-get install gcc libc6-dev)"
  exit 1
fi

# TensorBoard in an environment of its own beside what is built; its test is skipped where it cannot be had.
tensorboard() {
  wanted=tests/tensorboard/requirements.txt
  place="${CARGO_TARGET_DIR:-target}/tensorboard"
  cmp -s "$wanted" "$place/requirements.txt" && return
  rm -rf "$place"
  if python3 -m venv "$place" >/dev/null 2>&1 &&
    "$place/bin/python" -m pip install -q --disable-pip-version-check --retries 1 --timeout 20 \
      --only-binary :all: -r "$wanted" >/dev/null 2>&1; then
    cp "$wanted" "$place/requirements.txt"
  else
    rm -rf "$place"
    say "TensorBoard cannot be installed; the test that reads event files with it is skipped"
  fi
}
tensorboard

# Ranks are built and tested where their packages are there; one build serves lints and tests.
libclang() {
  for place in "${LIBCLANG_PATH:-}" /usr/lib/llvm*/lib /usr/lib/*-linux-gnu /usr/lib64 /usr/lib /opt/homebrew/opt/llvm/lib; do
    for file in "$place"/libclang.so* "$place"/libclang-*.so* "$place"/libclang.dylib; do
      [ -e "$file" ] && return
    done
  done
  return 1
}
if has mpicc && libclang; then
  set -- --features trainer/mpi
else
  set --
  say "the tests of MPI ranks are left out; they need an MPI and libclang (Debian: libopenmpi-dev libclang-dev)"
fi

if [ -n "${CI:-}" ]; then
  cargo clippy --release --workspace --all-targets --locked "$@" -- -D warnings
fi
exec cargo test --release --workspace --locked "$@"
