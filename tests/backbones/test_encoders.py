from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from alscope import rng
from alscope.backbones import _converted, _local_encoders, packaged_encoders
from alscope.backbones._efficientnet_lite import EfficientNetLite0 as LiteNetwork
from alscope.backbones._local_encoders import FolderEncoder, TorchvisionEncoder
from alscope.backbones._torchvision_table import Known
from alscope.backbones.encoders import encoder_named, encoders
from alscope.backbones.packaged_encoders import EfficientNetLite0, MiniLm
from alscope.errors import ConfigError, MissingDependency, StoreError
from alscope.hashing import digest
from alscope.types import SampleSpec
from tests.backbones.fakes import TinyPixels

PHOTO = SampleSpec(modality="image", shape=(3, 32, 32))
TEXT = SampleSpec(modality="text")
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def photos(*shape: int) -> torch.Tensor:
    """Two images of values in 0..1."""
    return torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))


def features(encoder: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    return encoder({"pixel_values": pixels})


def test_the_scaling_of_a_data_set_is_undone() -> None:
    spec, raw = TinyPixels(image_size=16), photos(3, 16, 16)
    scaled = (raw - torch.tensor(MEAN).view(-1, 1, 1)) / torch.tensor(STD).view(-1, 1, 1)

    torch.testing.assert_close(
        features(spec.load(mean=MEAN, std=STD), scaled), features(spec.load(), raw)
    )


def test_the_network_reads_pixels_by_its_own_statistics() -> None:
    encoder, raw = TinyPixels(image_size=16).load(), photos(3, 16, 16)
    mean = torch.tensor((0.485, 0.456, 0.406)).view(-1, 1, 1)
    std = torch.tensor((0.229, 0.224, 0.225)).view(-1, 1, 1)

    torch.testing.assert_close(features(encoder, raw), encoder.network((raw - mean) / std))


def test_grey_images_are_repeated_in_three_channels() -> None:
    encoder, grey = TinyPixels(image_size=16).load(mean=(0.1,), std=(0.3,)), photos(1, 8, 8)

    assert torch.equal(features(encoder, grey), features(encoder, grey.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize("shape", [(3, 8, 8), (3, 16, 40), (1, 100, 70)])
def test_images_of_any_size_are_resized(shape: tuple[int, ...]) -> None:
    encoder, seen = TinyPixels(image_size=24).load(), []
    encoder.network.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0].shape))

    assert features(encoder, photos(*shape)).shape == (2, 6)
    assert seen == [(2, 3, 24, 24)]


def test_resizing_keeps_pixels_between_black_and_white() -> None:
    encoder, seen = TinyPixels(image_size=32).load(), []
    encoder.network.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0]))
    features(encoder, (photos(3, 8, 8) > 0.5).float())
    pixels = seen[0] * encoder.own_std + encoder.own_mean

    assert pixels.min() >= -1e-6
    assert pixels.max() <= 1 + 1e-6


def test_names_lead_to_encoders() -> None:
    def named(name: str) -> object:
        return encoder_named(name, image_size=64, max_tokens=32)

    assert named("efficientnet_lite0") == EfficientNetLite0(image_size=64)
    assert named("minilm") == MiniLm(max_tokens=32)
    assert named("resnet18-torchvision") == TorchvisionEncoder(model="resnet18", image_size=64)
    assert named("some/model") == FolderEncoder(model="some/model", max_tokens=32)


def test_digests_tell_encoders_apart_by_everything_that_matters() -> None:
    specs = [
        EfficientNetLite0(),
        EfficientNetLite0(image_size=64),
        MiniLm(),
        MiniLm(max_tokens=64),
        TorchvisionEncoder(model="resnet18"),
        TorchvisionEncoder(model="resnet34"),
        FolderEncoder(model="resnet18"),
    ]

    assert len({digest(spec) for spec in specs}) == len(specs)
    assert digest(EfficientNetLite0()) == digest(EfficientNetLite0(image_size=128))


