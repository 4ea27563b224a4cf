"""Hide half of the tags, at random places: half.csv with blanks, visible.csv for `visible.model`, and whole.csv.

    python hide.py FOLDER [SENTENCES [alternate]]

Both are of the first training sentences (all, if no number is given). `alternate` hides every second tag. In
visible.csv `seen` says which rows have a tag, and `linked` which of those have a `previous` tag; where a tag is
not known the cell holds one that is not used. whole.csv has half of the sentences, with all of their tags.
"""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

Row = dict[str, str]


def hidden(rows: list[Row], alternate: bool, seed: int) -> list[Row]:
    """The rows with half of the tags blank: any, or those at even places."""
    generator = random.Random(seed)
    blank = [int(r["pos"]) % 2 == 0 if alternate else generator.random() < 0.5 for r in rows]
    return [row | {"tag": "" if b else row["tag"]} for row, b in zip(rows, blank, strict=True)]


def visible(rows: list[Row]) -> list[Row]:
    """The rows with what a tagger that leaves out hidden places can use."""
    found = []
    for last, row in zip([{"tag": ""}, *rows[:-1]], rows, strict=True):
        seen, linked = row["tag"] != "", row["tag"] != "" and row["pos"] != "0" and last["tag"] != ""
        marks = {"seen": str(int(seen)), "linked": str(int(linked))}
        found.append(row | marks | {"previous": last["tag"] if linked else "X", "tag": row["tag"] or "X"})
    return found


def save(path: Path, rows: list[Row]) -> None:
    """A CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    folder, most = Path(sys.argv[1]), int((sys.argv[2:] or ["1000000"])[0])
    with (Path(__file__).resolve().parent / "data.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["sent"][1:]) < most]
    half = hidden(rows, sys.argv[3:] == ["alternate"], 1)
    save(folder / "half.csv", half)
    save(folder / "visible.csv", visible(half))
    sentences = sorted({int(row["sent"][1:]) for row in rows})
    save(folder / "whole.csv", [row for row in rows if int(row["sent"][1:]) < sentences[len(sentences) // 2]])


if __name__ == "__main__":
    main()
