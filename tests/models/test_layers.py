"""Convolutions respect each axis's topology."""

from __future__ import annotations

import pytest
import torch

from astrobio.models.datacube_cnn.layers import ConditionedUNet, TopologyConv


def test_a_turn_of_the_seasons_commutes_with_the_convolution():
    torch.manual_seed(0)
    layer = TopologyConv(3, 4, ("periodic", "pole"))
    values = torch.randn(2, 3, 12, 32)
    torch.testing.assert_close(layer(values.roll(5, 2)), layer(values).roll(5, 2))


def test_a_turn_of_the_longitudes_commutes_with_the_convolution_in_three_dimensions():
    torch.manual_seed(0)
    layer = TopologyConv(2, 3, ("pole", "periodic", "bounded"), longitude=1)
    values = torch.randn(1, 2, 8, 16, 4)
    torch.testing.assert_close(layer(values.roll(3, 3)), layer(values).roll(3, 3))


def test_the_row_beyond_the_pole_lies_on_the_opposite_meridian():
    layer = TopologyConv(1, 1, ("pole", "periodic"), longitude=1)
    with torch.no_grad():
        layer.convolution.weight.zero_()
        layer.convolution.weight[0, 0, 0, 1] = 1.0  # reads the row to the south
        layer.convolution.bias.zero_()
    values = torch.arange(4 * 6, dtype=torch.float32).view(1, 1, 4, 6)
    out = layer(values)
    torch.testing.assert_close(out[0, 0, 0], values[0, 0, 0].roll(3))
    torch.testing.assert_close(out[0, 0, 1], values[0, 0, 0])


@pytest.mark.parametrize(
    ("topology", "longitude", "shape"),
    [(("periodic", "pole"), None, (12, 32)), (("pole", "periodic", "bounded"), 1, (16, 32, 8))],
)
def test_the_network_keeps_the_shape_of_its_axes(topology, longitude, shape):
    network = ConditionedUNet(5, 16, 1, 3, 7, topology, longitude)
    assert network(torch.randn(2, 5, *shape), torch.randn(2, 7)).shape == (2, 16, *shape)
