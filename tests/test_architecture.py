"""Does the code keep the shape it was given? Style is a unit test."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.source import PACKAGE, ROOT, functions, has_content, imports, modules, parse, uses

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400

# Everything else under trader/ is pure: no I/O, no clock, no randomness of its own.
IMPURE_PACKAGES = ("trader/app/", "trader/web/", "trader/storage/")
IMPURE_MODULES = (
    "trader/deribit/batches.py",
    "trader/deribit/client.py",
    "trader/deribit/history.py",
    "trader/deribit/simulator/certificate.py",
    "trader/deribit/simulator/clock_file.py",
    "trader/deribit/simulator/connection.py",
    "trader/deribit/simulator/http_door.py",
    "trader/deribit/simulator/server.py",
)
WALL_CLOCKS = frozenset(
    {
        "time.time",
        "time.time_ns",
        "time.localtime",
        "time.gmtime",
        "time.ctime",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
    }
)
STOPWATCHES = frozenset(
    {
        "time.monotonic",
        "time.monotonic_ns",
        "time.perf_counter",
        "time.perf_counter_ns",
        "time.process_time",
        "time.process_time_ns",
    }
)
LOOSE_TASKS = frozenset({"asyncio.create_task", "asyncio.ensure_future"})

CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
}
WORLD = frozenset(CONTRACTS["pure"]["forbidden_modules"])
HEAVY = frozenset(CONTRACTS["light"]["forbidden_modules"])

# Module -> why it has no test module of its own name.
UNMIRRORED: dict[str, str] = {}
# Folders of tests that mirror no package.
TEST_ONLY = ("browser", "contracts", "golden", "interoperability", "simulation")
# Test module -> why it mirrors no module.
MIRRORLESS: dict[str, str] = {
    "tests/deribit/simulator/test_samples.py": "holds the same to documented samples",
    "tests/deribit/simulator/test_shapes.py": "holds all answers and channels to their shapes",
    "tests/deribit/test_capture.py": "walks a real session through all of the client's end",
    "tests/deribit/test_fuzz.py": "attacks both ends of the protocol, not one module",
}


def is_pure(path: Path) -> bool:
    """Tell whether a module may touch nothing but its arguments."""
    name = path.as_posix()
    return not name.startswith(IMPURE_PACKAGES) and name not in IMPURE_MODULES


def places(names: frozenset[str], *, where: list[Path]) -> list[str]:
    """Return `file:line name` of every use of one of the full dotted names."""
    return [f"{path}:{line} {name}" for path in where for line, name in uses(path) if name in names]


def test_imports_point_down_and_the_core_stays_pure() -> None:
    """Every import contract in pyproject.toml is kept."""
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_contracts_know_every_package() -> None:
    """A new package cannot escape the contracts: each pure one is named in `pure`."""
    packages = {f"trader.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py")}
    impure = {"trader.app", "trader.web", "trader.storage", "trader.deribit"}
    assert set(CONTRACTS["pure"]["source_modules"]) == packages - impure
    assert set(CONTRACTS["light"]["source_modules"]) == packages - {"trader.app"}


@pytest.mark.parametrize("path", [m for m in modules() if is_pure(m)], ids=str)
def test_pure_modules_touch_nothing_of_the_world(path: Path) -> None:
    """A pure module imports neither the world's modules nor an impure module of ours."""
    impure = {m.with_suffix("").as_posix().replace("/", ".") for m in modules() if not is_pure(m)}
    touched = [
        full
        for full in imports(path).values()
        if full.split(".")[0] in WORLD
        or any(full == name or full.startswith(f"{name}.") for name in impure)
    ]
    assert not touched, f"{path} imports {touched}: hand in what it needs"


