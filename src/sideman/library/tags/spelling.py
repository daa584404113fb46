"""How labels are spelt in tags: as people write them, or as the user wants them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from sideman.core.errors import UsageError

_AS_PEOPLE_DO = {
    "hiphop": "Hip-Hop", "rnb": "R&B", "r&b": "R&B", "edm": "EDM", "idm": "IDM", "dnb": "Drum & Bass", "dj": "DJ",
    "synthpop": "Synth-Pop", "lofi": "Lo-Fi", "kpop": "K-Pop", "jpop": "J-Pop",
}  # fmt: skip


class Spelling:
    """Turns Sideman's labels into those of tags: ``hiphop`` is "Hip-Hop", ``blues`` "Blues", unless told otherwise."""

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        self._own = {name.casefold(): text for name, text in (own or {}).items()}

    def __call__(self, label: str) -> str:
        """The label as it is written into a tag."""
        known = self._own.get(label.casefold()) or _AS_PEOPLE_DO.get(label.casefold())
        if known:
            return known
        return label if label != label.lower() else " ".join(word[:1].upper() + word[1:] for word in label.split(" "))


def spelling(given: Iterable[str] = (), config: Path | None = None) -> Spelling:
    """The spelling of ``[tag.genres]`` and ``[tag.moods]`` in a configuration file, and of ``LABEL=TEXT`` before it.

    Args:
        given: from the command line.
        config: a TOML file; by default ``config.toml`` in the user's folder for settings, if it is there.

    Raises:
        UsageError: a text without "=", or a file that is no such TOML.
    """
    own = _from_file(config)
    for text in given:
        label, equals, written = text.partition("=")
        if not equals or not label.strip() or not written.strip():
            raise UsageError(f"{text[:40]!r}: write it as LABEL=TEXT, such as hiphop=Hip-Hop")
        own[label.strip().casefold()] = written.strip()
    return Spelling(own)


def _from_file(config: Path | None) -> dict[str, str]:
    import tomllib

    from sideman.core.paths import user_config_folder

    path = config or user_config_folder() / "config.toml"
    try:
        tables = tomllib.loads(path.read_text("utf-8")).get("tag", {})
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML ({error}); mend it or move it away") from None
    own: dict[str, str] = {}
    for name in ("genres", "moods"):
        table = tables.get(name, {}) if isinstance(tables, dict) else None
        if not isinstance(table, dict) or not all(isinstance(text, str) and text.strip() for text in table.values()):
            raise UsageError(f'{path}: [tag.{name}] must hold lines such as hiphop = "Hip-Hop"')
        own.update({label.casefold(): text.strip() for label, text in table.items()})
    return own