@pytest.mark.parametrize("name", ["efficientnet_lite0", "minilm"])
def test_a_missing_package_is_a_problem_with_the_command_that_installs_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaged_encoders, "package_folder", lambda _: None)
    spec = encoders.get(name)()
    (problem,) = spec.problems(PHOTO if name == "efficientnet_lite0" else TEXT)

    assert "pip install" in problem
    assert spec.PACKAGE in problem
    with pytest.raises(MissingDependency, match="pip install"):
        spec.load()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "path"),
    [
        (EfficientNetLite0(), "models/efficientnet-lite0-57934424.pth"),
        (MiniLm(), "model/model.safetensors"),
    ],
    ids=["efficientnet_lite0", "minilm"],
)
def test_other_weights_than_the_pinned_ones_are_refused(
    spec: EfficientNetLite0 | MiniLm,
    path: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / path).parent.mkdir()
    (tmp_path / path).write_bytes(b"other weights")
    monkeypatch.setattr(packaged_encoders, "package_folder", lambda _: tmp_path)

    assert spec.missing() == ()
    assert spec.weights_digest() == spec.SHA256
    with pytest.raises(StoreError, match="not the expected file"):
        spec.load()


def test_an_encoder_reads_its_own_modality_only() -> None:
    assert "reads image data, not text data" in TinyPixels().problems(TEXT)[0]
    assert TinyPixels().problems(PHOTO) == ()


def test_images_need_one_or_three_channels() -> None:
    four = SampleSpec(modality="image", shape=(4, 8, 8))

    assert "these have 4" in TinyPixels().problems(four)[0]


def test_the_lite_network_has_the_published_size_and_shape() -> None:
    network = LiteNetwork().eval()
    n_weights = sum(p.numel() for p in network.parameters())

    # 4.65 million with the classifier of 1,000 classes.
    assert n_weights + 1281 * 1000 == 4_652_008
    assert network(photos(3, 33, 50)).shape == (2, 1280)


@pytest.mark.parametrize(("size", "pads"), [(8, (0, 1)), (9, (1, 1))])
def test_the_lite_network_pads_to_the_right_and_below_first(
    size: int, pads: tuple[int, int]
) -> None:
    stem = LiteNetwork().stem.eval()
    x = photos(3, size, size)
    padded = torch.nn.functional.pad(x, (*pads, *pads))

    torch.testing.assert_close(stem(x), stem.norm(torch.conv2d(padded, stem.conv.weight, stride=2)))


def test_a_text_encoder_in_a_folder_is_averaged_over_its_tokens(tiny_bert: Path) -> None:
    spec = FolderEncoder(model=str(tiny_bert), max_tokens=16)
    encoder = spec.load()
    inputs = {
        "input_ids": torch.tensor([[2, 4, 3, 0], [2, 5, 7, 3]]),
        "attention_mask": torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]]),
    }
    found = encoder(inputs)
    states = encoder.encoder(inputs)

    assert spec.problems(TEXT) == ()
    assert found.shape == (2, spec.n_features)
    torch.testing.assert_close(found[0], states[0, :3].mean(dim=0))
    assert spec.tokenizer().encode(["red"]) == [[2, 4, 3]]


def test_a_loaded_encoder_is_frozen(tiny_bert: Path) -> None:
    encoder = FolderEncoder(model=str(tiny_bert)).load()

    assert not encoder.training
    assert not any(p.requires_grad for p in encoder.parameters())


def test_the_digest_of_a_folder_follows_its_weights(tiny_bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "copy"))
    spec = FolderEncoder(model=str(folder))
    same = spec.weights_digest()
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")

    assert FolderEncoder(model=str(tiny_bert)).weights_digest() == same
    assert spec.weights_digest() != same


def test_a_misspelt_name_gets_a_suggestion_whatever_the_modality() -> None:
    for sample in (PHOTO, TEXT):
        (problem,) = FolderEncoder(model="minilmm").problems(sample)

        assert "did you mean 'minilm'?" in problem
    with pytest.raises(ConfigError, match="is no encoder"):
        FolderEncoder(model="minilmm").load()


def test_a_folder_without_weights_or_width_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "copy"))
    spec = FolderEncoder(model=str(folder), max_tokens=16)
    (folder / "config.json").write_text("[]")
    no_width = spec.problems(TEXT)
    (folder / "model.safetensors").unlink()

    assert "hidden_size" in no_width[0]
    assert ".safetensors" in spec.problems(TEXT)[0]


