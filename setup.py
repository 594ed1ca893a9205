"""Builds the three C extensions; everything else is in pyproject.toml.

All are optional: where no compiler is found the install goes on without them, and `matching` and
`hashing` run on their numpy twins with the same results.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel


class wheel(bdist_wheel):  # noqa: N801 - named like the command of setuptools that it is
    """A wheel for any machine where no extension could be built, and for this kind of machine otherwise."""

    def run(self) -> None:
        if not self.skip_build:
            building = self.get_finalized_command("build_ext")
            building.inplace = False
            self.run_command("build_ext")
            if not any(Path(building.get_ext_fullpath(each.name)).exists() for each in building.extensions):
                self.distribution.ext_modules = None
                self.root_is_pure = True
        super().run()


engine = Extension(
    "samelook.matching._engine",
    sources=[
        "matching/_engine.c",
        "matching/csrc/build.c",
        "matching/csrc/hits.c",
        "matching/csrc/query_avx2.c",
        "matching/csrc/query_avx512.c",
        "matching/csrc/query_portable.c",
    ],
    depends=["matching/csrc/engine.h", "matching/csrc/loops.h", "matching/csrc/query.h"],
    # Hidden symbols: a function here must never meet one of the same name in another library.
    extra_compile_args=[]
    if sys.platform == "win32"
    else ["-std=c11", "-O3", "-fno-math-errno", "-fvisibility=hidden"],
    # One binary for every CPython from 3.11 on: only the stable interface is used.
    define_macros=[("Py_LIMITED_API", "0x030B0000")],
    py_limited_api=True,
    optional=True,
)


def with_exact_floats(name: str, *sources: str, depends: Sequence[str] = ()) -> Extension:
    """An extension whose floats are the same on all processors: none multiplies and adds at once."""
    return Extension(
        name,
        sources=list(sources),
        depends=list(depends),
        extra_compile_args=["/fp:precise"]
        if sys.platform == "win32"
        else ["-std=c11", "-O3", "-ffp-contract=off", "-fvisibility=hidden"],
        define_macros=[("Py_LIMITED_API", "0x030B0000")],
        py_limited_api=True,
        optional=True,
    )


pixels = with_exact_floats(
    "samelook.hashing._pixels", "hashing/_pixels.c", "hashing/csrc/png.c", depends=["hashing/csrc/png.h"]
)
looks = with_exact_floats("samelook.looks._looks", "looks/_looks.c")

setup(
    ext_modules=[engine, pixels, looks],
    cmdclass={"bdist_wheel": wheel},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
