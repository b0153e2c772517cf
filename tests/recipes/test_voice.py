"""The recipe voice and wxb listen, on tones in place of words."""

from __future__ import annotations

import functools
import json
import sys

import numpy as np
import pytest
import wxb
from wxb.cli import main
from wxb.data.speech import SPEAKERS, Recordings
from wxb.recipes import Options, pictures, recipe, voice
from wxb.recipes.listen import Utterances, act, read_actions
from wxb.train import Trainer

pytest.importorskip("matplotlib")
RATE = 8000


def tone(digit: int, rng: np.random.Generator, rate: int = RATE) -> np.ndarray:
    """A sound of its own for each digit, of any length and level."""
    t = np.arange(int(rate * rng.uniform(0.3, 0.5))) / rate
    sound = np.sin(2 * np.pi * 300 * (digit + 1) * t) * np.hanning(len(t)) * rng.uniform(0.1, 0.9)
    return (sound + 0.001 * rng.standard_normal(len(t))).astype(np.float32)


def wav(samples: np.ndarray, rate: int = RATE, channels: int = 1) -> bytes:
    data = np.repeat(np.round(samples * 32767).astype("<i2"), channels).tobytes()
    head = b"WAVEfmt \x10\0\0\0\1\0" + channels.to_bytes(2, "little") + rate.to_bytes(4, "little")
    head += (2 * channels * rate).to_bytes(4, "little") + (2 * channels).to_bytes(2, "little") + b"\x10\0data"
    return b"RIFF" + (len(head) + 4 + len(data)).to_bytes(4, "little") + head + len(data).to_bytes(4, "little") + data


