"""Which looks are the same: under harmless changes yes, for other signs no, and wider rules accept more."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from bench.accuracy_fit import RISING
from samelook.hashing.pdq import pdq
from samelook.looks.forms import FORM_NAMES
from samelook.looks.look import Look, look_of
from samelook.looks.measures import Measures, measures_in_numpy, measures_of, tints_of
from samelook.looks.probes import _VERSIONS, AS_IS, probes_of
from samelook.looks.rules import RULES, STANDARD, STRICT, WIDE, LookRule, compare, compare_many
from samelook.looks.trees import points_of

Rgba = NDArray[np.uint8]


def drawn(seed: int, side: int = 64) -> Image.Image:
    """A sign of three shapes in two colours on a rounded tile of a third."""
    rng = np.random.default_rng(seed)
    tile, *inks = rng.permutation(
        [(24, 60, 160), (240, 240, 244), (200, 40, 60), (250, 190, 30), (20, 130, 90)]
    )[:3]
    big = Image.new("RGBA", (256, 256))
    draw = ImageDraw.Draw(big)
    draw.rounded_rectangle((0, 0, 255, 255), 48, fill=(*tile.tolist(), 255))
    for shape in range(3):
        x, y = rng.integers(40, 130, 2).tolist()
        width, height = rng.integers(40, 90, 2).tolist()
        ink = (*inks[shape % 2].tolist(), 255)
        if rng.integers(2):
            draw.ellipse((x, y, x + width, y + height), fill=ink)
        else:
            draw.rectangle((x, y, x + width, y + height), fill=ink)
    return big.resize((side, side), Image.Resampling.LANCZOS)


def look(image: Image.Image) -> Look:
    return look_of(np.asarray(image.convert("RGBA")))


def plain_of(seed: int) -> NDArray[np.uint8]:
    return look(drawn(seed)).pictures[:1]


def jpeg(image: Image.Image) -> Image.Image:
    ground = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    file = io.BytesIO()
    ground.convert("RGB").save(file, "JPEG", quality=75)
    return Image.open(file)


def padded(image: Image.Image, margin: int) -> Image.Image:
    out = Image.new("RGBA", (image.width + 2 * margin, image.height + 2 * margin))
    out.paste(image, (margin, margin))
    return out


def badged(image: Image.Image) -> Image.Image:
    out = image.copy()
    ImageDraw.Draw(out).ellipse((38, 38, 63, 63), fill=(220, 30, 30, 255))
    return out


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "nothing": lambda image: image,
    "small": lambda image: image.resize((32, 32), Image.Resampling.LANCZOS),
    "large": lambda image: image.resize((180, 180), Image.Resampling.LANCZOS),
    "JPEG": jpeg,
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "padded": lambda image: padded(image, 6),
    "darker": lambda image: Image.blend(image, Image.new("RGBA", image.size, (0, 0, 0, 255)), 0.08),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", range(4))
def test_harmless_changes_keep_the_look(change: str, seed: int) -> None:
    assert compare(look(CHANGES[change](drawn(seed))), look(drawn(seed)), STANDARD) is not None


def test_an_icon_is_strictly_like_itself() -> None:
    match = compare(look(drawn(1)), look(drawn(1)), WIDE)
    assert match is not None
    assert (match.rule, match.form, match.version, match.pdq, match.colour) == (
        "strict",
        "plain",
        AS_IS,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("version", "change"),
    [
        ("mirrored", lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        ("badge bottom right", badged),
    ],
)
def test_the_match_says_what_was_done_to_the_icon(
    version: str, change: Callable[[Image.Image], Image.Image]
) -> None:
    found = {
        match.version
        for seed in range(12)
        if (match := compare(look(change(drawn(seed))), look(drawn(seed)), WIDE)) is not None
    }
    assert version in found


def on_disc(image: Image.Image, edge: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """The icon at five eighths of a white disc, whose edge may be a ring."""
    disc = Image.new("RGBA", (256, 256))
    ImageDraw.Draw(disc).ellipse((0, 0, 255, 255), (255, 255, 255, 255), (*edge, 255), 18)
    disc.alpha_composite(image.resize((150, 150), Image.Resampling.LANCZOS), (53, 53))
    return disc.resize((64, 64), Image.Resampling.BOX)


def hue_turned(image: Image.Image, degrees: float) -> Image.Image:
    hsv = np.array(image.convert("RGB").convert("HSV"))
    hsv[..., 0] = (hsv[..., 0].astype(int) + round(degrees / 360 * 256)) % 256
    return Image.fromarray(hsv, "HSV").convert("RGBA")


@pytest.mark.parametrize("edge", [(255, 255, 255), (20, 80, 200), (90, 90, 90)], ids=["disc", "blue", "grey"])
def test_a_white_disc_or_a_ring_around_an_icon_does_not_hide_it(edge: tuple[int, int, int]) -> None:
    for seed in range(6):
        assert compare(look(on_disc(drawn(seed), edge)), look(drawn(seed)), STANDARD) is not None


def starred(ground: str, sign: str = "white") -> Image.Image:
    image = Image.new("RGBA", (64, 64), ground)
    draw = ImageDraw.Draw(image)
    draw.polygon([(32, 6), (40, 26), (60, 28), (44, 40), (50, 58), (32, 46), (12, 60), (18, 40)], sign)
    draw.rectangle((6, 6, 18, 14), sign)
    return image


@pytest.mark.parametrize("degrees", [-20, 20])
def test_one_drawing_with_its_hues_turned_is_found_and_never_strictly_if_it_had_to_be_turned_back(
    degrees: float,
) -> None:
    found = [
        compare(look(hue_turned(starred(ground), degrees)), look(starred(ground)), STANDARD)
        for ground in ("#1652c4", "#b3261e", "#1d8348", "#6b2fb3", "#c47a16")
    ]
    assert sum(match is not None for match in found) >= 4
    assert all(match is None or match.rule != "strict" or "hue" not in match.version for match in found)


def test_versions_that_no_rule_lets_pass_are_not_searched_for() -> None:
    probes = probes_of(look(drawn(2)))
    recoloured = {"hue turned left", "hue turned right", "sign and ground exchanged"}
    searched = {
        rule.name: {probes.names[row] for row in rule.able(probes.handicaps)} for rule in (STRICT, STANDARD)
    }
    assert searched["strict"] == set(probes.names) - recoloured
    assert searched["standard"] == set(probes.names)


def test_a_letter_in_another_colour_is_another_look() -> None:
    def letter(tile: str, points: int) -> Image.Image:
        image = Image.new("RGBA", (64, 64), tile)
        ImageDraw.Draw(image).text((32, 32), "A", "white", font_size=points, anchor="mm")
        return image

    for other, points in (("#b3261e", 40), ("#1d8348", 44), ("#1652e8", 48)):
        assert compare(look(letter("#1652c4", 40)), look(letter(other, points)), STANDARD) is None


def test_sign_and_ground_exchanged_is_found() -> None:
    match = compare(look(starred("white", "#1652c4")), look(starred("#1652c4", "white")), STANDARD)
    assert match is not None
    assert match.version == "sign and ground exchanged"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_other_signs_have_another_look(rule: LookRule) -> None:
    looks = [look(drawn(seed)) for seed in range(40)]
    for number, one in enumerate(looks):
        matches = compare_many(one, looks, rule)
        assert [other for other, match in enumerate(matches) if match is not None] == [number]


def test_the_same_sign_on_another_colour_has_another_look() -> None:
    def on(colour: str) -> Look:
        image = Image.new("RGBA", (64, 64), colour)
        ImageDraw.Draw(image).ellipse((16, 16, 48, 48), fill="white")
        return look(image)

    assert compare(on("#2050c0"), on("#c03020"), WIDE) is None


def test_what_passes_a_rule_passes_every_wider_one_and_says_the_narrowest() -> None:
    order = list(RULES)
    changed = [look(change(drawn(seed))) for seed in range(6) for change in CHANGES.values()]
    own = [look(drawn(seed)) for seed in range(6) for _ in CHANGES]
    seen = set()
    for one, other in zip(changed, own, strict=True):
        matches = [compare(one, other, rule) for rule in RULES.values()]
        passing = [match is not None for match in matches]
        assert passing == sorted(passing)
        for rule, match in zip(order, matches, strict=True):
            if match is not None:
                assert match.rule == order[passing.index(True)]
                assert match.pdq <= RULES[rule].radius_bits
                seen.add(match.rule)
    assert "strict" in seen


def test_many_at_once_are_compared_as_one_by_one() -> None:
    probe = probes_of(look(jpeg(drawn(3))))
    others = [look(drawn(seed)) for seed in range(8)] + [Look(())]
    assert compare_many(probe, others, WIDE) == [compare(probe, other, WIDE) for other in others]


def test_a_degenerate_look_is_like_nothing() -> None:
    blank, some = Look(()), look(drawn(1))
    assert compare(blank, some, WIDE) is None
    assert compare(some, blank, WIDE) is None
    assert compare(blank, blank, WIDE) is None


def test_versions_follow_the_forms_and_are_searched_among_plain_forms() -> None:
    probes = probes_of(look(padded(drawn(2), 8)))
    derived = [version.name for version in _VERSIONS]
    assert probes.names[: probes.names.index(derived[0])] == (AS_IS,) * 4
    assert set(probes.names) == {AS_IS, *derived}
    for number, code, forms in probes.searches():
        assert code == probes.pdqs[number].tobytes()
        assert len(forms) == (len(FORM_NAMES) if probes.names[number] == AS_IS else 1)


def test_a_derived_version_is_near_what_the_change_itself_gives() -> None:
    image = drawn(5, side=256)
    ground = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    cut = round(256 * (1 - 0.85) / 2)
    closer = ground.crop((cut, cut, 256 - cut, 256 - cut)).resize((64, 64), Image.Resampling.LANCZOS)
    probes = probes_of(look(image))
    derived = probes.pdqs[probes.names.index("closer")]
    real = np.frombuffer(pdq(np.asarray(closer.convert("RGB")))[0], np.uint8)
    as_is = probes.pdqs[0]
    assert int(np.bitwise_count(derived ^ real).sum()) <= 30
    assert int(np.bitwise_count(as_is ^ real).sum()) > 60


def test_pictures_are_compared_where_they_lie_on_each_other_best() -> None:
    picture = look(drawn(4)).pictures[:1]
    bright = picture[:, :1024].reshape(1, 32, 32)
    moved = picture.copy()
    moved[:, :1024] = np.roll(bright, (2, -1), (1, 2)).reshape(1, 1024)
    apart = measures_of(moved, picture)
    assert float(apart.inner[0]) == pytest.approx(1, abs=1e-3)
    assert float(apart.bright[0]) < 1
    assert float(apart.shift[0]) == pytest.approx(5**0.5, abs=0.1)
    same = measures_of(picture, picture)
    assert float(same.quarter[0]) == pytest.approx(1, abs=1e-3)
    assert [float(same.bright[0]), float(same.rest[0]), float(same.shift[0])] == pytest.approx(
        [0, 0, 0], abs=1e-6
    )


def test_a_small_scale_a_blur_and_a_gain_are_explained() -> None:
    image = drawn(4, side=256)
    ground = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    picture = look(ground).pictures[:1]
    cut = 5
    closer = ground.crop((cut, cut, 256 - cut, 256 - cut))
    blurred = ground.filter(ImageFilter.GaussianBlur(5))
    faded = Image.blend(ground, Image.new("RGB", ground.size, (128, 128, 128)), 0.25)
    scaled, soft, pale = (
        measures_of(look(other).pictures[:1], picture) for other in (closer, blurred, faded)
    )
    assert float(scaled.scale[0]) > 0.01
    assert float(pale.gain[0]) == pytest.approx(0.26, abs=0.05)
    stranger = measures_of(look(drawn(5)).pictures[:1], picture)
    for one in (scaled, soft, pale):
        assert float(one.middle[0]) < 0.05 < float(stranger.middle[0])


def test_what_a_badge_covers_is_left_out_of_the_rest() -> None:
    picture, covered = (look(image).pictures[:1] for image in (drawn(4), badged(drawn(4))))
    apart = measures_of(covered, picture)
    assert float(apart.rest[0]) < 0.1 < float(measures_of(look(drawn(5)).pictures[:1], picture).rest[0])
    assert float(apart.quarter[0]) > 0.9


def test_a_small_sign_of_another_colour_differs_in_hue() -> None:
    def sign(colour: str) -> NDArray[np.uint8]:
        image = Image.new("RGBA", (64, 64), "white")
        ImageDraw.Draw(image).rectangle((26, 26, 37, 37), fill=colour)
        return look(image).pictures[:1]

    red, blue = sign("#d02030"), sign("#2050d0")
    assert float(measures_of(red, red).hue[0]) == 0
    apart = measures_of(red, blue)
    assert float(apart.hue[0]) > 1
    assert float(apart.tint[0]) < 30, "most of the picture is white in both"


def test_more_to_see_is_more_detail() -> None:
    busy = look(Image.fromarray(np.random.default_rng(2).integers(0, 256, (16, 16, 3), np.uint8)))
    disc = Image.new("RGBA", (64, 64), "white")
    ImageDraw.Draw(disc).ellipse((16, 16, 48, 48), fill="black")
    much, little = busy.pictures[:1], look(disc).pictures[:1]
    assert measures_of(much, much).detail[0] > 0.9
    assert measures_of(much, little).detail[0] == measures_of(little, little).detail[0] < 0.4
    assert measures_of(much, much).length[0] > measures_of(much, little).length[0]


@pytest.mark.parametrize("measure", [measures_of, tints_of])
def test_pictures_of_other_shapes_are_refused(measure: Callable[..., object]) -> None:
    picture = look(drawn(4)).pictures[:1]
    with pytest.raises(ValueError, match="cannot be compared"):
        measure(picture, picture[:, :-1])


def test_batches_of_pictures_give_what_single_ones_give() -> None:
    pictures = np.concatenate([look(drawn(seed)).pictures[:1] for seed in range(10)])
    left, right = np.tile(pictures, (250, 1)), np.tile(pictures[::-1], (250, 1))
    many, few = measures_in_numpy(left, right), measures_of(left[:10], right[:10])
    for column, expected in zip(many, few, strict=True):
        np.testing.assert_allclose(column[-10:], expected, rtol=1e-4, atol=1e-4)


def test_no_measure_costs_points_by_being_more_alike() -> None:
    rng = np.random.default_rng(6)
    pictures = np.concatenate([look(drawn(seed)).pictures[:1] for seed in range(60)])
    soft = np.concatenate([look(jpeg(drawn(seed))).pictures[:1] for seed in range(60)])
    rows = np.concatenate(
        [np.column_stack(measures_of(soft, pictures)), np.column_stack(measures_of(soft, pictures[::-1]))]
    )
    # Measures mixed at random, so that every answer to every question occurs.
    mixed = np.column_stack([rng.choice(column, 4000) for column in rows.T])
    for number, name in enumerate(Measures._fields):
        better = mixed.copy()
        step = np.abs(rng.choice(rows[:, number], len(mixed)))
        better[:, number] += step if RISING[number] else -step
        assert (points_of(better) >= points_of(mixed)).all(), name


def test_points_are_none_for_no_pairs_and_the_same_for_many() -> None:
    row = np.column_stack(measures_of(look(drawn(1)).pictures[:1], look(drawn(2)).pictures[:1]))
    assert points_of(row[:0]).shape == (0,)
    assert set(points_of(np.repeat(row, 5000, axis=0))) == set(points_of(row))


def test_a_mirrored_letter_is_not_strictly_another() -> None:
    image = Image.new("RGBA", (64, 64), (30, 60, 170, 255))
    draw = ImageDraw.Draw(image)
    draw.rectangle((20, 10, 26, 54), fill="white")
    draw.ellipse((20, 26, 46, 54), outline="white", width=7)
    other = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert compare(look(image), look(other), STRICT) is None
    assert compare(look(image), look(image), STRICT) is not None
    best = max(
        float(points_of(np.column_stack(measures_of(one, one)))[0]) for one in map(plain_of, range(40))
    )
    assert best < STRICT.least_points + probes_of(look(image)).handicaps[:, 0].max()


def test_rules_widen() -> None:
    assert STRICT.radius_bits <= STANDARD.radius_bits <= WIDE.radius_bits
    assert STRICT.least_points > STANDARD.least_points > WIDE.least_points
    assert STRICT.least_inner >= STANDARD.least_inner >= WIDE.least_inner
    assert STRICT.most_tint <= STANDARD.most_tint <= WIDE.most_tint


def test_a_plain_drawing_with_its_colours_exchanged_is_found_and_another_is_not() -> None:
    drawing, other = (plain_drawing(turned) for turned in (0, 90))
    exchanged = drawing.copy()
    exchanged[..., :3] = np.clip(np.array([285, 375, 345]) - drawing[..., :3], 0, 255)
    asked, owner = look_of(exchanged), look_of(drawing)
    match = compare(asked, owner, STANDARD)
    assert match is not None
    assert match.version == "sign and ground exchanged"
    assert compare(asked, owner, STRICT) is None
    assert compare(asked, look_of(other), WIDE) is None


def plain_drawing(turned: int) -> NDArray[np.uint8]:
    """A white arrow on green."""
    image = Image.new("RGBA", (256, 256), (30, 120, 90, 255))
    ImageDraw.Draw(image).polygon([(40, 220), (120, 30), (220, 210), (125, 160)], "white")
    return np.array(image.rotate(turned).resize((64, 64), Image.Resampling.LANCZOS))
