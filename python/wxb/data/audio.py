"""Sound: wav files, another sampling rate, and log-mel spectra, the pictures that speech is recognised by."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["log_mel", "loudest", "mel_filters", "read_wav", "resample"]

Samples = NDArray[np.float32]

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
RATES = 1_000, 768_000  # Hz: less is no sound, more no wav
ZERO_CROSSINGS = 16  # of the resampling filter on each side
FLOOR = 1e-10  # of a band's power: -100 dB of a full-scale sine


def read_wav(source: str | os.PathLike[str] | bytes) -> tuple[Samples, int]:
    """Read a wav file, or its bytes: samples (N,) float32 from -1 to 1, channels averaged, and the rate in Hz.

    PCM of 8, 16, 24 or 32 bits and floats of 32 or 64 are read. Raises ValueError, naming the file, for what is no wav,
    truncated, compressed, or without a sample.
    """
    name = "wav" if isinstance(source, bytes) else str(source)
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError(f"{name}: it is no wav file, it begins with {content[:12]!r}")
    chunks = _chunks(name, content)
    if b"fmt " not in chunks or b"data" not in chunks:
        missing = "format" if b"fmt " not in chunks else "sound"
        raise ValueError(f"{name}: the wav file has no {missing} in it; it is broken")
    form, channels, rate, bits = _format(name, chunks[b"fmt "])
    data = chunks[b"data"]
    frame = channels * bits // 8
    if len(data) < frame:
        raise ValueError(f"{name}: there is not one sample in it")
    samples = _numbers(data[: len(data) // frame * frame], form, bits).reshape(-1, channels).mean(1)
    if not np.isfinite(samples).all():
        raise ValueError(f"{name}: it has samples that are NaN or infinite")
    return np.ascontiguousarray(samples, np.float32), rate


def _chunks(name: str, content: bytes) -> dict[bytes, bytes]:
    """Return the first chunk of each kind."""
    found: dict[bytes, bytes] = {}
    stream = io.BytesIO(content[12:])
    while len(header := stream.read(8)) == 8:
        kind, size = header[:4], struct.unpack("<I", header[4:])[0]
        part = stream.read(size + size % 2)[:size]
        if len(part) < size and not (kind == b"data" and size >= 0xFFFFFF00):  # a recorder that wrote into a pipe
            raise ValueError(f"{name}: truncated, {len(part)} of the {size} bytes of {kind!r} are there")
        found.setdefault(kind, part)
    return found


def _format(name: str, chunk: bytes) -> tuple[int, int, int, int]:
    """Return the kind of numbers, channels, rate and bits of a sample."""
    if len(chunk) < 16:
        raise ValueError(f"{name}: its format takes {len(chunk)} bytes, wanted 16 at least; it is broken")
    form, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunk[:16])
    if form == EXTENSIBLE and len(chunk) >= 26:
        form = struct.unpack("<H", chunk[24:26])[0]
    if (form, bits) not in ((PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)):
        raise ValueError(f"{name}: format {form} with {bits} bits is not read, save it as PCM of 16 bits")
    if not channels or not RATES[0] <= rate <= RATES[1]:
        raise ValueError(f"{name}: {channels} channels at {rate} Hz, wanted 1 or more at {RATES[0]} to {RATES[1]}")
    return form, channels, rate, bits


def _numbers(data: bytes, form: int, bits: int) -> NDArray[np.float64]:
    """Return samples as numbers from -1 to 1."""
    if form == FLOAT:
        return np.frombuffer(data, f"<f{bits // 8}").astype(np.float64)
    if bits == 8:
        return (np.frombuffer(data, np.uint8) - 128.0) / 128
    if bits == 24:  # as the upper three bytes of four
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0] / 2.0**31
    return np.frombuffer(data, f"<i{bits // 8}") / 2.0 ** (bits - 1)


def resample(x: ArrayLike, rate: int, wanted: int) -> Samples:
    """Return samples x (N,) at ``rate`` Hz as (ceil(N wanted / rate),) at ``wanted`` Hz.

    A sinc within a Hann window, 16 zero crossings to each side, cut off below the lower of both half rates. Raises
    ValueError for rates that are not positive.
    """
    samples = np.asarray(x, np.float64)
    if samples.ndim != 1 or rate <= 0 or wanted <= 0:
        raise ValueError(f"resample: x has shape {samples.shape} at {rate} Hz, wanted (N,) and positive rates")
    if rate == wanted:
        return samples.astype(np.float32)
    count = -(-len(samples) * wanted // rate)
    cutoff = 0.95 * min(1.0, wanted / rate)  # a share of the half rate that x has
    reach = int(np.ceil(ZERO_CROSSINGS / cutoff))
    padded = np.concatenate([np.zeros(reach), samples, np.zeros(reach + 1)])
    taps = np.arange(-reach + 1, reach + 1)
    y = np.empty(count, np.float32)
    for begin in range(0, count, 4096):
        n = np.arange(begin, min(count, begin + 4096), dtype=np.int64)
        place, part = np.divmod(n * rate, wanted)
        distance = taps - part[:, None] / wanted
        window = 0.5 + 0.5 * np.cos(np.pi * np.clip(distance / reach, -1, 1))
        filters = cutoff * np.sinc(cutoff * distance) * window
        y[begin : begin + len(n)] = (filters * padded[place[:, None] + reach + taps]).sum(1)
    return y


def loudest(x: ArrayLike, count: int) -> Samples:
    """Return the ``count`` successive samples of x (N,) with the most power, or x between zeros where it is shorter."""
    samples = np.asarray(x, np.float32)
    if len(samples) <= count:
        before = (count - len(samples)) // 2
        return np.pad(samples, (before, count - len(samples) - before))
    power = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    start = int(np.argmax(power[count:] - power[:-count]))
    return samples[start : start + count]


def mel_filters(bands: int, size: int, rate: int, low: float, high: float) -> NDArray[np.float64]:
    """Return triangles that overlap by half, equally wide in mel = 2595 log10(1 + f / 700): (bands, size // 2 + 1).

    Each has a peak of 1; size: of the Fourier transform; low, high: ends of the lowest and the highest, Hz (Stevens,
    Volkmann, Newman 1937; O'Shaughnessy 1987).
    """
    if not 0 <= low < high <= rate / 2:
        raise ValueError(f"mel_filters: bands from {low} to {high} Hz, wanted from 0 to {rate / 2} at most")
    mel = np.linspace(2595 * np.log10(1 + low / 700), 2595 * np.log10(1 + high / 700), bands + 2)
    ends = 700 * (10 ** (mel / 2595) - 1)
    frequencies = np.arange(size // 2 + 1) * rate / size
    rise = (frequencies - ends[:-2, None]) / np.diff(ends)[:-1, None]
    fall = (ends[2:, None] - frequencies) / np.diff(ends)[1:, None]
    return np.maximum(0, np.minimum(rise, fall))


def log_mel(
    x: ArrayLike,
    rate: int,
    bands: int = 40,
    window: float = 0.025,
    hop: float = 0.010,
    low: float = 60.0,
    high: float | None = None,
) -> Samples:
    """Return the log power of samples x (..., N) in mel bands, (..., frames, bands) float32.

    ``log(max(1e-10, F |rfft(w x)|² / (Σ w)²))``, w a Hann window of ``window`` seconds every ``hop``, F the filters of
    ``mel_filters`` from ``low`` to ``high`` Hz (None: half the rate): a sine of amplitude a in the middle of a band
    gives log(a² / 4). Frames lie wholly within x. Raises ValueError where there is not one.
    """
    samples = np.asarray(x, np.float64)
    length, step = round(window * rate), max(1, round(hop * rate))
    if samples.ndim == 0 or samples.shape[-1] < length or length < 2:
        raise ValueError(f"log_mel: x has shape {samples.shape}, wanted (..., N) with {length} samples or more")
    size = 1 << (length - 1).bit_length()
    w = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    frames = np.lib.stride_tricks.sliding_window_view(samples, length, -1)[..., ::step, :]
    spectrum = np.fft.rfft(frames * w, size)
    power = (spectrum.real**2 + spectrum.imag**2) / w.sum() ** 2
    mel = power @ mel_filters(bands, size, rate, low, rate / 2 if high is None else high).T
    logarithm: Samples = np.log(np.maximum(FLOOR, mel)).astype(np.float32)
    return logarithm
