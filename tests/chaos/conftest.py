"""Options of the long runs, and where the helpers of this folder are.

SPDX-License-Identifier: MIT
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))


def pytest_addoption(parser):
    parser.addoption("--minutes", type=float, default=0.1, help="how long test_anything_at_any_moment goes on")
    parser.addoption("--seed", type=int, default=1, help="which faults it chooses")
