"""Writes tests/golden/tokenizer/albert.json: ids and segments that transformers 4 gives for small tokenizers of ALBERT, trained here.

  python make_albert_tokenizers.py OUT.json [nmt_nfkc]

Arguments are those of make_subword_tokenizers.py. Needs: transformers 4 (5 forgets the segments), tokenizers, sentencepiece, protobuf.
"""
import shutil, tempfile
import transformers
from make_subword_tokenizers import main, saved, unigram


def cases(full):
    assert transformers.__version__.startswith("4."), transformers.__version__
    config = {"config.json": {"model_type": "albert", "vocab_size": 2000, "hidden_size": 8, "num_attention_heads": 1, "num_hidden_layers": 1, "intermediate_size": 8}}
    settings = lambda **keys: {"tokenizer_config.json": keys}
    folder = tempfile.mkdtemp()
    special = dict(pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]", "[MASK]"])
    base = {**config, "spiece.model": unigram(folder, full, **special)}
    yield "albert: spiece.model", base
    yield "albert: cased", {**base, **settings(do_lower_case=False)}
    yield "albert: with accents", {**base, **settings(keep_accents=True)}
    yield "albert: named by its class", {**base, **settings(tokenizer_class="AlbertTokenizer", truncation_side="left")}
    yield "albert: additional tokens", {**base, **settings(additional_special_tokens=["<ent>"])}
    yield "albert: pieces that users defined", {**config, "spiece.model": unigram(folder, full, user_defined_symbols=["<ent>", "$5.00"], **special)}
    whole = saved(base)
    yield "albert: tokenizer.json", whole
    yield "albert: tokenizer.json without its settings", {**config, "tokenizer.json": whole["tokenizer.json"]}
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(cases)
