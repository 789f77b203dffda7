"""A pretrained model small enough for tests, made without the network."""

from __future__ import annotations

from pathlib import Path

from alscope import rng

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "green", "blue", "cat", "dog", "bird")


def save_tiny_bert(
    folder: Path, *, seed: int = 0, hidden_dropout: float = 0.2, n_layers: int = 2
) -> Path:
    """Write a random BERT with narrow layers, and a tokenizer of ten words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=n_layers,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
        hidden_dropout_prob=hidden_dropout,
    )
    with rng.seeded(seed, "tiny bert"):
        BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder
