"""Sentence pairs: the vocabulary, batches of fixed shapes, and Multi30k's files."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import os
from pathlib import Path

import numpy as np
import pytest
from wxb.data import BPE, PairLoader, multi30k

module = importlib.import_module("wxb.data.multi30k")  # `wxb.data.multi30k` itself is the function
DATA = Path(os.environ.get("WXB_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))

TEXTS = ["A dog runs.", "Ein Hund läuft über die Wiese.", "“Größe” – 3 ½ × …", "日本語", "a\tb", "🙂 ok"]


@pytest.fixture(scope="module")
def vocabulary() -> BPE:
    pytest.importorskip("tokenizers")
    return BPE.learnt(TEXTS * 3, 300)


def test_any_text_comes_back(vocabulary: BPE) -> None:
    texts = [*TEXTS, "never seen: ω ñ \u0301"]
    for text, tokens in zip(texts, vocabulary.encode(texts)):
        assert tokens and min(tokens) > BPE.end and max(tokens) < len(vocabulary) <= 300
        assert vocabulary.decode([BPE.start, *tokens, BPE.end, BPE.pad]) == text
    assert vocabulary.encode([""]) == [[]]
    assert "".join(vocabulary.pieces(vocabulary.encode(["dog runs"])[0])) == "dogruns"


def test_a_vocabulary_is_saved_and_loaded(vocabulary: BPE, tmp_path: Path) -> None:
    vocabulary.save(tmp_path / "vocabulary.json")
    assert BPE.load(tmp_path / "vocabulary.json").encode(TEXTS) == vocabulary.encode(TEXTS)
    (tmp_path / "other.json").write_text('{"a": 1}')
    with pytest.raises(ValueError, match=r"other.json is no vocabulary"):
        BPE.load(tmp_path / "other.json")
    with pytest.raises(ValueError, match="size is 100, it must be at least 259"):
        BPE.learnt(TEXTS, 100)


def sentences(rng: np.random.Generator, count: int, longest: int) -> list[list[int]]:
    return [list(rng.integers(3, 50, rng.integers(1, longest))) for _ in range(count)]


def test_batches_hold_every_pair_padded(rng: np.random.Generator) -> None:
    source, target = sentences(rng, 57, 12), sentences(rng, 57, 20)
    loader = PairLoader(source, target, 64, lengths=(8, 12, 20))
    found = []
    batches = list(loader)
    assert len(batches) == len(loader)
    for x, y in batches:
        assert x.shape == (len(y), 2, y.shape[1]) and y.shape[1] in (8, 12, 20)
        assert len(y) <= 64 // y.shape[1] and x.dtype == y.dtype == np.int64
        for (s, t), out in zip(x, y):
            s, t, out = ([int(token) for token in row if token != BPE.pad] for row in (s, t, out))
            assert s[-1] == out[-1] == BPE.end and t[0] == BPE.start and t[1:] == out[:-1]
            found.append((s[:-1], t[1:]))
    assert sorted(found) == sorted(([int(a) for a in s], [int(b) for b in t]) for s, t in zip(source, target))


def test_shuffled_batches_have_few_shapes_and_depend_on_the_epoch(rng: np.random.Generator) -> None:
    source, target = sentences(rng, 101, 12), sentences(rng, 101, 12)

    def epoch(number: int) -> list[bytes]:
        loader = PairLoader(source, target, 64, True, 3, (8, 12))
        loader.set_epoch(number)
        batches = list(loader)
        assert len(batches) == len(loader)
        assert {y.shape for _, y in batches} == {(8, 8), (5, 12)}
        seen = {bytes(row) for x, _ in batches for row in x}
        assert len(seen) == len({(tuple(s), tuple(t)) for s, t in zip(source, target)})
        return [x.tobytes() for x, _ in batches]

    assert epoch(0) == epoch(0)
    assert sorted(epoch(0)) != sorted(epoch(1))


def test_bad_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="target 1 is empty, wanted at least one token"):
        PairLoader([[3], [4]], [[3], []])
    with pytest.raises(ValueError, match="2 sources and 1 targets"):
        PairLoader([[3], [4]], [[3]])
    with pytest.raises(ValueError, match="pair 1 has 9 tokens, at most 8 fit"):
        PairLoader([[3], [4] * 8], [[3], [5]], lengths=(4, 8))
    with pytest.raises(ValueError, match="the data set is empty"):
        PairLoader([], [])


def test_multi30k_reads_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    texts = {name: f"{name} one\n{name} zwei\n".encode() for name in module.SHA256}
    digests = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
    monkeypatch.setattr(module, "SHA256", digests)
    for name, text in texts.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text))
    data = multi30k("de", "fr", tmp_path)
    assert data.train == [("train.de one", "train.fr one"), ("train.de zwei", "train.fr zwei")]
    assert [len(part) for part in (data.train, data.val, data.test)] == [2, 2, 2]
    (tmp_path / "val.fr.gz").write_bytes(gzip.compress(b"another"))
    with pytest.raises(ValueError, match=r"val.fr.gz: SHA-256 of the contents is"):
        multi30k("de", "fr", tmp_path)
    (tmp_path / "val.fr.gz").write_bytes(gzip.compress(texts["val.fr"])[:-9])
    with pytest.raises(ValueError, match="not a whole gzip file"):
        multi30k("de", "fr", tmp_path)
    (tmp_path / "val.fr.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"no val.fr.gz and no val.fr"):
        multi30k("de", "fr", tmp_path)
    for source, target in (("en", "en"), ("en", "xx")):
        with pytest.raises(ValueError, match="they must be two of de, en, fr"):
            multi30k(source, target, tmp_path)


@pytest.mark.skipif(not (DATA / "multi30k").is_dir(), reason="no Multi30k in WXB_DATA")
def test_the_real_multi30k(monkeypatch: pytest.MonkeyPatch) -> None:
    data = multi30k(root=DATA / "multi30k")
    assert [len(part) for part in (data.train, data.val, data.test)] == [29000, 1014, 1000]
    assert data.test[0] == (
        "A man in an orange hat starring at something.",
        "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt.",
    )
