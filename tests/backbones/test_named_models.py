"""Models of torchvision and timm by name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from torch import nn

from alscope import rng
from alscope.backbones import _torchvision, timm_model, torchvision_model
from alscope.backbones._models import package_folder
from alscope.backbones._torchvision_table import MODELS, Known
from alscope.backbones.protocols import Backbone, BackboneSpec
from alscope.backbones.timm_model import TimmModelSpec
from alscope.backbones.torchvision_model import TorchvisionModelSpec
from alscope.errors import ConfigError, MissingDependency, StoreError
from alscope.learn.passes import state_arrays
from alscope.types import SampleSpec

SMALL = "shufflenet_v2_x0_5"
TIMM = "resnet10t"
# One of every way in which torchvision names its layers.
FAMILIES = ["resnet18", "mobilenet_v3_small", "regnet_x_400mf", SMALL]


def image(channels: int = 3, side: int = 32) -> SampleSpec:
    return SampleSpec(modality="image", shape=(channels, side, side))


def built(spec: BackboneSpec, sample: SampleSpec | None = None, seed: int = 0) -> Backbone:
    with rng.seeded(seed, "test"):
        return spec.build(sample or image(), 3).eval()  # type: ignore[attr-defined]


def batch(channels: int = 3, side: int = 32) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {"pixel_values": torch.randn(2, channels, side, side, generator=generator)}


def test_the_table_agrees_with_torchvision() -> None:
    from torchvision import models

    for name, known in MODELS.items():
        weights = models.get_model_weights(name).DEFAULT

        assert weights.url.endswith(f"/{known.weights}")
        assert weights.meta["min_size"] == (known.smallest,) * 2
        assert tuple(weights.transforms().mean) == (0.485, 0.456, 0.406)


@pytest.mark.parametrize("model", FAMILIES)
def test_a_model_of_torchvision_ends_before_its_last_layer(model: str) -> None:
    network, inputs = built(TorchvisionModelSpec(model=model)), batch()
    _, taps = network.with_taps(inputs)

    assert network.embed(inputs).shape == (2, MODELS[model].n_features)
    assert len(taps) == 4
    assert len({tap.shape[1] for tap in taps}) > 1


def test_taps_of_channels_at_the_end_are_averaged_over_the_image() -> None:
    network = built(TorchvisionModelSpec(model="swin_t", image_size=64))
    _, taps = network.with_taps(batch())

    assert [tap.shape[1] for tap in taps] == [96, 192, 384, 768]


def test_the_dropout_before_the_last_layer_is_ours() -> None:
    network = built(TorchvisionModelSpec(model="mobilenet_v2"))

    assert not any(isinstance(layer, nn.Dropout) for layer in network.stages.modules())


@pytest.mark.parametrize(
    "spec",
    [TorchvisionModelSpec(model=SMALL, image_size=48), TimmModelSpec(model=TIMM, image_size=48)],
    ids=["torchvision", "timm"],
)
def test_images_are_resized_and_grey_ones_repeated(spec: BackboneSpec) -> None:
    network, seen = built(spec, image(1, 8)), []
    network.stages[0].model.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0]))
    grey = batch(1, 8)
    once = network(grey)
    color = network({"pixel_values": grey["pixel_values"].expand(-1, 3, -1, -1)})

    assert seen[0].shape == (2, 3, 48, 48)
    assert torch.equal(once, color)


def test_a_misspelt_model_gets_a_suggestion() -> None:
    (of_torchvision,) = TorchvisionModelSpec(model="resnet81").problems(image())
    (of_timm,) = TimmModelSpec(model="resnet18q").problems(image())

    assert "did you mean 'resnet18'?" in of_torchvision
    assert "did you mean 'resnet18'?" in of_timm
    for spec in (TorchvisionModelSpec(model="resnet81"), TimmModelSpec(model="resnet18q")):
        with pytest.raises(ConfigError, match="did you mean"):
            built(spec)


@pytest.mark.parametrize(
    ("model", "side", "said"),
    [("vit_b_16", 32, "exactly 224x224"), ("densenet121", 28, "at least 29x29")],
)
def test_an_image_that_a_model_cannot_read_is_refused_with_a_way_out(
    model: str, side: int, said: str
) -> None:
    (problem,) = TorchvisionModelSpec(model=model).problems(image(side=side))
    wanted = MODELS[model].smallest

    assert said in problem
    assert f"image_size = {wanted}" in problem
    assert TorchvisionModelSpec(model=model, image_size=wanted).problems(image(side=side)) == ()


@pytest.mark.parametrize("spec", [TorchvisionModelSpec(), TimmModelSpec()])
def test_images_need_one_or_three_channels(spec: BackboneSpec) -> None:
    assert "1 or 3 channels" in spec.problems(image(channels=2))[0]


def test_the_names_of_timm_are_found_without_importing_it() -> None:
    import timm

    folder = package_folder("timm")

    assert folder is not None
    assert set(timm.list_models()) <= timm_model._names(folder)


def test_without_timm_the_problem_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm_model, "package_folder", lambda _: None)

    assert "pip install timm" in TimmModelSpec().problems(image())[0]
    with pytest.raises(MissingDependency, match="pip install timm"):
        built(TimmModelSpec())


def test_a_model_of_timm_without_one_linear_classifier_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not end in one linear layer"):
        built(TimmModelSpec(model="levit_128s", image_size=224))


def test_a_tag_that_timm_does_not_have_is_an_error_in_words() -> None:
    with pytest.raises(ConfigError, match=r"timm cannot make 'resnet10t\.tag'.*tag"):
        built(TimmModelSpec(model="resnet10t.tag"))


def test_a_model_is_pretrained_only_when_asked() -> None:
    assert not TorchvisionModelSpec().pretrained
    assert not TimmModelSpec().pretrained
    assert TorchvisionModelSpec(weights="imagenet").pretrained
    assert TimmModelSpec(weights="pretrained").pretrained


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state of a model of torchvision, and an empty cache of torch."""
    from torchvision.models import get_model

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with rng.seeded(1, "weights"):
        torch.save(get_model(SMALL).state_dict(), tmp_path / "x.pth")
    found = hashlib.sha256((tmp_path / "x.pth").read_bytes()).hexdigest()
    table = {SMALL: Known(1024, f"x-{found[:8]}.pth")}
    monkeypatch.setattr(torchvision_model, "MODELS", table)
    monkeypatch.setattr(_torchvision, "MODELS", table)
    return tmp_path / "x.pth"


