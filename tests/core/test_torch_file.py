"""Files of tensors that were made to take memory or time: refused when read, in one sentence, at once."""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.core import torch_file

CONTENT = {"state": OrderedDict(a=torch.arange(6.0).half().view(2, 3), b=torch.tensor([True])), "step": 3}


class Calls:
    """Pickled, it calls a function when it is read."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call[0], self.call[1:]


def test_what_torch_writes_is_read_in_both_of_its_formats(tmp_path: Path) -> None:
    for new in (True, False):
        torch.save(CONTENT, tmp_path / "a.pt", _use_new_zipfile_serialization=new)
        content = torch_file.read(tmp_path / "a.pt")
        assert content["step"] == 3 and torch.equal(content["state"]["a"], CONTENT["state"]["a"])


def test_an_optimisers_state_is_read(tmp_path: Path) -> None:
    layer = torch.nn.Linear(2, 2)
    optimiser = torch.optim.Adam(layer.parameters())
    layer(torch.ones(2)).sum().backward()
    optimiser.step()
    torch.save([optimiser.state_dict(), torch.get_rng_state(), layer.weight], tmp_path / "a.pt")
    assert torch_file.read(tmp_path / "a.pt")[0]["state"][0]["step"] == 1


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize(
    "call",
    [
        (bytearray, 1 << 40),
        (torch._utils._rebuild_meta_tensor_no_storage, torch.float32, (1 << 40,), (1,), False),  # type: ignore[attr-defined]
        (print, "run"),
    ],
)
def test_what_weights_have_no_need_of_is_never_made(tmp_path: Path, call: tuple[Any, ...], new: bool) -> None:
    torch.save([Calls(*call)], tmp_path / "a.pt", _use_new_zipfile_serialization=new)
    with pytest.raises(ValueError, match="which weights have no need of"):
        torch_file.read(tmp_path / "a.pt")


def test_packed_entries_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1 << 20)}, tmp_path / "a.pt")
    with (
        zipfile.ZipFile(tmp_path / "a.pt") as source,
        zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
    assert (tmp_path / "b.pt").stat().st_size < 1 << 16
    with pytest.raises(ValueError, match="packed"):
        torch_file.read(tmp_path / "b.pt")


def test_a_tensor_of_one_number_again_and_again_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1).expand(1 << 30)}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="claim more than its"):
        torch_file.read(tmp_path / "a.pt")


def test_lists_in_lists_take_no_time(tmp_path: Path) -> None:
    nested: Any = [torch.zeros(1)]
    for _ in range(60):
        nested = [nested] * 9
    torch.save(nested, tmp_path / "a.pt")
    torch_file.read(tmp_path / "a.pt")


@pytest.mark.parametrize("content", [b"", b"weights?", pickle.dumps(3)[:-1], b"PK\5\6" + bytes(18)])
def test_other_files_raise_something_that_callers_catch(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises((ValueError, RuntimeError, EOFError, pickle.UnpicklingError, OSError)):
        torch_file.read(tmp_path / "a.pt")
