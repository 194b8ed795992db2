"""Build zoopt: the Cython extensions, and the folder distributed/ as zoopt.distributed.

Environment variables: ZOOPT_NO_NATIVE=1 builds without the compiled kernels, ZOOPT_DEBUG_KERNELS=1
builds them with bounds checks.
"""

import os
import sys

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

#: Fast, with the same digits everywhere: no option here changes a result.
FLAGS = ["-O3", "-g0", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]


class OptionalBuildExt(build_ext):
    """Build the kernels if a compiler is there; without one the plain-Python twin serves."""

    def finalize_options(self):
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count()

    def run(self):
        try:
            super().run()
        except Exception as error:
            self._warn(error)

    def build_extensions(self):
        translate(self.extensions)
        super().build_extensions()

    def build_extension(self, ext):
        try:
            super().build_extension(ext)
        except Exception as error:
            self._warn(error)

    def _warn(self, error):
        if os.environ.get("ZOOPT_REQUIRE_NATIVE") == "1":
            raise error
        sys.stderr.write(
            f"zoopt: the compiled kernels could not be built ({error}); plain Python will serve\n"
        )


def extensions():
    if os.environ.get("ZOOPT_NO_NATIVE") == "1":
        return []
    return [
        Extension(
            f"zoopt._native.{name}",
            [f"zoopt/_native/{name}.pyx"],
            extra_compile_args=[] if os.name == "nt" else FLAGS,
        )
        for name in ("seen", "pairs", "members", "population", "archive", "matrices")
    ]


def translate(kernels):
    """Turn the kernels into C: once, when they are built, not when metadata is asked for."""
    import numpy
    from Cython.Build import cythonize

    debug = os.environ.get("ZOOPT_DEBUG_KERNELS") == "1"
    translated = cythonize(
        kernels,
        force=True,  # the generated C file does not tell which directives made it
        compiler_directives={
            "language_level": 3,
            "boundscheck": debug,
            "wraparound": False,
            "initializedcheck": debug,
            "cdivision": True,
            "embedsignature": True,
            "embedsignature.format": "python",
            "binding": True,
        },
    )
    for kernel, made in zip(kernels, translated, strict=True):
        kernel.sources = made.sources
        kernel.include_dirs.append(numpy.get_include())


setup(
    packages=[
        *find_packages(include=["zoopt", "zoopt.*"]),
        "zoopt.distributed",
        *(f"zoopt.distributed.{name}" for name in find_packages("distributed")),
    ],
    package_dir={"zoopt.distributed": "distributed"},
    include_package_data=False,  # distributed/cluster is in the sdist, and in no wheel
    package_data={"zoopt": ["py.typed"], "zoopt._native": ["*.pyi", "*.pyx", "*.pxd"]},
    ext_modules=extensions(),
    cmdclass={"build_ext": OptionalBuildExt},
)
