#!/bin/sh
# Compares this engine with PyTorch on this machine: installs PyTorch into a folder of its own, builds, measures.
#   sh tests/peer/run.sh [--rounds N] [--threads N] [--out DIR] [NAME...]
# PEER_HOME is where PyTorch goes (about 6 GB; the CPU build of a local index does, too, if pip is set up for it).
set -eu
cd "$(dirname "$0")/../.."

home=${PEER_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/chexgen/peer}
python="$home/bin/python"
if ! [ -x "$python" ]; then
  command -v python3 >/dev/null 2>&1 || { echo "tests/peer/run.sh: python3 is missing; install it" >&2; exit 1; }
  python3 -m venv "$home"
fi
"$python" -c 'import torch, diffusers, transformers' 2>/dev/null ||
  "$python" -m pip install --quiet -r tests/peer/requirements.txt

cargo build --release --locked --workspace
target=$(cargo metadata --format-version 1 --no-deps --locked | "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
exec "$python" tests/peer/compare.py --chexgen "$target/release/chexgen" "$@"
