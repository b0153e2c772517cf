"""Write the benchmark tables of the README, or list what is below its target.

python benchmarks/report.py [FILE ...]              the newest results, on CPU and GPU, between the markers of README.md
python benchmarks/report.py --misses [FILE ...]     exit status 1 if there are any
"""

import argparse
import json
import sys
from fnmatch import fnmatch
from pathlib import Path

from gpu_table import gpu_text
from targets import misses
from wxb.bench import table

ROOT = Path(__file__).parent.parent
MARKS = "<!-- benchmark:begin -->", "<!-- benchmark:end -->"
GPU_MARKS = "<!-- gpu:begin -->", "<!-- gpu:end -->"

# Of all rows, those the README shows.
SHOWN = (
    "step *",
    "epoch *",
    "fit *",
    "gemm nn 64x64x64",
    "gemm nn 512x512x512",
    "gemm nt 128x10x512",
    "linear * 32x512",
    "gelu in cache *",
    "relu large *",
    "softmax 256x1000",
    "sum axis -1 4096*",
    "dropout large *",
    "adam update *",
)


def newest() -> list[Path]:
    folder = ROOT / "benchmarks" / "results"
    found = [max(folder.glob(f"cpu/*-{kind}.json"), default=None) for kind in ("steps", "kernels")]
    return [path for path in (*found, max(folder.glob("gpu/*.json"), default=None)) if path]


def text_of(documents: list[dict]) -> str:
    """Return the tables, a line on the machine above them."""
    parts = []
    for document in documents:
        meta, rows = document["meta"], [row for row in document["rows"] if row["us"]]
        shown = [row for row in rows if any(fnmatch(row["name"], pattern) for pattern in SHOWN)]
        versions = ", ".join(f"{name} {version}" for name, version in meta["versions"].items() if name != "wxb")
        parts.append(f"{meta['cpu']}, {meta['isa']}, {meta['date'][:10]}, commit {meta['commit']}; {versions}.")
        parts.append(table(shown))
    return "\n\n".join(parts)


def write(readme: Path, text: str, marks: tuple[str, str]) -> None:
    """Put a text between the marks of a page."""
    before, begin, rest = readme.read_text(encoding="utf-8").partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        raise SystemExit(f"{readme}: it must have the lines {marks[0]} and {marks[1]}")
    readme.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md")
    options = parser.parse_args()
    files = options.files or newest()
    if not files:
        raise SystemExit("report: there are no results; run benchmarks/kernels.py --out")
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    on_gpu = [document for document in documents if "ceilings" in document]
    documents = [document for document in documents if "ceilings" not in document]
    if not options.misses:
        if documents:
            write(options.readme, text_of(documents), MARKS)
        if on_gpu:
            write(options.readme, "\n\n".join(map(gpu_text, on_gpu)), GPU_MARKS)
        return 0
    lines = misses([row for document in documents for row in document["rows"]])
    print("\n".join(lines) or "every row reaches its target")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
