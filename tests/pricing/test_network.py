"""The network: what it answers, how that moves, and what its file promises."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from trader.pricing import neural
from trader.pricing.mixture import PARTS
from trader.pricing.network import FILE, Layer, Network, Trained, as_arrays, network, trained


def test_an_answer_is_two_layers_of_tanh_and_a_linear_one() -> None:
    """Inputs are standardized; each layer weighs and shifts what it reads."""
    found = trained()
    tiny = Trained(
        found.card,
        [1.0, -1.0],
        [2.0, 0.5],
        [Layer([[0.5, -1.0]], [0.1]), Layer([[2.0]], [-0.2]), Layer([[3.0], [-1.0]], [0.0, 1.0])],
    )
    told, moved = as_arrays(tiny).answer(np.array([[2.0], [-0.5]]))
    hidden = np.tanh(2.0 * np.tanh(0.5 * 0.5 - 1.0 * 1.0 + 0.1) - 0.2)
    assert told[:, 0] == pytest.approx([3.0 * hidden, 1.0 - hidden], abs=1e-15)
    assert moved.shape == (2, 0, 1)


def test_directions_are_differences() -> None:
    """What moves in the answer is what moves in the inputs, for every output."""
    net = network()
    draw = np.random.default_rng(2)
    inputs = net.center + net.scale * draw.normal(0.0, 1.0, (len(net.center), 4))
    ways = draw.normal(0.0, 1.0, (len(inputs), 3, 4))
    told, moved = net.answer(inputs, ways)
    assert told.tolist() == net.answer(inputs)[0].tolist()
    for way in range(3):
        up, down = (net.answer(inputs + side * ways[:, way])[0] for side in (1e-6, -1e-6))
        assert moved[:, way] == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-6)


def test_answers_are_bounded_whatever_is_asked() -> None:
    """Parts cannot overflow: the last layer reads numbers between -1 and 1."""
    net = network()
    weights, bias = net.layers[-1]
    most = np.abs(weights).sum(axis=1, keepdims=True) + np.abs(bias)
    wild = np.random.default_rng(3).normal(0.0, 1e6, (len(net.center), 200))
    assert (np.abs(net.answer(wild)[0]) <= most).all()
    assert most.max() < 100.0


def test_the_file_is_small_and_of_this_model() -> None:
    """Under a megabyte; as many inputs and outputs as parameters and parts; the box it states."""
    text = resources.files("trader.pricing").joinpath(FILE).read_bytes()
    assert len(text) < 1_000_000
    found = trained()
    assert isinstance(as_arrays(found), Network)
    assert len(found.center) == len(found.scale) == len(neural.RANGES)
    assert len(found.layers[-1].bias) == PARTS
    assert found.card.box == {
        one.name: (one.low, one.high) for one in (*neural.RANGES, neural.YEARS, neural.MONEYNESS)
    }


def test_the_card_tells_errors_by_bucket_held_out_and_on_recorded_boards() -> None:
    """For every sample the whole and its parts, which add up; limits are stated in words."""
    card = trained().card
    samples = {one.sample for one in card.errors}
    assert "held out" in samples
    assert any(one.startswith("BTC") for one in samples)
    assert any(one.startswith("ETH") for one in samples)
    for sample in samples:
        mine = {one.part: one for one in card.errors if one.sample == sample}
        whole = mine.pop("all")
        assert whole.options == sum(one.options for one in mine.values())
        square = sum(one.options * one.root_mean_square**2 for one in mine.values())
        assert whole.root_mean_square**2 == pytest.approx(square / whole.options, rel=1e-2)
    assert card.limits
    assert card.surfaces >= 10_000
