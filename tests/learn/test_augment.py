from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from alscope.learn.augment import (
    N_IMAGE_DRAWS,
    _with_hue,
    hashed_draws,
    image_view,
    reordered,
    shortened,
    smallest_area,
    turned,
)
from tests.oracles_contrastive import hue_moved

MIDDLE = 0.5
ALWAYS, NEVER = 0.0, 0.999


def random_images(n: int = 20, channels: int = 3, height: int = 8, width: int = 8) -> Tensor:
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(1))


def uniform(n: int, width: int = N_IMAGE_DRAWS, seed: int = 0) -> Tensor:
    return torch.rand(n, width, generator=torch.Generator().manual_seed(seed))


def settings(n: int = 1, **chosen: float) -> Tensor:
    """Draws of an unchanged whole image, but for what is chosen."""
    names = ("area", "aspect", "left", "top", "mirror")
    names += ("jitter", "brightness", "contrast", "saturation", "hue", "grey")
    quiet = dict.fromkeys(names, MIDDLE) | {"area": NEVER, "jitter": NEVER, "grey": NEVER}
    values = quiet | {"mirror": NEVER} | chosen
    return torch.tensor([[values[name] for name in names]]).repeat(n, 1)


def texts(*rows: list[int]) -> dict[str, Tensor]:
    longest = max(map(len, rows))
    ids = [row + [0] * (longest - len(row)) for row in rows]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


def tokens(inputs: dict[str, Tensor]) -> list[list[int]]:
    pairs = zip(inputs["input_ids"], inputs["attention_mask"], strict=True)
    return [ids[mask > 0].tolist() for ids, mask in pairs]


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("size", [(8, 8), (6, 11), (32, 32)])
def test_views_stay_between_black_and_white(channels, size):
    images = random_images(40, channels, *size)
    images[:5], images[5:10] = 0.0, 1.0

    view = image_view(images, uniform(40), areas=(0.08, 1.0), flip=True)

    assert view.shape == images.shape
    assert view.isfinite().all()
    assert 0 <= view.min() <= view.max() <= 1


def test_views_follow_from_their_numbers_alone():
    images = random_images()
    before = images.clone()
    first = image_view(images, uniform(20), areas=(0.2, 1.0), flip=True)
    second = image_view(images, uniform(20), areas=(0.2, 1.0), flip=True)
    other = image_view(images, uniform(20, seed=1), areas=(0.2, 1.0), flip=True)

    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(images, before)


def test_every_image_of_a_batch_gets_a_view_of_its_own():
    images = random_images(1).repeat(20, 1, 1, 1)

    view = image_view(images, uniform(20), areas=(0.2, 1.0), flip=True)

    assert len(view.flatten(1).unique(dim=0)) == 20


def test_a_view_does_not_depend_on_its_neighbours():
    images, draws = random_images(), uniform(20)

    together = image_view(images, draws, areas=(0.2, 1.0), flip=True)
    alone = image_view(images[7:8], draws[7:8], areas=(0.2, 1.0), flip=True)

    torch.testing.assert_close(alone, together[7:8], rtol=0, atol=1e-6)


def test_the_whole_image_without_changes_is_the_image():
    images = random_images(4)

    view = image_view(images, settings(4), areas=(1.0, 1.0), flip=False)

    torch.testing.assert_close(view, images, rtol=0, atol=1e-6)


def test_mirroring_is_exact_and_happens_only_where_it_may():
    images = random_images(4)
    draws = settings(4, mirror=ALWAYS)

    mirrored = image_view(images, draws, areas=(1.0, 1.0), flip=True)
    plain = image_view(images, draws, areas=(1.0, 1.0), flip=False)

    torch.testing.assert_close(mirrored, images.flip(3), rtol=0, atol=1e-6)
    torch.testing.assert_close(plain, images, rtol=0, atol=1e-6)


