"""Writes tests/golden/tokenizer/deberta_v2.json: ids that transformers gives for small tokenizers of DeBERTa-v2, trained here.

  python make_deberta_tokenizers.py PYTHON_WITH_TRANSFORMERS_4 OUT.json [nmt_nfkc]

Expected ids of spm.model come from transformers 4, whose fast tokenizer prepares texts as for the pretraining; those of tokenizer.json come
from this interpreter's transformers 5. The rows of spm.model that get other ids from 5 are counted in `differ_in_5`. With nmt_nfkc, the models have that table of characters, as the published ones do.
Needs: transformers 5, tokenizers, sentencepiece, protobuf; in the other interpreter transformers 4, sentencepiece, protobuf.
"""
import json, os, random, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def encode(job):
    """Ids of a folder's rows, in the interpreter that runs this."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import transformers
    transformers.logging.set_verbosity(50)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(job["folder"])
        out = []
        for row in job["rows"]:
            enc = tokenizer(*row, truncation=True, max_length=job["max_length"])
            out.append({"text": row, "ids": " ".join(map(str, enc["input_ids"])), "segments": " ".join(map(str, enc["token_type_ids"]))})
        if "save" in job: tokenizer.save_pretrained(job["save"])
        return {"transformers": transformers.__version__, "rows": out}
    except Exception as e:
        return {"transformers": transformers.__version__, "refused": f"{type(e).__name__}: {e}"[:200]}


if sys.argv[1] == "--encode":
    print("RESULT" + json.dumps(encode(json.load(sys.stdin))))
    sys.exit()

ARGUMENTS, sys.argv[1:] = sys.argv[1:], ["/dev/null"]
import make_subword_tokenizers as subwords


def ask(python, job):
    done = subprocess.run([python, os.path.join(HERE, "make_deberta_tokenizers.py"), "--encode"], input=json.dumps(job), capture_output=True, text=True)
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))[6:])


def main():
    other, out, *rest = ARGUMENTS
    full = "nmt_nfkc" in rest
    # The published ids of the special tokens; [MASK] is added behind the pieces.
    special = dict(pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]")
    folder = tempfile.mkdtemp()
    pieces = subwords.unigram(folder, full, **special)
    own = subwords.unigram(folder, full, user_defined_symbols=["<ent>", "$5.00"], **special)
    config = {"config.json": {"model_type": "deberta-v2", "vocab_size": 2000, "hidden_size": 8, "num_attention_heads": 1, "num_hidden_layers": 1, "intermediate_size": 8,
                              "relative_attention": True, "pos_att_type": "p2c|c2p", "type_vocab_size": 2}}
    settings = lambda **keys: {"tokenizer_config.json": keys}
    base = {**config, "spm.model": pieces}
    published = settings(do_lower_case=False, vocab_type="spm")
    cases = [
        ("spm.model", 4, {**base, **published}),
        ("spm.model without its settings", 4, base),
        ("spm.model, do_lower_case", 4, {**base, **settings(do_lower_case=True)}),
        ("spm.model, split_by_punct", 4, {**base, **settings(split_by_punct=True)}),
        ("spm.model, both", 4, {**base, **settings(do_lower_case=True, split_by_punct=True, tokenizer_class="DebertaV2Tokenizer")}),
        ("spm.model, an added token", 4, {**base, "added_tokens.json": {"<ent>": 900}}),
        ("spm.model, pieces that users defined", 4, {**config, "spm.model": own}),
    ]
    # What each version saves: tokenizer.json, which 5 reads by its class.
    for version, python in ((4, other), (5, sys.executable)):
        source, saved = tempfile.mkdtemp(), tempfile.mkdtemp()
        subwords.write(source, {**base, **published})
        ask(python, {"folder": source, "rows": [], "max_length": 8, "save": saved})
        read = lambda name: json.load(open(os.path.join(saved, name), encoding="utf-8"))
        files = {**config, "tokenizer.json": read("tokenizer.json"), "tokenizer_config.json": read("tokenizer_config.json")}
        cases.append((f"tokenizer.json by transformers {version}", 5, files))
        cases.append((f"tokenizer.json by transformers {version}, lower case, no prefix space", 5,
                      {**files, "tokenizer_config.json": {**files["tokenizer_config.json"], "do_lower_case": True, "split_by_punct": True, "add_prefix_space": False}}))
        cases.append((f"tokenizer.json by transformers {version}, as it is", 5, {**files, "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": ["input_ids", "attention_mask", "token_type_ids"]}}))
    contents, written = [], []
    def index(content):
        content = list(content) if isinstance(content, bytes) else content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        if content not in contents: contents.append(content)
        return contents.index(content)
    hostile, rng, versions = subwords.texts(200), random.Random(5), {}
    hostile += [[text[0].replace("<mask>", "[MASK]").replace("<s>", "[CLS]").replace("</s>", "[SEP]").replace("<pad>", "[PAD]").replace("<unk>", "[UNK]")] for text in hostile if "<" in text[0]]
    for number, (name, version, files) in enumerate(cases):
        is_main = full or number in (0, 7)
        rows = hostile if is_main else rng.sample(hostile, 60)
        place = tempfile.mkdtemp()
        subwords.write(place, files)
        job = {"folder": place, "rows": rows, "max_length": 400 if is_main else [12, 17, 64][number % 3]}
        result = ask(other if version == 4 else sys.executable, job)
        versions[str(version)] = result["transformers"]
        case = {"name": name, "version": version, "files": {k: index(v) for k, v in files.items()}, "max_length": job["max_length"]}
        case |= {k: v for k, v in result.items() if k != "transformers"}
        if version == 4 and "rows" in result:
            now = ask(sys.executable, job).get("rows", [])
            case["differ_in_5"] = sum(a["ids"] != b["ids"] for a, b in zip(result["rows"], now))
        written.append(case)
        print(name, case.get("refused") or (len(case["rows"]), case.get("differ_in_5")))
    with open(out, "w", encoding="utf-8") as f:
        f.write(json.dumps({"transformers": versions, "contents": contents, "cases": written}, ensure_ascii=False, separators=(",", ":")) + "\n")


main()
