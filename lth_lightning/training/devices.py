"""What is sensible on which device."""

import os
from collections.abc import Mapping

import torch
from torch import nn


def default_precision(net: nn.Module, accelerator: str) -> str:
    """The precision of a config that names none: bf16 where convolutions gain by it, else float32.

    Measured on two cores with AVX512-BF16: ResNet-20 takes 82 ms a step in bf16 and 140 ms in float32. Without such
    instructions bf16 is emulated, and small fully connected networks only pay for the casts.

    Args:
        net: The network.
        accelerator: The Trainer's: 'auto', 'cpu', 'gpu', 'cuda'...
    """
    if not any(isinstance(module, nn.Conv2d) for module in net.modules()):
        return "32-true"
    if accelerator != "cpu" and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # absent from old releases
    return "bf16-mixed" if able.get("avx512_bf16") or able.get("amx_bf16") else "32-true"


def default_channels_last(net: nn.Module, device: torch.device) -> bool:
    """Whether convolutions keep the channels of a pixel together, where a config does not say.

    On a GPU, and on a CPU with AVX-512, where it is the fastest (ResNet-20: 140 ms a step instead of 165 ms or more).
    On CPUs with AVX2 alone, torch 2.15 corrupts its memory in the backward pass of narrow convolutions in this format.

    Args:
        net: The network.
        device: Where it trains.
    """
    if not any(isinstance(module, nn.Conv2d) for module in net.modules()):
        return False
    able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return device.type != "cpu" or bool(able.get("avx512_f") or able.get("avx512"))


def default_threads(net: nn.Module) -> int:
    """How many CPU threads a network's layers are worth: one for a small one without convolutions, else torch's choice.

    That is as many as there are cores to run on; SLURM binds a task to its own, or else only says how many it gave.

    LeNet-300-100 on digits has layers of some 10 microseconds, which threads only wait in: where another process uses
    the same cores, two threads took 30 s for a training that one does in 2 s.

    Args:
        net: The network.
    """
    small = sum(parameter.numel() for parameter in net.parameters()) < 100_000
    if small and not any(isinstance(module, nn.Conv2d) for module in net.modules()):
        return 1
    given = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return min(torch.get_num_threads(), int(given)) if given.isdecimal() else torch.get_num_threads()


def environments(count: int, here: Mapping[str, str], cores: int, gpus: int) -> list[dict[str, str]]:
    """The environment of each process: its share of the threads, and its GPU.

    Args:
        count: How many processes.
        here: This environment.
        cores: How many processor cores there are to share.
        gpus: How many GPUs; those that CUDA_VISIBLE_DEVICES names, if it does.
    """
    threads = max(1, min(cores, int(here.get("OMP_NUM_THREADS") or cores)) // count)
    names = [name for name in here.get("CUDA_VISIBLE_DEVICES", "").split(",") if name] or [*map(str, range(gpus))]
    own = [{"CUDA_VISIBLE_DEVICES": names[number % len(names)]} if names else {} for number in range(count)]
    return [{**here, "OMP_NUM_THREADS": str(threads), **each} for each in own]
