"""Embeds the parts of a batch within a limit of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from kalm_data.trainer.devices import most
from kalm_data.trainer.sharding import is_sharded, own_part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn


def embed_parts(
    model: nn.Module, parts: Sequence[dict[str, Any]], limit_bytes: float
) -> list[Tensor]:
    """The sentence embeddings (T_i, D) of each part, in order.

    What the backward pass needs of a part is kept until `limit_bytes` are used up; the parts after
    that are computed a second time when their gradient is (Chen et al., arXiv 1604.06174, at the
    borders of GradCache, arXiv 2101.06983), with the same dropout: the result is the same.
    Of a sharded model all processes compute the same parts twice, since they gather its weights
    together; those count as kept while they are gathered.
    """

    def embed(part: dict[str, Any]) -> Tensor:
        found: Tensor = model(dict(part))["sentence_embedding"]
        return found

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept.setdefault(storage.data_ptr(), storage.nbytes())
        return tensor

    kept = {own_part(one).untyped_storage().data_ptr(): 0 for one in model.parameters()}
    embedded, device = [], next(model.parameters()).device
    for part in parts:
        spent = sum(kept.values())
        if (most(spent, device) if is_sharded(model) else spent) < limit_bytes:
            with saved_tensors_hooks(note, lambda tensor: tensor):
                embedded.append(embed(part))
        else:
            embedded.append(_recomputed(embed, part))
    return embedded


def _recomputed(embed: Callable[[dict[str, Any]], Tensor], part: dict[str, Any]) -> Tensor:
    found: Tensor = checkpoint(embed, part, use_reentrant=False)
    return found
