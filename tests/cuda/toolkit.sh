#!/bin/sh
# Puts a CUDA compiler, and what a program with CUDA links with, into one folder, out of the Python package index.
# No GPU, no driver and no administrator rights are needed. Linux on x86-64 only.
#
#   sh tests/cuda/toolkit.sh [FOLDER]     (default: ~/.cache/chexgen/cuda-13.0)
#
# The libraries of the GPU are not linked but opened at the first call (see loader.c), so that one program serves
# machines with and without them. A second run with the same versions only checks what is there; a run that was
# stopped goes on with what it had downloaded. Prints the lines that set the environment of a build.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
version=13.0
folder=${1:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/chexgen/cuda-$version}

# The versions belong together; the hashes are those of the files for Linux on x86-64.
wheels() {
  cat <<'LIST'
nvidia-cuda-nvcc==13.0.88 --hash=sha256:56fe502eb77625a12f25172caa3cdddb4e4c8ba2c8c17dba44b164761b380f03
nvidia-cuda-crt==13.0.88 --hash=sha256:2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4
nvidia-nvvm==13.0.88 --hash=sha256:c5f41ffeb6466944a026dfa5317d7d85355c119bbec279205d22f1869d1054e0
nvidia-cuda-cccl==13.0.85 --hash=sha256:e0da7ad981f3a8aff08241b5bfc1af868742a63e2762f53a5171c492ef242649
nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
LIST
}
# MiB that are needed while the folder is made.
needed_mib=500

# module of the bindings, library to link with, library to open, the one that goes before it,
# code without the library, code without the function
libraries() {
  cat <<'LIST'
driver cuda libcuda.so.1 - 100 500
cublas cublas libcublas.so.13 libcublasLt.so.13 1 15
cublaslt cublasLt libcublasLt.so.13 - 1 15
curand curand libcurand.so.10 - 203 999
nvrtc nvrtc libnvrtc.so.13 - 11 11
nccl nccl libnccl.so.2 - 2 5
LIST
}

say() {
  printf '%s\n' "tests/cuda/toolkit.sh: $*" >&2
}

