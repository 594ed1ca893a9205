"""What tabs show besides brands' icons, for bench/world: signs that are nobody's, icons edited."""

from __future__ import annotations

import io
import math

from PIL import Image, ImageDraw

from bench.world_icons import png


def symbol(shape: str, colour: str) -> bytes:
    """A sign that is nobody's, in one colour on nothing."""
    image = Image.new("RGBA", (384, 384))
    draw = ImageDraw.Draw(image)
    match shape:
        case "heart":
            draw.ellipse((40, 60, 200, 210), colour)
            draw.ellipse((184, 60, 344, 210), colour)
            draw.polygon([(50, 165), (334, 165), (192, 340)], colour)
        case "house":
            draw.polygon([(30, 190), (192, 40), (354, 190)], colour)
            draw.rectangle((80, 190, 304, 340), colour)
            draw.rectangle((160, 240, 224, 340), "white")
        case "padlock":
            draw.arc((110, 40, 274, 240), 180, 360, colour, 40)
            draw.rounded_rectangle((70, 160, 314, 344), 24, colour)
            draw.ellipse((170, 220, 214, 264), "white")
        case "envelope":
            draw.rounded_rectangle((30, 90, 354, 300), 20, colour)
            draw.line([(40, 105), (192, 215), (344, 105)], "white", 20, "curve")
        case "star":
            draw.polygon(_star(192, 165), colour)
        case "tick":
            draw.line([(60, 200), (160, 300), (330, 90)], colour, 56, "curve")
        case "globe":
            draw.ellipse((40, 40, 344, 344), None, colour, 20)
            draw.ellipse((120, 40, 264, 344), None, colour, 20)
            draw.line((40, 192, 344, 192), colour, 20)
        case "cart":
            draw.line(
                [(30, 70), (90, 70), (130, 240), (310, 240), (345, 110), (105, 110)], colour, 28, "curve"
            )
            draw.ellipse((130, 280, 180, 330), colour)
            draw.ellipse((260, 280, 310, 330), colour)
    return png(image.resize((96, 96), Image.Resampling.LANCZOS))


def _star(centre: int, radius: int) -> list[tuple[float, float]]:
    angles = [math.pi * (number / 5 - 0.5) for number in range(10)]
    lengths = [radius if number % 2 == 0 else radius * 0.4 for number in range(10)]
    return [
        (centre + length * math.cos(angle), centre + length * math.sin(angle))
        for angle, length in zip(angles, lengths, strict=True)
    ]


def edited(icon: bytes, what: str) -> bytes:
    """The icon as a tab shows it for a while: with a counter, a dot, a hat, dimmed, at night."""
    image = Image.open(io.BytesIO(icon)).convert("RGBA").resize((64, 64), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(image)
    match what:
        case "counter":
            draw.rounded_rectangle((30, 0, 63, 26), 12, "#d93025")
            draw.text((47, 13), "12", "white", font_size=20, anchor="mm")
        case "online":
            draw.ellipse((44, 44, 62, 62), "#23a55a", "white", 2)
        case "ring of progress":
            draw.arc((0, 0, 63, 63), -90, 150, "#1a73e8", 6)
        case "grey":
            image = image.convert("LA").convert("RGBA")
        case "dimmed":
            image.putalpha(image.getchannel("A").point(lambda alpha: alpha // 2))
        case "night":
            ground = Image.new("RGBA", image.size, "#202124")
            ground.alpha_composite(image)
            image = ground
        case "hat":
            draw.polygon([(2, 20), (30, 14), (12, 0)], "#c5221f")
            draw.rounded_rectangle((0, 17, 32, 24), 3, "white")
    return png(image)
