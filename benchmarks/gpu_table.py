"""The README's table of a GPU run: times beside torch or CuPy, rates, how much of the machine that is."""

from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Any

# Of all rows, those the README shows.
SHOWN = (
    "launch, on the host",
    "relu *",
    "add bias *x256",
    "matmul *",
    "conv *",
    "softmax 1024",
    "layer_norm*",
    "batch_norm*",
    "sum *",
    "attention *",
    "lstm *",
    "step *",
    "train *",
)
PEERS = ("cupy", "torch", "torch tuned", "torch graph")
HEAD = ("microseconds", "wxb", "wxb eager", *PEERS, "rate", "of a copy", "x best peer")


def gpu_text(document: Mapping[str, Any]) -> str:
    """Return the table, what machine it is and how many checks passed above it."""
    meta, checks = document["meta"], document["checks"]
    machine = meta["gpu"].get("name", meta["device"])
    about = [machine, f"driver {meta['gpu'].get('driver_version', '-')}", meta["date"][:10], f"commit {meta['commit']}"]
    about += [f"{row['name']} {_rate(row)}" for row in document["ceilings"] if row["us"]]
    about.append(f"{sum(row['ok'] for row in checks)} of {len(checks)} checks pass")
    rows = [row for row in document["rows"] if row["us"] and any(fnmatch(row["name"], each) for each in SHOWN)]
    rule = ["---", *["---:"] * (len(HEAD) - 1)]
    return "\n".join([", ".join(about) + ".", "", *(f"| {' | '.join(c)} |" for c in (HEAD, rule, *map(_cells, rows)))])


def _cells(row: Mapping[str, Any]) -> list[str]:
    times = [_number(row["us"][name]) if name in row["us"] else "" for name in HEAD[1 : 3 + len(PEERS)]]
    share, ratio = row["share"], row["ratio"]
    of_copy = f"{share:.0%}" if share and not row.get("flops") else ""
    return [row["name"], *times, _rate(row), of_copy, f"{ratio:.2f}" if ratio else ""]


def _number(us: float) -> str:
    return f"{us:,.{2 if us < 1000 else 0}f}"


def _rate(row: Mapping[str, Any]) -> str:
    if row.get("tflops"):
        return f"{row['tflops']:.1f} TFLOP/s"
    return f"{row['gb_per_s']:.0f} GB/s" if row.get("gb_per_s") else ""
