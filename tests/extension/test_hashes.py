"""The extension's JavaScript computes the same bits as `samelook hash` and the same forms as the service."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samelook.hashing.blockhash import blockhashes
from samelook.hashing.pdq import pdq
from samelook.looks.look import COLOUR_SIDE, Look, look_of
from tests.extension.conftest import EXTENSION
from tests.extension.pictures import Pixels, drawn_pictures

PICTURES = 600
Computed = tuple[Pixels, Look, dict[str, Any]]


@pytest.fixture(scope="session")
def computed(tmp_path_factory: pytest.TempPathFactory, node: str) -> list[Computed]:
    """Six hundred pictures, each with its look and what the extension computes of it."""
    pictures = list(drawn_pictures(PICTURES))
    file = tmp_path_factory.mktemp("pictures") / "pictures.rgba"
    file.write_bytes(
        b"".join(struct.pack("<HH", one.shape[1], one.shape[0]) + one.tobytes() for one in pictures)
    )
    script = Path(__file__).with_name("hash_pictures.mjs")
    done = subprocess.run(
        [node, str(script), str(EXTENSION), str(file)], capture_output=True, check=True, text=True
    )
    answers = map(json.loads, done.stdout.splitlines())
    return [(picture, look_of(picture), answer) for picture, answer in zip(pictures, answers, strict=True)]


def test_pdq_has_no_bit_of_difference(computed: list[Computed]) -> None:
    assert [answer["pdq"] for *_, answer in computed] == [pdq(picture)[0].hex() for picture, *_ in computed]


def test_the_four_blockhashes_have_no_bit_of_difference(
    computed: list[Computed],
) -> None:
    names = ("blockhash16", "blockhash16_quick", "blockhash8", "blockhash8_quick")
    ours = [tuple(answer[name] for name in names) for *_, answer in computed]
    assert ours == [tuple(blockhashes(picture)) for picture, *_ in computed]


def test_the_forms_have_the_same_pdqs(computed: list[Computed]) -> None:
    ours = [{name: value[0] for name, value in answer["forms"].items()} for *_, answer in computed]
    theirs = [{form.name: form.pdq.hex() for form in look.forms} for _, look, _ in computed]
    assert ours == theirs
    assert {name for forms in theirs for name in forms} == {
        "plain",
        "trimmed",
        "trimmed_grey",
        "keyed",
        "inside",
    }


def test_the_colours_of_a_form_are_within_a_level(computed: list[Computed]) -> None:
    for _, look, answer in computed:
        for form in look.forms:
            tint = np.frombuffer(form.picture, np.uint8)[-2 * COLOUR_SIDE**2 :].astype(float)
            middle = tint.reshape(2, COLOUR_SIDE, COLOUR_SIDE)[:, 2:-2, 2:-2]
            quarters = middle.reshape(2, 2, 4, 2, 4).mean(axis=(2, 4)).ravel()
            assert np.abs(quarters - answer["forms"][form.name][1]).max() <= 1
