from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from alscope import rng
from alscope.backbones import _models
from alscope.backbones.protocols import Backbone
from alscope.backbones.transformer import TransformerSpec
from alscope.errors import ConfigError
from alscope.learn.passes import Batches, mc_moments, state_arrays
from alscope.types import Arrays, SampleSpec
from tests.backbones.checkpoints import save_tiny_bert
from tests.learn.fakes import CPU, RecordingControl, TextSource

TEXT = SampleSpec(modality="text")


def built(folder: Path, **params: object) -> Backbone:
    """A network in evaluation mode."""
    with rng.seeded(0, "test"):
        model = TransformerSpec(model=str(folder), **params).build(TEXT, 3)  # type: ignore[arg-type]
    return model.eval()  # type: ignore[attr-defined, no-any-return]


def inputs_of(rows: list[list[int]]) -> dict[str, torch.Tensor]:
    return TextSource(rows).eval_batch(np.arange(len(rows)))


def copy_of(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))


def test_the_tokenizer_adds_its_marks_and_cuts_long_texts(tiny_bert: Path) -> None:
    tokenizer = TransformerSpec(model=str(tiny_bert), max_tokens=5).tokenizer()

    rows = tokenizer.encode(["red cat", "red green blue cat dog", ""])

    assert rows == [[2, 4, 7, 3], [2, 4, 5, 6, 3], [2, 3]]
    assert tokenizer.pad_id == 0
    assert tokenizer.encode([]) == []


def test_the_key_follows_the_contents_not_the_place(tiny_bert: Path, tmp_path: Path) -> None:
    elsewhere = copy_of(tiny_bert, tmp_path / "elsewhere")
    retrained = save_tiny_bert(tmp_path / "retrained", seed=1)

    key = TransformerSpec(model=str(tiny_bert)).tokenizer().key

    assert TransformerSpec(model=str(elsewhere)).tokenizer().key == key
    assert TransformerSpec(model=str(retrained)).tokenizer().key != key
    assert TransformerSpec(model=str(tiny_bert), max_tokens=7).tokenizer().key != key


def test_the_key_follows_a_file_that_is_replaced(tiny_bert: Path, tmp_path: Path) -> None:
    folder = copy_of(tiny_bert, tmp_path / "here")
    before = TransformerSpec(model=str(folder)).tokenizer().key
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "replaced": True}))

    assert TransformerSpec(model=str(folder)).tokenizer().key != before


