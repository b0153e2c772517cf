"""The command line, as a user types it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from wxb.cli import main
from wxb.data import load_breast_cancer, load_diabetes

pytest.importorskip("matplotlib")


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    status = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_train_predict_summary(capsys, tmp_path):
    image = pytest.importorskip("PIL.Image")
    out = tmp_path / "digits"
    status, text, _ = run(capsys, "train", "digits", "--epochs", 3, "--out", out, "--json", "--threads", 1)
    assert status == 0
    result = json.loads(text.splitlines()[-1])
    assert result["recipe"] == "digits" and result["test_accuracy"] > 0.9 and result["threads"] == 1
    assert result["seed"] == 0 and result["steps"] == 3 * 45 and len(result["weights_sha256"]) == 64
    files = {"weights.safetensors", "config.json", "history.csv", "curves.png", "confusion.png", "mistakes.png"}
    assert files | {"features.png"} <= {p.name for p in out.iterdir()}

    from wxb.data import load_digits

    digits = load_digits()
    for i in (0, 1, 2):  # as a person draws: dark on white, and larger
        ink = (255 - digits.x[i].reshape(8, 8) * 255 / 16).astype(np.uint8)
        image.fromarray(ink).resize((64, 64), 0).save(tmp_path / f"{i}.png")
    status, text, _ = run(capsys, "predict", out, *(tmp_path / f"{i}.png" for i in (0, 1, 2)), "--json")
    rows = json.loads(text)
    assert status == 0 and [row["class"] for row in rows] == ["0", "1", "2"]

    status, text, _ = run(capsys, "summary", out)
    assert status == 0 and "trainable parameters: 19,210" in text


def test_the_same_seed_gives_the_same_weights(capsys, tmp_path):
    hashes = []
    for threads, seed in ((1, 0), (2, 0), (2, 1)):
        out = tmp_path / f"{threads}-{seed}"
        _, text, _ = run(
            capsys, "train", "digits", "--epochs", 2, "--out", out, "--json", "--threads", threads, "--seed", seed
        )
        hashes.append(json.loads(text.splitlines()[-1])["weights_sha256"])
    assert hashes[0] == hashes[1] != hashes[2]


def test_precision_changes_nothing_on_the_cpu(capsys, tmp_path):
    hashes = []
    for more in ([], ["--precision", "tf32"]):
        _, text, _ = run(capsys, "train", "breast-cancer", "--epochs", 1, "--out", tmp_path, "--json", *more)
        hashes.append(json.loads(text.splitlines()[-1])["weights_sha256"])
        options = json.loads((tmp_path / "config.json").read_text())["options"]
        assert options.get("precision") == (more[1] if more else None)
    assert hashes[0] == hashes[1]
    with pytest.raises(SystemExit):
        run(capsys, "train", "breast-cancer", "--precision", "fp16")
    assert "fp32" in (said := capsys.readouterr().err) and "tf32" in said and "bf16" in said


@pytest.mark.parametrize(("name", "table"), [("diabetes", load_diabetes), ("breast-cancer", load_breast_cancer)])
def test_tabular_recipes_and_their_predictions(capsys, tmp_path, name, table):
    data = table()
    status, text, _ = run(capsys, "train", name, "--epochs", 2, "--out", tmp_path / name, "--json")
    assert status == 0 and json.loads(text.splitlines()[-1])["recipe"] == name
    rows = tmp_path / "rows.csv"
    lines = [",".join(f'"{n}"' for n in data.feature_names), *(",".join(map(str, row)) for row in data.x[:3])]
    rows.write_text("\n".join(lines))
    status, text, _ = run(capsys, "predict", tmp_path / name, rows, "--json")
    assert status == 0 and [row["row"] for row in json.loads(text)] == [1, 2, 3]
    rows.write_text("a,b\n1,2\n")
    status, _, err = run(capsys, "predict", tmp_path / name, rows)
    assert status == 1 and "lacks the columns" in err


def test_csv_with_text_and_gaps(capsys, tmp_path):
    pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    lines = ["size,colour,weight,kind"]
    for i in range(200):
        big = rng.random() < 0.5
        size = "" if i % 17 == 0 else f"{(3 if big else 1) + rng.normal(0, 0.2):.3f}"
        lines.append(f"{size},{rng.choice(['red', 'blue', ''])},{rng.normal():.3f},{'pear' if big else 'plum'}")
    file = tmp_path / "fruit.csv"
    file.write_text("\n".join(lines))
    status, text, err = run(
        capsys, "train", "csv", file, "--target", "kind", "--epochs", 30, "--out", tmp_path / "run", "--json"
    )
    assert status == 0, err
    result = json.loads(text.splitlines()[-1])
    assert result["test_accuracy"] >= 0.9 and result["task"] == "classification"
    status, text, _ = run(capsys, "predict", tmp_path / "run", file, "--json")
    assert status == 0 and {row["class"] for row in json.loads(text)} == {"pear", "plum"}


def test_doctor(capsys):
    status, text, _ = run(capsys, "doctor", "--json")
    found = json.loads(text)
    assert status == 0 and {"wxb", "instruction set", "threads", "caches", "gpu"} <= set(found)
    assert found["gpu"].startswith("off: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "digit"), "'digit' is not one of digits"),
        (("train", "digits", "--epochs", "-1"), "epochs is -1"),
        (("train", "digits", "--threads", "0"), "threads is 0"),
        (("train", "csv"), "no file is given"),
        (("train", "csv", "nowhere.csv", "--target", "a"), "nowhere.csv"),
        (("train", "mnist-mlp", "--data", "nowhere"), "nowhere"),
        (("predict", "nowhere", "a.png"), "no config.json in nowhere"),
        (("summary", "nowhere"), "no config.json in nowhere"),
    ],
)
def test_errors_are_one_line(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(capsys, *arguments)
    assert status == 1 and message in err and err.startswith("wxb: ") and "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "conditional", "hinge"),
    [((), None, None), (("--no-conditional",), False, None), (("--conditional", "--no-hinge"), True, False)],
)
def test_what_is_not_said_is_left_to_the_recipe(capsys, monkeypatch, arguments, conditional, hinge):
    given = []
    monkeypatch.setattr("wxb.recipes.gan.train", lambda options: given.append(options) or {"intervals": {}})
    assert run(capsys, "train", "gan", *arguments)[0] == 0
    assert (given[0].conditional, given[0].hinge) == (conditional, hinge)


def test_wrong_usage_exits_with_2(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["train"])


def test_a_broken_run_is_named(capsys, tmp_path):
    (tmp_path / "config.json").write_text("{")
    status, _, err = run(capsys, "summary", tmp_path)
    assert status == 1 and "config.json is broken" in err
    (tmp_path / "config.json").write_text('{"recipe": "digits", "model": {"kind": "os.system"}}')
    status, _, err = run(capsys, "summary", tmp_path)
    assert status == 1 and "kind is 'os.system'" in err
