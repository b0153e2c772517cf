"""Spoken digits: the real recordings, broken archives, spectrograms and SpecAugment."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from wxb.data import ArrayDataset, Draws, Loader
from wxb.data.speech import FILES, SPEAKERS, SpecAugment, fsdd, spectrogram

DATA = Path(os.environ.get("WXB_DATA", Path(__file__).parents[3] / "shared" / "data")) / "fsdd"
needs_fsdd = pytest.mark.skipif(not DATA.is_dir(), reason="no Free Spoken Digit Dataset here")
RNG = np.random.default_rng(0)


@needs_fsdd
def test_the_recordings():
    made = fsdd(DATA)
    assert len(made) == FILES and made.is_test.sum() == 300
    assert np.bincount(made.digits).tolist() == [300] * 10
    assert np.bincount(made.speakers).tolist() == [500] * len(SPEAKERS)
    seconds = np.array([len(x) for x in made.samples]) / 8000
    assert 0.14 < seconds.min() < 0.15 and 2.2 < seconds.max() < 2.3 and 0.43 < seconds.mean() < 0.45
    assert all(np.abs(x).max() <= 1 for x in made.samples)


@needs_fsdd
def test_archives_that_are_not_the_recordings(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no recordings\.zip"):
        fsdd(tmp_path)
    content = (DATA / "recordings.zip").read_bytes()
    (tmp_path / "recordings.zip").write_bytes(content[:-1000])
    with pytest.raises(ValueError, match="not a whole zip file"):
        fsdd(tmp_path)
    with zipfile.ZipFile(tmp_path / "recordings.zip", "w") as archive:
        archive.writestr("0_george_0.wav", b"")
    with pytest.raises(ValueError, match=f"holds 1 recordings, wanted {FILES}"):
        fsdd(tmp_path)
    with zipfile.ZipFile(tmp_path / "recordings.zip", "w") as archive:
        for i in range(FILES):
            archive.writestr(f"folder/{i % 10}_theo_{i // 10}.wav", b"")
    with pytest.raises(ValueError, match="SHA-256 of the recordings is"):
        fsdd(tmp_path)


def test_neither_level_nor_silence_around_it_matter():
    word = np.sin(np.arange(3000) * 0.4) * np.hanning(3000) * 0.2
    noise = 0.0005 * RNG.standard_normal(12000)
    noise[5000:8000] += word
    noise[:2000] = 0
    a, b = spectrogram(noise), spectrogram(0.1 * noise)
    assert a.shape == (98, 40) and abs(a.mean()) < 1e-4 and abs(a.std() - 1) < 1e-4
    assert np.abs(a - b).max() < 1e-3
    assert np.abs(spectrogram(np.concatenate([np.zeros(9000), noise])) - a).max() < 1e-3


@pytest.mark.parametrize("samples", [np.zeros(8000), np.zeros(1), np.full(300, 1e-9), np.ones(20000)])
def test_silence_and_clicks_give_numbers(samples):
    assert np.isfinite(spectrogram(samples)).all()


def batches(size: int, epoch: int) -> np.ndarray:
    x = np.ones((12, 30, 20), np.float32)
    loader = Loader(ArrayDataset(x, np.arange(12)), size, seed=3, transform=SpecAugment(6, 9, 2), prefetch=0)
    loader.set_epoch(epoch)
    return np.concatenate([batch[0] for batch in loader])


def test_stripes_are_hidden_the_same_ones_whatever_the_batch():
    once = batches(12, 0)
    assert (once == batches(5, 0)).all() and (once != batches(12, 1)).any()
    for picture in once:
        frames, bands = (picture == 0).all(1), (picture == 0).all(0)
        assert frames.sum() <= 18 and bands.sum() <= 12
        assert ((picture == 0) == (frames[:, None] | bands)).all()
    assert (once == 0).any() and len({picture.tobytes() for picture in once}) == 12


def test_wrong_arguments():
    with pytest.raises(ValueError, match="bands is -1"):
        SpecAugment(-1)
    with pytest.raises(ValueError, match=r"wanted \(2, frames, bands\)"):
        SpecAugment()((np.zeros((2, 3)),), Draws(np.arange(2)))
    wide = SpecAugment(50, 50)((np.ones((2, 4, 3), np.float32),), Draws(np.arange(2)))[0]
    assert wide.shape == (2, 4, 3)
