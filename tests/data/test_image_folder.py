"""Folders of the user's own pictures: every format and mode, broken files, copies, and the split."""

import io
import os
import re
import struct
import zlib

import numpy as np
import pytest
from wxb.data import image_folder, read_image

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)


def noise(height=20, width=24, channels=3):
    return RNG.integers(0, 256, (height, width, channels) if channels > 1 else (height, width), dtype=np.uint8)


def save(path, pixels, **arguments):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **arguments)
    return path


@pytest.fixture
def folder(tmp_path):
    """Three classes of four different pictures."""
    for name in ("cat", "bird", "dog"):
        for i in range(4):
            save(tmp_path / "pets" / name / f"{i}.png", noise())
    return tmp_path / "pets"


def test_classes_are_the_sub_folders(folder):
    save(folder / "dog" / "more" / "deep.PNG", noise())
    for hidden in (".git", "__MACOSX"):
        save(folder / hidden / "x.png", noise())
    (folder / "cat" / ".DS_Store").write_bytes(b"1")
    data = image_folder(folder, 16)
    assert data.classes == ("bird", "cat", "dog") and data.messages == ()
    assert data.x.shape == (13, 16, 16, 3) and data.x.dtype == np.uint8 and len(data) == 13
    assert data.y.tolist() == [0] * 4 + [1] * 4 + [2] * 5
    assert data.files[:2] == (os.path.join("bird", "0.png"), os.path.join("bird", "1.png"))
    assert os.path.join("dog", "more", "deep.PNG") in data.files
    assert repr(data) == "ImageFolder(x (13, 16, 16, 3), 3 classes: bird, cat, dog)"
    for row in (0, 7, 12):
        np.testing.assert_array_equal(data.x[row], read_image(folder / data.files[row], 16))


def test_crop_keeps_the_centre_and_stretch_all(tmp_path):
    pixels = np.zeros((8, 24, 3), np.uint8)
    pixels[:, 8:16] = 255
    file = save(tmp_path / "wide.png", pixels)
    assert (read_image(file, 8) == 255).all()
    stretched = read_image(file, (8, 12), "stretch", grey=True)
    assert stretched.shape == (8, 12, 1) and (stretched[0, [0, -1]] == 0).all() and (stretched[0, 5:7] == 255).all()
    assert read_image(file, (4, 12)).shape == (4, 12, 3)


def test_size_by_default_is_the_median_side(tmp_path):
    for i, side in enumerate((10, 40, 50)):
        save(tmp_path / "a" / f"{i}.png", noise(side, 90))
        save(tmp_path / "b" / f"{i}.png", noise(90, side))
    assert image_folder(tmp_path).x.shape == (6, 40, 40, 3)
    for i in range(20):
        save(tmp_path / "a" / f"large{i}.png", noise(90, 100))
    assert image_folder(tmp_path, grey=True).x.shape == (26, 64, 64, 1)
    for i in range(60):
        save(tmp_path / "a" / f"tiny{i}.png", noise(3, 4))
    assert image_folder(tmp_path).x.shape[1:] == (16, 16, 3)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "gif", "webp", "tif", "ppm", "jp2"])
def test_formats(tmp_path, suffix):
    pixels = np.tile(np.array([200, 100, 50], np.uint8), (16, 16, 1))
    got = read_image(save(tmp_path / f"x.{suffix}", pixels), 16)
    assert np.abs(got.astype(int) - (200, 100, 50)).max() <= 6


def modes():
    """Return (name, picture, the RGB pixel it stands for)."""
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = 250, 255
    hidden = rgba.copy()
    hidden[..., 3] = 0
    sixteen = Image.fromarray(np.full((8, 8), 128 * 257, np.uint16))
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    return [
        ("L", Image.new("L", (8, 8), 77), (77, 77, 77)),
        ("1", Image.new("1", (8, 8), 1), (255, 255, 255)),
        ("LA", Image.new("LA", (8, 8), (77, 0)), (255, 255, 255)),
        ("RGBA", Image.fromarray(rgba), (250, 0, 0)),
        ("hidden", Image.fromarray(hidden), (255, 255, 255)),
        ("P", palette, (10, 20, 30)),
        ("I16", sixteen, (128, 128, 128)),
    ]


