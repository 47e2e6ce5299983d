"""Which files of a repository belong to which split, by the names alone, as `datasets` infers it: tests/golden/hub_splits.json.

Needs datasets (5.2.0). Run from the project's folder: python tests/reference/make_hub_splits.py
"""

import json
import os
import tempfile
from pathlib import Path

from datasets.data_files import DataFilesDict, get_data_patterns

REPOSITORIES = [
    ["train.csv", "test.csv"],
    ["train.csv", "validation.csv", "test.csv"],
    ["train.csv", "valid.csv", "eval.csv"],
    ["training.csv", "val.csv", "testing.csv"],
    ["my-train-file.csv", "my_dev_file.csv", "data.evaluation.csv"],
    ["train0.csv", "train1.csv", "dev 2.csv"],
    ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/test-00000-of-00001.parquet"],
    ["data/train-00000-of-00001-0123456789abcdef.parquet", "data/validation-00000-of-00001-0123456789abcdef.parquet"],
    ["data/train-00000-of-00001.parquet", "data/extra.csv", "validation.csv"],
    ["data/unlabeled-00000-of-00001.parquet", "train.csv"],
    ["data/train.csv", "data/test.csv"],
    ["train/0000.parquet", "validation/0000.parquet", "test/0000.parquet"],
    ["default/train/0000.parquet", "default/test/0000.parquet"],
    ["cola/train-00000-of-00001.parquet", "cola/validation-00000-of-00001.parquet", "rte/train-00000-of-00001.parquet"],
    ["en/train.csv", "de/train.csv", "en/dev.csv"],
    ["my_train_folder/a.csv", "my_dev_folder/b.csv"],
    ["train/a.csv", "test.csv"],
    ["train_1/x.csv", "train_2/x.csv", "x.val/y.csv"],
    ["train/test.csv", "a.csv"],
    ["reviews.csv"],
    ["a.csv", "b/c.csv"],
    ["trainer.csv", "contest.csv", "retrain.csv"],
    ["Train.csv", "TEST.csv"],
    ["train_test.csv", "devel.csv", "val-eval.csv"],
    [".hidden/train.csv", "__pycache__/train.csv", "x.csv"],
    [".train.csv", "train.jsonl.gz"],
    ["train-v1.1.json", "dev-v1.1.json", "dataset_infos.json"],
    ["eval_results/a.csv", "train.csv"],
]


def splits(files):
    with tempfile.TemporaryDirectory() as folder:
        for name in files:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
        patterns = get_data_patterns(folder)
        found = DataFilesDict.from_patterns(patterns, base_path=folder)
        relative = {str(split): sorted(os.path.relpath(path, folder) for path in paths) for split, paths in found.items()}
        known = {split: paths for split, paths in relative.items() if split in ("train", "validation", "test")}
        return known


cases = [{"files": files, "splits": splits(files)} for files in REPOSITORIES]
lines = ",\n".join(json.dumps(case) for case in cases)
Path("tests/golden/hub_splits.json").write_text(f"[\n{lines}\n]\n")
