"""The library of the conversions in C: it is there for the tests, and needs nothing that a machine could lack."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import pigment_native.library
from pigment_native.library import LIBRARY, load

PACKAGE = Path(pigment_native.library.__file__).parent
BUILD = Path(__file__).resolve().parents[1] / "build"
TARGETS = {"x86_64-linux", "aarch64-linux", "aarch64-macos.11.0"}
COMPILER = Path(__file__).parents[3] / ".venv-native/bin/python"

compiled = pytest.mark.skipif(not COMPILER.exists(), reason="without the compiler; make native sets it up")


def compile_rows(library: Path, *options: str, cache: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ) | ({"ZIG_GLOBAL_CACHE_DIR": str(cache)} if cache else {})
    command = [str(COMPILER), str(BUILD), str(library), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_tests_run_with_the_library() -> None:
    assert LIBRARY is not None, (
        "No conversion in C is tested: `make native` builds the library, and so does `make test`."
    )


def test_what_is_no_library_of_this_version_is_not_loaded(tmp_path: Path) -> None:
    text = tmp_path / "librows.so"
    text.write_text("no library")
    import _ctypes  # noqa: PLC0415 - any library that is there and not ours

    assert [load(path) for path in (tmp_path / "none.so", text, Path(_ctypes.__file__))] == [None, None, None]


@compiled
def test_a_library_of_another_version_is_not_loaded(tmp_path: Path) -> None:
    source = tmp_path / "rows.c"
    source.write_text(
        "#include <stdint.h>\nuint32_t rows_version(void);\nuint32_t rows_version(void) { return 999; }\n"
    )
    assert compile_rows(tmp_path / "librows.so", "--source", str(source)).returncode == 0

    assert load(tmp_path / "librows.so") is None


@compiled
@pytest.mark.parametrize("target", sorted(TARGETS - {f"{platform.machine()}-{sys.platform}"}))
def test_a_library_for_another_machine_is_not_loaded(target: str, tmp_path: Path) -> None:
    assert compile_rows(tmp_path / "librows.so", "--target", target).returncode == 0

    assert load(tmp_path / "librows.so") is None


def test_the_source_stays_one_that_is_read_in_one_go() -> None:
    assert len((PACKAGE / "rows.c").read_text(encoding="utf-8").splitlines()) <= 500


@compiled
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_one_library_for_each_processor_serves_every_linux(machine: str, tmp_path: Path) -> None:
    library = tmp_path / "librows.so"
    ended = compile_rows(library, "--target", f"{machine}-linux")

    assert (ended.returncode, ended.stderr) == (0, "")
    with library.open("rb") as file:
        sections = list(ELFFile(file).iter_sections())
        needed = [tag for each in sections if isinstance(each, DynamicSection) for tag in each.iter_tags("DT_NEEDED")]
        tables = [each for each in sections if isinstance(each, SymbolTableSection)]
        symbols = [symbol for table in tables for symbol in table.iter_symbols()]
        asked_for = {symbol.name for symbol in symbols if symbol["st_shndx"] == "SHN_UNDEF" and symbol.name}
    assert needed == []
    assert asked_for <= {"memcpy", "memcmp", "memchr", "memset"}


@compiled
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_the_same_source_gives_the_same_bytes(target: str, tmp_path: Path) -> None:
    libraries = []
    for name in ("one", "another"):
        library = tmp_path / name / "librows.so"
        source = tmp_path / name / "source" / "rows.c"
        source.parent.mkdir(parents=True)
        source.write_bytes((PACKAGE / "rows.c").read_bytes())
        options = ("--target", target, "--source", str(source))
        assert compile_rows(library, *options, cache=tmp_path / name / "cache").returncode == 0
        libraries.append(library.read_bytes())

    assert libraries[0] == libraries[1]


@compiled
@pytest.mark.parametrize(
    "fault",
    [
        "static int unused(void) { return 1; }",
        "int narrowed(long number); int narrowed(long number) { return number; }",
        "int signs(unsigned long a, long b); int signs(unsigned long a, long b) { return a < b; }",
    ],
)
def test_what_the_compiler_warns_of_is_not_built(fault: str, tmp_path: Path) -> None:
    source = tmp_path / "rows.c"
    source.write_text(f"{fault}\n")
    ended = compile_rows(tmp_path / "librows.so", "--source", str(source))

    assert ended.returncode != 0
    assert "-Werror" in ended.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.c"]
