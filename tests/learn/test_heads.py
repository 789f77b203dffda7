from __future__ import annotations

import numpy as np
import pytest
import torch

from alscope import rng
from alscope.learn.heads import DynamicsTable, TapHead, detached, divergence, ranking_loss
from tests import oracles_heads as oracles
from tests.learn.fakes import CPU

SIZES = pytest.mark.parametrize("size", [1, 2, 7, 64])


def made(widths: list[int], *, width: int, n_outputs: int) -> TapHead:
    with rng.seeded(0, "test"):
        return TapHead(widths, width=width, n_outputs=n_outputs)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@SIZES
@pytest.mark.parametrize("margin", [0.3, 1.0])
def test_the_ranking_loss_is_that_of_the_definition(size: int, margin: float) -> None:
    for seed in range(50):
        predicted = torch.randn(size, generator=draws(seed))
        losses = torch.rand(size, generator=draws(1000 + seed)).mul(4).round()  # ties as well
        expected = oracles.ranking_loss(predicted.tolist(), losses.tolist(), margin)

        assert float(ranking_loss(predicted, losses, margin=margin)) == pytest.approx(
            expected, abs=1e-6
        )


def test_the_worked_example_of_the_ranking_loss() -> None:
    # Pair (0, 3) is a tie and counts as -1: 1.1; pair (1, 2): 1.6.
    predicted, losses = torch.tensor([0.2, 1.0, 0.4, 0.1]), torch.tensor([0.5, 0.1, 0.9, 0.5])

    assert float(ranking_loss(predicted, losses, margin=1.0)) == pytest.approx(1.35)


def test_one_sample_has_no_pair_and_a_gradient_of_zero() -> None:
    predicted = torch.tensor([3.0], requires_grad=True)
    loss = ranking_loss(predicted, torch.tensor([1.0]), margin=1.0)
    loss.backward()

    assert float(loss.detach()) == 0
    assert predicted.grad is not None
    assert predicted.grad.tolist() == [0]


def test_the_last_sample_of_an_odd_batch_has_no_gradient() -> None:
    predicted = torch.zeros(3, requires_grad=True)
    ranking_loss(predicted, torch.tensor([1.0, 2.0, 3.0]), margin=1.0).backward()

    assert predicted.grad is not None
    assert predicted.grad.tolist() == [1, -1, 0]


def test_no_gradient_reaches_the_losses_that_are_ranked() -> None:
    losses = torch.rand(6, generator=draws(), requires_grad=True)
    ranking_loss(torch.randn(6, requires_grad=True), losses, margin=1.0).backward()

    assert losses.grad is None


@SIZES
def test_the_divergence_and_its_gradient_are_those_of_the_definition(size: int) -> None:
    for seed in range(20):
        outputs = torch.randn(size, 5, generator=draws(seed), requires_grad=True)
        target = torch.softmax(3 * torch.randn(size, 5, generator=draws(99 + seed)), dim=1)
        loss = divergence(outputs, target)
        loss.backward()
        values = outputs.detach()

        assert float(loss.detach()) == pytest.approx(
            oracles.divergence(values.double().numpy(), target.double().numpy()), abs=1e-5
        )
        torch.testing.assert_close(outputs.grad, (values.softmax(dim=1) - target) / size)


def test_the_divergence_is_finite_for_certain_predictions_and_targets() -> None:
    outputs = torch.tensor([[500.0, 0.0, 0.0]])

    assert float(divergence(outputs, torch.tensor([[1.0, 0.0, 0.0]]))) == 0
    assert float(divergence(outputs, torch.tensor([[0.0, 1.0, 0.0]]))) == 500


def test_the_table_holds_the_mean_over_visits() -> None:
    history = torch.softmax(torch.randn(5, 4, 3, generator=draws()), dim=2)
    table, recursion = DynamicsTable(9, 3, CPU), torch.zeros(4, 3)
    rows = torch.tensor([7, 0, 8, 2])
    for visit, probs in enumerate(history):
        found = table.update(rows, probs)
        recursion = (recursion * visit + probs) / (visit + 1)

        torch.testing.assert_close(found, history[: visit + 1].mean(dim=0))
        torch.testing.assert_close(found, recursion)


def test_means_sum_to_one_whichever_visits_are_skipped() -> None:
    generator = draws()
    table = DynamicsTable(6, 4, CPU)
    seen: dict[int, list[torch.Tensor]] = {}
    for _ in range(30):
        rows = torch.randperm(6, generator=generator)[
            : 1 + int(torch.randint(4, (1,), generator=generator))
        ]
        probs = torch.softmax(torch.randn(len(rows), 4, generator=generator), dim=1)
        found = table.update(rows, probs)
        for row, one in zip(rows.tolist(), probs, strict=True):
            seen.setdefault(row, []).append(one)

        expected = torch.stack([torch.stack(seen[row]).mean(dim=0) for row in rows.tolist()])
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(found.sum(dim=1), torch.ones(len(rows)))


def test_no_gradient_reaches_recorded_probabilities() -> None:
    probs = torch.full((2, 2), 0.5, requires_grad=True)

    assert not DynamicsTable(2, 2, CPU).update(torch.tensor([0, 1]), probs).requires_grad


def test_the_head_has_the_published_size() -> None:
    head = made([64, 128, 256, 512], width=128, n_outputs=1)

    assert sum(p.numel() for p in head.parameters()) == 123_905


def test_the_head_computes_what_it_says() -> None:
    head = made([2, 3], width=4, n_outputs=2)
    taps = [torch.randn(5, n, generator=draws(n)) for n in (2, 3)]
    hidden = [
        np.maximum(tap.numpy() @ layer.weight.detach().numpy().T + layer.bias.detach().numpy(), 0)
        for tap, layer in zip(taps, head.hidden, strict=True)
    ]
    weight, bias = (p.detach().numpy() for p in (head.out.weight, head.out.bias))

    np.testing.assert_allclose(
        head(taps).detach(), np.concatenate(hidden, axis=1) @ weight.T + bias, rtol=1e-5, atol=1e-6
    )


def test_another_number_of_taps_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        made([2, 2], width=4, n_outputs=1)([torch.zeros(1, 2)])


def test_gradients_reach_taps_unless_they_are_detached() -> None:
    head = made([2, 3], width=4, n_outputs=1)
    taps = [torch.randn(5, n, generator=draws(n), requires_grad=True) for n in (2, 3)]
    head(detached(taps)).sum().backward()
    untouched = [tap.grad is None for tap in taps]
    head(taps).sum().backward()

    assert all(untouched)
    assert all(tap.grad is not None and bool(tap.grad.any()) for tap in taps)


def test_a_loss_that_follows_from_the_features_is_learned_in_order() -> None:
    generator = draws()
    features = torch.randn(256, 16, generator=generator)
    losses = features[:, 0] ** 2 + features[:, 1].abs()
    head = made([16, 16], width=32, n_outputs=1)
    optimizer = torch.optim.SGD(head.parameters(), lr=0.05, momentum=0.9)
    for _ in range(300):
        rows = torch.randperm(256, generator=generator)[:64]
        optimizer.zero_grad()
        predicted = head([features[rows], features[rows]]).squeeze(1)
        ranking_loss(predicted, losses[rows], margin=1.0).backward()
        optimizer.step()

    predicted = head([features, features]).squeeze(1)
    assert oracles.pair_accuracy(predicted.tolist(), losses.tolist()) > 0.9
