"""Writes tests/golden/tokenizer/golden.json: ids that transformers' AutoTokenizer gives for BERT folders of many kinds.

  python make_tokenizers.py OUT.json [RANDOM_CASES [SEED]]

Without RANDOM_CASES, the fixed cases of the test suite. With it, as many folders with random files; compare them by
GLUEPOT_TEST_TOKENIZERS=OUT.json cargo test --release --test suite tokenizer_files
Needs: transformers, tokenizers.
"""
import copy, json, os, random, shutil, sys, tempfile
import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

os.environ["HF_HUB_OFFLINE"] = "1"
import transformers
from transformers import AutoTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [c for c in "abcdefghijklmnopqrstuvwxyzABCDEFGNRT0123"]
WORDS = SPECIAL + ["the", "The", "car", "cars", "red", "Red", "sold", "##s", "##er", "old", "one", "two", "三", "中", "国", "##国", "日本",
    "é", "##é", "café", "naive", "naïve", "##ï", "ΐ", "ι", "han", "한", "##국", "ᄒ", "##ᅡ", "##ᆫ", "ß", "i̇", "İ", "[", "]", "<", ">", "/", "ent", "ENT",
    "ment", "mask", "sep", "cls", "unk", "pad", "-", ".", ",", "!", "'", "\"", "_", "$", "<s>", "</s>", "<unk>", "<pad>", "ﬁ", "fi", "##x",
    "marker", "new", "york", "newyork", "\u2028", "a\u2028b", "😀", "##e", "##nt"] + LETTERS + ["##" + c for c in LETTERS]
WORDS = list(dict.fromkeys(WORDS))

TEXTS = ["the red car", "The RED Cars sold.", "café naïve CAFÉ", "cafe\u0301 nai\u0308ve", "中国 and 日本 三", "x中国x", "한국 han", "İstanbul ß ΐ", "[MASK] the [SEP] red [CLS]",
    "the[MASK]car", "[mask] [sep]", "<ent> old <ENT> <Ent>", "the<ent>car", "newyork New York new york", "a <s> b </s> <unk> <pad>", "tab\tand\u00a0space\u200bzero\u2028line",
    "line\r\nbreak\rhere", "\u0000null\ufffd\u0007bell", "", " ", "...", "x" * 101, "x" * 99 + " the", "😀 emoji 👩‍👩‍👧", "ﬁ fi ﬀ", "one two " * 12, "The old car " * 6, "[ENT] ment [ent]",
    "don't $5_000 - a/b", "ent-ent <ent><ent>  <ent> .", "[PAD] pad [UNK] unk zzq", "a\u2028b", "  the  marker ", "MARKER marker Marker", "E\u0301E e\u0301", "one", "two sold red old"]
PAIRS = [["the red car", "the old car"], ["one two " * 9, "three"], ["three", "one two " * 9], ["one two " * 9, "the red old car " * 7], ["the red old car " * 7, "one two " * 9],
    ["the old car " * 5, "the red car " * 5], ["x" * 30, "y" * 29 + " a b c"], ["", "the"], ["the", ""], ["", ""], ["<ent> [MASK] " * 4, "[SEP] car " * 4], ["CAFÉ 中国", "café 한국"], ["a b c d e f g", "h i j k"], ["a b c d", "e f g h"],
    ["a b c d e f g h i j k l", "a b c d e f g h i j k"], ["a b c d e f g h i j k l", "a b c d e f g h i j k l"]]

CONFIG = {"model_type": "bert", "vocab_size": 400, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}


def fast(words=WORDS, lower=True, kind="wordpiece", post="template", added=SPECIAL, truncation=None, padding=None, chinese=True, accents=None, prefix="##", chars=100, untyped=False):
    """A tokenizer.json."""
    ids = {w: i for i, w in enumerate(words)}
    if kind == "wordpiece": model = models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=chars, continuing_subword_prefix=prefix)
    elif kind == "wordlevel": model = models.WordLevel(ids, unk_token="[UNK]")
    elif kind == "bpe": model = models.BPE(ids, [("t", "h"), ("o", "l")] if "th" in ids else [], unk_token="[UNK]")
    else: model = models.Unigram([(w, -float(i)) for i, w in enumerate(words)], unk_id=1)
    t = Tokenizer(model)
    t.normalizer = normalizers.BertNormalizer(lowercase=lower, handle_chinese_chars=chinese, strip_accents=accents)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer() if kind != "unigram" else pre_tokenizers.Whitespace()
    t.add_tokens([a if isinstance(a, tokenizers.AddedToken) else tokenizers.AddedToken(a, special=True) for a in added])
    cls, sep = ("[CLS]", ids.get("[CLS]", 2)), ("[SEP]", ids.get("[SEP]", 3))
    if post == "template": t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[cls, sep])
    if post == "zeros": t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[cls, sep])
    if post == "bert": t.post_processor = processors.BertProcessing(sep, cls)
    if post == "roberta": t.post_processor = processors.RobertaProcessing(sep, cls)
    if post == "bytes": t.post_processor = processors.ByteLevel()
    if truncation: t.enable_truncation(**truncation)
    if padding: t.enable_padding(**padding)
    json_ = json.loads(t.to_str())
    if untyped: del json_["model"]["type"]
    return json_


