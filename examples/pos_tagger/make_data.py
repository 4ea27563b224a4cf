"""Make data.csv, active.csv and truth.csv from the two raw word lists.

    python make_data.py pos_tags_train.csv pos_tags_test.csv --train 2000 --test 500 --to .

A raw list has the columns sentence, word and tag. Features are of spellings: the word itself in lower
case if it is frequent, its last one to four letters if those are frequent, capitals, digits, hyphens. Only the
training sentences say what is frequent.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

Sentence = list[tuple[str, str]]  # spelling and tag
MISSING = {"", "NA", "NaN", "nan", "null"}  # words that a table would take for blanks


def sentences(path: Path, most: int) -> list[Sentence]:
    """The first `most` sentences spread evenly over the file."""
    found: dict[str, Sentence] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            word = f"'{row['word']}'" if row["word"] in MISSING else row["word"]
            found.setdefault(row["sentence"], []).append((word, row["tag"]))
    every = list(found.values())
    return [every[i * len(every) // most] for i in range(min(most, len(every)))]


def candidates(word: str) -> Iterator[str]:
    """Every feature that a spelling could have."""
    lower = word.lower()
    yield "any"
    yield f"={lower}"
    yield from (f"-{lower[-n:]}" for n in (1, 2, 3, 4) if len(lower) > n)
    if word[0].isupper():
        yield "Upper" if len(word) > 1 and word.isupper() else "Capital"
    if any(c.isdigit() for c in word):
        yield "digit"
    if "-" in word[1:]:
        yield "hyphen"
    if not any(c.isalnum() for c in word):
        yield "sign"


def features(training: Iterable[Sentence], words: Iterable[str], least: int) -> dict[str, list[str]]:
    """Features of each spelling that occur at least `least` times in the training sentences."""
    counts = Counter(f for s in training for word, _ in s for f in candidates(word))
    return {word: [f for f in candidates(word) if counts[f] >= least] for word in words}


def write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    """A CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def token_rows(sentences_of: list[Sentence], letter: str) -> Iterator[tuple[object, ...]]:
    """A row a word: sentence, place, word, tag."""
    for number, sentence in enumerate(sentences_of):
        for i, (word, tag) in enumerate(sentence):
            yield f"{letter}{number}", i, word, tag


def tables(training: list[Sentence], test: list[Sentence], least: int, folder: Path) -> None:
    """data.csv of the training sentences, test.csv of the others, active.csv of the spellings in both."""
    write(folder / "data.csv", ("sent", "pos", "form", "tag"), token_rows(training, "s"))
    unseen = ((*row[:-1], "", row[-1]) for row in token_rows(test, "t"))
    write(folder / "test.csv", ("sent", "pos", "form", "tag", "truth"), unseen)
    spellings = sorted({word for s in [*training, *test] for word, _ in s})
    active = features(training, spellings, least)
    write(folder / "active.csv", ("word", "feat"), ((w, f) for w in spellings for f in active[w]))


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the tagger's tables")
    parser.add_argument("training", type=Path)
    parser.add_argument("testing", type=Path)
    parser.add_argument("--train", type=int, default=2000, help="training sentences")
    parser.add_argument("--test", type=int, default=500, help="test sentences")
    parser.add_argument("--least", type=int, default=3, help="occurrences of a feature in the training words")
    parser.add_argument(
        "--to", type=Path, default=Path(__file__).resolve().parent, help="folder of the tables"
    )
    asked = parser.parse_args()
    asked.to.mkdir(exist_ok=True)
    tables(
        sentences(asked.training, asked.train), sentences(asked.testing, asked.test), asked.least, asked.to
    )


if __name__ == "__main__":
    main()