@pytest.mark.parametrize("name, image, pixel", modes(), ids=[m[0] for m in modes()])
def test_modes(tmp_path, name, image, pixel):
    image.save(tmp_path / "x.png")
    assert (read_image(tmp_path / "x.png", 8) == pixel).all()
    assert (
        read_image(tmp_path / "x.png", 8, grey=True) == Image.new("RGB", (1, 1), pixel).convert("L").getpixel((0, 0))
    ).all()


def test_transparent_palette_and_cmyk_and_animation(tmp_path):
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.save(tmp_path / "t.png", transparency=1)
    assert (read_image(tmp_path / "t.png", 8) == 255).all()
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "c.jpg")
    assert np.abs(read_image(tmp_path / "c.jpg", 8).astype(int) - (254, 0, 0)).max() < 6
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert (read_image(tmp_path / "a.gif", 8) == (255, 0, 0)).all()


def test_exif_orientation_is_respected(tmp_path):
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8] = 255  # bright above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    got = read_image(save(tmp_path / "x.jpg", pixels, exif=exif, quality=95), 16)
    assert got[:, 9:].min() > 200 and got[:, :7].max() < 50


def test_large_jpegs_are_read_at_less(tmp_path):
    pixels = np.full((1500, 2000, 3), 90, np.uint8)
    got = read_image(save(tmp_path / "x.jpg", pixels), 32)
    assert got.shape == (32, 32, 3) and np.abs(got.astype(int) - 90).max() <= 2


