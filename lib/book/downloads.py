"""Downloads that go on where they broke off, from the first mirror that gives the right bytes.

What has arrived lies beside the file under a name that begins with a dot and ends in .part, until
it is whole and right. Mirrors, lengths and names are not believed: the checksum decides.
"""

import hashlib
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from tqdm.auto import tqdm

from lib.book.datasets import DataFile
from lib.book.files import REPOSITORY

TIMEOUT = 30  # seconds without an answer before the next mirror is tried
REDIRECTS = 10
CHUNK = 1 << 16  # bytes
LARGEST = 4 << 30  # bytes of a file whose size is not published


class MirrorError(Exception):
    """A mirror did not serve; the message says why, in a few words after its name."""


class OtherBytesError(MirrorError):
    """What a mirror sent is another file."""


def shown(path: Path) -> Path:
    """Return a path as a reader types it: relative inside the repository."""
    return path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path


def is_good(file: DataFile, path: Path) -> bool:
    """Return whether a file is there with the right checksum."""
    algorithm, _, expected = file.checksum.partition(":")
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest() == expected


def fetch(file: DataFile, folder: Path) -> Path:
    """Fetch a file from the first of its mirrors that gives the right bytes; return its path.

    What has arrived of a file with a checksum is kept for the next mirror or the next call.

    Raises:
        ConnectionError: no mirror did, each reason is given; what was there before stays.
        OSError: the folder cannot be written.
    """
    path, failures = folder / file.name, []
    part = path.with_name(f".{path.name}.part")
    for url in file.urls:
        host = urlsplit(url).netloc
        print(f"{file.name} from {host}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _from_mirror(file, url, part)
            part.replace(path)
            return path
        except MirrorError as error:
            failures.append(f"{host} {error}")
        except OSError as error:
            raise OSError(
                f"cannot write under {shown(folder)}: {error.strerror or error}; set BOOK_DATA"
            ) from None
    again = "run the same command to go on" if part.exists() else "check the connection"
    raise ConnectionError(
        f"{file.name} could not be fetched ({'; '.join(failures)}); {again}, "
        f"or put the file into {shown(path.parent)} yourself"
    )


def _from_mirror(file: DataFile, url: str, part: Path) -> None:
    """Complete a partial file from one mirror, or raise MirrorError.

    A part that turns out to be the beginning of another file is thrown away and fetched anew.
    """
    continued = part.exists()
    try:
        _transfer(file, url, part)
    except OtherBytesError:
        part.unlink(missing_ok=True)
        if not continued:
            raise
        _from_mirror(file, url, part)
    except MirrorError:
        if not file.checksum:
            part.unlink(missing_ok=True)  # nothing would tell whose beginning it is
        raise


def _transfer(file: DataFile, url: str, part: Path) -> None:
    """Append what is missing of a partial file and check the whole, or raise MirrorError."""
    have = part.stat().st_size if part.exists() else 0
    if have and have == file.size and is_good(file, part):
        return
    headers = {"Accept-Encoding": "identity"}  # packed bytes could not be counted
    if have:
        headers["Range"] = f"bytes={have}-"
    broken = False
    with closing(_open(url, headers)) as answer:
        if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise OtherBytesError("has a shorter file")
        if not answer.ok:
            raise MirrorError(f"answered {answer.status_code}")
        start = have if _goes_on(answer, have) else 0
        try:
            _write(file, answer, part, start)
        except urllib3.exceptions.HTTPError:
            broken = True
    _check(file, part, broken)


def _check(file: DataFile, part: Path, broken: bool) -> None:
    """Raise MirrorError unless a partial file is whole and right."""
    size = part.stat().st_size
    if file.checksum and is_good(file, part):
        return  # even where the mirror announced more
    if broken:
        raise MirrorError(f"broke off after {size} bytes")
    if file.size is not None and size != file.size:
        raise OtherBytesError(f"sent {size} bytes instead of {file.size}")
    if file.checksum:
        raise OtherBytesError("sent other bytes than expected (wrong checksum)")


def _goes_on(answer: requests.Response, have: int) -> bool:
    """Return whether an answer begins where the partial file ends, and not anew."""
    if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
        return False
    if not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        raise OtherBytesError("sent another part than asked for")
    return True


def _write(file: DataFile, answer: requests.Response, part: Path, start: int) -> None:
    """Write the body of an answer from a place on, to the size a file has or may have."""
    size, limit = start, LARGEST if file.size is None else file.size
    with (
        part.open("r+b" if start else "wb") as stream,
        tqdm(
            desc=file.name,
            total=file.size,
            initial=start,
            unit="B",
            unit_scale=True,
            leave=False,
            disable=None,  # where nobody watches
        ) as progress,
    ):
        stream.seek(start)
        while data := answer.raw.read(min(CHUNK, limit - size)):
            stream.write(data)
            progress.update(len(data))
            size += len(data)
    if size == LARGEST:
        raise OtherBytesError(f"sent {LARGEST} bytes or more")


def _open(url: str, headers: dict[str, str]) -> requests.Response:
    """Ask for an address and follow where it is said to have moved to, over http and https only.

    Who is asked over https is never followed to http, where anybody on the way may change things.
    """
    for _ in range(REDIRECTS):
        try:
            answer = requests.get(
                url, headers=headers, stream=True, timeout=TIMEOUT, allow_redirects=False
            )
        except requests.Timeout:
            raise MirrorError("did not answer in time") from None
        except (requests.RequestException, UnicodeError):  # the latter from a host that is no name
            raise MirrorError("could not be reached") from None
        if not answer.is_redirect:
            return answer
        answer.close()
        target = urljoin(url, answer.headers["Location"])
        if urlsplit(target).scheme not in {"https", urlsplit(url).scheme}:
            raise MirrorError(f"sends on to {urlsplit(target).scheme}, which is not safe")
        url = target
    raise MirrorError("sends on without end")
