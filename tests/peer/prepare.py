"""Compares `chexgen prepare` with the obvious pipeline in Python: Pillow, an autoencoder and a T5 in PyTorch, numpy.savez.

    python prepare.py --chexgen PATH [--images N] [--side PX] [--size PX] [--rounds N] [--threads N] [--out DIR]

Both read the same phantoms in the layout of MIMIC-CXR-JPG, use the same weights (the published sizes of the
autoencoder, random numbers) and the same number of cores. Python gets its best batch of 1, 4 and 8. Wall time and
processor time count from the first picture to the last; starting up and reading weights do not.
"""

import argparse
import csv
import gzip
import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
T5 = dict(d_model=256, d_kv=32, d_ff=512, num_layers=4, num_heads=8, vocab_size=412)


def make_model(folder, size):
    """A model folder with an autoencoder of the published sizes and a small text encoder; the transformer is not read."""
    import torch
    from diffusers import AutoencoderKL
    from safetensors.torch import save_file
    from transformers import T5Config, T5EncoderModel

    torch.manual_seed(0)
    folder.mkdir(parents=True)
    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
    )
    save_file({k: v.contiguous() for k, v in vae.state_dict().items()}, folder / "autoencoder.safetensors")
    text = T5EncoderModel(T5Config(feed_forward_proj="gated-gelu", **T5))
    weights = {k: v.contiguous() for k, v in text.state_dict().items() if k != "encoder.embed_tokens.weight"}
    save_file(weights, folder / "text.safetensors")
    shutil.copy(ROOT / "assets/practice/tokenizer.json", folder / "tokenizer.json")
    (folder / "dit.safetensors").write_bytes(b"")
    table = "\n".join(f"{key} = {value}" for key, value in T5.items())
    (folder / "model.toml").write_text(
        f"""format = 1
name = "Peer"
practice = false
size_px = {size}
notice = "Random weights."
palette = "release"

[text]
weights = "text.safetensors"
tokenizer = "tokenizer.json"
max_tokens = 120

[text.config]
feed_forward_proj = "gated-gelu"
{table}

[dit]
weights = "dit.safetensors"
prediction = "epsilon"
control_blocks = 0
config = {{}}

[autoencoder]
kind = "kl"
weights = "autoencoder.safetensors"
config = {{}}

[latent]
shift = [0.0]
scale = [0.18215]
condition_shift = [0.0]
condition_scale = [0.18215]
condition_sampled = true

[defaults]
preset = "release"
sampler = "ddpm"
num_steps = 100
guidance_scale = 4.0
"""
    )


def python_side(args):
    """Runs in a process of its own and prints seconds a picture, wall and processor."""
    import numpy as np
    import torch
    from diffusers import AutoencoderKL
    from PIL import Image
    from safetensors.torch import load_file
    from tokenizers import Tokenizer
    from transformers import T5Config, T5EncoderModel

    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
    ).eval()
    vae.load_state_dict(load_file(args.model / "autoencoder.safetensors"))
    text = T5EncoderModel(T5Config(feed_forward_proj="gated-gelu", **T5)).eval()
    weights = load_file(args.model / "text.safetensors")
    text.load_state_dict({**weights, "encoder.embed_tokens.weight": weights["shared.weight"]})
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    args.out.mkdir(parents=True)

    with gzip.open(args.data / "mimic-cxr-2.0.0-metadata.csv.gz", "rt") as table:
        rows = list(csv.DictReader(table))

    def square(path):
        picture = Image.open(path).convert("RGB")
        while min(picture.size) >= 2 * args.size:
            picture = picture.resize((picture.width // 2, picture.height // 2), Image.BOX)
        scale = args.size / min(picture.size)
        picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.BICUBIC)
        x, y = (picture.width - args.size) // 2, (picture.height - args.size) // 2
        values = np.asarray(picture.crop((x, y, x + args.size, y + args.size)), dtype=np.float32)
        return torch.from_numpy(((values / 255.0 - 0.5) / 0.5).transpose(2, 0, 1))

    def run(rows):
        for start in range(0, len(rows), args.batch):
            part = rows[start : start + args.batch]
            folders = [args.data / "files" / f"p{r['subject_id'][:2]}" / f"p{r['subject_id']}" for r in part]
            pictures = [square(f / f"s{r['study_id']}" / f"{r['dicom_id']}.jpg") for f, r in zip(folders, part)]
            latents = vae.encode(torch.stack(pictures)).latent_dist
            for at, (folder, row) in enumerate(zip(folders, part)):
                report = (folder / f"s{row['study_id']}.txt").read_text()
                impression = " ".join(re.split(r"\n IMPRESSION:", report)[-1].split()).lower()
                ids = tokenizer.encode(impression).ids[:120]
                caption = text(torch.tensor([ids])).last_hidden_state[0]
                np.savez(
                    args.out / f"{row['dicom_id']}.npz",
                    mean=latents.mean[at].numpy(),
                    log_var=latents.logvar[at].numpy(),
                    caption=caption.numpy(),
                )

    run(rows[: args.batch])
    begin, used = time.perf_counter(), time.process_time()
    run(rows)
    wall, cpu = time.perf_counter() - begin, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall / len(rows), "cpu": cpu / len(rows), "peak_mib": peak}))


