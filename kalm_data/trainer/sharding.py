"""FSDP: weights, gradients and the optimiser's numbers shared out among processes.

accelerate is told to, by `accelerate launch --use_fsdp` or its configuration, and does it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from accelerate.utils import (
    DistributedType,
    FullyShardedDataParallelPlugin,
    load_fsdp_model,
    parse_flag_from_env,
)
from accelerate.utils.constants import FSDP_MODEL_NAME
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from accelerate import Accelerator
    from torch import Tensor, nn

    from kalm_data.core.config.training.base_model import ModelSettings

_OPTIMIZER = "optimizer"


def settle_sharding(settings: ModelSettings) -> None:
    """Before a model is read: refuse what does not go with FSDP, if it is asked for.

    Every process reads the whole model: transformers would else give all but the first empty
    weights, of the teacher too. In checkpoints each writes what it holds.
    """
    if not parse_flag_from_env("ACCELERATE_USE_FSDP"):
        return
    if os.environ.get("FSDP_VERSION", "1") != "2":
        message = "FSDP of version 1 is not supported"
        raise InputError(f"{message}: give accelerate --fsdp_version 2, or leave FSDP out.")
    if settings.compile:
        raise InputError("--compile does not go with FSDP: leave one of them out.")
    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"
    os.environ["FSDP_STATE_DICT_TYPE"] = "SHARDED_STATE_DICT"


def shard_on_cpu(accelerator: Accelerator) -> None:
    """Let accelerate use FSDP with gloo: on CPUs it passes over what it was told, unsaid."""
    state = accelerator.state
    is_told = parse_flag_from_env("ACCELERATE_USE_FSDP")
    if is_told and state.distributed_type == DistributedType.MULTI_CPU:
        state.fsdp_plugin = FullyShardedDataParallelPlugin()
        if state.mixed_precision != "no":
            state.fsdp_plugin.set_mixed_precision(state.mixed_precision)
        state.distributed_type = DistributedType.FSDP


def is_sharded(model: nn.Module) -> bool:
    return isinstance(model, FSDPModule)


def own_part(weight: Tensor) -> Tensor:
    """What this process holds of a weight."""
    return weight.to_local() if isinstance(weight, DTensor) else weight


def whole_weights(model: nn.Module) -> dict[str, Any]:
    """All weights by name, in the first process; none in others. All processes must come here."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return dict(get_model_state_dict(model, options=options))


def load_sharded_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer, checkpoint: Path
) -> None:
    """Give it the numbers of a checkpoint, as accelerate wrote them.

    accelerate's own reading wants some for weights that nothing depends on, which have none.
    """
    found = {_OPTIMIZER: get_optimizer_state_dict(model, optimizer)}
    load(
        found,
        storage_reader=FileSystemReader(checkpoint / f"{_OPTIMIZER}_0"),
        planner=DefaultLoadPlanner(allow_partial_load=True),
    )
    set_optimizer_state_dict(model, optimizer, found[_OPTIMIZER])


def load_shards(accelerator: Accelerator, model: nn.Module, checkpoint: Path) -> None:
    """Give a sharded model the weights of a checkpoint, as accelerate wrote them."""
    load_fsdp_model(accelerator.state.fsdp_plugin, accelerator, model, str(checkpoint))


def is_in_shards(checkpoint: Path) -> bool:
    """Whether a sharded model wrote the weights of a checkpoint."""
    return (checkpoint / f"{FSDP_MODEL_NAME}_0").is_dir()
