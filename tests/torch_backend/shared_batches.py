"""What two ranks compute together, against one process; test_ranks.py has torchrun start it: OUT."""

import json
import sys
from copy import deepcopy
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from torch_backend.data import Images, Part
from torch_backend.masks.supermask import freeze, supermasks
from torch_backend.training.ranks import Ranks, digest, joined
from torch_backend.training.shared_norms import share_norms
from torch_backend.training.tasks import ImageTask

CPU = torch.device("cpu")


def images():
    """7 rows to learn from, in batches of 4 and of 3, which is shared as 2 and 1; three portions to be judged by."""
    numbers = torch.Generator().manual_seed(0)

    def part(count):
        pixels = torch.randint(0, 256, (count, 1, 6, 6), generator=numbers, dtype=torch.uint8)
        return Part(pixels, torch.randint(0, 3, (count,), generator=numbers))

    return Images(part(7), part(1100), part(5), torch.tensor([0.4]), torch.tensor([0.3]), 3)


def network(*, affine=True):
    torch.manual_seed(1)
    layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, affine=affine), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5)]
    model = nn.Sequential(*layers, nn.BatchNorm1d(5, affine=affine, momentum=None), nn.Linear(5, 3))
    if affine:
        for norm in (model[1], model[5]):
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
    return model


def gap(ones, others):
    return max(float((a - b).detach().abs().max()) for a, b in zip(ones, others, strict=True))


def norms_and_gradients(ranks, affine):
    """Return the largest differences of gradients, buffers and outputs after two steps on 7 rows, in float64."""
    alone = network(affine=affine).double()
    shared = deepcopy(alone)
    share_norms(shared, ranks)
    numbers = torch.Generator().manual_seed(2)
    for _ in range(2):
        x = 3 + torch.randn(7, 1, 6, 6, generator=numbers, dtype=torch.float64)
        labels = torch.randint(0, 3, (7,), generator=numbers)
        functional.cross_entropy(alone(x), labels).backward()
        own = labels[ranks.mine]
        (functional.cross_entropy(shared(x[ranks.mine]), own) * (len(own) / 7)).backward()
    ranks.add([parameter.grad for parameter in shared.parameters()])
    gradients = [[parameter.grad for parameter in model.parameters()] for model in (shared, alone)]
    return {
        "gradients": gap(*gradients),
        "size": max(float(gradient.abs().max()) for gradient in gradients[1]),
        "buffers": gap(shared.buffers(), alone.buffers()),
        "evaluated": gap([shared.eval()(x)], [alone.eval()(x)]),
    }


def losses(ranks, augment):
    """Return the losses of one process and the sums over ranks, batch by batch over two epochs."""
    model = network(affine=False)
    shared = deepcopy(model)
    share_norms(shared, ranks)
    tasks = [ImageTask(images(), 0, 4, augment, ranks=r) for r in (Ranks(), ranks)]
    found = []
    for epoch, step in ((0, 0), (0, 1), (1, 0), (1, 1)):
        one, part = tasks[0].loss(model, epoch, step).detach(), tasks[1].loss(shared, epoch, step).detach()
        ranks.add([part])
        found.append((float(one), float(part)))
    return found


def accuracy(model, ranks):
    return ImageTask(images(), 0, 4, False, ranks=ranks).accuracy(model, "validation")


def refusals(ranks):
    """Return what each way of disagreeing ends in on this rank."""

    def broken():
        raise OSError("the disk is full")

    def end(work):
        try:
            work()
        except (ValueError, OSError, SystemExit) as error:
            return f"{type(error).__name__}: {error}"
        return "nothing"

    return {
        "agree": end(lambda: ranks.agree("a word", "same")),
        "differ": end(lambda: ranks.agree("a word", f"of {ranks.rank}")),
        "first": end(lambda: ranks.from_first(broken)),
        "small": end(lambda: ImageTask(images(), 0, 6, False, ranks=ranks)),
    }


def digests():
    """Return the digest of a frozen network, and after one bit of a mask, one running mean has changed."""
    model = freeze(network(), prune=0.2, lock=0.2, seed=3)
    found = [digest(model)]
    next(iter(supermasks(model).values())).mask[0] ^= True
    found.append(digest(model))
    model[1].running_mean[2] += 1e-7
    return [*found, digest(model)]


def main(out):
    torch.set_num_threads(1)
    with joined(CPU) as ranks:
        total = [torch.tensor([1.0, 2.0]) + ranks.rank, torch.tensor([[5.0]])]
        ranks.add(total)
        model = network()
        found = {
            "sums": [tensor.tolist() for tensor in total],
            "calls": ranks.from_first(lambda: f"called on rank {ranks.rank}"),
            "norms": [norms_and_gradients(ranks, affine) for affine in (False, True)],
            "losses": [losses(ranks, augment) for augment in (False, True)],
            "accuracies": [accuracy(model, r) for r in (Ranks(), ranks)],
            "digests": digests(),
            "refusals": refusals(ranks),
        }  # fmt: skip
        (Path(out) / f"rank{ranks.rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