def put(saved: Path) -> Path:
    """Where the cache has the state."""
    path = saved.parent / "hub" / "checkpoints" / torchvision_model.MODELS[SMALL].weights
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(saved.read_bytes())
    return path


def test_weights_of_torchvision_come_from_the_cache(saved: Path) -> None:
    spec = TorchvisionModelSpec(model=SMALL, weights="imagenet")
    missing = spec.problems(image())
    put(saved)
    stored = torch.load(saved, weights_only=True)
    found = state_arrays(built(spec))

    assert "not on this machine" in missing[0]
    assert spec.problems(image()) == ()
    assert (found["stages.0.model.conv1.0.weight"] == stored["conv1.0.weight"].numpy()).all()


@pytest.mark.slow
def test_weights_of_torchvision_are_fetched_only_with_permission(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(
        _torchvision,
        "download_url_to_file",
        lambda url, _path, start, progress: fetched.append(f"{url} {start}") or put(saved),
    )
    with pytest.raises(ConfigError, match="allow_download"):
        built(TorchvisionModelSpec(model=SMALL, weights="imagenet"))
    nothing = list(fetched)
    spec = TorchvisionModelSpec(model=SMALL, weights="imagenet", allow_download=True)
    built(spec)

    assert spec.problems(image()) == ()
    assert nothing == []
    assert len(fetched) == 1
    assert fetched[0].endswith(torchvision_model.MODELS[SMALL].weights[2:10])


def test_other_weights_under_the_same_name_are_refused(saved: Path) -> None:
    path = put(saved)
    path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(StoreError, match="not the expected file"):
        built(TorchvisionModelSpec(model=SMALL, weights="imagenet"))


def test_weights_of_timm_come_from_safetensors_in_the_cache_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import timm
    from safetensors.torch import save_file

    spec = TimmModelSpec(model=f"{TIMM}.c3_in1k", weights="pretrained")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    missing = spec.problems(image())
    entry = tmp_path / f"models--timm--{TIMM}.c3_in1k"
    (entry / "refs").mkdir(parents=True)
    (entry / "refs" / "main").write_text("0123abc")
    (entry / "snapshots" / "0123abc").mkdir(parents=True)
    with rng.seeded(1, "weights"):
        stored = timm.create_model(TIMM).state_dict()
    save_file(stored, entry / "snapshots" / "0123abc" / "model.safetensors")
    found = state_arrays(built(spec))

    assert "with its tag" in missing[0]
    assert spec.problems(image()) == ()
    assert (
        found["stages.0.model.layer1.0.conv1.weight"] == stored["layer1.0.conv1.weight"].numpy()
    ).all()
