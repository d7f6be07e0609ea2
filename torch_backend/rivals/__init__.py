"""Searches for tickets in a frozen source, one module a paper, behind one function: ``search(problem) -> Found``.

A search may look at the model, the data and the seed, and leaves its mask in the model's supermasks. All of them keep
frozen weights as they are and reach the wanted sparsity exactly. One-shot methods were made for networks whose weights
are trained afterwards; here, where weights stay random, they answer how good their choice of connections is in itself.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from torch_backend.rivals import (
    chijiwa2021,
    diffenderfer2021,
    lee2019,
    magnitude,
    ramanujan2020,
    tanaka2020,
    uniform,
    wang2020,
    zhou2021,
)
from torch_backend.rivals.problem import Found, Method, Problem


class Rival(NamedTuple):
    """A search and what it does, in a sentence. redraws: it changes weights, which must therefore be random ones."""

    search: Method
    says: str
    redraws: bool = False


METHODS: Mapping[str, Rival] = MappingProxyType(
    {
        "edge-popup": Rival(ramanujan2020.search, "Scores trained straight through, one threshold for all layers."),
        "edge-popup-local": Rival(
            ramanujan2020.search_by_layer, "The same with one threshold for each layer (Ramanujan 2020)."
        ),
        "gradual": Rival(
            diffenderfer2021.search, "Edge-Popup whose sparsity grows to the wanted one (after Diffenderfer 2021)."
        ),
        "probmask": Rival(
            zhou2021.search, "Probabilities trained through soft random masks and projected (Zhou 2021)."
        ),
        "iterand": Rival(
            chijiwa2021.search, "Edge-Popup that draws weights anew where the mask is off (Chijiwa 2021).", redraws=True
        ),
        "snip": Rival(lee2019.search, "One batch: the largest |w dL/dw| (Lee 2019)."),
        "grasp": Rival(wang2020.search, "One batch: the largest w (H g), which keeps gradients flowing (Wang 2020)."),
        "synflow": Rival(tanaka2020.search, "No data, 100 rounds: the largest |w| dR/d|w| (Tanaka 2020)."),
        "magnitude": Rival(magnitude.search, "No data: the largest |w|."),
        "random": Rival(uniform.search, "Nothing at all: a uniform random mask."),
    }
)

__all__ = ["METHODS", "Found", "Method", "Problem", "Rival"]
