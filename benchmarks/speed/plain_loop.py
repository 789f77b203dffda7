"""Active learning on digits as one would write it in an afternoon: the measure for a whole study.

    python -m benchmarks.speed.plain_loop [--seeds 1]

Same data, network, training, budget and strategies as `benchmarks.speed.study`, with data loaders,
one run after the other, nothing shared, nothing recorded but the accuracies.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Subset, TensorDataset

from alscope.backbones.small_cnn import SmallCnnSpec
from alscope.data.lookup import find_dataset
from alscope.data.protocols import DataRoot
from alscope.types import SampleSpec

STRATEGIES = ("random", "entropy", "margin", "bald", "coreset")
N_INITIAL, QUERY, ROUNDS = 20, 20, 3
EPOCHS, MIN_STEPS, BATCH, LR = 30, 100, 32, 2e-3


def main() -> None:
    """Run every strategy with every seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    train, test = data()
    for strategy in STRATEGIES:
        for seed in range(seeds):
            curve = " ".join(f"{accuracy:.3f}" for accuracy in run(strategy, seed, train, test))
            sys.stdout.write(f"{strategy} {seed} {curve}\n")


def data() -> tuple[TensorDataset, TensorDataset]:
    """Digits, normalized."""
    raw = find_dataset("digits").load(DataRoot(Path(), Path(), allow_download=False))
    parts = []
    for part in (raw.train, raw.test):
        images = torch.tensor(np.asarray(part.inputs)).float() / 255
        images = (images - raw.mean[0]) / raw.std[0]
        parts.append(TensorDataset(images, torch.tensor(part.targets)))
    return parts[0], parts[1]


def run(strategy: str, seed: int, train: TensorDataset, test: TensorDataset) -> list[float]:
    """The accuracies of one run."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    labels = train.tensors[1].numpy()
    labeled = [
        int(i) for c in range(10) for i in rng.choice(np.flatnonzero(labels == c), 2, replace=False)
    ]
    accuracies = []
    for number in range(ROUNDS + 1):
        model = fit(Subset(train, labeled))
        accuracies.append(evaluate(model, test))
        if number < ROUNDS:
            pool = sorted(set(range(len(train))) - set(labeled))
            labeled += choose(strategy, model, train, labeled, pool, rng)
    return accuracies


def fit(labeled: Subset) -> torch.nn.Module:
    """A fresh network, trained."""
    model = SmallCnnSpec().build(SampleSpec(modality="image", shape=(1, 8, 8)), 10)
    loader = DataLoader(labeled, batch_size=BATCH, shuffle=True)
    n_steps = max(EPOCHS * len(loader), MIN_STEPS)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    model.train()
    step = 0
    for _ in range(math.ceil(n_steps / len(loader))):
        for images, targets in loader:
            if step == n_steps:
                break
            loss = torch.nn.functional.cross_entropy(model({"pixel_values": images}), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            step += 1
    return model


@torch.no_grad()
def evaluate(model: torch.nn.Module, test: TensorDataset) -> float:
    """Accuracy."""
    model.eval()
    correct = 0
    for images, targets in DataLoader(test, batch_size=256):
        correct += int((model({"pixel_values": images}).argmax(1) == targets).sum())
    return correct / len(test)


def choose(
    strategy: str,
    model: torch.nn.Module,
    train: TensorDataset,
    labeled: list[int],
    pool: list[int],
    rng: np.random.Generator,
) -> list[int]:
    """The next query."""
    if strategy == "random":
        return [int(i) for i in rng.choice(pool, QUERY, replace=False)]
    if strategy == "coreset":
        points, centres = (embeddings(model, Subset(train, rows)) for rows in (pool, labeled))
        nearest = torch.cdist(points, centres).min(1).values
        chosen = []
        for _ in range(QUERY):
            best = int(nearest.argmax())
            chosen.append(pool[best])
            nearest = torch.minimum(nearest, torch.cdist(points, points[best : best + 1])[:, 0])
        return chosen
    probs = predict(model, Subset(train, pool))
    if strategy == "entropy":
        scores = -(probs * torch.log(probs + 1e-12)).sum(1)
    elif strategy == "margin":
        top = probs.topk(2, dim=1).values
        scores = top[:, 1] - top[:, 0]
    else:
        passes = torch.stack([predict(model, Subset(train, pool), dropout=True) for _ in range(10)])
        mean = passes.mean(0)
        each = -(passes * torch.log(passes + 1e-12)).sum(2).mean(0)
        scores = -(mean * torch.log(mean + 1e-12)).sum(1) - each
    return [pool[i] for i in scores.topk(QUERY).indices.tolist()]


@torch.no_grad()
def predict(model: torch.nn.Module, part: Subset, *, dropout: bool = False) -> torch.Tensor:
    """Class probabilities."""
    model.eval()
    model.dropout.train(dropout)
    batches = DataLoader(part, batch_size=256)
    return torch.cat([model({"pixel_values": images}).softmax(1) for images, _ in batches])


@torch.no_grad()
def embeddings(model: torch.nn.Module, part: Subset) -> torch.Tensor:
    """What the head reads."""
    model.eval()
    batches = DataLoader(part, batch_size=256)
    return torch.cat([model.embed({"pixel_values": images}) for images, _ in batches])


if __name__ == "__main__":
    main()
