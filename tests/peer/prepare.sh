#!/bin/sh
# Compares `chexgen prepare` with Pillow and PyTorch on this machine; finds or installs PyTorch as run.sh does.
#   sh tests/peer/prepare.sh [--images N] [--side PX] [--size PX] [--rounds N] [--threads N] [--out DIR]
set -eu
cd "$(dirname "$0")/../.."

home=${PEER_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/chexgen/peer}
python="$home/bin/python"
if ! [ -x "$python" ]; then
  command -v python3 >/dev/null 2>&1 || { echo "tests/peer/prepare.sh: python3 is missing; install it" >&2; exit 1; }
  python3 -m venv "$home"
fi
"$python" -c 'import torch, diffusers, transformers, PIL' 2>/dev/null ||
  "$python" -m pip install --quiet -r tests/peer/requirements.txt pillow

cargo build --release --locked -p trainer
target=$(cargo metadata --format-version 1 --no-deps --locked | "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
exec "$python" tests/peer/prepare.py --chexgen "$target/release/chexgen" "$@"
