"""Sound: wav files of every kind and broken ones, resampling and log-mel bands against scipy."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest
from wxb.data.audio import log_mel, loudest, mel_filters, read_wav, resample

RNG = np.random.default_rng(0)
TONE = 0.5 * np.sin(np.arange(800) * 0.3)


def pcm(samples: np.ndarray, bits: int, rate: int = 8000) -> bytes:
    """Return a wav file as Python's own module writes it; samples (N,) or (N, channels) from -1 to 1."""
    if bits == 8:
        data = (np.round(samples * 128) + 128).clip(0, 255).astype(np.uint8).tobytes()
    else:
        wide = np.round(samples * 2.0 ** (bits - 1)).astype("<i4")
        data = b"".join(int(v).to_bytes(4, "little", signed=True)[: bits // 8] for v in wide.ravel())
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        file.writeframes(data)
    return stream.getvalue()


def riff(form: int, bits: int, data: bytes, channels: int = 1, rate: int = 8000, tail: bytes = b"") -> bytes:
    chunk = struct.pack("<HHIIHH", form, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits) + tail
    body = b"WAVEfmt " + struct.pack("<I", len(chunk)) + chunk + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_whole_numbers(bits, channels):
    samples = TONE if channels == 1 else np.stack([TONE * (k + 1) / channels for k in range(channels)], 1)
    x, rate = read_wav(pcm(samples, bits, 11025))
    assert rate == 11025 and x.dtype == np.float32 and x.shape == (800,)
    wanted = samples if channels == 1 else samples.mean(1)
    assert np.abs(x - wanted).max() <= 2.0**-bits + 1e-7


def test_floats_extensible_and_other_chunks():
    single, double = TONE.astype("<f4").tobytes(), TONE.astype("<f8").tobytes()
    for content in (riff(3, 32, single), riff(3, 64, double), riff(0xFFFE, 32, single, tail=_extension(3))):
        assert np.abs(read_wav(content)[0] - TONE).max() < 1e-7
    plain = riff(1, 16, (TONE * 32768).astype("<i2").tobytes())
    listed = plain[:36] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + plain[36:]  # an odd size is filled up
    assert (read_wav(listed)[0] == read_wav(plain)[0]).all()
    piped = bytearray(plain)
    piped[40:44] = b"\xff" * 4  # the length was not known when it was written
    assert len(read_wav(bytes(piped))[0]) == 800


def _extension(form: int) -> bytes:
    return struct.pack("<HHIH", 22, 32, 4, form) + bytes(14)


BROKEN = {
    "no wav": (b"ID3 this is an mp3 file", "it is no wav file, it begins with b'ID3"),
    "empty": (b"", "it is no wav file"),
    "cut in the header": (pcm(TONE, 16)[:30], "truncated"),
    "cut in the sound": (pcm(TONE, 16)[:-100], "truncated, 1500 of the 1600 bytes"),
    "no sound": (pcm(TONE, 16)[:36], "no sound in it"),
    "no samples": (pcm(TONE[:0], 16), "there is not one sample"),
    "no format": (b"RIFF\0\0\0\0WAVEdata" + bytes(4), "no format in it"),
    "short format": (b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\0\0data" + bytes(4), "its format takes 2 bytes"),
    "compressed": (riff(2, 4, bytes(64)), "format 2 with 4 bits is not read"),
    "12 bits": (riff(1, 12, bytes(64)), "format 1 with 12 bits"),
    "no channel": (riff(1, 16, bytes(64), channels=0), "0 channels at 8000 Hz"),
    "no rate": (riff(1, 16, bytes(64), rate=0), "1 channels at 0 Hz"),
    "NaN": (riff(3, 32, np.full(9, np.nan, "<f4").tobytes()), "NaN or infinite"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_are_named(tmp_path, kind):
    content, message = BROKEN[kind]
    file = tmp_path / "sound.wav"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"sound\.wav: ") as error:
        read_wav(file)
    assert message in str(error.value)


def test_any_cut_is_an_error_or_sound():
    whole = riff(0xFFFE, 32, TONE.astype("<f4").tobytes(), tail=_extension(3))
    for size in range(0, len(whole), 7):
        with pytest.raises(ValueError, match="wav"):
            read_wav(whole[:size])


# ---- resampling ----


@pytest.mark.parametrize(("rate", "wanted"), [(44100, 8000), (16000, 8000), (8000, 22050), (11025, 8000), (8000, 7999)])
def test_sines_stay_sines(rate, wanted):
    for frequency in (200, 1000, 0.4 * min(rate, wanted)):
        x = np.sin(2 * np.pi * frequency * np.arange(rate // 2) / rate)
        y = resample(x, rate, wanted)
        assert len(y) == -(-len(x) * wanted // rate) and y.dtype == np.float32
        ideal = np.sin(2 * np.pi * frequency * np.arange(len(y)) / wanted)
        inner = slice(len(y) // 8, -len(y) // 8)
        assert np.abs(y - ideal)[inner].max() < 4e-3


def test_what_the_lower_rate_cannot_hold_is_gone():
    x = np.sin(2 * np.pi * 5000 * np.arange(22050) / 44100)
    assert np.abs(resample(x, 44100, 8000))[500:-500].max() < 2e-3


def test_resampling_agrees_with_scipy():
    signal = pytest.importorskip("scipy.signal")
    x = signal.sosfilt(signal.butter(8, 2500, output="sos", fs=16000), RNG.standard_normal(8000))
    ours, scipys = resample(x, 16000, 8000), signal.resample_poly(x, 1, 2)
    assert len(ours) == len(scipys)
    assert np.abs(ours - scipys)[100:-100].max() < 0.01 * np.abs(scipys).max()


@pytest.mark.parametrize(("x", "rate", "wanted"), [(TONE, 0, 8000), (TONE, 8000, -1), (TONE[None], 8000, 4000)])
def test_rates_that_make_no_sense(x, rate, wanted):
    with pytest.raises(ValueError, match="resample: x has shape"):
        resample(x, rate, wanted)


def test_resampling_nothing():
    assert resample(TONE[:0], 16000, 8000).shape == (0,) and (resample(TONE, 8000, 8000) == TONE.astype("f4")).all()


# ---- spectra ----


def test_power_is_that_of_scipy():
    signal = pytest.importorskip("scipy.signal")
    x = RNG.standard_normal(4000)
    _, _, power = signal.spectrogram(
        x, 8000, signal.get_window("hann", 200), 200, 120, 256, detrend=False, scaling="spectrum", mode="psd"
    )
    power[1:-1] /= 2  # scipy counts both sides of the spectrum
    filters = mel_filters(40, 256, 8000, 60, 4000)
    wanted = np.log(np.maximum(1e-10, power.T @ filters.T))
    assert np.abs(log_mel(x, 8000) - wanted).max() < 1e-4


def test_a_sine_is_loudest_in_its_band():
    filters = mel_filters(40, 256, 8000, 60, 4000)
    for band in range(5, 40, 7):
        frequency = filters[band].argmax() * 8000 / 256
        mel = log_mel(0.5 * np.sin(2 * np.pi * frequency * np.arange(8000) / 8000), 8000)
        assert mel.shape == (98, 40) and (mel.argmax(1) == band).all()
        assert abs(mel[50, band] - np.log(0.5**2 / 4)) < 0.8  # some of the power lies in the bins beside it


def test_filters_share_every_frequency_between_them():
    filters = mel_filters(20, 1024, 16000, 100, 7000)
    frequencies = np.arange(513) * 16000 / 1024
    inner = (frequencies > 300) & (frequencies < 6000)
    assert filters.shape == (20, 513) and np.abs(filters[:, inner].sum(0) - 1).max() < 1e-9
    with pytest.raises(ValueError, match="bands from 100 to 9000 Hz, wanted from 0 to 8000"):
        mel_filters(20, 1024, 16000, 100, 9000)


def test_batches_silence_and_what_is_too_short():
    x = RNG.standard_normal((2, 3, 400))
    assert log_mel(x, 8000).shape == (2, 3, 3, 40)
    assert (log_mel(x, 8000)[1, 2] == log_mel(x[1, 2], 8000)).all()
    assert (log_mel(np.zeros(400), 8000) == np.float32(np.log(1e-10))).all()
    with pytest.raises(ValueError, match=r"x has shape \(199,\), wanted \(..., N\) with 200 samples or more"):
        log_mel(np.zeros(199), 8000)


def test_the_loudest_stretch():
    x = np.concatenate([np.zeros(500), TONE, np.zeros(700)])
    part = loudest(x, 800)
    assert np.square(part).sum() == pytest.approx(np.square(TONE).sum(), rel=1e-5)
    assert loudest(TONE, 1000).shape == (1000,) and (loudest(TONE, 1000)[100:900] == TONE.astype("f4")).all()