def test_texts_longer_than_the_encoder_reads_are_refused(tiny_bert: Path) -> None:
    (problem,) = FolderEncoder(model=str(tiny_bert), max_tokens=25).problems(TEXT)

    assert "reads at most 24" in problem


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of a small model of torchvision in torch's cache."""
    from torchvision.models import get_model

    name = "shufflenet_v2_x0_5"
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    with rng.seeded(1, "weights"):
        torch.save(get_model(name).state_dict(), folder / "x.pth")
    found = hashlib.sha256((folder / "x.pth").read_bytes()).hexdigest()
    path = (folder / "x.pth").rename(folder / f"x-{found[:8]}.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(_local_encoders, "MODELS", {name: Known(1024, path.name)})
    return path


def test_a_model_of_torchvision_is_read_from_the_cache(cached: Path) -> None:
    from torchvision.models import get_model

    spec = TorchvisionEncoder(model="shufflenet_v2_x0_5", image_size=32)
    whole = get_model(spec.model).eval()
    whole.load_state_dict(torch.load(cached, weights_only=True))
    encoder = spec.load(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    pixels = (photos(3, 32, 32) - 0.45) / 0.225
    found = features(encoder, pixels)

    assert spec.problems(PHOTO) == ()
    assert found.shape == (2, spec.n_features)
    assert spec.weights_digest() == hashlib.sha256(cached.read_bytes()).hexdigest()
    torch.testing.assert_close(whole.fc(found), whole(pixels), atol=1e-4, rtol=1e-4)


def test_a_checkpoint_of_torchvision_is_converted_once(
    cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = TorchvisionEncoder(model="shufflenet_v2_x0_5", image_size=32)
    direct = features(spec.load(), photos(3, 32, 32))
    spec.load(cache=tmp_path / "derived")
    monkeypatch.setattr(_converted, "read_checkpoint", pytest.fail)
    converted = features(spec.load(cache=tmp_path / "derived"), photos(3, 32, 32))

    (file,) = (tmp_path / "derived" / "weights").iterdir()
    assert file.name == f"{spec.weights_digest()}.safetensors"
    assert torch.equal(direct, converted)


def test_what_was_converted_never_stands_in_for_a_damaged_file(
    cached: Path, tmp_path: Path
) -> None:
    spec = TorchvisionEncoder(model="shufflenet_v2_x0_5")
    spec.load(cache=tmp_path / "derived")
    cached.write_bytes(cached.read_bytes() + b" ")

    with pytest.raises(StoreError, match="not the expected file"):
        spec.load(cache=tmp_path / "derived")


def test_a_damaged_file_in_the_cache_is_refused(cached: Path) -> None:
    cached.write_bytes(cached.read_bytes() + b" ")

    with pytest.raises(StoreError, match="not the expected file"):
        TorchvisionEncoder(model="shufflenet_v2_x0_5").load()


def test_weights_that_are_not_in_the_cache_are_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    spec = TorchvisionEncoder(model="resnet18")

    assert "resnet18-f37072fd.pth" in spec.problems(PHOTO)[0]
    assert spec.n_features == 512
    with pytest.raises(ConfigError, match="not on this machine"):
        spec.weights_digest()


@pytest.mark.parametrize(
    ("model", "said"),
    [("resnet81", "did you mean 'resnet18-torchvision'?"), ("vit_b_16", "exactly 224x224")],
)
def test_a_model_that_torchvision_lacks_or_cannot_run_is_a_problem(model: str, said: str) -> None:
    assert said in TorchvisionEncoder(model=model).problems(PHOTO)[0]


def test_asking_for_encoders_loads_no_torch() -> None:
    program = (
        "import sys; from alscope.backbones.frozen import FrozenSpec; "
        "from alscope.types import SampleSpec; s = SampleSpec(modality='image', shape=(3, 8, 8)); "
        "[FrozenSpec(encoder=e).problems(s) for e in ('efficientnet_lite0', 'minilm', "
        "'resnet18-torchvision', 'a/b')]; print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"