def png_of(width, height):
    """Return a PNG that claims to be this large."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def broken():
    jpeg, png, webp = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.fromarray(noise(64, 64)).save(jpeg, "JPEG")
    Image.fromarray(noise(64, 64)).save(png, "PNG")
    Image.fromarray(noise(64, 64)).save(webp, "WEBP")
    return {
        "empty.jpg": (b"", "no picture that Pillow can read"),
        "page.png": (b"<html>not found</html>", "no picture that Pillow can read"),
        "half.jpg": (jpeg.getvalue()[:-400], "cannot be read (image file is truncated"),
        "half.png": (png.getvalue()[: len(png.getvalue()) // 2], "cannot be read ("),
        "head.png": (png.getvalue()[:40], "no picture that Pillow can read"),
        "half.webp": (webp.getvalue()[:-900], ""),
        "bomb.png": (png_of(10_000, 10_000), "decompression bomb"),
        "larger_bomb.png": (png_of(60_000, 60_000), "decompression bomb"),
        "script.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture that Pillow can read"),
    }


@pytest.mark.parametrize("name", broken())
def test_broken_files_are_named_and_skipped_only_if_asked(folder, name):
    content, message = broken()[name]
    (folder / "cat" / name).write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(folder / "cat" / name))) as caught:
        image_folder(folder, 8)
    assert message in str(caught.value) and str(caught.value).endswith("or pass skip_broken=True (--skip-broken)")
    data = image_folder(folder, 8, skip_broken=True)
    assert len(data) == 12 and len(data.messages) == 1 and name in data.messages[0]
    with pytest.raises(ValueError, match=re.escape(name)):
        read_image(folder / "cat" / name, 8)


def test_broken_files_are_counted(folder):
    for i in range(3):
        (folder / "dog" / f"no{i}.jpg").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"no0.jpg: no picture .*; 2 more files are broken; mend or remove them"):
        image_folder(folder)


def test_a_class_of_broken_files_alone(folder):
    (folder / "empty").mkdir()
    (folder / "empty" / "1.jpg").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"empty hold nothing; wanted a folder with a picture that can be read"):
        image_folder(folder, 8, skip_broken=True)


def test_files_that_are_no_pictures_are_left_out(folder):
    (folder / "readme.txt").write_text("about")
    (folder / "cat" / "labels.csv").write_text("a,b")
    data = image_folder(folder, 8)
    assert len(data) == 12
    assert data.messages == (
        f"2 files are not named like pictures and are left out: {os.path.join('cat', 'labels.csv')}, readme.txt",
    )


def test_folders_that_hold_no_classes(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder; wanted one with a sub-folder"):
        image_folder(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        image_folder(folder / "cat" / "0.png")
    with pytest.raises(ValueError, match=r"cat: holds 4 pictures and no sub-folders; wanted one per class"):
        image_folder(folder / "cat")
    for name in ("fish", "newt"):
        (folder / name).mkdir()
    with pytest.raises(ValueError, match=r"image_folder: .*fish, .*newt hold nothing; wanted a folder of pictures"):
        image_folder(folder)
    for part in ("train", "val"):
        save(tmp_path / "parts" / part / "cat" / "1.png", noise())
    with pytest.raises(ValueError, match=r"parts: train, val look like splits, wanted classes; pass .*parts/train"):
        image_folder(tmp_path / "parts")


def test_copies_are_found_and_stay_together(folder):
    pixels = Image.open(folder / "cat" / "0.png")
    pixels.save(folder / "cat" / "again.png", compress_level=1)
    pixels.save(folder / "cat" / "again.bmp")
    pixels.save(folder / "dog" / "odd.png")
    data = image_folder(folder, 16)
    assert [text.partition(":")[0] for text in data.messages] == [
        "3 pictures are copies of others, same pixels, and stay on one side of a split",
        "1 pictures stand in more than one class, which no network can tell apart",
    ]
    assert "0.png = " in data.messages[0] and "again.bmp" in data.messages[0]
    alike = np.flatnonzero(data.same == data.same[data.files.index(os.path.join("cat", "0.png"))])
    assert len(alike) == 4
    for seed in range(20):
        train, test = data.split(0.3, seed)
        assert sorted([*train, *test]) == list(range(15))
        assert not set(data.same[train]) & set(data.same[test])
        assert set(data.y[train]) == {0, 1, 2}


def test_split_gives_every_class_its_share(tmp_path):
    for name, count in (("a", 40), ("b", 20), ("c", 10)):
        for i in range(count):
            save(tmp_path / name / f"{i}.png", noise(8, 8))
    data = image_folder(tmp_path, 8)
    train, test = data.split(0.2, 1)
    assert np.bincount(data.y[test]).tolist() == [8, 4, 2] and len(train) == 56
    assert not np.array_equal(test, data.split(0.2, 2)[1])
    np.testing.assert_array_equal(test, data.split(0.2, 1)[1])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"size": 0}, "size is 0, wanted pixels from 1 to 65500: a number, or (height, width)"),
        ({"size": (8, 8, 3)}, "size is (8, 8, 3), wanted"),
        ({"size": 10**9}, "size is 1000000000, wanted"),
        ({"fit": "pad"}, "fit is 'pad', wanted 'crop' or 'stretch'"),
    ],
)
def test_bad_arguments(folder, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        image_folder(folder, **arguments)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.png: no such file"):
        read_image(tmp_path / "no.png", 8)


def test_folds_hold_every_picture_out_once_and_copies_together(folder):
    for i in range(3):
        save(folder / "cat" / f"copy{i}.png", np.asarray(Image.open(folder / "cat" / "0.png")))
    data = image_folder(folder, 16)
    folds = data.kfold(4, seed=1)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(data)))
    for training, test in folds:
        assert not set(data.same[training]) & set(data.same[test])
        assert np.unique(data.y[test]).tolist() == [0, 1, 2]
        assert sorted([*training, *test]) == list(range(len(data)))
    with pytest.raises(ValueError, match="kfold: class bird has 4 rows, wanted at least 5; take fewer folds"):
        data.kfold(5)
