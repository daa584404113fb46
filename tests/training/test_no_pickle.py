"""Nothing that is read from a file can run code: torch reads tensors only, NumPy no objects, nothing else unpickles."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "sideman"
UNSAFE = {"pickle", "joblib", "shelve", "dill", "cloudpickle", "marshal"}
PROCESS_POOL = "core/parallel.py"  # speaks pickle with its own children, and reads none from files


def unsafe_calls(text: str) -> list[str]:
    """Calls that would unpickle what they read."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name, options = ast.unparse(node.func), {option.arg: ast.unparse(option.value) for option in node.keywords}
        if name == "torch.load" and options.get("weights_only") != "True":
            found.append(ast.unparse(node))
        if name.startswith("torch.save") or options.get("allow_pickle", "False") != "False":
            found.append(ast.unparse(node))
        if name.split(".")[0] in UNSAFE:
            found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_no_file_is_unpickled(path):
    if path.relative_to(SOURCE).as_posix() != PROCESS_POOL:
        assert unsafe_calls(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "statement",
    [
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.save(x, path)",
        "np.load(path, allow_pickle=True)",
        "pickle.load(file)",
        "joblib.load(path)",
    ],
)
def test_the_rule_itself_can_fail(statement):
    assert unsafe_calls(statement)
    assert not unsafe_calls("torch.load(path, weights_only=True); np.load(path)")
