"""The classes by which the growth of times is told apart."""

CLASSES = ("1", "log n", "n", "n log n", "n²", "n³", "2ⁿ")
"""From slow growth to fast. The last stands for every exponential, whatever its base."""

_SPELLINGS = {
    **{name: name for name in CLASSES},
    "constant": "1",
    "logn": "log n",
    "linear": "n",
    "n*log n": "n log n",
    "nlogn": "n log n",
    "n^2": "n²",
    "n**2": "n²",
    "n2": "n²",
    "n^3": "n³",
    "n**3": "n³",
    "n3": "n³",
    "2^n": "2ⁿ",
    "2**n": "2ⁿ",
}


def canonical(text: str) -> str | None:
    """The class that a text means, in the spelling of `CLASSES`; None when it means none.

    "n^2", "n**2" and "O(n²)" are n², and so on.
    """
    inner = text.strip()
    if inner.startswith("O(") and inner.endswith(")"):
        inner = inner[2:-1].strip()
    return _SPELLINGS.get(inner)
