"""The work of `chexgen bench` in PyTorch: the same sizes, random weights, the same inputs' shapes.

    python torch_bench.py NAME [--runs N]

prints one line of JSON: name, median_ms, min_ms, runs, peak_mib, threads.
The transformer is written here after the paper's description, with PyTorch's fused attention; the autoencoder
comes from diffusers and the text encoder from transformers, both with random weights.
"""

import argparse
import json
import os
import statistics
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


def peak_mib():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


class Attention(nn.Module):
    def __init__(self, width, heads, cross):
        super().__init__()
        self.heads, self.cross = heads, cross
        if cross:
            self.q = nn.Linear(width, width)
            self.kv = nn.Linear(width, 2 * width)
        else:
            self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def split(self, x, parts):
        b, n, _ = x.shape
        return x.view(b, n, parts, self.heads, -1).permute(2, 0, 3, 1, 4)

    def forward(self, x, caption=None):
        b, n, d = x.shape
        if self.cross:
            q = self.split(self.q(x), 1)[0]
            k, v = self.split(self.kv(caption), 2)
        else:
            q, k, v = self.split(self.qkv(x), 3)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(b, n, d))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attn = Attention(width, heads, cross=False)
        self.cross_attn = Attention(width, heads, cross=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))
        self.table = nn.Parameter(torch.randn(6, width) / width**0.5)

    def forward(self, x, time_signal, caption):
        rows = (self.table[None] + time_signal).chunk(6, dim=1)
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = rows
        x = x + gate_a * self.attn(self.norm(x) * (1 + scale_a) + shift_a)
        x = x + self.cross_attn(x, caption)
        return x + gate_m * self.mlp(self.norm(x) * (1 + scale_m) + shift_m)


class Dit(nn.Module):
    def __init__(self, side, width, depth, heads, out_channels, control_blocks=0):
        super().__init__()
        self.width, self.side, self.out_channels = width, side, out_channels
        self.patch = nn.Conv2d(4, width, 2, 2)
        self.register_buffer("positions", torch.randn(1, (side // 2) ** 2, width))
        self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.time_block = nn.Linear(width, 6 * width)
        self.caption = nn.Sequential(nn.Linear(4096, width), nn.GELU(approximate="tanh"), nn.Linear(width, width))
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(depth)])
        self.final_table = nn.Parameter(torch.randn(2, width) / width**0.5)
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.out = nn.Linear(width, 4 * out_channels)
        self.control = nn.ModuleList([Block(width, heads) for _ in range(control_blocks)])
        self.after = nn.ModuleList([nn.Linear(width, width) for _ in range(control_blocks)])
        self.before = nn.Linear(width, width) if control_blocks else None

    def tokens(self, x):
        return self.patch(x).flatten(2).transpose(1, 2) + self.positions

    def forward(self, x, t, caption, condition=None):
        b = x.shape[0]
        frequencies = torch.exp(-torch.arange(128) * (9.210340371976184 / 128))
        angles = t[:, None].float() * frequencies[None]
        time = self.time(torch.cat([angles.cos(), angles.sin()], dim=-1))
        signal = self.time_block(F.silu(time)).view(b, 6, self.width)
        caption = self.caption(caption)
        x = self.tokens(x)
        state = self.tokens(condition) if condition is not None else None
        for i, block in enumerate(self.blocks):
            if state is not None and 1 <= i <= len(self.control):
                first = x + self.before(state) if i == 1 else state
                state = self.control[i - 1](first, signal, caption)
                x = x + self.after[i - 1](state)
            x = block(x, signal, caption)
        shift, scale = (self.final_table[None] + time[:, None]).chunk(2, dim=1)
        x = self.out(self.norm(x) * (1 + scale) + shift)
        grid = self.side // 2
        x = x.view(b, grid, grid, 2, 2, self.out_channels)
        return torch.einsum("bhwpqc->bchpwq", x).reshape(b, self.out_channels, self.side, self.side)


def guided(side, control_blocks=0):
    model = Dit(side, 1152, 28, 16, 8, control_blocks).eval()
    latent, caption, t = torch.randn(2, 4, side, side), torch.randn(2, 120, 4096), torch.tensor([500, 500])
    condition = torch.randn(2, 4, side, side) if control_blocks else None

    @torch.inference_mode()
    def run():
        conditional, unconditional = model(latent, t, caption, condition).chunk(2)
        return unconditional + 4 * (conditional - unconditional)

    return run


def train_dit_s2():
    model = Dit(32, 384, 12, 6, 4)
    average = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.03)
    x, noise, caption = torch.randn(8, 4, 32, 32), torch.randn(8, 4, 32, 32), torch.randn(8, 120, 4096)
    t = torch.arange(8) * 125

    def run():
        loss = F.mse_loss(model(x, t, caption), noise)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, list(model.parameters()), 1e-4)
        return loss.detach()

    return run


