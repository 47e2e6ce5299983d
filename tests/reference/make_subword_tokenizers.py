"""Writes tests/golden/tokenizer/subwords.json: ids that transformers' AutoTokenizer gives for small tokenizers of RoBERTa,
XLM-RoBERTa, CamemBERT and DistilBERT, trained here.

  python make_subword_tokenizers.py OUT.json [nmt_nfkc]

With nmt_nfkc, the SentencePiece models have that table of characters (240 kB) instead of a small one; compare them by
GLUEPOT_TEST_TOKENIZERS=OUT.json cargo test --release --test suite tokenizer_files
Needs: transformers, tokenizers, sentencepiece, protobuf.
"""
import json, os, random, shutil, sys, tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import sentencepiece
import tokenizers
import transformers
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoTokenizer

CORPUS = ("The red car was sold by the farmer last week. A tall sailor painted an old clock at the market! Don't they'll we've I'm it's. "
          "Two students traded 1,234 bicycles for $5.00 on Monday (before noon). Der alte Mann kaufte das rote Auto für fünf Euro. "
          "Le fermier a vendu la voiture rouge hier, n'est-ce pas? El niño comió una manzana. Красная машина была продана вчера. "
          "赤い車は昨日売られました。 红色的汽车昨天卖了。 빨간 차는 어제 팔렸다. السيارة الحمراء بيعت أمس. लाल कार कल बिक गई। 😀 👩‍👩‍👧 ½ ﬁ ﬀ № ™ ").split(". ")
ATOMS = ["the red car", "The RED Cars", "café", "CAFE\u0301", "naïve", "n\u0303", "中国", "日本", "한국", "ᄒ\u1161ᆫ", "İstanbul", "ß", "ﬁ", "ﬀ", "½", "①", "Ａ", "ｶﾞ", "\u00ad", "\u200b", "\u200d", "\ufeff", "\u00a0",
         "\u3000", "\u2028", "\u0085", "\t", "\n", "\r\n", "\u0000", "\u0007", "\ufffd", "👩‍👩‍👧", "😀", "e\u0301\u0323", "don't", "they'll", "I'M", "$5.00", "1,234", "3.14e-5", "http://a.b/c?d=e", "a_b-c", "...", "''", "``", "<s>", "</s>",
         "<pad>", "<unk>", "<mask>", " <mask>", "<mask> ", "[MASK]", "[SEP]", "<ent>", "▁", "▁the", "Ġ", "Ċ", "العربية", "हिन्दी", "ไทย", "𝒜", "\U0001f1e9\U0001f1ea", "x" * 40, "ЖЗИ", "№", "™", "ﷺ", "ǆ", "K", "Å", "  ", "   "]
SINGLES = ["", " ", "the", " the", "the ", "the red car was sold.", "x" * 300, "  two  spaces  ", "line\nbreak\ttab", "<s> the </s>", "the<mask>car", "the <mask> car", "Hello world", " Hello world"]