def text(words): return "".join(w + "\n" for w in words)


def fixed():
    """Name and files of each fixed case."""
    vocab, js = {"vocab.txt": text(WORDS)}, {"tokenizer.json": fast()}
    cased, bare = {"tokenizer.json": fast(lower=False)}, {"tokenizer.json": fast(added=[])}
    config = lambda **keys: {"tokenizer_config.json": keys}
    ent = {"content": "<ent>", "lstrip": False, "rstrip": False, "normalized": True, "single_word": False}
    marked = lambda **flags: {"__type": "AddedToken", **ent, **flags}
    decoder = {str(i): {"content": w, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True} for i, w in enumerate(SPECIAL)}
    keys = {"do_lower_case": [True, False], "strip_accents": [True, False, None], "tokenize_chinese_chars": [False], "do_basic_tokenize": [False], "never_split": [["<ent>", "CAFÉ"]],
        "truncation_side": ["left"], "padding_side": ["right"], "additional_special_tokens": [["<ent>", "[ENT]"], [marked(), "marker"], []], "extra_special_tokens": [["<ent>"], {"ent_token": "<ent>"}],
        "cls_token": ["<s>", {"__type": "AddedToken", **ent, "content": "<s>", "special": True}], "sep_token": ["</s>"], "unk_token": ["<unk>"], "pad_token": ["<pad>", None], "mask_token": ["<ent>", marked(lstrip=True), None],
        "ent_token": ["<ent>", marked(special=True)], "bos_token": ["<ent>"], "split_special_tokens": [True], "model_input_names": [["input_ids", "attention_mask"]], "model_max_length": [24], "add_bos_token": [True], "clean_up_tokenization_spaces": [True],
        "tokenizer_class": ["BertTokenizer", "BertTokenizerFast", "ElectraTokenizerFast"],
        "added_tokens_decoder": [decoder, {**decoder, "150": {**ent, "special": False}, "149": {**ent, "content": "[ENT]", "special": True, "normalized": False}}]}
    for base_name, base in (("words", vocab), ("json", js), ("cased", cased)):
        yield base_name, base
        for key, values in keys.items():
            for number, value in enumerate(values):
                yield f"{base_name}: {key} {number}", {**base, **config(**{key: value})}
    for name, value in {"strings": {"cls_token": "<s>", "additional_special_tokens": ["<ent>"]}, "objects": {"cls_token": {**ent, "content": "<s>"}, "mask_token": ent},
                        "lists of objects": {"additional_special_tokens": [ent]}, "extra": {"extra_special_tokens": ["<ent>", ent]}, "own": {"ent_token": "<ent>", "x_token": {**ent, "content": "[ENT]"}}}.items():
        name = ("refused: " if name == "lists of objects" else "") + name
        yield f"{name}, special_tokens_map", {**vocab, "special_tokens_map.json": value}
        yield f"{name}, special_tokens_map, json", {**js, "special_tokens_map.json": value}
        if "refused" not in name: yield f"{name}, special_tokens_map after added_tokens_decoder", {**js, "special_tokens_map.json": value, **config(added_tokens_decoder=decoder)}
    for name, base in (("words", vocab), ("json", js)):
        yield f"{name}: added_tokens", {**base, "added_tokens.json": {"<ent>": 150, "[ENT]": 149, "newyork": 20}}
        yield f"{name}: added_tokens, one special", {**base, "added_tokens.json": {"<ent>": 150, "[ENT]": 149}, "special_tokens_map.json": {"mask_token": "[ENT]"}}
        yield f"{name}: added_tokens after added_tokens_decoder", {**base, "added_tokens.json": {"<ent>": 150}, **config(added_tokens_decoder=decoder)}
    yield "words and json disagree", {**js, "vocab.txt": text(reversed(WORDS))}
    for name, words in {"CRLF": "".join(w + "\r\n" for w in WORDS if "\u2028" not in w), "twice": text(WORDS + ["the", "red"]), "blank lines": text(WORDS[:20] + ["", " "] + WORDS[20:]), "no end": text(WORDS)[:-1], "spaces": "".join(w + " \n" for w in WORDS),
                        "no [MASK]": text(w for w in WORDS if w != "[MASK]"), "no [CLS], no [PAD]": text(w for w in WORDS if w not in ("[CLS]", "[PAD]"))}.items():
        yield ("refused: " if "[CLS]" in name else "") + f"vocab.txt: {name}", {"vocab.txt": words}
    direct = config(tokenizer_class="PreTrainedTokenizerFast")
    for name, options in {"plain": {}, "cased": dict(lower=False), "bert": dict(post="bert"), "zeros": dict(post="zeros"), "roberta": dict(post="roberta"), "no post-processor": dict(post=None), "unigram": dict(kind="unigram"), "bpe": dict(kind="bpe"), "wordlevel": dict(kind="wordlevel"),
                          "left": dict(truncation=dict(max_length=9, direction="left", stride=2)), "right": dict(truncation=dict(max_length=9)), "padded": dict(padding=dict(length=20, pad_token="<ent>", pad_id=3)), "no added": dict(added=[]), "normalized": dict(added=SPECIAL + [tokenizers.AddedToken("Café"), tokenizers.AddedToken("<ENT>", lstrip=True, rstrip=True)]),
                          "prefix": dict(prefix="@@"), "short words": dict(chars=5), "untyped": dict(untyped=True), "no [CLS] token": dict(added=["[PAD]"])}.items():
        yield f"tokenizer.json, {name}", {"tokenizer.json": fast(**options)}
        yield f"PreTrainedTokenizerFast, {name}", {"tokenizer.json": fast(**options), **direct}
    fast_keys = {"model_input_names": [["input_ids", "token_type_ids", "attention_mask"]], "cls_token": ["<s>"], "unk_token": ["<unk>"], "do_lower_case": [False], "truncation_side": ["left"], "additional_special_tokens": [["<ent>"]], "added_tokens_decoder": [{"150": {**ent, "special": True}}], "split_special_tokens": [True]}
    for key, values in fast_keys.items():
        for value in values: yield f"PreTrainedTokenizerFast: {key}", {"tokenizer.json": fast(added=SPECIAL[:4]), **config(tokenizer_class="PreTrainedTokenizerFast", **{key: value})}
    yield "class of config.json", {**js, "config.json": {**CONFIG, "tokenizer_class": "PreTrainedTokenizerFast"}}
    for name in ("RobertaTokenizer", "BertJapaneseTokenizer", "AlbertTokenizer"):
        yield f"refused: class {name}", {**js, **vocab, **config(tokenizer_class=name)}
    for name, value in {"truncation_side": "middle", "padding_side": "left", "do_lower_case": "no", "cls_token": 5, "cls_token ": None, "mask_token": {"content": "x"}, "model_input_names": ["input_ids"], "added_tokens_decoder": {"5": "x"}, "additional_special_tokens": "x", "split_special_tokens": 1}.items():
        yield f"refused: {name}", {**js, **config(**{name.strip(): value})}
    yield "refused: padding on the left", {"tokenizer.json": fast(padding=dict(direction="left"))}
    yield "refused: PreTrainedTokenizerFast of words", {**vocab, **direct}


