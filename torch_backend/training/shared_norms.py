"""Batch norms whose statistics are those of the whole batch, when each rank sees a share of it.

torch's SyncBatchNorm does the same on GPUs alone; this one is a few lines and computes on CPUs too.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from torch_backend.training.ranks import Ranks


def share_norms(model: nn.Module, ranks: Ranks) -> None:
    """Let the batch norms of ``model`` count the rows of all ranks from now on; nothing changes for one rank.

    Raises ValueError for one without running statistics: its evaluation would depend on how ranks share the data.
    """
    if ranks.world > 1:
        for name, module in model.named_modules():
            if isinstance(module, _BatchNorm):
                if not module.track_running_stats:
                    raise ValueError(f"{name} keeps no running statistics, so that several ranks cannot share it")
                module.__class__ = SharedNorm
                module.ranks = ranks  # type: ignore[assignment]


class _Sum(torch.autograd.Function):
    """The sum over ranks of a tensor that each has.

    Every rank's loss L_r depends on s = sum_r x_r, and L = sum_r L_r, so that dL/dx_r = sum_r dL_r/ds: a sum again.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        total = x.clone()
        ranks.add([total])
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        total = gradients[0].clone()
        ctx.ranks.add([total])
        return total, None


class SharedNorm(_BatchNorm):
    """A batch norm in one, two or three dimensions over the rows of all ranks, in the precision of float32 at least."""

    ranks: Ranks

    def forward(self, x: Tensor) -> Tensor:
        """Return (x - mean) / sqrt(variance + eps), scaled and shifted where the norm is affine; x: (N, channels, ..).

        Mean and variance are taken one after the other, as sums in float64, since E x^2 - (E x)^2 would cancel.
        """
        if not self.training:
            return super().forward(x)
        shape = [1, -1] + [1] * (x.ndim - 2)
        dims = [0, *range(2, x.ndim)]
        with torch.autocast(x.device.type, enabled=False):
            values = x if x.dtype == torch.float64 else x.float()
            count = torch.tensor([x.numel() / x.shape[1]], dtype=torch.float64, device=x.device)
            sums = _Sum.apply(torch.cat([values.sum(dims, dtype=torch.float64), count]), self.ranks)
            count, mean = sums[-1].detach(), sums[:-1] / sums[-1].detach()
            if x.numel() <= x.shape[1] and float(count) <= 1:  # asking an accelerator for the sum takes time
                raise ValueError(f"a batch norm needs more than 1 value per channel to train, got {tuple(x.shape)}")
            centred = values - mean.to(values.dtype).view(shape)
            variance = _Sum.apply(centred.square().sum(dims, dtype=torch.float64), self.ranks) / count
            out = centred * (variance + self.eps).rsqrt().to(values.dtype).view(shape)
            if self.affine:
                out = out * self.weight.view(shape) + self.bias.view(shape)
        self._remember(mean.detach(), variance.detach() * (count / (count - 1)))
        return out.to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics towards these of one batch, the variance unbiased."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        for running, now in ((self.running_mean, mean), (self.running_var, variance)):
            running.mul_(1 - momentum).add_(now.to(running.dtype), alpha=momentum)

    def _check_input_dim(self, x: Tensor) -> None:
        """Take any number of dimensions: the module was made for its own."""