def turn(command, env, key):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    done = subprocess.run([str(part) for part in command], env=env, stdout=subprocess.PIPE, check=False)
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"prepare.py: {command[0]} failed with {done.returncode}")
    if key == "python":
        return json.loads(done.stdout.splitlines()[-1])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu, "peak_mib": after.ru_maxrss / 1024}


def chexgen_side(args, env, config, count, out):
    """Seconds a picture: a run over all less a run over one, so that starting up does not count."""
    config.write_text(
        f'name = "peer"\nmodel = "{args.model}"\nsize_px = {args.size}\ncaption_rows = "f32"\n[captions]\nover = "cut"\n'
        f'[[source]]\nkind = "mimic"\nroot = "{args.data}"\n'
    )
    one = config.with_name("one.toml")
    metadata = next(args.data.glob("*-metadata.csv.gz"))
    with gzip.open(metadata, "rt") as table:
        head = [next(table), next(table)]
    (args.data / "one.csv").write_text("".join(head))
    one.write_text(config.read_text() + f'list = "one.csv"\n')
    small = turn([args.chexgen, "prepare", one, "--out", out / "one", "--threads", args.threads], env, "chexgen")
    whole = turn([args.chexgen, "prepare", config, "--out", out / "all", "--threads", args.threads], env, "chexgen")
    shutil.rmtree(out)
    per = count - 1
    return {"wall": (whole["wall"] - small["wall"]) / per, "cpu": (whole["cpu"] - small["cpu"]) / per, "peak_mib": whole["peak_mib"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chexgen", type=pathlib.Path)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--side", type=int, default=2048, help="side of the source pictures")
    parser.add_argument("--size", type=int, default=256, help="side of what is encoded")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=pathlib.Path, help="folder for prepare.json and prepare.md")
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--model", type=pathlib.Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.batch:
        return python_side(args)
    threads = str(args.threads)
    env = {**os.environ, "RAYON_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    rows = {"chexgen": [], **{f"python, batch {batch}": [] for batch in (1, 4, 8)}}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        args.data, args.model = folder / "mimic", folder / "model"
        phantom = [args.chexgen, "phantom", "--layout", "mimic", "--count", args.images, "--size", args.side, "--out", args.data]
        turn(phantom, env, "chexgen")
        make_model(args.model, args.size)
        for at in range(args.rounds):
            rows["chexgen"].append(chexgen_side(args, env, folder / "peer.toml", args.images, folder / "set"))
            for batch in (1, 4, 8):
                command = [sys.executable, __file__, "--batch", batch, "--data", args.data, "--model", args.model, "--size", args.size]
                out = folder / f"npz-{at}-{batch}"
                rows[f"python, batch {batch}"].append(turn([*command, "--threads", threads, "--out", out], env, "python"))
                shutil.rmtree(out)
    table = {
        name: {key: statistics.median(turn[key] for turn in turns) for key in ("wall", "cpu", "peak_mib")}
        for name, turns in rows.items()
    }
    best = min((name for name in table if name != "chexgen"), key=lambda name: table[name]["wall"])
    ratio = {key: table[best][key] / table["chexgen"][key] for key in ("wall", "cpu")}
    lines = ["| pipeline | images/s | processor s an image | MiB |", "| --- | ---: | ---: | ---: |"]
    for name, row in table.items():
        lines.append(f"| {name} | {1 / row['wall']:.2f} | {row['cpu']:.2f} | {row['peak_mib']:.0f} |")
    lines.append("")
    lines.append(f"`chexgen prepare` makes {ratio['wall']:.2f} times the images a second of the best Python batch, and uses 1/{ratio['cpu']:.2f} of its processor time.")
    about = f"{args.images} JPEG of {args.side} px to {args.size} px, {threads} threads, {args.rounds} rounds, medians.\n\n"
    print(about + "\n".join(lines))
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "prepare.md").write_text(about + "\n".join(lines) + "\n")
        (args.out / "prepare.json").write_text(json.dumps(rows, indent=1) + "\n")
    if ratio["wall"] < 1.5:
        sys.exit("prepare.py: less than 1.5 times the images a second")


main()
