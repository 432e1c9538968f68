"""Which parts of a mixture belong to a market? A small network that has learned it from models.

Two layers of tanh, then one that is linear: what comes out is bounded whatever goes in. The file
of weights is a constant of the package, as its modules are, and read once, when it is first needed.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

if TYPE_CHECKING:
    from trader.pricing.normal import Array

FILE: Final = "neural.json"


class Layer(msgspec.Struct, frozen=True):
    """Weights by what comes out and what goes in, and the bias of what comes out."""

    weights: list[list[float]]
    bias: list[float]


class Bucket(msgspec.Struct, frozen=True):
    """How far prices were off in a part of a sample, in volatility."""

    sample: str
    part: str
    options: int
    median: float
    """Of the absolute error."""
    root_mean_square: float


class ModelCard(msgspec.Struct, frozen=True):
    """What a network was trained on and how well it does."""

    box: dict[str, tuple[float, float]]
    trained: str
    surfaces: int
    options: int
    seed: int
    steps: int
    errors: list[Bucket]
    limits: list[str]


class Trained(msgspec.Struct, frozen=True):
    """A network as its file holds it; inputs are standardized by `center` and `scale`."""

    card: ModelCard
    center: list[float]
    scale: list[float]
    layers: list[Layer]


class Network(NamedTuple):
    """A network as arrays, matrices by rows of what comes out."""

    center: Array
    scale: Array
    layers: tuple[tuple[Array, Array], ...]

    def answer(self, inputs: Array, directions: Array | None = None) -> tuple[Array, Array]:
        """Return outputs of inputs (rows, by columns), and what they become in some directions.

        `directions` has shape (inputs, directions, columns); the answer's (outputs, directions,
        columns).
        """
        state = (inputs - self.center) / self.scale
        if directions is None:
            directions = np.empty((len(inputs), 0, inputs.shape[1]))
        moved = directions / self.scale[:, None]
        for weights, bias in self.layers[:-1]:
            state = np.tanh(weights @ state + bias)
            moved = np.tensordot(weights, moved, 1) * (1.0 - state * state)[:, None, :]
        weights, bias = self.layers[-1]
        return weights @ state + bias, np.tensordot(weights, moved, 1)


@functools.cache
def trained() -> Trained:
    """Return the network that comes with the package, and its model card."""
    text = resources.files(__package__).joinpath(FILE).read_bytes()
    return msgspec.json.decode(text, type=Trained)


@functools.cache
def network() -> Network:
    """Return the network that comes with the package."""
    return as_arrays(trained())


def as_arrays(found: Trained) -> Network:
    """Return a network to compute with."""
    center, scale = (np.array(one)[:, None] for one in (found.center, found.scale))
    layers = tuple((np.array(one.weights), np.array(one.bias)[:, None]) for one in found.layers)
    return Network(center, scale, layers)