def test_dependencies_are_what_the_code_imports() -> None:
    """Each third party that trader/ imports is declared, and each declared one is imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared, optional = (
        {re.split(r"[^\w.-]", one)[0].lower() for one in requirements}
        for requirements in (
            project["dependencies"],
            extras["tls"]
            + extras["distributed"]
            + extras["notify"]
            + extras["portfolio"]
            + extras["train"],
        )
    )
    tops = {full.split(".")[0] for path in modules() for full in imports(path).values()}
    distributions = importlib.metadata.packages_distributions()
    third_party = tops - sys.stdlib_module_names - {"trader"} - optional
    imported = {
        distributions[top][0].lower().replace("_", "-")
        for top in third_party - {"sklearn"}  # the extra `train`: scikit-learn
    }
    assert imported - {"pydantic-core"} == declared, "pydantic pins its core itself"


def test_only_the_app_reads_a_clock() -> None:
    """Wall clocks are read in trader/app alone, stopwatches there and in the socket shells."""
    outside = [path for path in modules() if not path.as_posix().startswith("trader/app/")]
    assert not places(WALL_CLOCKS, where=outside)
    shells = {"trader/deribit/client.py", "trader/deribit/simulator/server.py"}
    assert not places(STOPWATCHES, where=[p for p in outside if p.as_posix() not in shells])


def test_no_task_is_fired_and_forgotten() -> None:
    """Tasks belong to a TaskGroup: a dead one ends the process."""
    assert not places(LOOSE_TASKS, where=list(modules()))


def test_no_randomness_without_a_seed() -> None:
    """`random` is nowhere, pickle is nowhere, and every generator is handed its seed."""
    banned = {"random", "pickle"}
    assert not [path for path in modules() if banned & set(imports(path).values())]
    unseeded = [
        f"{path}:{node.lineno}"
        for path in modules()
        for node in ast.walk(parse(ROOT / path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in {"default_rng", "SeedSequence"}
        and not node.args
        and not node.keywords
    ]
    assert not unseeded


def test_only_the_risk_gate_approves() -> None:
    """Nothing outside trader/risk constructs an `Approved`."""
    makers = [
        f"{path}:{node.lineno}"
        for path in modules()
        if not path.as_posix().startswith("trader/risk/")
        for node in ast.walk(parse(ROOT / path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Approved"
    ]
    assert not makers


def test_no_real_order_can_be_written() -> None:
    """The package holds no private method name that enters, changes or moves anything real."""
    verbs = (
        "buy|sell|edit|cancel|close_position|mass_quote|execute_|verify_block|create_combo|move_"
        "|withdraw|submit_transfer|add_to_address|add_block|approve_block|liquidate"
    )
    order_entry = re.compile("private" + rf"[/_.]({verbs})")
    found = [
        f"{path}: {match.group()}"
        for path in sorted(PACKAGE.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
        for match in order_entry.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found


@pytest.mark.parametrize("path", modules(), ids=str)
def test_files_and_functions_stay_small(path: Path) -> None:
    """A file has at most 400 lines, a function at most 60."""
    lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
    assert lines <= FILE_LINES_MAX, f"{path} has {lines} lines"
    sizes = {f.name: (f.end_lineno or f.lineno) - f.lineno + 1 for f in functions(path)}
    too_long = {name: size for name, size in sizes.items() if size > FUNCTION_LINES_MAX}
    assert not too_long, f"{path}: {too_long}"


def test_every_module_has_its_mirrored_test() -> None:
    """trader/x/y.py is tested by tests/x/test_y.py, unless a reason is written down."""
    exempt = {"__init__.py", "__main__.py"}
    expected = {
        path.as_posix(): Path("tests", *path.parts[1:-1], f"test_{path.name}")
        for path in modules()
        if path.name not in exempt and has_content(path)
    }
    missing = {
        module: test.as_posix()
        for module, test in expected.items()
        if module not in UNMIRRORED and not (ROOT / test).is_file()
    }
    assert not missing
    assert set(UNMIRRORED) <= set(expected), "an exception names a module that is gone"


def test_every_test_module_mirrors_something() -> None:
    """tests/x/test_y.py tests trader/x/y.py: a test of a module that is gone is noticed."""
    orphans = [
        path.as_posix()
        for path in modules("tests")
        if len(path.parts) > 2
        and path.parts[1] not in TEST_ONLY
        and path.name.startswith("test_")
        and path.as_posix() not in MIRRORLESS
        and not ROOT.joinpath("trader", *path.parts[1:-1], path.name[len("test_") :]).is_file()
    ]
    assert not orphans
    gone = [test for test in MIRRORLESS if not (ROOT / test).is_file()]
    assert not gone, "an exception names a test that is gone"


@pytest.mark.parametrize("module", ["trader.app.daemon", "trader.app.cli"])
def test_the_daemon_starts_without_heavy_libraries(module: str) -> None:
    """Importing what the daemon runs, third parties included, loads no pandas, numba or scipy."""
    if not (ROOT / module.replace(".", "/")).with_suffix(".py").is_file():
        pytest.skip(f"{module} does not exist")
    probe = f"import sys, {module}; print(*sorted({set(HEAVY)!r} & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout.strip()) == (0, ""), run.stderr
