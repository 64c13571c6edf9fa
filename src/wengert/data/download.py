"""Downloads: the first of several addresses that works; size and checksums are verified."""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wengert.files import replacing

TIMEOUT = 30.0  # seconds without data after which an address has failed
CHUNK = 2**16  # bytes


@dataclass(frozen=True)
class Checks:
    """The size of a file in bytes and its checksums in hexadecimal digits."""

    size: int
    md5: str
    sha256: str | None = None  # None where it is not known


class DownloadError(Exception):
    """All addresses failed; the message has a line with the reason for each."""


def download(addresses: Sequence[str], path: Path, checks: Checks) -> None:
    """Downloads a file to `path` from the first address that sends the right bytes.

    A terminal shows a progress bar. Two processes may download the same file at once: each writes
    a temporary file, and renames it when it is complete and verified.

    Raises:
        DownloadError: all addresses failed; nothing was written.
    """
    reasons = []
    for address in addresses:
        try:
            return _download(address, path, checks)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reasons.append(f"  {address}: {_reason(error)}")
    raise DownloadError("\n".join(reasons))


def _download(address: str, path: Path, checks: Checks) -> None:
    from tqdm import tqdm

    request = urllib.request.Request(address, headers={"User-Agent": "wengert"})
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        path.parent.mkdir(parents=True, exist_ok=True)
        bar = tqdm(total=checks.size, unit="B", unit_scale=True, desc=path.name, disable=None)
        with bar, replacing(path) as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                md5.update(chunk)
                sha256.update(chunk)
                bar.update(len(chunk))
                if file.tell() > checks.size:
                    raise ValueError(f"got more than the {checks.size} bytes of the file")
            if file.tell() < checks.size:
                raise ValueError(f"got cut off after {file.tell()} of {checks.size} bytes")
            if md5.hexdigest() != checks.md5:
                raise ValueError(f"got the MD5 {md5.hexdigest()}, needed {checks.md5}")
            if checks.sha256 not in (None, sha256.hexdigest()):
                raise ValueError(f"got the SHA-256 {sha256.hexdigest()}, needed {checks.sha256}")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()  # it keeps the connection open
    elif isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return _reason(error.reason)
    return str(error) or type(error).__name__