def test_asking_for_the_key_does_not_read_the_tokenizer(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("the tokenizer was read")

    monkeypatch.setattr("alscope.backbones._huggingface.AutoTokenizer.from_pretrained", refuse)

    assert TransformerSpec(model=str(tiny_bert)).tokenizer().key


def test_the_encoder_has_the_pretrained_weights(tiny_bert: Path) -> None:
    from safetensors.numpy import load_file

    stored = load_file(tiny_bert / "model.safetensors")
    state = state_arrays(built(tiny_bert))
    name = "embeddings.word_embeddings.weight"

    assert np.array_equal(state[f"stages.0.model.{name}"], stored[name])


def test_building_is_quiet(tiny_bert: Path, capfd: pytest.CaptureFixture[str]) -> None:
    built(tiny_bert)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_padding_does_not_change_an_embedding(tiny_bert: Path, pooling: str) -> None:
    model = built(tiny_bert, pooling=pooling)
    alone = model.embed(inputs_of([[2, 4, 3]]))
    padded = model.embed(inputs_of([[2, 4, 3], [2, 4, 5, 6, 7, 3]]))[:1]

    torch.testing.assert_close(alone, padded, atol=1e-5, rtol=1e-4)


def test_pooling_reads_the_hidden_states_as_it_says(tiny_bert: Path) -> None:
    inputs = inputs_of([[2, 4, 3], [2, 4, 5, 6, 7, 3]])
    mean, first = built(tiny_bert, pooling="mean"), built(tiny_bert, pooling="first")
    (states,) = mean.stage_outputs(inputs)

    torch.testing.assert_close(mean.embed(inputs)[0], states[0, :3].mean(dim=0))
    assert torch.equal(first.embed(inputs), states[:, 0])


@pytest.mark.parametrize(
    ("n_layers", "expected"), [(1, [1]), (2, [1, 2]), (4, [1, 2, 3, 4]), (6, [2, 3, 5, 6])]
)
def test_taps_are_means_of_the_tokens_at_four_depths(
    n_layers: int, expected: list[int], tmp_path: Path
) -> None:
    model = built(save_tiny_bert(tmp_path, n_layers=n_layers), pooling="first")
    inputs = inputs_of([[2, 4, 3], [2, 4, 5, 6, 7, 3]])
    states = model.stages[0].model(**inputs, output_hidden_states=True).hidden_states
    _, taps = model.with_taps(inputs)

    assert len(taps) == len(expected)
    for tap, layer in zip(taps, expected, strict=True):
        torch.testing.assert_close(tap[0], states[layer][0, :3].mean(dim=0))
        torch.testing.assert_close(tap[1], states[layer][1].mean(dim=0))


def test_the_encoder_runs_once_for_logits_and_taps(tiny_bert: Path) -> None:
    model, calls = built(tiny_bert), []
    model.stages[0].model.register_forward_hook(lambda *_: calls.append(1))

    model.with_taps(inputs_of([[2, 4, 3]]))

    assert len(calls) == 1


def test_the_encoders_dropout_is_active_in_training(tiny_bert: Path) -> None:
    model, inputs = built(tiny_bert, dropout=0.0), inputs_of([[2, 4, 3]])
    model.train()  # type: ignore[attr-defined]
    with rng.seeded(0, "dropout"):
        assert not torch.equal(model.embed(inputs), model.embed(inputs))


def moments(folder: Path, **params: object) -> Arrays:
    """Moments of four passes over texts with constant embeddings."""
    source = TextSource([[2, 4, 3], [2, 5, 7, 3], [2, 6, 3]])
    return mc_moments(
        built(folder, **params),
        Batches(source, np.arange(3), batch_size=2, device=CPU, control=RecordingControl()),
        n_samples=4,
        n_classes=3,
        embeddings=np.zeros((3, 16), dtype=np.float32),
        generator=lambda *names: rng.torch_generator(0, *names),
    )


def test_monte_carlo_samples_the_head_or_everything(tiny_bert: Path) -> None:
    # The head alone sees embeddings of zeros, which no mask changes.
    assert moments(tiny_bert, mc="head")["std_probs"].max() == 0
    assert moments(tiny_bert, mc="full", dropout=0.0)["std_probs"].max() > 0
    assert TransformerSpec(mc="full", dropout=0.0).stochastic == "full"


@pytest.mark.slow
def test_passes_that_only_differ_by_dropout_of_attention_are_refused(tmp_path: Path) -> None:
    # That dropout has a layer, which the encoder does not run: its passes were all equal.
    folder = save_tiny_bert(tmp_path / "attention", hidden_dropout=0.0)

    with pytest.raises(ConfigError, match="dropout of attention weights"):
        moments(folder, mc="full", dropout=0.0)
    assert moments(folder, mc="full", dropout=0.5)["std_probs"].max() > 0


def test_an_encoder_without_dropout_cannot_be_sampled(tmp_path: Path) -> None:
    folder = save_tiny_bert(tmp_path / "plain", hidden_dropout=0.0)
    attention_only = folder / "config.json"
    facts = json.loads(attention_only.read_text())
    attention_only.write_text(json.dumps({**facts, "attention_probs_dropout_prob": 0.0}))

    with pytest.raises(ConfigError, match="no stochastic layer"):
        moments(folder, mc="full", dropout=0.0)


def test_a_model_that_is_not_here_is_a_problem_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    missing = TransformerSpec(model="nobody/nothing")

    assert "allow_download = true" in missing.problems(TEXT)[0]
    assert TransformerSpec(model="nobody/nothing", allow_download=True).problems(TEXT) == ()
    with pytest.raises(ConfigError, match="neither a folder nor in the local"):
        missing.tokenizer()
    with pytest.raises(ConfigError, match="neither a folder nor in the local"):
        missing.build(TEXT, 3)


def test_a_model_in_the_cache_of_the_hub_is_found(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = tmp_path / "models--somebody--tiny"
    (entry / "refs").mkdir(parents=True)
    (entry / "refs" / "main").write_text("0123abc")
    snapshot = copy_of(tiny_bert, entry / "snapshots" / "0123abc")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    spec = TransformerSpec(model="somebody/tiny", max_tokens=16)

    assert _models.find_model("somebody/tiny") == snapshot
    assert spec.problems(TEXT) == ()
    assert spec.tokenizer().encode(["red"]) == [[2, 4, 3]]


def test_the_cache_is_found_where_the_hub_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = tmp_path / "hub" / "models--tiny"
    (entry / "refs").mkdir(parents=True)
    (entry / "refs" / "main").write_text("1")
    (entry / "snapshots" / "1").mkdir(parents=True)
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))

    assert _models.find_model("tiny") == entry / "snapshots" / "1"
    assert _models.find_model("other") is None


@pytest.mark.parametrize("name", ["../escape", "/absolute/nothing", "a/../../b"])
def test_a_path_that_does_not_exist_is_no_name_on_the_hub(name: str) -> None:
    assert _models.find_model(name) is None


def test_weights_in_other_formats_are_refused(tiny_bert: Path, tmp_path: Path) -> None:
    folder = copy_of(tiny_bert, tmp_path / "old")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    (problem,) = TransformerSpec(model=str(folder), max_tokens=16).problems(TEXT)

    assert ".safetensors" in problem


@pytest.mark.parametrize("content", [None, "{", "[]"], ids=["missing", "damaged", "no object"])
def test_a_folder_without_readable_configuration_is_refused(
    content: str | None, tiny_bert: Path, tmp_path: Path
) -> None:
    config = copy_of(tiny_bert, tmp_path / "odd") / "config.json"
    if content is None:
        config.unlink()
    else:
        config.write_text(content)

    (problem,) = TransformerSpec(model=str(config.parent)).problems(TEXT)

    assert "no readable config.json" in problem


def test_code_in_a_model_folder_is_never_run(tiny_bert: Path, tmp_path: Path) -> None:
    folder = copy_of(tiny_bert, tmp_path / "hostile")
    ran = tmp_path / "ran"
    (folder / "code.py").write_text(f"open({str(ran)!r}, 'w').close()\nclass Net: pass\n")
    facts = json.loads((folder / "config.json").read_text())
    facts["auto_map"] = {"AutoModel": "code.Net", "AutoConfig": "code.Net"}
    (folder / "config.json").write_text(json.dumps(facts))

    built(folder)

    assert not ran.exists()


def test_texts_longer_than_the_model_reads_are_refused(tiny_bert: Path) -> None:
    (problem,) = TransformerSpec(model=str(tiny_bert), max_tokens=25).problems(TEXT)

    assert "reads at most 24" in problem
