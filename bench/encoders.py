"""Writes encoders of base's shape (width 768, 6 layers; `base` has 12) without weights, and variants of MRPC, for the benchmarks.

  python encoders.py CHECKPOINT GLUE_DIR OUT

CHECKPOINT lends its tokenizer.json, a BERT's. OUT gets a folder per family, `long` with sentences of more than 1,024 tokens, and
`dense` with pairs of more than 64.
"""
import json, os, shutil, sys

checkpoint, glue, out = sys.argv[1:4]
BERT = dict(hidden_size=768, num_hidden_layers=6, num_attention_heads=12, intermediate_size=3072, vocab_size=30522,
            max_position_embeddings=514, type_vocab_size=2, pad_token_id=0)
FAMILIES = {
    "bert": BERT,
    "base": dict(BERT, num_hidden_layers=12),
    "roberta": BERT,
    "electra": dict(BERT, embedding_size=768),
    "albert": dict(BERT, embedding_size=128, hidden_act="gelu_new", classifier_dropout_prob=0.1),
    "mpnet": dict(BERT, pad_token_id=1),
    "distilbert": dict(dim=768, n_layers=6, n_heads=12, hidden_dim=3072, vocab_size=30522, max_position_embeddings=514, pad_token_id=0),
    "deberta-v2": dict(BERT, relative_attention=True, position_buckets=256, max_relative_positions=-1, norm_rel_ebd="layer_norm",
                       share_att_key=True, pos_att_type="p2c|c2p", position_biased_input=False, type_vocab_size=0,
                       max_position_embeddings=512, layer_norm_eps=1e-7),
    "modernbert": dict(hidden_size=768, intermediate_size=1152, num_hidden_layers=6, num_attention_heads=12, vocab_size=50368,
                       global_attn_every_n_layers=3, local_attention=128, classifier_pooling="mean", pad_token_id=0,
                       cls_token_id=101, sep_token_id=102),
}
for family, config in FAMILIES.items():
    folder = os.path.join(out, family)
    os.makedirs(folder)
    with open(os.path.join(checkpoint, "tokenizer.json"), encoding="utf-8") as f:
        tokenizer = json.load(f)
    padding = "[PAD]"
    if config["pad_token_id"] == 1:
        # MPNet's padding token is always 1; in a BERT's vocabulary that is a word without a use.
        padding = next(token for token, id in tokenizer["model"]["vocab"].items() if id == 1)
    tokenizer["padding"], tokenizer["truncation"] = None, None
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as f:
        json.dump(tokenizer, f)
    names = dict(pad_token=padding, cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]", model_input_names=["input_ids", "attention_mask"])
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(dict(model_type="bert" if family == "base" else family, **config), f)
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump(dict(tokenizer_class="PreTrainedTokenizerFast", model_max_length=8192, **names), f)

with open(os.path.join(glue, "MRPC", "train.tsv"), encoding="utf-8-sig") as f:
    rows = [line.rstrip("\n").split("\t") for line in f][1:]
# `dense` is truncated to 64 tokens, so that there is no padding.
for variant, count, times in [("long", 200, 70), ("dense", 2000, 8)]:
    os.makedirs(os.path.join(out, variant, "MRPC"))
    for name, part in [("train", rows[:count]), ("dev", rows[count : count + 20])]:
        with open(os.path.join(out, variant, "MRPC", f"{name}.tsv"), "w", encoding="utf-8") as f:
            f.write("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n")
            for r in part:
                f.write("\t".join([r[0], r[1], r[2], " ".join([r[3]] * times), " ".join([r[4]] * times)]) + "\n")
