"""What a server is told when it starts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from sideman.core.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """How a server listens, whom it lets in, and what one request may cost.

    Attributes:
        host, port: where it listens; port 0 for any free one.
        token: secret that every request must show; None for none, on loopback only.
        allowed_hosts: further names by which it may be called (the ``Host`` header), such as a proxy's.
        database: the library; None for the user's own.
        lab: folder with reports and evaluations of the lab; None for none.
        soundfont: an .sf2 to play with; None for the default.
        workers: processes that hear uploads.
        queue_n: requests that may wait for them; more are told to come again (429).
        most_body_bytes: of an upload.
        most_plain_bytes: of any other body.
        body_idle_s, body_total_s: how long a body may pause, and take; headers may take as long as a body may pause.
        time_limit_s: wall-clock seconds that hearing one recording may take.
        compose_limit_s: likewise for one composing job.
        memory_bytes: address space of a worker beyond what it has when it starts, twice as much for composing; 0 for
            no limit.
        jobs_n: finished jobs that are kept.
        job_keep_s: and for how long.
        most_kept_bytes: of uploads and of what jobs make together; finished jobs are kept within half of it.
        least_free_bytes: that are left on the disk on which these lie.
        busy_s: how long a request waits for another program that writes to the library.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    database: str | None = None
    lab: Path | None = None
    soundfont: Path | None = None
    workers: int = 2
    queue_n: int = 32
    most_body_bytes: int = 256 * 1024 * 1024
    most_plain_bytes: int = 1024 * 1024
    body_idle_s: float = 20.0
    body_total_s: float = 600.0
    time_limit_s: float = 120.0
    compose_limit_s: float = 900.0
    memory_bytes: int = 2 * 1024**3
    jobs_n: int = 32
    job_keep_s: float = 3600.0
    most_kept_bytes: int = 2 * 1024**3
    least_free_bytes: int = 64 * 1024 * 1024
    busy_s: float = 3.0

    def __post_init__(self) -> None:
        """Refuse (UsageError) to listen for others without a secret, and limits that let nothing through."""
        if not is_loopback(self.host) and not self.token:
            raise UsageError(
                f"--host {self.host}: whoever reaches this address could use the library; give a secret with "
                "--token-file or SIDEMAN_TOKEN, or leave --host out"
            )
        if self.workers < 1 or self.queue_n < 0:
            raise UsageError("a server needs at least one worker, and room for none or more waiting requests")
        if self.most_kept_bytes < self.most_body_bytes:
            raise UsageError("--max-temporary: is less than one upload may have; raise it, or lower --max-upload")


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
