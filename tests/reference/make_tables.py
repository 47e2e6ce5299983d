"""Writes tests/golden/tables/: tables in the forms that other programs write, and what they contain.

  python make_tables.py OUT_DIR

Needs numpy and pyarrow. `expected.json` has for each file the options to read it with, its columns, and its rows as Python's csv and json
modules and pyarrow read them back: null for what is missing, text for what is not a list.
"""
import csv, decimal, functools, gzip, io, json, os, sys

import numpy
import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = ["id", "review", "stars"]
PLAIN = [["007", "plain", "good"], ["08", "it's \"fine\", isn't it; no?", "fair"], ["9", "café – “naïve”", "bad"], ["10", "", "good"],
         ["11", " blanks around ", "fair"], ["1e3", "\"", "bad"]]
TRICKY = PLAIN + [["12", "two\nlines", "good"], ["13", "two\r\nlines, \"\"quoted\"\"\n", "bad"], ["14", "a\ttab; a | bar", "fair"]]

gzipped = functools.partial(gzip.compress, mtime=0)
out = sys.argv[1]
os.makedirs(out, exist_ok=True)
expected = {}


def write(name, data):
    with open(os.path.join(out, name), "wb") as file:
        file.write(data)


def expect(name, columns, rows, **options):
    missing = lambda cell: None if cell == "" else cell
    expected[name] = {"options": options, "columns": columns, "rows": [[missing(cell) for cell in row] for row in rows]}


def csv_text(rows, **how):
    file = io.StringIO(newline="")
    csv.writer(file, **how).writerows([COLUMNS] + rows)
    return file.getvalue()


def comma(name, rows, encoding="utf-8", options={}, **how):
    data = csv_text(rows, **how).encode(encoding)
    write(name, data)
    read = list(csv.reader(io.StringIO(data.decode(encoding), newline=""), strict=True, delimiter=how.get("delimiter", ",")))
    expect(name, read[0], read[1:], **options)


def zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


comma("comma.csv", TRICKY)
comma("all-quoted.csv", TRICKY, quoting=csv.QUOTE_ALL, lineterminator="\n")
comma("semicolon.csv", TRICKY, options={"separator": ";"}, delimiter=";")
comma("tabs-quoted.csv", TRICKY, options={"separator": "\t"}, delimiter="\t")
comma("mark.csv", TRICKY, "utf-8-sig")
comma("utf-16.csv", TRICKY, "utf-16")
write("utf-16be.csv", b"\xfe\xff" + csv_text(TRICKY).encode("utf-16-be"))
expected["utf-16be.csv"] = expected["utf-16.csv"]
comma("windows-1252.csv", TRICKY, "windows-1252", {"encoding": "windows-1252"})
comma("shift-jis.csv", [["1", "日本、\"表\"", "良"], ["2", "ソ,ー能", "悪"]], "shift_jis", {"encoding": "shift_jis"})

tsv = "".join("\t".join(row) + "\n" for row in [COLUMNS] + PLAIN)
write("plain.tsv", tsv.encode())
expect("plain.tsv", *(lambda read: (read[0], read[1:]))(list(csv.reader(io.StringIO(tsv), delimiter="\t", quoting=csv.QUOTE_NONE))))
write("dos.tsv.gz", gzipped(tsv.replace("\n", "\r\n").encode()))
expected["dos.tsv.gz"] = expected["plain.tsv"]

texts = [row[1] for row in PLAIN]
write("texts.txt", "\n".join(texts).encode())
expect("texts.txt", ["text"], [[text] for text in texts])
write("pairs.txt", "".join(f"{a}\t{b}\n" for _, a, b in PLAIN).encode())
expect("pairs.txt", ["text", "text_pair"], [row[1:] for row in PLAIN])

# Several members and frames, as tools that compress in parallel or append write them.
data = csv_text(TRICKY).encode()
write("members.csv.gz", gzipped(data[:100]) + gzipped(b"") + gzipped(data[100:]))
write("frames.csv.zst", zstd(data[:50]) + zstd(data[50:]))
expected["members.csv.gz"] = expected["frames.csv.zst"] = expected["comma.csv"]

objects = [
    {"text": "a \"quoted\"\nline – “é” \U0001f600", "id": "007", "score": 2.5, "whole": 7, "flag": True, "labels": ["x", "y z"]},
    {"text": "", "id": 9007199254740993, "score": 0.1, "whole": -3, "flag": False, "labels": []},
    {"text": None, "id": 18446744073709551615, "score": 1e-7, "whole": None, "flag": None, "labels": None, "more": {"a": [1]}},
    {"labels": [0, 27], "id": "x", "text": "\t"},
]


def cell(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return [str(item) for item in value]
    if isinstance(value, (int, decimal.Decimal)):
        return format(value, "d" if isinstance(value, int) else "f")
    # The shortest decimal text, without an exponent, and of a whole number without a fraction.
    return format(decimal.Decimal(str(value)), "f").removesuffix(".0")


def cells(rows, columns):
    return [[cell(row.get(column)) for column in columns] for row in rows]


for name, ascii in [("objects.jsonl", True), ("objects.ndjson.zst", False)]:
    data = "\n".join(json.dumps(row, ensure_ascii=ascii) for row in objects).encode()
    write(name, zstd(data) if name.endswith("zst") else data)
    expect(name, list(objects[0]), cells([json.loads(line) for line in data.decode().splitlines()], list(objects[0])))

table = pa.table({
    "text": pa.array(["a\nb", "", None, "é"]),
    "kind": pa.array(["x", "y", "x", None]).dictionary_encode(),
    "whole": pa.array([1, -2, None, 2**62], pa.int64()),
    "small": pa.array([1, 2, 3, 4], pa.uint8()),
    "float": pa.array([0.1, 2.5, None, -3.0], pa.float32()),
    "double": pa.array([0.1, 1e-7, 3.0, None], pa.float64()),
    "flag": pa.array([True, False, None, True]),
    "price": pa.array([decimal.Decimal("12.50"), decimal.Decimal("-0.05"), None, decimal.Decimal("3.00")], pa.decimal128(9, 2)),
    "labels": pa.array([["x", "y"], [], None, ["z"]], pa.list_(pa.string())),
    "ids": pa.array([[0, 27], [3], [], None], pa.list_(pa.int64())),
    "nested": pa.array([{"a": 1}] * 4),
})
wanted = [name for name in table.column_names if name != "nested"]
for name, how in [("types.parquet", {"compression": "zstd"}), ("groups.parquet", {"row_group_size": 1, "version": "1.0"})]:
    pq.write_table(table, os.path.join(out, name), **how)
    rows = pq.read_table(os.path.join(out, name)).to_pylist()
    for row in rows:
        row["float"] = row["float"] and numpy.float32(row["float"])
    expect(name, table.column_names, cells(rows, wanted))
    expected[name]["wanted"] = wanted

with open(os.path.join(out, "expected.json"), "w") as file:
    json.dump(expected, file, indent=1, ensure_ascii=False)
    file.write("\n")
