"""Writes the 1,797 handwritten digits that scikit-learn ships as a dataset: python data.py FOLDER.

Three files: `train.npz` and `test.npz` for training, and `held_out.npz`, which no training sees.
Each has `images` (n, 8, 8) float32 from 0 to 1, and `labels` (n,) int64.
"""

import sys
from pathlib import Path

import numpy as np

PARTS = {"train": 1297, "test": 400, "held_out": 100}
SHUFFLE_SEED = 7


def write_digits(folder: Path) -> None:
    """Writes the three files into the folder, the same ones every time."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(SHUFFLE_SEED).permutation(len(digits.target))
    start = 0
    for name, count in PARTS.items():
        rows = order[start : start + count]
        start += count
        np.savez(
            folder / f"{name}.npz",
            images=(digits.images[rows] / 16).astype(np.float32),
            labels=digits.target[rows].astype(np.int64),
        )


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    write_digits(target)
    print(f"wrote {', '.join(f'{name}.npz' for name in PARTS)} in {target}")