def scrambled(rng):
    """Files of a random folder."""
    pick, maybe = rng.choice, lambda p: rng.random() < p
    names = ["<ent>", "[ENT]", "newyork", "marker", "<s>", "</s>", "<unk>", "<pad>", "CAFÉ", "the", "New York", "zzq", "[MASK]", "[PAD]", "ent"]
    def token(bare=0.5, typed=True):
        if maybe(bare): return pick(names)
        t = {"content": pick(names)}
        for flag in ("lstrip", "rstrip", "normalized", "single_word", "special"):
            if maybe(0.4): t[flag] = maybe(0.5)
        return {"__type": "AddedToken", **t} if typed else t
    words = [w for w in WORDS if w not in rng.sample(WORDS, rng.choice([0, 0, 0, 5]))]
    if maybe(0.3): rng.shuffle(words)
    files = {}
    if maybe(0.6):
        added = [w for w in SPECIAL if maybe(0.9)]
        for _ in range(rng.choice([0, 0, 1, 2])): added.append(tokenizers.AddedToken(pick(names), special=maybe(0.5), normalized=maybe(0.5), lstrip=maybe(0.3), rstrip=maybe(0.3), single_word=maybe(0.3)))
        files["tokenizer.json"] = fast(words, maybe(0.5), pick(["wordpiece"] * 6 + ["wordlevel", "bpe", "unigram"]), pick(["template"] * 4 + ["bert", "zeros", "roberta", None]), added,
            pick([None, None, dict(max_length=12), dict(max_length=12, direction="left")]), pick([None, None, None, dict(length=16), dict(pad_token="<pad>", pad_id=4), dict(direction="left")]), maybe(0.8), pick([None, None, True, False]), pick(["##"] * 4 + ["@@"]), pick([100, 100, 5]), maybe(0.1))
    if maybe(0.4) or not files: files["vocab.txt"] = text(words if maybe(0.7) else WORDS)
    config = {}
    options = {"do_lower_case": [True, False], "strip_accents": [True, False, None], "tokenize_chinese_chars": [True, False], "do_basic_tokenize": [True, False], "never_split": [["<ent>"], None], "truncation_side": ["left", "right"],
        "padding_side": ["right", "right", "right", "left"], "model_input_names": [["input_ids", "attention_mask"], ["input_ids", "token_type_ids", "attention_mask"]], "model_max_length": [512, 10**30, 20], "split_special_tokens": [True, False],
        "tokenizer_class": ["BertTokenizer"] * 4 + ["BertTokenizerFast", "PreTrainedTokenizerFast", "PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend", "Nonsense"], "add_bos_token": [True, False], "bos_token": [None, "<s>"], "eos_token": ["</s>"]}
    for key, values in options.items():
        if maybe(0.25): config[key] = pick(values)
    for key in ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token", "ent_token"):
        if maybe(0.2): config[key] = pick([token(), token(), None if maybe(0.3) else token()])
    for key in ("additional_special_tokens", "extra_special_tokens"):
        if maybe(0.2): config[key] = pick([[token() for _ in range(rng.choice([0, 1, 2]))], {"x_token": pick(names), "y_token": token()}, None])
    if maybe(0.2): config["added_tokens_decoder"] = {str(rng.randrange(200)): token(0, False) for _ in range(rng.choice([0, 1, 3]))}
    if maybe(0.8): files["tokenizer_config.json"] = config
    if maybe(0.25):
        files["special_tokens_map.json"] = {k: token(0.6, False) for k in ("cls_token", "sep_token", "unk_token", "mask_token", "pad_token", "z_token") if maybe(0.3)}
        if maybe(0.4): files["special_tokens_map.json"][pick(["additional_special_tokens", "extra_special_tokens"])] = [token(0.7, False) for _ in range(2)]
    if maybe(0.2): files["added_tokens.json"] = {pick(names): rng.randrange(300) for _ in range(rng.choice([1, 2, 3]))}
    if maybe(0.1): files["config.json"] = {**CONFIG, "tokenizer_class": pick(["BertTokenizer", "PreTrainedTokenizerFast", "BertTokenizerFast", None])}
    return files


