"""A part of a run: which of the images one machine of several measures."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.core.errors import BenchError
from bench.datasets import Dataset, Image


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of a dataset, counted from 1.

    Parts hold whole images, every `count`-th by name. So the split is the same on all machines, whatever
    is measured already.
    """

    index: int
    count: int

    @classmethod
    def of(cls, text: str) -> Shard:
        """The shard of a text such as "2/8".

        Raises:
            BenchError: the text is none.

        >>> Shard.of("2/8")
        Shard(index=2, count=8)
        """
        match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            raise BenchError(f"--shard is a part of how many, from 1/8 to 8/8, not '{text}'")
        return cls(int(match[1]), int(match[2]))

    def images(self, dataset: Dataset) -> tuple[Image, ...]:
        """The images of this part; none, where there are fewer images than parts."""
        return dataset.images[self.index - 1 :: self.count]

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"
