"""ProbMask: Zhou, Zhang, Xu and Zhang (2021), Effective sparsification of neural networks with global sparsity
constraint, CVPR.

Every free weight has a probability s of being kept. A step draws soft masks sigmoid((logit s + logit u) / tau), u
uniform: the Gumbel relaxation of a coin that shows heads with probability s. The gradient of the loss goes through them
to s, and s is projected onto 0 <= s <= 1, sum of s <= K, K the number of free weights to keep: all of them are lowered
by the same number and clipped. tau falls from 1 to 0.03 linearly over the epochs. The ticket keeps the K largest s.

Weights are not trained. All s start at K over the number of free weights, so that K need not fall during the search, as
it does in the paper, which starts from a dense network. Probabilities move on a scale of 1: where the settings say SGD,
they are trained by Adam at the rate below, the same for all models; there is never any weight decay.
"""

from dataclasses import replace

import torch
from torch import Tensor

from torch_backend.masks import streams
from torch_backend.masks.threshold import keep_largest
from torch_backend.rivals.problem import Found, Problem, settle_norms, train

RATE = 0.01
COLDEST = 0.03
EDGE = 1e-4  # probabilities are drawn with as if they were at least this far from 0 and 1, where logits are infinite
ROUNDS = 32  # halvings, more than a float32 has bits


def search(problem: Problem) -> Found:
    """Train probabilities, then keep the weights of the largest."""
    masks, wanted, settings = problem.masks, problem.wanted, problem.settings
    if settings.optimiser == "sgd":
        settings = replace(settings, optimiser="adamw", rate=RATE)
    settings = replace(settings, decay=0.0)
    slopes: dict[str, Tensor] = {}
    hooks = []
    with torch.no_grad():
        for name, layer in masks.items():
            layer.scores.fill_(wanted / sum(len(part.mask) for part in masks.values()))
            # the supermask's gradient is dL/dW w sign(s): by the mask; what is missing is the mask by s
            hooks.append(layer.scores.register_hook(lambda gradient, name=name: gradient * slopes[name]))

    def prepare() -> dict[str, float]:
        scores = [layer.scores.detach() for layer in masks.values()]
        project(scores, wanted)
        for part in scores:
            part.clamp_(min=torch.finfo(part.dtype).tiny)  # the supermask's gradient has the factor sign(s)
        return keep_largest(masks, scores, wanted, problem.settings.scope, afresh=True)

    def before(epoch: int, step: int) -> None:
        temperature = COLDEST + (1 - COLDEST) * (1 - epoch / settings.epochs)
        number = epoch * problem.task.steps + step
        for name, layer in masks.items():
            noise = streams.uniform(problem.seed, f"soft mask/{number}/{name}", (len(layer.mask),))
            soft, slopes[name] = soft_masks(layer.scores.detach(), noise.to(layer.scores), temperature)
            layer.blend(soft)

    seconds = train(problem, prepare, before, settings=settings)
    for hook in hooks:
        hook.remove()
    settle_norms(problem)
    return Found(seconds)


def soft_masks(probabilities: Tensor, noise: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Return m = sigmoid((logit s + logit u) / tau) and dm/ds = m (1 - m) / (tau s (1 - s)), u = (1 + noise) / 2.

    noise: uniform on (-1, 1), so that logit u = 2 artanh(noise).
    """
    s = probabilities.clamp(EDGE, 1 - EDGE)
    soft = torch.sigmoid((s.logit() + 2 * noise.atanh()) / temperature)
    return soft, soft * (1 - soft) / (temperature * s * (1 - s))


@torch.no_grad()
def project(parts: list[Tensor], most: float) -> None:
    """Move the numbers, in place, to the nearest that lie in [0, 1] and add up to at most ``most``.

    The nearest are clip(s - v, 0, 1), v >= 0 the least that makes the sum small enough, found by halving from above.
    """
    low, high = 0.0, max(float(part.max()) for part in parts if len(part))

    def excess(v: float) -> bool:
        return sum(float((part - v).clamp_(0, 1).sum(dtype=torch.float64)) for part in parts) > most

    if high > 0 and excess(0.0):
        for _ in range(ROUNDS):
            middle = (low + high) / 2
            low, high = (middle, high) if excess(middle) else (low, middle)
    else:
        high = 0.0
    for part in parts:
        part.sub_(high).clamp_(0, 1)
