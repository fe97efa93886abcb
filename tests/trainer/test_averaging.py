from __future__ import annotations

import torch
from torch import nn

from kalm_data.trainer.averaging import blend, weights_of


def test_a_blend_is_the_trained_model_at_0_and_the_base_at_1_bit_for_bit() -> None:
    model = nn.Linear(3, 2)
    trained, base = weights_of(model), weights_of(nn.Linear(3, 2))
    for share, expected in ((1.0, base), (0.0, trained)):
        blend(model, trained, base, share)
        assert all(torch.equal(model.state_dict()[name], expected[name]) for name in expected)


def test_a_blend_lies_between() -> None:
    model = nn.Linear(3, 2)
    trained, base = weights_of(model), weights_of(nn.Linear(3, 2))
    blend(model, trained, base, 0.25)
    torch.testing.assert_close(model.weight, 0.75 * trained["weight"] + 0.25 * base["weight"])