def test_a_crop_shows_the_corner_it_was_drawn_from():
    images = torch.zeros(1, 1, 8, 8)
    images[:, :, :4, :4] = 1.0
    quarter = (0.25, 0.25)

    inside = image_view(images, settings(left=0.0, top=0.0), areas=quarter, flip=False)
    outside = image_view(images, settings(left=1.0, top=1.0), areas=quarter, flip=False)

    assert inside.mean() > 0.9
    assert outside.mean() < 0.01  # resampling mixes in a little of the next pixel


@pytest.mark.parametrize(("height", "width"), [(16, 16), (12, 24)])
def test_crops_have_their_area_and_aspect_in_pixels(height, width):
    ramp = torch.arange(width).float().view(1, 1, 1, -1) / width
    steps = torch.arange(height).float().view(1, 1, -1, 1) / height
    draws = settings(50, area=0.0)
    draws[:, 1] = uniform(50, 1)[:, 0]

    across = image_view(ramp.expand(50, 1, height, width), draws, areas=(0.25, 0.25), flip=False)
    down = image_view(steps.expand(50, 1, height, width), draws, areas=(0.25, 0.25), flip=False)
    columns = (across[..., -1] - across[..., 0]).mean(dim=(1, 2)) * width / (1 - 1 / width)
    rows = (down[:, :, -1] - down[:, :, 0]).mean(dim=(1, 2)) * height / (1 - 1 / height)

    torch.testing.assert_close(columns * rows, torch.full((50,), 0.25 * height * width))
    assert (columns / rows).min() > 3 / 4 - 1e-4
    assert (columns / rows).max() < 4 / 3 + 1e-4
    assert (columns / rows).std() > 0.1


def test_brightness_and_contrast_are_linear():
    images = 0.3 + 0.2 * random_images(1, channels=1)

    brighter = image_view(
        images, settings(jitter=ALWAYS, brightness=1.0), areas=(1.0, 1.0), flip=False
    )
    flatter = image_view(
        images, settings(jitter=ALWAYS, contrast=0.0), areas=(1.0, 1.0), flip=False
    )

    torch.testing.assert_close(brighter, 1.4 * images, rtol=0, atol=1e-6)
    torch.testing.assert_close(flatter, 0.6 * images + 0.4 * images.mean(), rtol=0, atol=1e-6)


def test_greyscale_has_equal_channels():
    view = image_view(random_images(4), settings(4, grey=ALWAYS), areas=(1.0, 1.0), flip=False)

    assert torch.equal(view[:, 0], view[:, 1])
    assert torch.equal(view[:, 0], view[:, 2])


def test_images_of_one_channel_ignore_hue_and_saturation():
    images = random_images(4, channels=1)
    plain = image_view(images, settings(4, jitter=ALWAYS), areas=(1.0, 1.0), flip=False)
    draws = settings(4, jitter=ALWAYS, saturation=0.0, hue=0.0, grey=ALWAYS)

    assert torch.equal(image_view(images, draws, areas=(1.0, 1.0), flip=False), plain)


def test_hue_moves_as_on_the_color_circle():
    images = random_images(3, height=2, width=2)
    images[0, :, 0, 0] = 0.4  # grey
    images[0, :, 0, 1] = torch.tensor([0.7, 0.7, 0.1])
    turns = torch.tensor([-0.1, 0.03, 0.1])

    moved = _with_hue(images, turns.view(-1, 1, 1, 1))

    for image, result, turn in zip(images, moved, turns.tolist(), strict=True):
        pixels = image.flatten(1).T.tolist()
        wanted = torch.tensor([hue_moved((r, g, b), turn) for r, g, b in pixels])
        torch.testing.assert_close(result.flatten(1).T, wanted, rtol=0, atol=1e-5)


def test_about_four_in_five_images_change_their_colors():
    images = random_images(1).repeat(2000, 1, 1, 1)
    draws = uniform(2000)
    draws[:, :5] = settings(2000)[:, :5]

    view = image_view(images, draws, areas=(1.0, 1.0), flip=False)
    grey = (view[:, 0] - view[:, 1]).abs().amax(dim=(1, 2)) < 1e-6
    changed = (view - images).abs().amax(dim=(1, 2, 3)) > 1e-4

    assert 0.17 < grey.float().mean() < 0.23
    assert 0.80 < changed.float().mean() < 0.88  # 1 - 0.2 * 0.8