def autoencoder():
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        latent_channels=4,
        sample_size=512,
    ).eval()


def decode(size):
    model, latent = autoencoder(), torch.randn(1, 4, size // 8, size // 8)

    @torch.inference_mode()
    def run():
        return model.decode(latent).sample

    return run


def encode(size):
    model, image = autoencoder(), torch.randn(1, 3, size, size)

    @torch.inference_mode()
    def run():
        return model.encode(image).latent_dist.mean

    return run


def t5_base():
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        d_model=768, d_ff=2048, num_layers=12, num_heads=12, d_kv=64, vocab_size=32128, feed_forward_proj="gated-gelu"
    )
    model, ids = T5EncoderModel(config).eval(), (3 + torch.arange(120) * 7 % 900)[None]

    @torch.inference_mode()
    def run():
        return model(ids).last_hidden_state

    return run


def kernel(call, *shapes):
    inputs = [torch.randn(*shape) for shape in shapes]

    @torch.inference_mode()
    def run():
        return call(*inputs)

    return run


def backward(call, *shapes):
    inputs = [torch.randn(*shape, requires_grad=True) for shape in shapes]

    def run():
        for x in inputs:
            x.grad = None
        call(*inputs).sum().backward()

    return run


def attention(q, k, v):
    heads = lambda x: x.view(1, x.shape[1], 16, 72).transpose(1, 2)
    return F.scaled_dot_product_attention(heads(q), heads(k), heads(v)).transpose(1, 2).reshape(1, -1, 1152)


def modulated(x, shift, scale):
    return F.layer_norm(x, (x.shape[-1],), eps=1e-6) * (1 + scale[:, None]) + shift[:, None]


def rms_norm(x, w):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * w


WIDE, DEEP = (1, 1024, 1152), (1, 1024, 4608)
conv = lambda x, w, b: F.conv2d(x, w, b, padding=1)
gelu = lambda x: F.gelu(x, approximate="tanh")
BENCHES = {
    "dit-xl2-256": (5, lambda: guided(32)),
    "dit-xl2-512": (3, lambda: guided(64)),
    "control-xl2-512": (3, lambda: guided(64, 13)),
    "vae-decode-256": (5, lambda: decode(256)),
    "vae-decode-512": (3, lambda: decode(512)),
    "vae-encode-512": (3, lambda: encode(512)),
    "t5-base-120": (7, t5_base),
    "train-dit-s2": (5, train_dit_s2),
    "linear-512x1152x4608": (15, lambda: kernel(F.linear, (512, 1152), (4608, 1152), (4608,))),
    "attention-1024x72": (15, lambda: kernel(attention, WIDE, WIDE, WIDE)),
    "attention-1024x120x72": (15, lambda: kernel(attention, WIDE, (1, 120, 1152), (1, 120, 1152))),
    "layer-norm-1024x1152": (31, lambda: kernel(modulated, WIDE, (1, 1152), (1, 1152))),
    "rms-norm-1024x1152": (31, lambda: kernel(rms_norm, WIDE, (1152,))),
    "gelu-1024x4608": (31, lambda: kernel(gelu, DEEP)),
    "gated-residual-1024x1152": (31, lambda: kernel(lambda x, y, g: x + g[:, None] * y, WIDE, WIDE, (1, 1152))),
    "conv3x3-128x256": (7, lambda: kernel(conv, (1, 128, 256, 256), (128, 128, 3, 3), (128,))),
    "conv3x3-256x128": (7, lambda: kernel(conv, (1, 256, 128, 128), (256, 256, 3, 3), (256,))),
    "conv3x3-512x64": (7, lambda: kernel(conv, (1, 512, 64, 64), (512, 512, 3, 3), (512,))),
    "conv3x3-4x512x64": (15, lambda: kernel(conv, (1, 4, 64, 64), (512, 4, 3, 3), (512,))),
    "group-norm-128x256": (
        15,
        lambda: kernel(lambda x, w, b: F.silu(F.group_norm(x, 32, w, b, 1e-6)), (1, 128, 256, 256), (128,), (128,)),
    ),
    "layer-norm-backward": (31, lambda: backward(modulated, WIDE, (1, 1152), (1, 1152))),
    "gelu-backward": (31, lambda: backward(gelu, DEEP)),
    "attention-backward": (15, lambda: backward(F.scaled_dot_product_attention, *[(8, 6, 256, 64)] * 3)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=list(BENCHES))
    parser.add_argument("--runs", type=int)
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("RAYON_NUM_THREADS", os.cpu_count() or 1)))
    runs, prepare = BENCHES[args.name]
    runs = args.runs or runs
    run = prepare()
    run()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    result = {
        "name": args.name,
        "median_ms": statistics.median(times),
        "min_ms": min(times),
        "runs": runs,
        "peak_mib": peak_mib(),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(result))


main()
