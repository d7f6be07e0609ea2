"""Edge-Popup whose sparsity grows from the least that the source has to the wanted one.

Diffenderfer and Kailkhura (2021), Multi-prize lottery ticket hypothesis, ICLR (biprop), search scores over random
weights, of which the mask keeps the largest. Taken from there is that search alone, without what makes it biprop: the
weights stay real, they are not replaced by their signs times a gain for each layer, and scores are not clipped to
[0, 1]. The schedule is the cubic one of Zhu and Gupta (2017), To prune or not to prune, arXiv 1710.01878, over the
first half of the steps: at the share t of them free - (free - wanted) (1 - (1 - t)^3) free weights are kept. Epochs in
which the sparsity is not yet the wanted one are never taken as the best.
"""

from torch_backend.masks.threshold import keep_largest
from torch_backend.rivals.problem import Found, Problem, train


def search(problem: Problem) -> Found:
    """Train scores while fewer and fewer weights are kept."""
    masks, wanted = problem.masks, problem.wanted
    free = sum(len(layer.mask) for layer in masks.values())
    growing = problem.settings.epochs // 2
    present = [wanted]

    def prepare() -> dict[str, float]:
        scores = [layer.scores.detach().abs() for layer in masks.values()]
        return keep_largest(masks, scores, present[0], problem.settings.scope)

    def before(epoch: int, step: int) -> None:
        count = kept_at(epoch * problem.task.steps + step, growing * problem.task.steps, free, wanted)
        if count != present[0]:
            present[0] = count
            prepare()

    return Found(train(problem, prepare, before, first=growing))


def kept_at(step: int, steps: int, free: int, wanted: int) -> int:
    """Return how many free weights are kept at a step, ``steps`` being those in which the number falls.

    >>> [kept_at(step, 4, 100, 20) for step in range(6)]
    [100, 54, 30, 21, 20, 20]
    """
    left = max(1 - step / steps, 0.0) if steps else 0.0
    return wanted + round((free - wanted) * left**3)
