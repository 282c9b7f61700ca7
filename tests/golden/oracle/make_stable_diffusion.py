"""Makes the goldens of Stable Diffusion from the public diffusers and transformers libraries.

Run by hand, never by cargo:

    pip install diffusers==0.31.0 transformers==4.46.3 torch numpy safetensors
    python tests/golden/oracle/make_stable_diffusion.py

A tiny model of the same shape of blocks: configurations, vocabulary and merges are stored as a published folder has
them, and weights are not stored, for they follow from their names by a rule that both sides compute exactly (see
`weight`). The tokenizer is the one that diffusers loads, without ftfy. PNDM and DDIM alone run on the formula of
`schedulers.py`; the whole pipeline runs on the tiny networks.
"""

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from transformers.models.clip.tokenization_clip import bytes_to_unicode

DATA = Path(__file__).resolve().parent.parent / "data"
FOLDER = DATA / "stable_diffusion"

UNET = {
    "sample_size": 8,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": [16, 24, 24],
    "layers_per_block": 2,
    "cross_attention_dim": 20,
    "attention_head_dim": 4,
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    "norm_num_groups": 4,
}
# The variations of Stable Diffusion 2.x.
UNET2 = {
    **UNET,
    "attention_head_dim": [2, 3, 4],
    "use_linear_projection": True,
    "flip_sin_to_cos": False,
    "freq_shift": 1,
    "layers_per_block": 1,
}
VAE = {
    "block_out_channels": [8, 16, 16],
    "down_block_types": ["DownEncoderBlock2D"] * 3,
    "up_block_types": ["UpDecoderBlock2D"] * 3,
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 4,
    "sample_size": 32,
}
CLIP = {
    "hidden_size": 20,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
}
PROCESS = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
PNDM = {**PROCESS, "skip_prk_steps": True, "set_alpha_to_one": False, "steps_offset": 1}
DDIM = {**PROCESS, "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}

WORDS = """no acute cardiopulmonary process findings small large moderate right left bilateral pleural effusion effusions
pneumothorax pneumonia edema cardiomegaly opacity opacities lower upper lobe consolidation atelectasis heart size is
normal lungs are clear with without the a of in and there mild severe chest radiograph unchanged stable""".split()
TEXTS = [
    "",
    "No acute cardiopulmonary process.",
    "Moderate RIGHT pneumothorax; small left-sided pleural effusion.",
    "  blanks\tand\nlines  \r\n are   one ",
    "3.5 cm opacity, 1/2 of the left lung (T12).",
    "it's the patient's x-ray: we'd say they're unchanged, I'm sure we'll see. IT'S.",
    "sm\u00e5 caf\u00e9 e\u0301panchement \u00dcBER \u00b5g \u00b1 \u2264 \u2013 \u2192",
    "\u80f8\u90e8X\u7dda\u6b63\u5e38 left",
    "control\x07 sign\u200bs and \ufffd vanish\x00",
    "marks <|endoftext|> inside <|startoftext|> a text",
    "!!! ... ??? -- \"quoted\" & <b>",
    "effusion " * 90,
    "pneumonia " * 30 + "opacities, " * 12 + "cut here",
]


def fnv(name):
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    return state


def weight(name, shape):
    """Numbers that follow from a name: splitmix64 of its hash, as exact multiples of a power of two."""
    count = math.prod(shape)
    with np.errstate(over="ignore"):
        z = np.uint64(fnv(name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    unit = (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)  # -1 to 1
    if len(shape) == 1:
        values = np.float32(1.0) + unit * np.float32(0.125) if name.endswith(".weight") else unit * np.float32(0.125)
    else:
        fan_in = math.prod(shape[1:])
        power = 0
        while 4**power < fan_in:
            power += 1
        values = unit * np.float32(2.0 ** (1 - power))
    return torch.from_numpy(values.reshape(shape))


def filled(model):
    """The model with its weights by the rule, checked to be all of them."""
    state = {name: weight(name, tuple(tensor.shape)) for name, tensor in model.state_dict().items()}
    model.load_state_dict(state)
    return model.eval()


def merged(words, count):
    """Merges by the usual greedy count of pairs, ties by spelling."""
    pieces = {word: [*word[:-1], word[-1] + "</w>"] for word in words}
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for parts in pieces.values():
            pairs.update(zip(parts, parts[1:]))
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word, parts in pieces.items():
            out = []
            for part in parts:
                if out and (out[-1], part) == best:
                    out[-1] += part
                else:
                    out.append(part)
            pieces[word] = out
    return merges


def tokenizer():
    folder = FOLDER / "tokenizer"
    folder.mkdir(parents=True, exist_ok=True)
    merges = merged(WORDS, 120)
    symbols = list(bytes_to_unicode().values())
    tokens = symbols + [symbol + "</w>" for symbol in symbols] + ["".join(pair) for pair in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocab = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, separators=(",", ":")) + "\n")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    (folder / "special_tokens_map.json").write_text(json.dumps(special) + "\n")
    made = CLIPTokenizer(folder / "vocab.json", folder / "merges.txt", model_max_length=77, **special)
    assert made.fix_text is None, "the reference is the tokenizer without ftfy"
    return made, len(vocab)


def encode(made, texts):
    return made(texts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids


def write(folder, config, **more):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / more.pop("file", "config.json")).write_text(json.dumps({**more, **config}, indent=1) + "\n")


def save(name, tensors):
    save_file({key: value.contiguous() for key, value in tensors.items()}, DATA / f"{name}.safetensors")


def toy(x, t):
    return 0.8 * x / (1 + 0.1 * x * x) + 0.1 * math.cos(float(t) / 100)


def walk(name, kind, steps, options):
    """A scheduler on a formula, as `schedulers.py` writes it."""
    generator = torch.Generator().manual_seed(sum(name.encode()))
    scheduler = kind(**options)
    scheduler.set_timesteps(steps)
    start = torch.randn((2, 4, 6, 6), generator=generator)
    x, trajectory = start, []
    for t in scheduler.timesteps:
        x = scheduler.step(toy(x, t), t, x).prev_sample
        trajectory.append(x)
    calls = len(scheduler.timesteps)
    kept = sorted({*range(0, calls, 4), 1, 2, calls - 2, calls - 1} & set(range(calls)))
    save(
        name,
        {
            "x": start,
            "timesteps": scheduler.timesteps.to(torch.int64),
            "steps": torch.tensor(kept),
            "trajectory": torch.stack([trajectory[i] for i in kept]),
        },
    )
    full = {key: value for key, value in scheduler.config.items() if not key.startswith("_")}
    return {
        "kind": "scheduler",
        "about": f"{kind.__name__} on a formula, {steps} steps",
        "file": f"{name}.safetensors",
        "config": {**options, "scheduler": kind.__name__, "steps": steps, "full": full},
        "inputs": ["x"],
        "outputs": ["timesteps", "trajectory"],
        "tolerance": {"rtol": 0.0001, "atol": 0.0001},
    }


WALKS = {
    "scheduler_pndm_8_sd": (PNDMScheduler, 8, PNDM),
    "scheduler_pndm_8_velocity": (PNDMScheduler, 8, {**PNDM, "prediction_type": "v_prediction"}),
    "scheduler_pndm_30_linear_clean": (PNDMScheduler, 30, {"skip_prk_steps": True, "set_alpha_to_one": True}),
    "scheduler_pndm_2": (PNDMScheduler, 2, PNDM),
    "scheduler_pndm_1": (PNDMScheduler, 1, PNDM),
    "scheduler_ddim_8_sd_velocity": (DDIMScheduler, 8, {**DDIM, "prediction_type": "v_prediction"}),
}


def whole(name, pipe, scheduler, options, prediction, prompts, start, guidance, steps):
    """The pipeline of diffusers from given noise: latents after every step, and the pictures."""
    pipe.scheduler = scheduler(**options, prediction_type=prediction)
    latents = []

    def keep(_pipe, _step, _time, values):
        latents.append(values["latents"].clone())
        return values

    image = pipe(
        prompts,
        num_inference_steps=steps,
        guidance_scale=guidance,
        latents=start,
        output_type="pt",
        callback_on_step_end=keep,
    ).images
    save(
        name,
        {"start": start, "latents": torch.stack(latents), "grey": image.mean(1)},
    )
    return {
        "kind": "stable_diffusion.pipeline",
        "about": f"StableDiffusionPipeline with {scheduler.__name__}, {prediction}, {steps} steps, guidance {guidance}",
        "file": f"{name}.safetensors",
        "config": {
            "folder": "stable_diffusion",
            "scheduler": {"_class_name": scheduler.__name__, **options, "prediction_type": prediction},
            "prompts": prompts,
            "steps": steps,
            "guidance": guidance,
        },
        "inputs": ["start"],
        "outputs": ["latents", "grey"],
        "tolerance": {"rtol": 0.0, "atol": 0.0002},
    }


def main():
    torch.set_grad_enabled(False)
    made, vocabulary = tokenizer()
    ids = encode(made, TEXTS)
    cases = [{"text": text, "ids": row} for text, row in zip(TEXTS, ids.tolist())]
    (FOLDER / "tokenizer_cases.json").write_text(json.dumps(cases, indent=None, separators=(",", ":")) + "\n")

    clip_config = {**CLIP, "vocab_size": vocabulary, "model_type": "clip_text_model", "layer_norm_eps": 1e-5}
    write(FOLDER / "text_encoder", clip_config, architectures=["CLIPTextModel"])
    write(FOLDER / "unet", UNET, _class_name="UNet2DConditionModel", act_fn="silu", mid_block_scale_factor=1)
    write(FOLDER / "unet2", UNET2, _class_name="UNet2DConditionModel", act_fn="silu", dropout=0.0)
    write(FOLDER / "vae", VAE, _class_name="AutoencoderKL", act_fn="silu", scaling_factor=0.18215)
    write(FOLDER / "scheduler", PNDM, file="scheduler_config.json", _class_name="PNDMScheduler", clip_sample=False)
    parts = {
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    write(FOLDER, parts, file="model_index.json", _class_name="StableDiffusionPipeline")

    text = filled(CLIPTextModel(CLIPTextConfig(**{k: v for k, v in clip_config.items() if k != "model_type"})))
    unet = filled(UNet2DConditionModel(**UNET))
    unet2 = filled(UNet2DConditionModel(**UNET2))
    vae = filled(AutoencoderKL(**VAE, act_fn="silu", scaling_factor=0.18215))
    exact = text(ids[:8]).last_hidden_state
    text.config.hidden_act = "gelu"
    exact_gelu = filled(CLIPTextModel(text.config))(ids[:2]).last_hidden_state
    save("stable_diffusion_text", {"ids": ids[:8], "hidden": exact, "hidden_gelu": exact_gelu})

    generator = torch.Generator().manual_seed(20)
    x = torch.randn((3, 4, 8, 8), generator=generator)
    t = torch.tensor([1, 501, 981])
    words, null = exact[1:4], exact[:1].expand(3, -1, -1)
    answer, blind = unet(x, t, words).sample, unet(x, t, null).sample
    save(
        "stable_diffusion_unet",
        {"x": x, "t": t, "words": words, "null": exact[:1], "out": answer, "guided": blind + 7.5 * (answer - blind)},
    )
    save("stable_diffusion_unet2", {"x": x, "t": t, "words": words, "out": unet2(x, t, words).sample})

    pipe = StableDiffusionPipeline(
        vae, text, made, unet, PNDMScheduler(**PNDM), None, None, requires_safety_checker=False
    )
    text.config.hidden_act = "quick_gelu"
    pipe.set_progress_bar_config(disable=True)
    prompts, start = [TEXTS[1], TEXTS[2]], torch.randn((2, 4, 8, 8), generator=generator)

    manifest_path = DATA / "manifest.json"
    manifest = json.loads(manifest_path.read_text())
    close = {"max_rel_to_max_abs": 5e-06}
    entries = {name: walk(name, *case) for name, case in WALKS.items()}
    entries["stable_diffusion_tokenizer"] = {
        "kind": "stable_diffusion.tokenizer",
        "about": "CLIPTokenizer without ftfy: ids of 77 tokens, filled up",
        "file": "stable_diffusion/tokenizer_cases.json",
        "config": {"folder": "stable_diffusion"},
        "inputs": [],
        "outputs": ["ids"],
        "tolerance": {"exact": True},
    }
    entries["stable_diffusion_text"] = {
        "kind": "stable_diffusion.text",
        "about": "CLIPTextModel: last hidden state; hidden_gelu with the exact activation",
        "file": "stable_diffusion_text.safetensors",
        "config": {"folder": "stable_diffusion"},
        "inputs": ["ids"],
        "outputs": ["hidden", "hidden_gelu"],
        "tolerance": close,
    }
    for name, part, outputs in [
        ("stable_diffusion_unet", "unet", ["out", "guided"]),
        ("stable_diffusion_unet2", "unet2", ["out"]),
    ]:
        entries[name] = {
            "kind": "stable_diffusion.unet",
            "about": "UNet2DConditionModel at three timesteps" + (", guidance 7.5" if part == "unet" else ", as in 2.x"),
            "file": f"{name}.safetensors",
            "config": {"folder": "stable_diffusion", "part": part, "guidance": 7.5},
            "inputs": ["x", "t", "words"],
            "outputs": outputs,
            "tolerance": {"max_rel_to_max_abs": 1e-05},
        }
    runs = [
        ("stable_diffusion_pndm_8", PNDMScheduler, PNDM, "epsilon", 7.5),
        ("stable_diffusion_pndm_8_velocity", PNDMScheduler, PNDM, "v_prediction", 4.0),
        ("stable_diffusion_ddim_8", DDIMScheduler, DDIM, "epsilon", 4.0),
        ("stable_diffusion_ddim_8_velocity", DDIMScheduler, DDIM, "v_prediction", 7.5),
    ]
    for name, scheduler, options, prediction, guidance in runs:
        entries[name] = whole(name, pipe, scheduler, options, prediction, prompts, start, guidance, 8)
    manifest["goldens"].update(entries)
    manifest_path.write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