def texts(count):
    """Hostile texts: joined at random, with and without spaces."""
    rng = random.Random(3)
    singles = SINGLES + ["".join(rng.choice(ATOMS) + rng.choice(["", " ", " ", "  "]) for _ in range(rng.randint(1, 9))) for _ in range(count)]
    pairs = [[rng.choice(singles), rng.choice(singles)] for _ in range(count // 3)]
    return [[text] for text in singles] + pairs


def byte_level(folder):
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(CORPUS, vocab_size=420, min_frequency=1, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.save_model(folder)
    return {name: open(os.path.join(folder, name), encoding="utf-8").read() for name in ("vocab.json", "merges.txt")}


def unigram(folder, full, **options):
    corpus, rules, prefix = (os.path.join(folder, name) for name in ("corpus", "rules.tsv", "model"))
    with open(corpus, "w", encoding="utf-8") as f: f.write("\n".join(CORPUS * 4))
    # Code points of the source and of the target: ligatures, fullwidth letters, fractions, spaces, nothing.
    rule = {"ﬁ": "fi", "ﬀ": "ff", "Ａ": "A", "½": "1⁄2", "①": "1", "№": "No", "™": "TM", "\u00a0": " ", "\u3000": " ", "\t": " ", "\n": " ", "\u200b": "", "e\u0301": "é", "E\u0301": "É", "n\u0303": "ñ", "ｶ\uff9e": "ガ", "\u0007": ""}
    with open(rules, "w", encoding="utf-8") as f:
        for source, target in rule.items(): f.write(" ".join("%X" % ord(c) for c in source) + "\t" + " ".join("%X" % ord(c) for c in target) + "\n")
    normalization = dict(normalization_rule_name="nmt_nfkc") if full else dict(normalization_rule_tsv=rules)
    sentencepiece.SentencePieceTrainer.train(input=corpus, model_prefix=prefix, vocab_size=260, character_coverage=0.98, hard_vocab_limit=False, minloglevel=2, **normalization, **options)
    return open(prefix + ".model", "rb").read()


def write(folder, files):
    for name, content in files.items():
        if isinstance(content, bytes):
            with open(os.path.join(folder, name), "wb") as f: f.write(content)
        else:
            with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as f: f.write(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))


def saved(files, **changes):
    """The files that transformers saves of a folder."""
    folder = tempfile.mkdtemp()
    try:
        write(folder, files)
        AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
        read = lambda name: json.load(open(os.path.join(folder, name), encoding="utf-8"))
        return {"config.json": files["config.json"], "tokenizer.json": {**read("tokenizer.json"), **changes}, "tokenizer_config.json": read("tokenizer_config.json")}
    finally: shutil.rmtree(folder)


def cases(full):
    config = lambda kind, **keys: {"config.json": {"model_type": kind, "vocab_size": 2000, "hidden_size": 8, "num_attention_heads": 1, "num_hidden_layers": 1, "intermediate_size": 8, "dim": 8, "n_heads": 1, **keys}}
    settings = lambda **keys: {"tokenizer_config.json": keys}
    mask = {"content": "<mask>", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False}
    folder = tempfile.mkdtemp()
    bpe = {**config("roberta"), **byte_level(folder)}
    yield "roberta: vocab.json", bpe
    yield "roberta: add_prefix_space", {**bpe, **settings(add_prefix_space=True)}
    yield "roberta: mask takes the space", {**bpe, "special_tokens_map.json": {"mask_token": mask}}
    yield "roberta: other special tokens", {**bpe, **settings(cls_token="<mask>", sep_token="<unk>")}
    yield "roberta: an added token", {**bpe, "added_tokens.json": {"<ent>": 900}}
    yield "roberta: additional tokens", {**bpe, **settings(additional_special_tokens=["<ent>"], truncation_side="left")}
    whole = saved(bpe)
    yield "roberta: tokenizer.json", whole
    strings = json.loads(json.dumps(whole))
    strings["tokenizer.json"]["model"]["merges"] = [" ".join(m) if isinstance(m, list) else m for m in strings["tokenizer.json"]["model"]["merges"]]
    yield "roberta: tokenizer.json without its settings", {**config("roberta"), "tokenizer.json": strings["tokenizer.json"]}
    yield "roberta: tokenizer.json and other files that disagree", {**whole, "vocab.json": "{}", "merges.txt": "#version: 0.2\n"}
    yield "roberta: tokenizer.json with a prefix space of its own", {**config("roberta"), "tokenizer.json": {**whole["tokenizer.json"], "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}}}
    yield "roberta: a normalizer that its class ignores", {**config("roberta"), "tokenizer.json": {**whole["tokenizer.json"], "normalizer": {"type": "Lowercase"}}}
    yield "roberta: PreTrainedTokenizerFast", {**whole, **settings(tokenizer_class="PreTrainedTokenizerFast")}
    yield "refused: roberta without merges", {k: v for k, v in bpe.items() if k != "merges.txt"}
    pieces = unigram(folder, full)
    spm = {"sentencepiece.bpe.model": pieces}
    for kind, length in (("xlm-roberta", 512), ("camembert", 512)):
        base = {**config(kind), **spm}
        yield f"{kind}: sentencepiece.bpe.model", base
        yield f"{kind}: no prefix space", {**base, **settings(add_prefix_space=False)}
        yield f"{kind}: additional tokens", {**base, **settings(additional_special_tokens=["<ent>"])}
        yield f"{kind}: an added token", {**base, "added_tokens.json": {"<ent>": 900}}
        yield f"{kind}: mask takes the space", {**base, "special_tokens_map.json": {"mask_token": mask}}
        whole = saved(base)
        yield f"{kind}: tokenizer.json", whole
        yield f"{kind}: tokenizer.json without its settings", {**config(kind), "tokenizer.json": whole["tokenizer.json"]}
    yield "bert with the tokenizer of xlm-roberta", {**config("bert"), **spm, **settings(tokenizer_class="XLMRobertaTokenizer")}
    yield "bert with the tokenizer of xlm-roberta, named by config.json", {**config("bert", tokenizer_class="XLMRobertaTokenizerFast"), **spm}
    own = unigram(folder, full, user_defined_symbols=["<ent>", "$5.00"], control_symbols=["<ctl>"])
    yield "xlm-roberta: pieces that users defined", {**config("xlm-roberta"), "sentencepiece.bpe.model": own}
    if not full: yield "refused: xlm-roberta: a BPE model", {**config("xlm-roberta"), "sentencepiece.bpe.model": unigram(folder, full, model_type="bpe")}
    yield "refused: xlm-roberta: damaged", {**config("xlm-roberta"), "sentencepiece.bpe.model": pieces[:500]}
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + list("abcdefghijklmnopqrstuvwxyz.,'") + ["##" + c for c in "abcdefghijklmnopqrstuvwxyz"] + ["the", "red", "car", "sold"]
    vocab = {"vocab.txt": "".join(word + "\n" for word in words)}
    yield "distilbert: vocab.txt", {**config("distilbert"), **vocab}
    yield "distilbert: its own class", {**config("distilbert"), **vocab, **settings(tokenizer_class="DistilBertTokenizer", do_lower_case=False)}
    yield "bert with the tokenizer of distilbert", {**config("bert"), **vocab, **settings(tokenizer_class="DistilBertTokenizer")}
    yield "electra: vocab.txt", {**config("electra"), **vocab}
    shutil.rmtree(folder)


def encode(files, rows, max_length):
    folder = tempfile.mkdtemp()
    try:
        write(folder, files)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        out = []
        for row in rows:
            enc = tokenizer(*row, truncation=True, max_length=max_length)
            # The model of DistilBERT takes none.
            segments = enc.get("token_type_ids") if files["config.json"]["model_type"] != "distilbert" else None
            out.append({"text": row, "ids": " ".join(map(str, enc["input_ids"])), "segments": segments and " ".join(map(str, segments))})
        return out
    except BaseException as e:
        return f"{type(e).__name__}: {e}"[:200]
    finally: shutil.rmtree(folder)


def main():
    out, full = sys.argv[1], "nmt_nfkc" in sys.argv[2:]
    transformers.logging.set_verbosity(50)
    contents, all_cases = [], []
    def index(content):
        content = list(content) if isinstance(content, bytes) else content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        if content not in contents: contents.append(content)
        return contents.index(content)
    rng, hostile = random.Random(4), texts(200)
    for number, (name, files) in enumerate(cases(full)):
        # All texts for one folder of each kind, some for the others.
        is_main = full or name in ("roberta: vocab.json", "xlm-roberta: sentencepiece.bpe.model", "camembert: tokenizer.json")
        rows = hostile if is_main else rng.sample(hostile, 40)
        max_length = 400 if is_main else [12, 17, 64][number % 3]
        result = encode(files, rows, max_length)
        case = {"name": name, "files": {k: index(v) for k, v in files.items()}, "max_length": max_length}
        case |= {"refused": result} if isinstance(result, str) else {"rows": result}
        all_cases.append(case)
        print(name, result if isinstance(result, str) else len(result))
    with open(out, "w", encoding="utf-8") as f:
        f.write(json.dumps({"transformers": transformers.__version__, "tokenizers": tokenizers.__version__, "contents": contents, "cases": all_cases}, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
