"""Writes tests/golden/readers/: tables and weights in forms that other programs write.

  python make_readers.py TINY_CHECKPOINT OUT_DIR

TINY_CHECKPOINT is tests/golden/tiny. Needs pyarrow, torch, transformers and safetensors. Each parquet file holds the
same eight rows; each folder of shards holds the tiny BERT, in parts as transformers and PyTorch leave them; half-deberta is a DeBERTa.
"""
import json, os, shutil, sys

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import AutoModelForSequenceClassification, DebertaV2Config, DebertaV2Model

LABELS = [1, 0, 1, 1, 0, 0, 1, 0]
FIRST = [f"first {i} – “é”" for i in range(8)]
SECOND = [f"second {i}" for i in range(8)]


def table(label=pa.int64(), text=pa.string()):
    strings = lambda values: pa.array(values, pa.string()).cast(text) if text != pa.dictionary(pa.int32(), pa.string()) else pa.array(values).dictionary_encode()
    labels = pa.array(LABELS).dictionary_encode() if pa.types.is_dictionary(label) else pa.array(LABELS).cast(label)
    # A nested column that nobody asks for.
    nested = pa.array([{"a": [i]} for i in range(8)])
    return pa.table({"idx": nested, "label": labels, "sentence2": strings(SECOND), "sentence1": strings(FIRST)})


def parquet(out):
    os.makedirs(out, exist_ok=True)
    write = lambda name, table, **how: pq.write_table(table, os.path.join(out, name + ".parquet"), **how)
    for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
        write(codec, table(), compression=codec)
    for width in ["int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64"]:
        write(width, table(label=getattr(pa, width)()))
    write("label-dictionary", table(label=pa.dictionary(pa.int32(), pa.int64())))
    write("text-dictionary", table(text=pa.dictionary(pa.int32(), pa.string())))
    write("text-large", table(text=pa.large_string()))
    write("text-view", table(text=pa.string_view()))
    write("groups", table(), row_group_size=3, data_page_size=1, version="1.0")
    write("pages-2", table(), data_page_version="2.0", compression="zstd", use_dictionary=False)
    # What is refused.
    write("refused-bool", table(label=pa.bool_()))
    write("refused-double", table(label=pa.float64()))
    write("refused-binary", table(text=pa.binary()))
    missing = table().to_pydict()
    missing["sentence2"][2] = None
    write("refused-missing", pa.table({name: missing[name] for name in ["sentence1", "sentence2", "label"]}))
    with pa.OSFile(os.path.join(out, "refused-arrow.parquet"), "wb") as sink, pa.ipc.new_file(sink, table().schema) as writer:
        writer.write_table(table())


def shards(checkpoint, out):
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint)
    folder = os.path.join(out, "sharded")
    model.save_pretrained(folder, max_shard_size="40KB")
    os.remove(os.path.join(folder, "config.json"))
    # PyTorch's format in parts, as transformers wrote it before safetensors.
    folder = os.path.join(out, "sharded-pickled")
    os.makedirs(folder, exist_ok=True)
    state, map = model.state_dict(), {}
    names = list(state)
    parts = [names[: len(names) // 2], names[len(names) // 2 :]]
    for number, part in enumerate(parts, 1):
        file = f"pytorch_model-{number:05}-of-{len(parts):05}.bin"
        torch.save({name: state[name].half() for name in part}, os.path.join(folder, file))
        map |= {name: file for name in part}
    with open(os.path.join(folder, "pytorch_model.bin.index.json"), "w") as f:
        json.dump({"metadata": {"total_size": 0}, "weight_map": map}, f, indent=1)
    for folder in ["sharded", "sharded-pickled"]:
        for name in ["config.json", "vocab.txt", "tokenizer_config.json"]:
            shutil.copy(os.path.join(checkpoint, name), os.path.join(out, folder, name))


def half_deberta(out):
    """Of a DeBERTa-v3 as microsoft publishes it: one pickle of 16-bit floats with the pretraining heads, but no pooler."""
    keys = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12, max_position_embeddings=16, vocab_size=12,
                type_vocab_size=0, relative_attention=True, position_buckets=4, norm_rel_ebd="layer_norm", position_biased_input=False,
                share_att_key=True, pos_att_type="p2c|c2p")
    model = DebertaV2Model(DebertaV2Config(**keys))
    state = {"deberta." + name: tensor for name, tensor in model.state_dict().items()}
    state |= {"lm_predictions.lm_head.bias": torch.zeros(12), "mask_predictions.dense.bias": torch.zeros(8)}
    numbers = torch.arange(sum(tensor.numel() for tensor in state.values()))
    # Numbers that f16 holds exactly, all over its bits; the first two are its smallest and its largest.
    values = ((numbers * 37 % 2048 - 1024) / 1024).half()
    values[0], values[1] = 2.0**-24, 65504.0
    parts = values.split([tensor.numel() for tensor in state.values()])
    halves = {name: part.clone().reshape(tensor.shape) for (name, tensor), part in zip(state.items(), parts)}
    folder = os.path.join(out, "half-deberta")
    os.makedirs(folder, exist_ok=True)
    torch.save(halves, os.path.join(folder, "pytorch_model.bin"))
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump({"model_type": "deberta-v2", **keys}, f, indent=1); f.write("\n")


if __name__ == "__main__":
    parquet(os.path.join(sys.argv[2], "parquet"))
    shards(sys.argv[1], sys.argv[2])
    half_deberta(sys.argv[2])