def test_quarter_turns_are_exact_and_close_the_circle():
    images = random_images(3, height=5, width=5)

    once = turned(images, 1)

    assert once[0, 0, 4, 0] == images[0, 0, 0, 0]  # counter-clockwise: the corner goes down
    assert torch.equal(turned(turned(once, 1), 2), images)
    assert torch.equal(turned(images, 2), images.flip(2).flip(3))
    assert torch.equal(turned(images, 0), images)


@pytest.mark.parametrize(
    ("size", "smallest"), [((8, 8), 0.5625), ((32, 32), 0.08), ((4, 4), 1.0), ((12, 30), 0.25)]
)
def test_small_images_are_cropped_less(size, smallest):
    assert smallest_area(*size) == smallest


def test_hashed_numbers_are_uniform_and_belong_to_the_sample():
    ids = np.arange(500)
    draws = hashed_draws(ids, 40, seed=3)

    assert draws.dtype == torch.float32
    assert 0 <= draws.min() <= draws.max() < 1
    assert abs(draws.mean() - 0.5) < 0.01
    assert abs(draws.var() - 1 / 12) < 0.005
    assert len(draws.flatten().unique()) > 0.99 * draws.numel()
    assert torch.equal(hashed_draws(ids[100:110], 25, seed=3), draws[100:110, :25])
    assert not torch.equal(hashed_draws(ids, 40, seed=4), draws)


def test_a_tenth_of_the_inner_tokens_is_deleted():
    inputs = texts(*[list(range(1, 52))] * 400)

    view = shortened(inputs, uniform(400, 51))
    left = sum(map(len, tokens(view)))

    assert 0.89 < (left / 400 - 2) / 49 < 0.91


def test_shortened_texts_keep_ends_and_order():
    inputs = texts([7, 3, 5, 9], [4, 8], list(range(10, 30)))

    for seed in range(20):
        for row, whole in zip(
            tokens(shortened(inputs, uniform(3, 20, seed))), tokens(inputs), strict=True
        ):
            assert row[0] == whole[0]
            assert row[-1] == whole[-1]
            assert row == [token for token in whole if token in row]


@pytest.mark.parametrize("row", [[5], [5, 6], [5, 6, 7], [5, 6, 7, 8]])
def test_shortened_texts_keep_at_least_one_token(row):
    inputs = texts(row, [1] * 6)

    left = tokens(shortened(inputs, torch.zeros(2, 6)))

    assert left == [[row[0], row[-1]] if len(row) > 1 else row, [1, 1]]


def test_a_text_without_tokens_stays_without():
    inputs = {"input_ids": torch.zeros(1, 3).long(), "attention_mask": torch.zeros(1, 3).long()}
    draws = uniform(1, 3)

    assert tokens(shortened(inputs, draws)) == [[]]
    assert tokens(reordered(inputs, draws)) == [[]]


def test_reordered_texts_keep_ends_and_padding():
    inputs = texts(list(range(1, 20)), [4, 5, 6, 7], [9], [2, 3])

    result = reordered(inputs, uniform(4, 19))
    first, second, *short = tokens(result)

    assert torch.equal(result["attention_mask"], inputs["attention_mask"])
    assert first != list(range(1, 20))
    assert sorted(first) == list(range(1, 20))
    assert [first[0], first[-1]] == [1, 19]
    assert sorted(second) == [4, 5, 6, 7]
    assert [second[0], second[-1]] == [4, 7]
    assert short == [[9], [2, 3]]


def test_an_order_does_not_depend_on_padding():
    ids = np.array([17])
    alone = texts([1, 2, 3, 4, 5, 6])
    padded = texts([1, 2, 3, 4, 5, 6], list(range(1, 12)))
    short = reordered(alone, hashed_draws(ids, 6, seed=0))
    long = reordered(padded, hashed_draws(np.array([17, 18]), 11, seed=0))

    assert tokens(short)[0] == tokens(long)[0]