def recordings(count: int) -> Recordings:
    rng, digits = np.random.default_rng(0), np.arange(count) % 4
    samples = tuple(tone(digit, rng) for digit in digits)
    return Recordings(samples, digits, np.arange(count) // 4 % 6, np.arange(count) // 24)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on tones, and its result."""
    folder = tmp_path_factory.mktemp("voice")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(voice, "fsdd", lambda root=None: recordings(240))
        arguments = ["--epochs", "4", "--lr", "0.01", "--batch-size", "16", "--out", str(folder)]
        assert main(["train", "voice", "--speaker-out", "theo", *arguments]) == 0
    return folder, json.loads((folder / "config.json").read_text())["result"]


def run(capsys, *arguments) -> tuple[int, str, str]:
    status = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_speaker_left_out_is_understood(trained):
    folder, result = trained
    assert result["test_accuracy"] == 1
    assert {"weights.safetensors", "curves.png", "confusion.png"} <= {p.name for p in folder.iterdir()}


def test_every_speaker_in_turn(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(voice, "fsdd", lambda root=None: recordings(144))
    arguments = ("--epochs", 2, "--lr", 0.01, "--batch-size", 16, "--json", "--out")
    results = []
    for speaker in ((), ("--speaker-out", "all")):
        status, text, err = run(capsys, "train", "voice", *speaker, *arguments, tmp_path)
        assert status == 0, err
        results.append(json.loads(text.splitlines()[-1]))
    official, result = results
    same = ("weights_sha256", "test_accuracy", "tested_on", "steps")
    assert [official[key] for key in same] == [result[key] for key in same]
    each = [result[f"unheard_{name}"] for name in SPEAKERS]
    assert result["unheard_accuracy"] == pytest.approx(np.mean(each), abs=1e-6)
    low, high = result["intervals"]["unheard_accuracy"]
    assert min(each) <= low <= result["unheard_accuracy"] <= high <= max(each)
    assert not any(key.startswith("unheard") for key in official)


def test_captured_and_eager_agree_on_any_number_of_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(voice, "fsdd", lambda root=None: recordings(150))
    hashes, before = set(), wxb.num_threads()
    for threads, capture in ((1, True), (2, True), (1, False)):
        monkeypatch.setattr(pictures, "Trainer", functools.partial(Trainer, capture=capture))
        options = Options(epochs=2, batch_size=8, threads=threads, out=str(tmp_path))
        hashes.add(recipe("voice").train(options)["weights_sha256"])
    wxb.set_num_threads(before)
    assert len(hashes) == 1


def test_files_of_any_kind(capsys, tmp_path, trained):
    folder, _ = trained
    rng = np.random.default_rng(1)
    for name, digit, rate, channels in (("a", 2, 8000, 1), ("b", 0, 44100, 2), ("c", 3, 16000, 1)):
        (tmp_path / f"{name}.wav").write_bytes(wav(tone(digit, rng, rate), rate, channels))
    (tmp_path / "d.wav").write_bytes(wav(np.zeros(5000)))
    status, text, _ = run(capsys, "predict", folder, *(tmp_path / f"{name}.wav" for name in "abcd"), "--json")
    assert status == 0 and [row["class"] for row in json.loads(text)] == ["two", "zero", "three", ""]
    (tmp_path / "e.wav").write_bytes(wav(tone(1, rng))[:-500])
    status, _, err = run(capsys, "predict", folder, tmp_path / "e.wav")
    assert status == 1 and "e.wav: truncated" in err
    status, text, _ = run(capsys, "summary", folder)
    assert status == 0 and "GRU" in text


def test_listen_runs_what_the_table_says(capsys, tmp_path, trained):
    folder, _ = trained
    rng, made = np.random.default_rng(2), tmp_path / "made"
    actions = tmp_path / "actions.json"
    command = [sys.executable, "-c", f"open({str(made)!r}, 'w').close()"]
    actions.write_text(json.dumps({"one": command, "two": "no-such-program --at all"}))
    for digit in (1, 2, 3):
        (tmp_path / f"{digit}.wav").write_bytes(wav(tone(digit, rng)))
    (tmp_path / "0.wav").write_bytes(wav(np.zeros(3000)))
    files = [tmp_path / f"{digit}.wav" for digit in range(4)]
    status, text, _ = run(capsys, "listen", folder, *files, "--actions", actions, "--sure", 0.3, "--json")
    heard = [json.loads(line) for line in text.splitlines()]
    assert status == 0 and [row["class"] for row in heard] == ["", "one", "two", "three"]
    assert [row["status"] for row in heard] == [None, 0, 127, None] and made.exists()
    status, text, _ = run(capsys, "listen", folder, *files, "--actions", actions, "--sure", 1.01)
    assert status == 0 and "(silence)" in text and "no-such-program" not in text


def test_without_a_microphone(capsys, monkeypatch, trained):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    status, _, err = run(capsys, "listen", trained[0])
    assert status == 1 and "pip install 'wxb[voice]'" in err


def test_tables_that_are_none(tmp_path):
    table = tmp_path / "actions.json"
    for text, message in (
        ("{", "it is no JSON"),
        ("[]", "it holds a list"),
        ('{"eleven": "x"}', "'eleven' is not a word the network knows: one"),
        ('{"one": 3}', "the command of 'one' is 3"),
        ('{"one": ""}', "the command of 'one' is ''"),
    ):
        table.write_text(text)
        with pytest.raises(ValueError, match=r"actions\.json: ") as error:
            read_actions(str(table), ["one"])
        assert message in str(error.value)
    assert act([sys.executable, "-c", "raise SystemExit(3)"]) == 3


def test_no_such_speaker(capsys):
    status, _, err = run(capsys, "train", "voice", "--speaker-out", "nobody")
    assert status == 1 and "speaker 'nobody' is not one of george, jackson" in err


@pytest.mark.parametrize("block", [160, 400, 800])
def test_a_stream_is_cut_into_words(block):
    rng, rate = np.random.default_rng(3), 8000
    words = [tone(k, rng) + 0 for k in (1, 2)]
    quiet = 0.002 * rng.standard_normal(4000)
    click = np.concatenate([np.full(80, 0.5), np.zeros(80)])
    stream = np.concatenate([quiet, words[0] / np.abs(words[0]).max(), quiet, click, quiet, words[1], quiet, quiet])
    utterances = Utterances(rate)
    found = [w for at in range(0, len(stream), block) if (w := utterances.add(stream[at : at + block])) is not None]
    assert len(found) == 2
    for word, wanted in zip(found, words):
        assert len(wanted) * 0.7 < len(word) < len(wanted) + 0.5 * rate


def test_noise_without_end_is_cut():
    utterances, rng = Utterances(8000), np.random.default_rng(4)
    utterances.add(np.zeros(400))
    found = [len(w) for _ in range(100) if (w := utterances.add(rng.standard_normal(400))) is not None]
    assert len(found) == 2 and max(found) <= 2.1 * 8000
