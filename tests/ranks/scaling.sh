#!/bin/sh
# How training scales over MPI ranks of one thread each: stage 1 of the practice model, the same updates by 1, 2 and 4 ranks.
# Not part of the ordinary tests: times mean something on a quiet machine only.
#
#   sh tests/ranks/scaling.sh [CHEXGEN] [UPDATES]     (target/release/chexgen built with --features mpi; 24)
#
# Prints, for each number of ranks, the median images a second and the shares of time, without the first four updates.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
chexgen=${1:-$root/target/release/chexgen}
updates=${2:-24}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# The superuser of a container may start ranks, too.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 RAYON_NUM_THREADS=1

train() {
  mpirun --oversubscribe --bind-to none -np "$1" "$chexgen" train "$root/trainer/configs/stage1-256.practice.toml" \
    --parts "$root/assets/practice" --out "$out/$1" --set train.steps="$updates" --set train.micro_batch=8 \
    --set train.sheet_every=0 --set data.count=512 --set "data.cache=\"$out/phantoms\"" >"$out/log" 2>&1 ||
    { cat "$out/log" >&2; exit 1; }
}

# field NAME RANKS: the median of a number of metrics.jsonl.
field() {
  sed -n "5,\$s/.*\"$1\":\\([-+.0-9e]*\\).*/\\1/p" "$out/$2/metrics.jsonl" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

printf '%s\n' '| ranks | images a second | against one | network | exchange | optimiser |' '| ---: | ---: | ---: | ---: | ---: | ---: |'
for ranks in 1 2 4; do
  train "$ranks"
  rate=$(field samples_per_sec "$ranks")
  [ "$ranks" = 1 ] && one=$rate
  awk -v ranks="$ranks" -v rate="$rate" -v one="$one" -v compute="$(field compute "$ranks")" \
    -v exchange="$(field exchange "$ranks")" -v update="$(field update "$ranks")" 'BEGIN {
      printf "| %d | %.1f | %.2f | %.0f %% | %.1f %% | %.1f %% |\n", ranks, rate, rate / one, 100 * compute, 100 * exchange, 100 * update }'
done
printf '\nload of the machine: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
