"""Runs `chexgen bench` and `torch_bench.py` turn by turn and compares.

    python compare.py --chexgen PATH [--rounds N] [--threads N] [--out DIR] [NAME...]

Each turn is a process of its own with the same number of threads. Times are medians of the rounds' medians, memory
is the most of all rounds; the ratio is ours over PyTorch's, so below 1 we are faster or smaller.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# What is compared if no name is given: the goals of the project, largest acceptable ratio of time.
GOALS = {
    "dit-xl2-256": (0.80, 1.00),
    "dit-xl2-512": (0.80, 1.00),
    "control-xl2-512": (None, None),
    "vae-decode-256": (0.60, 0.85),
    "vae-decode-512": (0.60, 0.85),
    "vae-encode-512": (0.60, 0.85),
    "t5-base-120": (0.90, 1.10),
    "train-dit-s2": (0.90, 1.20),
}


def turn(command, env):
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"compare.py: {' '.join(map(str, command))} failed with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def processor():
    try:
        with open("/proc/cpuinfo") as info:
            fields = dict(line.split(":", 1) for line in info if ":" in line)
        names = {key.strip(): value.strip() for key, value in fields.items()}
        wide = [name for name in ("avx2", "avx512f") if name in names.get("flags", "").split()]
        return f"{names.get('model name', platform.machine())} ({', '.join(wide) or 'no wide vectors'})"
    except OSError:
        return platform.processor() or platform.machine()


def compare(name, args, env):
    ours, theirs = [], []
    for _ in range(args.rounds):
        runs = ["--runs", str(args.runs)] if args.runs else []
        ours.append(turn([args.chexgen, "bench", name, "--json", *runs], env))
        theirs.append(turn([sys.executable, HERE / "torch_bench.py", name, *runs], env))
    row = {"name": name, "rounds": args.rounds, "threads": ours[0]["threads"]}
    for who, turns in (("chexgen", ours), ("torch", theirs)):
        row[who] = {
            "median_ms": statistics.median(t["median_ms"] for t in turns),
            "min_ms": min(t["min_ms"] for t in turns),
            "peak_mib": max(t["peak_mib"] for t in turns),
        }
    row["time_ratio"] = row["chexgen"]["median_ms"] / row["torch"]["median_ms"]
    row["memory_ratio"] = row["chexgen"]["peak_mib"] / row["torch"]["peak_mib"]
    row["goal"], row["bound"] = GOALS.get(name, (None, None))
    return row


def table(rows):
    lines = [
        "| work | chexgen ms | PyTorch ms | time ratio | goal | at most | chexgen MiB | PyTorch MiB | memory ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        ours, theirs = row["chexgen"], row["torch"]
        bounds = [f"{bound:.2f}" if bound else "" for bound in (row["goal"], row["bound"])]
        lines.append(
            f"| {row['name']} | {ours['median_ms']:.1f} | {theirs['median_ms']:.1f} | {row['time_ratio']:.2f} | "
            f"{bounds[0]} | {bounds[1]} | {ours['peak_mib']:.0f} | {theirs['peak_mib']:.0f} | {row['memory_ratio']:.2f} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="benches; the table of goals if none is given")
    parser.add_argument("--chexgen", required=True, type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, help="timed runs a turn")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=pathlib.Path, help="folder for peer.json and peer.md")
    args = parser.parse_args()
    threads = str(args.threads)
    env = {**os.environ, "RAYON_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    import torch

    rows = []
    for name in args.names or GOALS:
        rows.append(compare(name, args, env))
        print(table(rows[-1:]).splitlines()[-1], flush=True)
    about = {"processor": processor(), "threads": args.threads, "torch": torch.__version__, "python": platform.python_version()}
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "peer.json").write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n")
        head = f"{about['processor']}, {args.threads} threads, PyTorch {about['torch']}, f32.\n\n"
        (args.out / "peer.md").write_text(head + table(rows) + "\n")
    missed = [row["name"] for row in rows if row["bound"] and row["time_ratio"] > row["bound"]]
    if missed:
        sys.exit(f"compare.py: slower than the bound: {', '.join(missed)}")


main()