fail() {
  say "$*"
  exit 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# Lines that change when what is made here would change: the compiler, and the archives.
compiler_stamp() {
  wheels | cksum
}

archives_stamp() {
  { cat "$here/toolkit.sh" "$here/loader.c"; printf '%s\n' "$cudarc_version"; } | cksum
}

check_machine() {
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || fail "only for Linux on x86-64; elsewhere install NVIDIA's toolkit"
  has cargo || fail "cargo is missing; install Rust from https://rustup.rs"
  { has gcc && has g++ && has ar; } || fail "a C and C++ compiler is missing (Debian: apt-get install g++)"
  case $folder in /*) ;; *) folder=$PWD/$folder ;; esac
  case $folder in
    "$root" | "$root"/*) fail "$folder lies inside the repository; choose a folder outside" ;;
    *[[:space:]]*) fail "$folder has a blank in its name, which nvcc does not take; choose another folder" ;;
  esac
}

# The bindings as Cargo unpacked them; fails where it has not.
unpacked_bindings() {
  for bindings in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/cudarc-"$cudarc_version"/src; do
    [ -d "$bindings" ] && return
  done
  return 1
}

find_bindings() {
  cudarc_version=$(sed -n '/^name = "cudarc"$/{n;s/^version = "\(.*\)"$/\1/p;}' "$root/Cargo.lock")
  [ -n "$cudarc_version" ] || fail "Cargo.lock does not name cudarc"
  unpacked_bindings && return
  say "downloading the dependencies of the workspace"
  cargo fetch --locked --quiet --manifest-path "$root/Cargo.toml" ||
    fail "cargo cannot download the dependencies; is there a network?"
  unpacked_bindings || fail "cargo has downloaded no cudarc $cudarc_version"
}

# The compiler and its headers, out of the wheels.
make_compiler() {
  has python3 || fail "python3 is missing; it fetches and unpacks the compiler (Debian: apt-get install python3-pip)"
  python3 -m pip --version >/dev/null 2>&1 || fail "python3 has no pip (Debian: apt-get install python3-pip)"
  mkdir -p "$part/wheels" || fail "$part cannot be made"
  free_mib=$(df -Pm "$part" | awk 'NR == 2 { print $4 }')
  [ "$free_mib" -ge "$needed_mib" ] || fail "$part has $free_mib MiB free; $needed_mib MiB are needed"
  wheels >"$part/wheels.txt"
  say "downloading the compiler (105 MB)"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    -d "$part/wheels" -r "$part/wheels.txt" ||
    fail "pip could not download the wheels named above; is there a network? A second run goes on from here"
  rm -rf "$part/toolkit"
  python3 - "$part/wheels" "$part/toolkit" <<'PYTHON' || fail "the wheels could not be unpacked"
import pathlib, shutil, sys, zipfile
source, target = map(pathlib.Path, sys.argv[1:])
prefix = "nvidia/cu13/"
for wheel in sorted(source.glob("*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            inner = name.removeprefix(prefix)
            if inner == name or not inner or name.endswith("/") or ".." in inner.split("/"):
                continue
            path = target / inner
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as data, open(path, "wb") as file:
                shutil.copyfileobj(data, file)
            if inner.startswith(("bin/", "nvvm/bin/")):
                path.chmod(0o755)
PYTHON
  # The linker takes an archive only where no shared library of that name is beside it.
  ln -s lib "$part/toolkit/lib64"
  ln -s libcudart_static.a "$part/toolkit/lib/libcudart.a"
}

# names MODULE: one FUNCTION or TEXT line for each function of the bindings.
names() {
  # The bindings' own helpers return a library or a bool.
  sed -nE -e "/-> (&'static|bool)/d" -e 's/^pub unsafe fn ((cu|nvrtc|nccl)[A-Za-z0-9_]+)\(.*\) -> \*const ::core::ffi::c_char \{$/TEXT(\1)/p' -e t \
    -e 's/^pub unsafe fn ((cu|nvrtc|nccl)[A-Za-z0-9_]+)\(.*$/FUNCTION(\1)/p' "$bindings/$1/sys/mod.rs" | sort -u
}

# compile OUTPUT NAMES LIBRARY NEEDED NO_LIBRARY NO_FUNCTION
compile() {
  gcc -c -O2 -fPIC -Wall -Werror "-DNAMES=\"$2\"" "-DLIBRARY=\"$3\"" "-DNEEDED=\"$4\"" "-DNO_LIBRARY=$5" \
    "-DNO_FUNCTION=$6" "$here/loader.c" -o "$1" || fail "loader.c does not compile"
}

# The archives that stand for the libraries of the GPU, each put into its place when it is whole.
make_archives() {
  work=$part/archives
  rm -rf "$work"
  mkdir -p "$work"
  libraries | while read -r module link library needed without_library without_function; do
    names "$module" >"$work/$link.h"
    [ -s "$work/$link.h" ] || fail "cudarc $cudarc_version names no functions of $module"
    compile "$work/$link.o" "$work/$link.h" "$library" "$needed" "$without_library" "$without_function"
    made=$(nm -g --defined-only "$work/$link.o" | grep -c ' T ')
    [ "$made" = "$(wc -l <"$work/$link.h")" ] || fail "lib$link.a lacks functions"
    ar rcs "$work/lib$link.a" "$work/$link.o" || fail "ar failed for lib$link.a"
    mv "$work/lib$link.a" "$folder/lib/lib$link.a" || fail "$folder/lib cannot be written"
  done || exit 1
  # The kernels' host side is C++; its library goes into the program where this compiler has it as an archive.
  standard=$(gcc -print-file-name=libstdc++.a)
  if [ -f "$standard" ]; then
    ln -sf "$standard" "$folder/lib/libstdc++.a"
  fi
}

# The loader opens, passes arguments on, and says what is missing.
test_loader() {
  work=$part/test
  rm -rf "$work"
  mkdir -p "$work"
  printf 'FUNCTION(many)\nFUNCTION(missing)\nTEXT(text)\n' >"$work/names.h"
  compile "$work/loader.o" "$work/names.h" libchexgen-test.so.1 - 100 500
  gcc -O1 "$here/loader_test.c" "$work/loader.o" -ldl -lpthread -o "$work/test" || fail "the test of the loader does not link"
  env -u CUDA_HOME -u CUDA_PATH "$work/test" absent || fail "the loader fails without its library"
  mkdir "$work/lib"
  gcc -O1 -shared -fPIC -DAS_LIBRARY "$here/loader_test.c" -o "$work/lib/libchexgen-test.so.1"
  LD_LIBRARY_PATH=$work/lib "$work/test" present || fail "the loader fails with its library"
  env -u LD_LIBRARY_PATH CUDA_HOME="$work" "$work/test" present || fail "the loader does not look into CUDA_HOME"
}

# check_toolkit FOLDER: it compiles a kernel, and a program linked with it starts without a GPU.
check_toolkit() {
  libraries | while read -r _ link _; do
    [ -s "$1/lib/lib$link.a" ] || fail "$1 lacks lib/lib$link.a; remove the folder and run this again"
  done || exit 1
  try=$(mktemp -d)
  trap 'rm -rf "$try"' EXIT
  if ! "$1/bin/nvcc" ${NVCC_CCBIN:+-ccbin "$NVCC_CCBIN"} -c -arch=sm_90 "$here/link_test.cu" -o "$try/try.o" >"$try/log" 2>&1; then
    cat "$try/log" >&2
    fail "nvcc in $1 does not compile; is this C++ compiler too new for CUDA $version? NVCC_CCBIN names another"
  fi
  if ! gcc "$try/try.o" -L"$1/lib" -Wl,--as-needed -lcuda -lcublas -lcurand -lnvrtc -lcudart -lstdc++ -lm -ldl -lrt -lpthread \
    -o "$try/try" >"$try/log" 2>&1; then
    cat "$try/log" >&2
    fail "a program does not link with the libraries in $1/lib"
  fi
  said=$(CUDA_VISIBLE_DEVICES='' "$try/try") || fail "a program linked with $1/lib does not do without a GPU: $said"
  rm -rf "$try"
  trap - EXIT
}

check_machine
find_bindings
part=$folder.part
if [ "$(cat "$folder/made" 2>/dev/null)" != "$(compiler_stamp)" ]; then
  if [ -e "$folder" ] && ! [ -e "$folder/made" ] && [ -n "$(ls -A "$folder")" ]; then
    fail "$folder is not empty and was not made here; remove it or choose another folder"
  fi
  make_compiler
  compiler_stamp >"$part/toolkit/made"
  rm -rf "$folder"
  mv "$part/toolkit" "$folder"
  rm -rf "$part"
fi
if [ "$(cat "$folder/archives" 2>/dev/null)" != "$(archives_stamp)" ]; then
  mkdir -p "$part"
  make_archives
  test_loader
  archives_stamp >"$folder/archives"
  rm -rf "$part"
fi
check_toolkit "$folder"
say "$folder is complete"

cat <<LINES
export CUDA_HOME="$folder"
export PATH="$folder/bin:\$PATH"
export CUDA_COMPUTE_CAP="\${CUDA_COMPUTE_CAP:-90}"
LINES
