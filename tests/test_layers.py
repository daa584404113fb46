"""The house's arrows: a room imports rooms below it, never one above; torch stays where networks are trained."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "sideman"

# From the top of the house down. Rooms on one line do not import each other unless listed in BESIDE.
LEVELS = [
    {"cli"},
    {"web"},
    {"library"},
    {"compose"},
    {"mood"},
    {"genre"},
    {"training"},
    {"inference", "datasets"},
    {"symbolic", "audio"},
    {"core"},
]
LEVEL = {room: depth for depth, rooms in enumerate(LEVELS) for room in rooms}
MODULES = sorted(SOURCE.rglob("*.py"))
FRONT = {"__init__.py", "__main__.py"}  # the package's front door leads everywhere


def imported(path: Path) -> set[str]:
    """Full names of all modules that a file imports, anywhere in it, also under TYPE_CHECKING."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "import_module",
            "importlib.import_module",
            "__import__",
        }:
            names |= {arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
    return names


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0]


def identity(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=identity)
def test_imports_go_only_downwards(path):
    room = room_of(path)
    if room in FRONT:
        return
    assert room in LEVEL, f"{room} is no room of the house: add it to LEVELS and to docs/architecture.md"
    rooms = {name.split(".")[1] for name in imported(path) if name.startswith("sideman.")} - {room, "__version__"}
    wrong = {other for other in rooms if LEVEL.get(other, -1) <= LEVEL[room]}
    assert not wrong, f"{identity(path)} imports {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("path", MODULES, ids=identity)
def test_torch_stays_where_networks_are_trained(path):
    place = identity(path)
    roots = {name.split(".")[0] for name in imported(path)}
    if not (place.startswith(("training/", "genre/recipe/")) or "/models/" in place):
        assert "torch" not in roots, "to learn whether it is there, importlib.util.find_spec does"
    assert "librosa" not in roots


@pytest.mark.parametrize("path", MODULES, ids=identity)
def test_nothing_is_unpickled_from_files(path):
    """Weights are ONNX or safetensors; only the process pool speaks pickle, with its own children."""
    roots = {name.split(".")[0] for name in imported(path)}
    allowed = {"pickle"} if identity(path) == "core/parallel.py" else set()
    assert roots & {"pickle", "shelve", "joblib", "dill", "cloudpickle"} <= allowed


@pytest.mark.parametrize(
    "statement",
    [
        "import sideman",
        "import sideman.cli.app",
        "import sideman.genre.predict, sideman.genre.embed, sideman.audio.decode, sideman.audio.descriptors",
        "import sideman; sideman.classify('examples/iron gallop.ogg', timeline=True)",
        "from sideman.cli.app import app; app(['doctor', '--json'], standalone_mode=False)",
        "from sideman.cli.app import app; app(['classify', 'examples'], standalone_mode=False)",
    ],
)  # fmt: skip
def test_the_base_path_imports_nothing_of_the_extras(statement):
    extras = ("torch", "librosa", "matplotlib", "pyarrow", "sklearn", "symusic", "onnx", "h5py", "numba")
    code = f"{statement}\nimport sys\nprint([name for name in {extras} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=SOURCE.parent.parent
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_rule_itself_can_fail(tmp_path):
    module = tmp_path / "upwards.py"
    module.write_text("def f():\n    from sideman.genre import predict\n    import torch.nn\n")
    assert imported(module) == {"sideman.genre.predict", "torch.nn"}
