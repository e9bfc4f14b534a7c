import numpy as np
import pytest

from trainer.statistics.calibration import bins_of, expected_calibration_error


def test_a_bin_holds_its_lower_edge_and_the_last_one_both():
    edges = np.array([0.5, 0.6, 0.75, 1.0])
    assert bins_of(np.array([0.5, 0.59, 0.6, 0.74, 0.75, 0.99, 1.0]), edges).tolist() == [0, 0, 1, 1, 2, 2, 2]
    assert bins_of(np.array([0.4, 1.1]), edges).tolist() == [0, 2]


def test_the_expected_calibration_error_by_hand():
    """Three of four predictions are off by 0.1, one by 0.4."""
    found = expected_calibration_error(np.array([3, 1]), np.array([0.6, 0.9]), np.array([0.7, 0.5]))
    assert found == pytest.approx((3 * 0.1 + 0.4) / 4)
    assert expected_calibration_error(np.zeros(0), np.zeros(0), np.zeros(0)) is None
