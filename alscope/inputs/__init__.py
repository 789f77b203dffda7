"""What a strategy can ask for.

An input is a frozen value: its fields are its identity, and part of the key under which its arrays
are cached. `Logits`, `Probs` and `Embeddings` are parts of one `Forward` pass; asking for several
of them costs one pass. A strategy that needs a new kind of pass defines an `Input` in its own file.

Cheap to import: torch is loaded by `compute` only.
"""

from alscope.inputs._auxiliary import AttachmentOutput, CompanionContext, CompanionOutput
from alscope.inputs._base import Input, InputContext
from alscope.inputs._contrastive import (
    ContrastiveEncoder,
    Projections,
    encoder_setting,
    setting_problem,
)
from alscope.inputs._detector import Detector, DetectorForward, DetectorValue
from alscope.inputs._forward import Embeddings, Forward, Head, HeadParams, Logits, Probs
from alscope.inputs._stochastic import McMoments, McMomentsValue, McProbs

__all__ = [
    "AttachmentOutput",
    "CompanionContext",
    "CompanionOutput",
    "ContrastiveEncoder",
    "Detector",
    "DetectorForward",
    "DetectorValue",
    "Embeddings",
    "Forward",
    "Head",
    "HeadParams",
    "Input",
    "InputContext",
    "Logits",
    "McMoments",
    "McMomentsValue",
    "McProbs",
    "Probs",
    "Projections",
    "encoder_setting",
    "setting_problem",
]
