"""Makes the goldens of multistep solvers from the public diffusers library.

Run by hand, never by cargo:

    pip install diffusers==0.32.2 torch numpy safetensors
    python tests/golden/oracle/schedulers.py

The network is a formula, so that no weights are needed: 0.8 x / (1 + 0.1 x^2) + 0.1 cos(t / 100).
Noise of stochastic solvers is drawn here and stored, so that another program can use the same.
"""

import json
import math
from pathlib import Path

import torch
from diffusers import DPMSolverMultistepScheduler, UniPCMultistepScheduler
from safetensors.torch import save_file

DATA = Path(__file__).resolve().parent.parent / "data"
SHAPE = (2, 4, 6, 6)
TRAINING = {"num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 2e-2, "beta_schedule": "linear"}

CASES = {
    "scheduler_unipc_20": (UniPCMultistepScheduler, 20, {}),
    "scheduler_unipc_12_karras": (UniPCMultistepScheduler, 12, {"use_karras_sigmas": True}),
    "scheduler_unipc_10_velocity": (UniPCMultistepScheduler, 10, {"prediction_type": "v_prediction"}),
    "scheduler_unipc_8_leading_open": (
        UniPCMultistepScheduler,
        8,
        {"timestep_spacing": "leading", "steps_offset": 1, "final_sigmas_type": "sigma_min", "lower_order_final": False},
    ),
    "scheduler_unipc_6_first_order": (UniPCMultistepScheduler, 6, {"solver_order": 1}),
    "scheduler_dpmpp_sde_20": (DPMSolverMultistepScheduler, 20, {"algorithm_type": "sde-dpmsolver++"}),
    "scheduler_dpmpp_sde_12_karras": (
        DPMSolverMultistepScheduler,
        12,
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ),
    "scheduler_dpmpp_sde_16_heun_velocity": (
        DPMSolverMultistepScheduler,
        16,
        {"algorithm_type": "sde-dpmsolver++", "solver_type": "heun", "prediction_type": "v_prediction"},
    ),
}


def network(x, t):
    return 0.8 * x / (1 + 0.1 * x * x) + 0.1 * math.cos(float(t) / 100)


def run(name, kind, steps, options):
    generator = torch.Generator().manual_seed(sum(name.encode()))
    scheduler = kind(**TRAINING, **options)
    scheduler.set_timesteps(steps)
    start = torch.randn(SHAPE, generator=generator)
    noise = torch.randn((steps, *SHAPE), generator=generator)
    stochastic = options.get("algorithm_type") == "sde-dpmsolver++"
    x, trajectory = start, []
    for i, t in enumerate(scheduler.timesteps):
        extra = {"variance_noise": noise[i]} if stochastic else {}
        x = scheduler.step(network(x, t), t, x, **extra).prev_sample
        trajectory.append(x)
    kept = sorted({*range(0, steps, 4), 1, 2, steps - 2, steps - 1})
    tensors = {
        "x": start,
        "timesteps": scheduler.timesteps.to(torch.int64),
        "steps": torch.tensor(kept),
        "trajectory": torch.stack([trajectory[i] for i in kept]),
        "sigmas": scheduler.sigmas.to(torch.float32),
    }
    if stochastic:
        tensors["noise"] = noise
    save_file({key: value.contiguous() for key, value in tensors.items()}, DATA / f"{name}.safetensors")
    full = {key: value for key, value in scheduler.config.items() if not key.startswith("_")}
    full.pop("lambda_min_clipped", None)  # minus infinity is not JSON
    return {
        "kind": "scheduler",
        "about": f"{kind.__name__} on a formula, {steps} steps" + (", noise stored" if stochastic else ""),
        "file": f"{name}.safetensors",
        "config": {**options, "scheduler": kind.__name__, "steps": steps, "full": full},
        "inputs": ["x", "noise"] if stochastic else ["x"],
        "outputs": ["timesteps", "trajectory"],
        "tolerance": {"rtol": 0.0003, "atol": 0.0003},
    }


def main():
    path = DATA / "manifest.json"
    manifest = json.loads(path.read_text())
    for name, case in CASES.items():
        manifest["goldens"][name] = run(name, *case)
    path.write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
