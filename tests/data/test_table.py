"""Tables of any columns: what is read, what is made of each kind, and what is said about it."""

import datetime
import json
import re

import numpy as np
import pytest
from wxb.data import TableEncoder, find_task, labelled, read_table

pd = pytest.importorskip("pandas")

N = 60
RNG = np.random.default_rng(0)


def shop():
    """Return sixty rows with every kind of column and every kind of gap."""
    days = pd.date_range("2023-01-01", periods=N, freq="11D")
    frame = pd.DataFrame(
        {
            "id": np.arange(N) + 100,
            "size": RNG.normal(50, 10, N).round(1),
            "rooms": RNG.integers(1, 6, N),
            "city": np.array(["Rome", "Oslo", "Bern"])[np.arange(N) % 3],
            "garden": np.arange(N) % 2 == 0,
            "sold": days.strftime("%d.%m.%Y"),
            "note": [f"text number {i}" for i in range(N)],
            "land": "IT",
            "empty": np.nan,
            "price": RNG.normal(300, 50, N).round(2),
        }
    )
    frame.loc[[3, 4], "size"] = np.nan
    frame.loc[[5], "city"] = None
    frame.loc[[7], "city"] = "Lima"
    frame.loc[[8, 9], "price"] = np.nan
    return frame


def stored(encoder):
    return TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict(), allow_nan=False)))


def one(values, **extra):
    """Fit on a table of one column and a number of two values beside the target."""
    n = len(values)
    frame = pd.DataFrame({"a": values, "b": np.arange(n) % 2 * 1.5, "y": np.arange(n) % 2, **extra})
    return frame, TableEncoder.fit(frame, "y")