def encode(files, rows, max_length):
    folder = tempfile.mkdtemp()
    try:
        for name, content in {"config.json": CONFIG, **files}.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as f: f.write(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        out = []
        for singles in (True, False):
            part = [r for r in rows if (len(r) == 1) == singles]
            if not part: continue
            args = [[r[0] for r in part]] if singles else [[r[0] for r in part], [r[1] for r in part]]
            enc = tokenizer(*args, truncation=True, max_length=max_length)
            out += [(r, i, s) for r, i, s in zip(part, enc["input_ids"], enc.get("token_type_ids") or [None] * len(part))]
        return [{"text": r, "ids": " ".join(map(str, i)), "segments": None if s is None else " ".join(map(str, s))} for r, i, s in out]
    except BaseException as e:
        return f"{type(e).__name__}: {e}"[:200]
    finally: shutil.rmtree(folder)


def main():
    out, random_cases, seed = sys.argv[1], int((sys.argv + [0, 0])[2] or 0), int((sys.argv + [0, 0, 0])[3] or 0)
    rng = random.Random(seed)
    transformers.logging.set_verbosity(50)
    contents, cases = [], []
    def index(content):
        content = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        if content not in contents: contents.append(content)
        return contents.index(content)
    all_cases = [(str(n), scrambled(rng)) for n in range(random_cases)] if random_cases else list(fixed())
    for number, (name, files) in enumerate(all_cases):
        singles, pairs = [[t] for t in TEXTS], PAIRS
        if not random_cases and "refused" not in name: singles, pairs = rng.sample(singles, 9), rng.sample(pairs, 5)
        max_length = [10, 11, 16, 17, 40][number % 5]
        result = encode(copy.deepcopy(files), singles + pairs, max_length)
        case = {"name": name, "files": {k: index(v) for k, v in {"config.json": CONFIG, **files}.items()}, "max_length": max_length}
        if not isinstance(result, str): result = [row for row in result if row["ids"]]  # a text of no token is refused
        case |= {"refused": result} if isinstance(result, str) else {"rows": result}
        cases.append(case)
    with open(out, "w", encoding="utf-8") as f:
        f.write(json.dumps({"transformers": transformers.__version__, "tokenizers": tokenizers.__version__, "contents": contents, "cases": cases}, ensure_ascii=False, indent=None) + "\n")
    print(len(cases), "cases,", sum("refused" in c for c in cases), "refused by transformers")


main()
