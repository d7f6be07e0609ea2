"""Batch norms over several ranks refuse what they could not share rightly; tests with processes are in test_ranks."""

import pytest
import torch
from torch import nn

from torch_backend.training.ranks import Ranks
from torch_backend.training.shared_norms import share_norms


class Lonely(Ranks):
    """Two ranks of which the other has no rows."""

    def add(self, tensors):
        pass


def test_a_norm_without_running_statistics_is_refused_by_name():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3, track_running_stats=False))
    with pytest.raises(ValueError, match="^1 keeps no running statistics"):
        share_norms(model, Lonely(0, 2))
    share_norms(model, Lonely(0, 1))


def test_one_value_a_channel_is_refused_before_it_spoils_the_statistics():
    model = nn.Sequential(nn.BatchNorm1d(3))
    share_norms(model, Lonely(0, 2))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        model(torch.ones(1, 3))
    assert torch.isfinite(model[0].running_var).all()
    model(torch.randn(2, 3))
    assert torch.isfinite(model[0].running_var).all()