def test_a_table_of_all_kinds():
    frame = shop()
    encoder = TableEncoder.fit(frame, "price")
    assert encoder.task == "regression" and encoder.classes == ()
    assert encoder.features == [
        "size",
        "rooms",
        "city = Bern",
        "city = Oslo",
        "city = Rome",
        "city = other",
        "city = missing",
        "garden = False",
        "garden = True",
        "sold (days)",
        "sold (sin 7 days)",
        "sold (cos 7 days)",
        "sold (sin 365.243 days)",
        "sold (cos 365.243 days)",
    ]
    median = frame.drop([8, 9])["size"].median()
    assert encoder.messages == [
        "2 rows have no 'price' and are left out",
        "column 'id': dropped, it numbers the rows",
        f"column 'size': 2 missing values become the median {median:g}",
        "column 'city': 3 categories; 1 rare ones become 'other'; 1 missing values become a category of their own",
        "column 'garden': 2 categories",
        "column 'sold': dates in the format %d.%m.%Y",
        "column 'note': dropped, 58 different texts in 58 rows; an identifier?",
        "column 'land': dropped, every value is 'IT'",
        "column 'empty': dropped, every value is missing",
    ]
    x = encoder.transform(frame)
    assert x.shape == (N, 14) and x.dtype == np.float32 and x.flags.c_contiguous and np.isfinite(x).all()
    known = labelled(frame, "price")
    present = known["size"].notna().to_numpy()
    np.testing.assert_allclose(encoder.transform(known)[present, 0].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(encoder.transform(known)[present, 0].std(), 1, atol=1e-6)
    assert x[3, 0] == x[4, 0]
    assert (x[:, 2:7].sum(axis=1) == 1).all() and x[7, 5] == 1 and x[5, 6] == 1
    assert (x[:, 8] == frame["garden"]).all()
    np.testing.assert_allclose(np.diff(x[:, 9]), np.diff(x[:, 9])[0], rtol=1e-4)
    np.testing.assert_allclose(x[:, 10] ** 2 + x[:, 11] ** 2, 1, rtol=1e-5)


def test_targets_of_a_regression():
    frame = shop()
    encoder = TableEncoder.fit(frame, "price")
    known = labelled(frame, "price")
    assert len(known) == N - 2
    y = encoder.transform_target(known)
    assert y.shape == (N - 2, 1) and y.dtype == np.float32
    np.testing.assert_allclose([y.mean(), y.std()], [0, 1], atol=1e-6)
    np.testing.assert_allclose(encoder.inverse_target(y), known["price"], rtol=1e-6)
    np.testing.assert_allclose(encoder.inverse_target(y[:, 0]), known["price"], rtol=1e-6)
    with pytest.raises(ValueError, match="TableEncoder: 2 rows have no 'price', wanted none; use labelled"):
        encoder.transform_target(frame)
    with pytest.raises(ValueError, match=re.escape("target 'price': outputs have shape (3, 2), wanted (N, 1) or (N,)")):
        encoder.inverse_target(np.ones((3, 2)))


@pytest.mark.parametrize(
    "values, classes",
    [
        (["no", "yes", "no", "maybe"] * 5, ("maybe", "no", "yes")),
        ([True, False] * 10, (False, True)),
        ([10, 2, 2, 10] * 5, (2, 10)),
        ([1.0, 2.0, 3.0, np.nan] * 8, (1, 2, 3)),
        (pd.Categorical(["b", "a"] * 10), ("a", "b")),
    ],
)
def test_targets_of_a_classification(values, classes):
    frame = pd.DataFrame({"x": np.arange(len(values)) % 7, "y": values})
    encoder = stored(TableEncoder.fit(frame, "y"))
    assert encoder.task == "classification" and encoder.classes == classes
    known = labelled(frame, "y")
    labels = encoder.transform_target(known)
    assert labels.dtype == np.int64 and labels.shape == (len(known),)
    assert encoder.inverse_target(labels).tolist() == known["y"].tolist()


@pytest.mark.parametrize(
    "values, task",
    [
        ([1, 0] * 3, "classification"),
        ([1.0, 0.0, np.nan] * 3, "classification"),
        (list(range(10)) * 5, "classification"),
        (list(range(10)) * 4, "regression"),
        (list(range(21)) * 50, "regression"),
        ([0.5, 1.5] * 30, "regression"),
        (["1", "2"] * 10, "classification"),
        (["a"] * 3, "classification"),
    ],
)
def test_the_task_is_found(values, task):
    assert find_task(pd.Series(values)) == task


def test_the_task_may_be_chosen():
    frame = pd.DataFrame({"x": np.arange(20) % 3, "y": np.arange(20) % 2})
    encoder = TableEncoder.fit(frame, "y", task="regression")
    assert encoder.transform_target(frame).shape == (20, 1)
    with pytest.raises(ValueError, match="TableEncoder: task is 'rank', wanted 'classification' or 'regression'"):
        TableEncoder.fit(frame, "y", task="rank")


def test_an_encoder_survives_json():
    frame = shop()
    encoder = TableEncoder.fit(frame, "price")
    again = stored(encoder)
    assert again == encoder
    np.testing.assert_array_equal(again.transform(frame), encoder.transform(frame))


@pytest.mark.parametrize("broken", [{}, {"columns": 3}, {"columns": [{}], "target": {}, "messages": []}, None])
def test_a_broken_stored_form(broken):
    with pytest.raises(ValueError, match="TableEncoder: stored form is broken"):
        TableEncoder.from_dict(broken)


def test_new_rows_need_the_columns():
    frame = shop()
    encoder = TableEncoder.fit(frame, "price")
    np.testing.assert_array_equal(
        encoder.transform(frame[["sold", "garden", "city", "rooms", "size"]]), encoder.transform(frame)
    )
    with pytest.raises(ValueError, match="TableEncoder: columns 'size', 'city' are missing from the table"):
        encoder.transform(frame.drop(columns=["size", "city"]))
    with pytest.raises(TypeError, match="TableEncoder: got a ndarray, wanted a pandas DataFrame"):
        encoder.transform(np.ones((3, 3)))
    assert encoder.transform(frame.iloc[:0]).shape == (0, 14)


def test_new_rows_may_hold_new_things():
    _, encoder = one(["p", "q"] * 10)
    new = pd.DataFrame({"a": ["q", "unseen", None, " "], "b": [1e9, None, np.inf, 0.0]})
    np.testing.assert_array_equal(encoder.transform(new)[:, :2], [[0, 1], [0, 0], [0, 0], [0, 0]])
    assert np.isfinite(encoder.transform(new)).all()


@pytest.mark.parametrize(
    "values, new, message",
    [
        ([1.5, 2.5] * 10, "many", "column 'a': holds 'many', wanted a number"),
        ([1.5, 2.5] * 10, 1e60, "column 'a': a value is too far from the training rows for float32"),
        (["2024-01-05", "2024-03-05"] * 10, "-3", "column 'a': holds '-3', wanted a date in the format ISO8601"),
        (
            ["2024-01-05", "2024-03-05"] * 10,
            "5/1/24",
            "column 'a': holds '5/1/24', wanted a date in the format ISO8601",
        ),
    ],
)
def test_new_rows_of_another_kind(values, new, message):
    _, encoder = one(values)
    with pytest.raises(ValueError, match=re.escape(message)):
        encoder.transform(pd.DataFrame({"a": [new], "b": [0.0]}))


def test_a_few_texts_among_numbers_are_gaps():
    _, encoder = one([*map(str, range(30)), "unknown", "n.a."] * 2)
    assert encoder.messages[:2] == [
        "column 'a': 'n.a.', 'unknown' among numbers read as missing",
        "column 'a': 4 missing values become the median 14.5",
    ]
    encoder = stored(encoder)
    new = pd.DataFrame({"a": ["unknown", "14.5", 14.5], "b": 0.0})
    assert encoder.features[0] == "a" and np.ptp(encoder.transform(new)[:, 0]) == 0


@pytest.mark.parametrize(
    "values, said",
    [
        ([None] * 20, "dropped, every value is missing"),
        ([" "] * 20, "dropped, every value is missing"),
        ([7] * 20, "dropped, every value is 7"),
        ([0.1, np.nan] * 10, "dropped, every value is 0.1"),
        (["7", "7.0", " "] * 10, "dropped, every value is 7"),
        ([np.inf, -np.inf] * 10, "dropped, no value is finite"),
        ([True] * 20, "dropped, every value is 'True'"),
        (["2024-01-05", "2024-01-05 00:00"] * 10, "dropped, every date is the same"),
        ([f"k{i}" for i in range(20)], "dropped, 20 different texts in 20 rows; an identifier?"),
        ([f"k{i}" for i in range(19)] + ["k0"], None),
    ],
)
def test_columns_that_say_nothing(values, said):
    _, encoder = one(values)
    if said:
        assert encoder.messages[0] == f"column 'a': {said}" and encoder.features == ["b"]
    else:
        assert encoder.features == ["a = k0", "a = other", "b"]


@pytest.mark.parametrize("name", ["id", "ID", "customer_id", "Unnamed: 0", "index", "row_number"])
def test_row_numbers_are_dropped(name):
    frame = pd.DataFrame({name: RNG.permutation(30), "x": np.arange(30) % 4, "y": np.arange(30) % 2})
    assert TableEncoder.fit(frame, "y").messages[0] == f"column {name!r}: dropped, it numbers the rows"


def test_numbers_named_like_others_stay():
    frame = pd.DataFrame({"paid": RNG.permutation(30), "y": np.arange(30) % 2})
    assert TableEncoder.fit(frame, "y").features == ["paid"]


def test_many_categories_are_capped():
    values = [f"c{i:03}" for i in range(150) for _ in range(12 if i % 2 else 10)]
    _, encoder = one(values)
    assert len(encoder.features) == 102 and encoder.features[100] == "a = other"
    assert encoder.messages == ["column 'a': 100 categories; 50 rare ones become 'other'"]
    assert all(f"a = c{i:03}" in encoder.features for i in range(1, 150, 2))


@pytest.mark.parametrize(
    "texts, format",
    [
        (["2024-02-01", "2023-12-31", None], "ISO8601"),
        (["2024-02-01 10:00", "2023-12-31T23:59:59+01:00", "2022-01-01"], "ISO8601"),
        (["02/01/2024", "12/31/2023", ""], "%m/%d/%Y"),
        (["01/02/2024", "31/12/2023", "01/01/2020"], "%d/%m/%Y"),
        (["01.02.2024", "31.12.2023", "01.01.2020"], "%d.%m.%Y"),
        ([datetime.date(2024, 2, 1), datetime.datetime(2023, 12, 31, 5), None], "ISO8601"),
        (pd.to_datetime(["2024-02-01", "2023-12-31", "1969-01-01"]), "ISO8601"),
        (pd.to_datetime(["2024-02-01", "2023-12-31", None]).tz_localize("Asia/Tokyo"), "ISO8601"),
    ],
)
def test_dates(texts, format):
    frame, encoder = one(list(texts) * 10)
    assert encoder.messages[0] == f"column 'a': dates in the format {format}"
    assert encoder.features[0] == "a (days)"
    x = stored(encoder).transform(frame)
    assert np.isfinite(x).all() and len(set(x[:2, 0])) == 2


def test_hours_have_a_phase_of_the_day():
    stamps = pd.date_range("2024-01-01", periods=100, freq="6h").astype(str)
    _, encoder = one(list(stamps))
    assert [name for name in encoder.features if "1 days" in name] == ["a (sin 1 days)", "a (cos 1 days)"]
    frame, _ = one(list(stamps))
    np.testing.assert_allclose(encoder.transform(frame)[:4, 1], [0, 1, 0, -1], atol=1e-3)


def test_texts_that_only_begin_like_dates():
    _, encoder = one(["1-2-3", "1-2-x"] * 10)
    assert encoder.features == ["a = 1-2-3", "a = 1-2-x", "b"]


@pytest.mark.parametrize(
    "frame, target, message",
    [
        (shop(), "cost", "target 'cost': no such column; the table has 'id', 'size', 'rooms'"),
        (shop(), "empty", "target 'empty': every value is missing, wanted some to learn from"),
        (shop(), "land", "target 'land': every value is 'IT', wanted at least two classes"),
        (shop(), "note", "target 'note': 60 values in 60 rows are too many classes"),
        (
            shop().assign(y=[0.5, 1.5, np.inf] * 20),
            "y",
            "target 'y': 20 values are infinite or missing, wanted none",
        ),
        (shop().assign(y=2.5), "y", "target 'y': values from 2.5 to 2.5 cannot be standardised"),
        (shop()[["land", "price"]], "price", "TableEncoder: no column is left to learn from\n  2 rows have no 'price'"),
        (
            shop().assign(big=np.arange(N) * 1e300),
            "price",
            "column 'big': values from 0 to 5.9e+301 cannot be standardised",
        ),
        (
            pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]),
            "b",
            "labelled: column 'a' occurs twice, wanted different",
        ),
        (pd.DataFrame({"a": [], "b": []}), "b", "target 'b': every value is missing"),
    ],
)
def test_tables_that_cannot_be_learned(frame, target, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        TableEncoder.fit(frame, target)


def test_labels_outside_the_classes():
    frame, encoder = one([1, 2] * 10)
    with pytest.raises(ValueError, match="target 'y': holds '7', wanted one of 0, 1"):
        encoder.transform_target(frame.assign(y=7))
    with pytest.raises(IndexError, match="target 'y': label 2 given, wanted 0 to 1"):
        encoder.inverse_target([0, 2])
    with pytest.raises(TypeError, match=re.escape("target 'y': labels are float64 (2,), wanted integers (N,)")):
        encoder.inverse_target([0.0, 1.0])


@pytest.mark.parametrize(
    "name, text",
    [
        ("a.csv", "x, name ,y\n1.5,a b,3\n?,,4\n"),
        ("a.csv", "\ufeffx;name;y\n1,5;a b;3\nNA;;4\n"),
        ("a.tsv", "x\tname\ty\n1.5\ta b\t3\n\t\t4\n"),
        ("A.TXT", 'x|"name"|y\r\n1.5|"a b"|3\r\n?|nan|4\r\n'),
    ],
)
def test_text_files_in_their_dialects(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    frame = read_table(tmp_path / name)
    assert list(frame.columns) == ["x", "name", "y"]
    assert frame["x"][0] == 1.5 and frame["name"][0] == "a b" and frame["y"].tolist() == [3, 4]
    assert frame.isna().sum().tolist() == [1, 1, 0]


def test_excel_files(tmp_path):
    pytest.importorskip("openpyxl")
    frame = shop().assign(sold=pd.date_range("2023-01-01", periods=N))
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    read = read_table(str(tmp_path / "t.xlsx"))
    assert list(read.columns) == list(frame.columns)
    encoder = TableEncoder.fit(read, "price")
    np.testing.assert_array_equal(encoder.transform(read), TableEncoder.fit(frame, "price").transform(frame))


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("t.csv", b"", "t.csv: the file is empty, wanted a header row and rows of values"),
        ("t.csv", b"\n\n", "t.csv: not a table in UTF-8"),
        ("t.csv", b"a,b\n1,2\n3,4,5\n", "t.csv: not a table in UTF-8"),
        ("t.csv", b"a,b\n1,2,3\n3,4,5\n", "t.csv: the rows have more fields than the header, wanted a name for each"),
        ("t.csv", b"a,b\n1,\xff\xfe\n", "t.csv: not a table in UTF-8"),
        ("t.csv", b"a,a \n1,2\n", "t.csv: column 'a' occurs twice, wanted different names"),
        ("t.xlsx", b"PK\x03\x04 broken", "t.xlsx: not a readable XLSX file"),
        ("t.xlsx", b"a,b\n1,2\n", "t.xlsx: not a readable XLSX file"),
        ("t.parquet", b"PAR1", "t.parquet: suffix is '.parquet', wanted .csv, .tsv, .txt, .xlsx, .xlsm"),
    ],
)
def test_files_that_are_no_tables(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(message)):
        read_table(tmp_path / name)


def test_files_that_cannot_be_opened(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(IsADirectoryError):
        read_table(tmp_path / "folder.csv")


def test_scikit_learns_wine(tmp_path):
    wine = pytest.importorskip("sklearn.datasets").load_wine(as_frame=True)
    wine.frame.to_csv(tmp_path / "wine.csv", index=False)
    frame = read_table(tmp_path / "wine.csv")
    encoder = TableEncoder.fit(frame, "target")
    assert encoder.task == "classification" and encoder.classes == (0, 1, 2) and encoder.messages == []
    x = (wine.data - wine.data.mean()) / wine.data.std(ddof=0)
    np.testing.assert_allclose(encoder.transform(frame), x, atol=1e-5)
    np.testing.assert_array_equal(encoder.transform_target(frame), wine.target)
