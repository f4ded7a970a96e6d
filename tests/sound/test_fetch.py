"""Fetching clips one by one, against a server on this machine that misbehaves as real ones do."""

import http.client
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from lib.sound import media
from lib.sound.datasets import dcase, fetch
from lib.sound.datasets.fetch import GoneError, RefusedError

RATE, SECONDS = 8_000, 6
SOUND = "Ygood-0_AAAA_2.000_4.000.wav"  # the 11 characters hold - and _
FAULTS = {"gone": 404, "forb": 403, "many": 429}


def clip(fault: str, start: float = 2.0, end: float = 4.0) -> str:
    """Return a name whose video the server treats in a certain way."""
    return f"Y{fault}-0_AAAA_{start:.3f}_{end:.3f}.wav"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Make a video that tells the time: second s has 300 + 100 s Hz, grey 30 s."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    time = np.arange(SECONDS * RATE) / RATE
    tone = (0.3 * np.sin(2 * np.pi * (300 + 100 * np.floor(time)) * time)).astype(np.float32)
    with av.open(str(path), "w") as output:
        sound = output.add_stream("aac", rate=RATE, layout="mono")
        pictures = output.add_stream("libx264", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        for index in range(10 * SECONDS):
            grey = np.full((48, 64, 3), 30 * (index // 10), dtype=np.uint8)
            output.mux(pictures.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        for start in range(0, len(tone), 1024):
            part = tone[None, start : start + 1024]
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
        output.mux(pictures.encode(None))
    return path.read_bytes()


class Server(BaseHTTPRequestHandler):
    """Serve the film, or what the first four characters of a video ask for."""

    body = b""
    asked: list[str] = []

    def do_HEAD(self) -> None:
        self.answer(False)

    def do_GET(self) -> None:
        self.answer(True)

    def answer(self, whole: bool) -> None:
        fault = self.path[1:5]
        if whole:
            self.asked.append(fault)
        if fault in FAULTS:
            self.send_error(FAULTS[fault])
            return
        body = b"<html>no film</html>" * 50 if fault == "page" else self.body
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if whole:
            self.wfile.write(body[: len(body) // 2] if fault == "half" else body)
        self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def address(film: bytes) -> Iterator[str]:
    """Start the server and give the address of its videos."""
    Server.body = film
    Server.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{{video}}.mp4"
        server.shutdown()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a data root with lists of a few clips; give the folder of the lists."""
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    lists = {
        "weak": f"filename\tevent_labels\n{clip('weak')}\tDog\n",
        "unlabelled": f"filename\n{clip('unla')}\n",
        "validation": f"filename\tonset\toffset\tevent_label\n{clip('vali')}\t0\t1\tDog\n",
        "test": "filename\tonset\toffset\tevent_label\n"
        + "".join(f"{clip(each)}\t0\t1\tDog\n" for each in ("gone", "half", "good")),
    }
    for split, text in lists.items():
        path = dcase.folder() / dcase.LISTS[split]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return dcase.folder()


def plain(address: str, folder: Path) -> Sequence[Path]:
    """Download as yt-dlp does, for where it is not installed."""
    target = folder / "media.mp4"
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        error.close()
        raise fetch.reason_of(f"ERROR: [generic] HTTP Error {error.code}: no") from None
    except http.client.IncompleteRead as error:
        raise ConnectionError(f"broke off: {error}") from None
    target.write_bytes(body)
    return [target]


def by_yt_dlp(address: str, folder: Path) -> Sequence[Path]:
    """Download with yt-dlp, or skip the test."""
    pytest.importorskip("yt_dlp", reason="yt-dlp is optional")
    return fetch.yt_dlp_download(address, folder)


each_download = pytest.mark.parametrize("download", [plain, by_yt_dlp])


def left(place: Path) -> list[str]:
    """Return what fetching left behind, apart from lists and report."""
    files = (path for path in place.rglob("*") if path.is_file() and "metadata" not in path.parts)
    return sorted(str(path.relative_to(place)) for path in files if path.name != fetch.REPORT)


@each_download
def test_a_clip_is_cut_to_its_seconds(address: str, place: Path, download: fetch.Download) -> None:
    assert fetch.fetch([SOUND], download, 0, address) == {"fetched": 1}
    stem = Path(SOUND).stem
    assert left(place) == [f"audio/{stem}.flac", f"video/{stem}.mp4"]
    sound = media.read_audio(place / "audio" / f"{stem}.flac")
    assert sound.rate == RATE and sound.seconds == pytest.approx(2.0, abs=0.01)
    for second in (0, 1):  # the film's seconds 2 and 3
        inside = sound.samples[int((second + 0.2) * RATE) : int((second + 0.8) * RATE)]
        loudest = np.argmax(np.abs(np.fft.rfft(inside))) / 0.6
        assert loudest == pytest.approx(300 + 100 * (2 + second), abs=3)
    pictures = media.read_frames(place / "video" / f"{stem}.mp4", np.array([0.0, 0.8, 1.2, 1.9]))
    assert pictures is not None and pictures.shape == (4, 48, 64, 3)
    assert pictures.mean(axis=(1, 2, 3)) == pytest.approx([60, 60, 90, 90], abs=4)


@each_download
@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [
        ("gone", "gone", "404"),
        ("half", "failed", ""),
        ("forb", "refused", "403"),
        ("many", "refused", "429"),
        ("page", "failed", ""),
    ],
)
def test_what_goes_wrong_is_reported_and_leaves_nothing(
    address: str, place: Path, download: fetch.Download, fault: str, outcome: str, reason: str
) -> None:
    assert fetch.fetch([clip(fault)], download, 0, address) == {outcome: 1}
    assert left(place) == []
    ((name, (found, why, day)),) = fetch.read_report(place / fetch.REPORT).items()
    assert (name, found) == (clip(fault), outcome) and reason in why and "\n" not in why
    assert len(day) == len("2018-01-01")


def test_what_is_there_or_gone_is_not_asked_for_again(address: str, place: Path) -> None:
    names = fetch.wanted("test", None)
    assert names == [clip("gone"), clip("half"), clip("good")]
    assert fetch.fetch(names, plain, 0, address) == {"gone": 1, "failed": 1, "fetched": 1}
    assert fetch.wanted("test", None) == [clip("half")]
    everything = fetch.wanted(None, None)
    assert everything == [clip("vali"), clip("unla"), clip("weak"), clip("half")]  # failed: last
    assert fetch.wanted(None, 2) == everything[:2]
    Server.asked.clear()
    assert fetch.fetch(fetch.wanted("test", None), plain, 0, address) == {"failed": 1}
    assert Server.asked == ["half"]


def test_a_clip_that_comes_at_last_leaves_the_report(address: str, place: Path) -> None:
    good = clip("good")
    fetch.write_report(place / fetch.REPORT, {good: ("failed", "broke off", "2018-01-01")})
    fetch.fetch([good], plain, 0, address)
    assert fetch.read_report(place / fetch.REPORT) == {}


def test_refusals_double_the_pause_and_the_third_in_a_row_ends_the_run(
    address: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(fetch.time, "sleep", pauses.append)
    names = [clip(each) for each in ("good", "forb", "gone", "forb", "many", "many", "goob")]
    with pytest.raises(ConnectionError, match="3 times in a row.*1 clips fetched") as raised:
        fetch.fetch(names, plain, 2, address)
    assert pauses == [2, 4, 2, 4, 8] and "\n" not in str(raised.value)
    assert Server.asked == ["good", "forb", "gone", "forb", "many", "many"]


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [(5.0, 9.0, "ends after 1.0 s of the clip"), (8.0, 10.0, "no sound from 8.0 s on")],
)
def test_a_film_that_ends_too_early_is_no_clip(
    address: str, place: Path, start: float, end: float, reason: str
) -> None:
    name = clip("good", start, end)
    assert fetch.fetch([name], plain, 0, address) == {"failed": 1}
    assert reason in fetch.read_report(place / fetch.REPORT)[name][1] and left(place) == []


def test_sound_without_pictures_and_pictures_apart(
    place: Path, tmp_path: Path, film: bytes
) -> None:
    tone = np.sin(np.arange(5 * RATE)).astype(np.float32) / 2

    def sound_only(address: str, folder: Path) -> Sequence[Path]:
        soundfile.write(folder / "a.wav", tone, RATE)
        return [folder / "a.wav"]

    def apart(address: str, folder: Path) -> Sequence[Path]:
        (folder / "b.mp4").write_bytes(film)
        return [*sound_only(address, folder), folder / "b.mp4"]

    fetch.fetch([clip("good")], sound_only, 0)
    assert left(place) == [f"audio/{Path(clip('good')).stem}.flac"]
    fetch.fetch([clip("more")], apart, 0)
    assert f"video/{Path(clip('more')).stem}.mp4" in left(place)
    found, _ = soundfile.read(place / "audio" / f"{Path(clip('more')).stem}.flac")
    np.testing.assert_allclose(found, tone[2 * RATE : 4 * RATE], atol=1e-4)


@pytest.mark.parametrize("name", ["../../x.wav", "Yshort_0.000_1.000.wav", clip("back", 4, 2)])
def test_a_bad_name_never_reaches_the_server(name: str, place: Path) -> None:
    def never(address: str, folder: Path) -> Sequence[Path]:
        raise AssertionError("asked")

    assert fetch.fetch([name], never, 0) == {"failed": 1}
    assert "is no clip" in fetch.read_report(place / fetch.REPORT)[name][1]


def test_an_interruption_leaves_nothing_of_the_clip(place: Path) -> None:
    def interrupted(address: str, folder: Path) -> Sequence[Path]:
        (folder / "media.mp4.part").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch([SOUND], interrupted, 0)
    assert left(place) == []


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("ERROR: [youtube] a: Video unavailable. This video has been removed", GoneError),
        ("ERROR: [youtube] a: Private video. Sign in if you've been granted access", GoneError),
        ("ERROR: [youtube] a: Sign in to confirm your age.", GoneError),
        ("ERROR: [youtube] a: Sign in to confirm you’re not a bot.", RefusedError),
        ("ERROR: unable to download video data: HTTP Error 403: Forbidden", RefusedError),
        ("ERROR: [youtube] a: HTTP Error 429: Too Many Requests", RefusedError),
        ("ERROR: [youtube] a: Requested format is not available. Use --list", ConnectionError),
        ("ERROR: [youtube] a: Unable to download webpage: timed out", ConnectionError),
        ("", ConnectionError),
    ],
)
def test_complaints_are_understood(message: str, kind: type[Exception]) -> None:
    assert type(fetch.reason_of(message)) is kind


@pytest.mark.parametrize("text", ["", "filename\toutcome\na\tgone\n", "nonsense"])
def test_a_damaged_report_is_one_line(place: Path, text: str) -> None:
    (place / fetch.REPORT).write_text(text)
    with pytest.raises(ValueError, match="fetch_report.tsv is damaged; delete it"):
        fetch.wanted(None, None)


def test_the_terms_come_first_and_a_missing_package_is_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    assert fetch.main([]) == 1
    output = capsys.readouterr()
    assert output.out == fetch.TERMS + "\n" and output.err.count("\n") == 1
    assert "pip install yt-dlp" in output.err


def test_command_line(
    place: Path, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "yt_dlp", object())  # only asked whether it is there

    def redirect(whole: str, folder: Path) -> Sequence[Path]:
        return plain(address.format(video=whole[-11:]), folder)

    monkeypatch.setattr(fetch, "yt_dlp_download", redirect)
    assert fetch.main(["--split", "test", "--limit", "2", "--pause", "0"]) == 0
    assert "1 gone, 1 failed; reasons in" in capsys.readouterr().out
    assert fetch.main(["--split", "test", "--pause", "0"]) == 0
    assert "1 fetched, 1 failed" in capsys.readouterr().out
    (place / dcase.LISTS["weak"]).unlink()
    assert fetch.main([]) == 1
    assert "there is no list" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        fetch.main(["--limit", "-3"])
