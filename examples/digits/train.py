"""Trains a small network to read handwritten digits: in a fleet, or alone with `python train.py`.

Everything about the platform goes through `run`; the rest is plain PyTorch.
"""

from pathlib import Path

import numpy as np
import torch
from data import write_digits
from torch import nn
from torch.nn import functional

import tensorfleet


def load(folder: Path, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (n, 8, 8) float32 and labels (n,) int64."""
    with np.load(folder / f"{part}.npz") as arrays:
        return torch.from_numpy(arrays["images"]), torch.from_numpy(arrays["labels"])


def main() -> None:
    """The training loop, in reading order."""
    run = tensorfleet.init({"epochs": 12, "batch_size": 32, "learning_rate": 3e-3, "seed": 0})
    epochs, batch_size = int(run.params["epochs"]), int(run.params["batch_size"])
    torch.manual_seed(int(run.params["seed"]))

    folder = run.dataset("digits", local=write_digits)
    images, labels = load(folder, "train")
    test_images, test_labels = load(folder, "test")

    model = nn.Sequential(
        nn.Unflatten(1, (1, 8)),  # (batch, 1, 8, 8): one channel
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten()),
        nn.Linear(512, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=float(run.params["learning_rate"]))

    first_epoch, accuracy = 1, 0.0
    if saved := run.resume():
        state = saved.load()
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first_epoch, accuracy = saved.step + 1, state["accuracy"]
        print(f"resumed after epoch {saved.step}")

    for epoch in range(first_epoch, epochs + 1):
        # Seeded by epoch, so that a resumed run sees the batches that it would have seen.
        order = torch.randperm(
            len(images), generator=torch.Generator().manual_seed(int(run.params["seed"]) + epoch)
        )
        total_loss = 0.0
        for rows in order.split(batch_size):
            logits = model(images[rows])  # (batch, 10) float32
            loss = functional.cross_entropy(logits, labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total_loss += loss.item() * len(rows)

        with torch.no_grad():
            accuracy = (model(test_images).argmax(1) == test_labels).float().mean().item()
        run.log(step=epoch, loss=total_loss / len(images), accuracy=accuracy)
        run.progress(epoch, epochs, "epochs")
        run.checkpoint(
            epoch,
            {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "accuracy": accuracy,
            },
        )
        if run.should_stop:
            print(f"asked to stop after epoch {epoch}")
            return

    run.save_model(model, name="digits", example=images[:2], accuracy=accuracy)
    print(f"test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
